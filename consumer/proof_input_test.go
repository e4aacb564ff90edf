package consumer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/state"
)

// TestAbortedInputDoesNotCount: a transactional producer commits and aborts in turn, in each of Kafka's compressions.
func TestAbortedInputDoesNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic, ghosts := w.traffic(60), testbed.NewTraffic(w.seed+1, 60, time.Now())
	ghost := func() testbed.Event {
		e := ghosts.Next()
		e.Source = "proof/aborted"
		return e
	}
	w.start()
	for name, codec := range map[string]kgo.CompressionCodec{
		"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
		"none": kgo.NoCompression(),
	} {
		producer := w.franz(kgo.TransactionalID(testbed.Unique(t, name)), kgo.ProducerBatchCompression(codec))
		for range 6 {
			list := make([]testbed.Event, 40)
			for i := range list {
				list[i] = ghost()
			}
			w.transact(producer, kgo.TryAbort, list)
			list = some(traffic, 40)
			w.transact(producer, kgo.TryCommit, list)
			for i := range list {
				w.oracle.Fold(&list[i])
			}
		}
	}
	w.check(strictly)
}

// transact sends events in one transaction.
func (w *world) transact(producer *kgo.Client, end kgo.TransactionEndTry, list []testbed.Event) {
	w.t.Helper()
	if err := producer.BeginTransaction(); err != nil {
		w.t.Fatal(err)
	}
	records := make([]*kgo.Record, len(list))
	for i := range list {
		records[i] = w.record(&list[i])
	}
	if err := producer.ProduceSync(w.limited(), records...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
	if err := producer.EndTransaction(w.limited(), end); err != nil {
		w.t.Fatal(err)
	}
}

// TestKeylessAndMisroutedEvents end in their own lane exactly once: the input topics have other partition counts than
// there are lanes, and every other lead comes without a key, in whatever partition. Workers are cut off meanwhile.
func TestKeylessAndMisroutedEvents(t *testing.T) {
	t.Parallel()
	const engagement, qualification = 6, 3
	w := newWorldOn(t, testbed.Kafka(t).Addr, testbed.Redis(t).Addr, map[string]int{"engagement": engagement, "qualification": qualification})
	traffic := w.traffic(60)
	produce := func(n int) {
		records := make([]*kgo.Record, n)
		for i := range records {
			e := traffic.Next()
			w.oracle.Fold(&e)
			r := w.record(&e)
			if last := e.Lead[len(e.Lead)-1]; last%2 == 1 {
				r.Key, r.Partition = nil, int32(last)%int32(w.partitions[r.Topic])
			}
			records[i] = r
		}
		if err := w.client.ProduceSync(w.limited(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	produce(800)
	for _, step := range []Step{Decided, Folded, Announced} {
		w.spawn(strike{step, 3, 9}).killed()
		produce(300)
	}
	w.start()
	w.check(strictly)

	store, err := state.Open(state.Options{Addrs: []string{w.redis}, Prefix: w.prefix})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for id := range w.oracle.Leads() {
		for lane := range lanesOfTests {
			if lane == events.Lane(id, lanesOfTests) {
				continue
			}
			if _, _, err := store.LeadByID(t.Context(), lane, id); !errors.Is(err, state.ErrNoLead) {
				t.Errorf("%s is kept in lane %d, which is not its own: %v", id, lane, err)
			}
		}
	}
	if len(testbed.ReadTopic(t, w.kafka, w.topics.Inbox)) == 0 {
		t.Error("nothing was forwarded: the test proves nothing")
	}
}

// TestBadInputGoesToTheDeadLetters: every kind with its reason and coordinates, and everything around it is scored.
func TestBadInputGoesToTheDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic := w.traffic(60)
	event := func(rest string) string {
		return `{"specversion":"1.0","id":"x","source":"proof/bad","subject":"lead-1","time":"2026-11-20T10:00:00Z",` + rest + `}`
	}
	rated := func(data string) string { return event(`"type":"criterion.rated","data":` + data) }
	bad := map[string]string{ // value by reason
		events.ReasonInvalidJSON:            `{"specversion":`,
		events.ReasonMissingSpecversion:     `{"id":"x","source":"s","type":"t","subject":"lead-1"}`,
		events.ReasonUnsupportedSpecversion: strings.Replace(event(`"type":"t"`), `"1.0"`, `"0.3"`, 1),
		events.ReasonMissingID:              strings.Replace(event(`"type":"t"`), `"id":"x",`, ``, 1),
		events.ReasonMissingSource:          strings.Replace(event(`"type":"t"`), `"source":"proof/bad",`, ``, 1),
		events.ReasonMissingType:            event(`"data":{}`),
		events.ReasonInvalidSubject:         strings.Replace(event(`"type":"t"`), `lead-1`, strings.Repeat("l", 257), 1),
		events.ReasonInvalidTime:            strings.Replace(event(`"type":"t"`), `2026-11-20T10`, `yesterday`, 1),
		events.ReasonBinaryData:             event(`"type":"t","data_base64":"AAAA"`),
		events.ReasonTooDeep:                event(`"type":"t","data":` + strings.Repeat("[", 500) + strings.Repeat("]", 500)),
		events.ReasonTooLarge:               event(`"type":"t","data":"` + strings.Repeat("x", 300<<10) + `"`),
		events.ReasonInvalidData:            rated(`{"criterion":5}`),
		events.ReasonUnknownCriterion:       rated(`{"criterion":"charm","rating":3}`),
		events.ReasonRatingOutOfRange:       rated(`{"criterion":"need","rating":6}`),
		events.ReasonUnknownDisposition:     event(`"type":"lead.dispositioned","data":{"disposition":"lovely"}`),
	}
	sent := map[string]*kgo.Record{}
	stamp := time.Now().Truncate(time.Millisecond)
	produce := func(reason string, r *kgo.Record) {
		r.Timestamp = stamp
		r.Headers = []kgo.RecordHeader{{Key: "trace", Value: []byte(reason)}}
		if err := w.client.ProduceSync(w.limited(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
		sent[reason] = r
		w.send(some(traffic, 20)...)
	}
	worker := w.start()
	lane := int32(events.Lane("lead-1", lanesOfTests))
	for reason, value := range bad {
		produce(reason, &kgo.Record{Topic: w.topics.Engagement, Partition: lane, Key: []byte("lead-1"), Value: []byte(value)})
	}
	produce(events.ReasonTombstone, &kgo.Record{Topic: w.topics.Engagement, Partition: 3, Key: []byte("lead-1")})
	produce(events.ReasonMissingSubject, &kgo.Record{Topic: w.topics.Engagement, Partition: 0, Value: []byte(strings.Replace(event(`"type":"t"`), `"subject":"lead-1",`, ``, 1))})
	produce(events.ReasonUnknownType, &kgo.Record{Topic: w.topics.Qualification, Partition: lane, Key: []byte("k"), Value: []byte(event(`"type":"t"`))})
	// One that only the model of its own lane can judge, sent to another: the letter tells where it first arrived.
	const abroad = "forwarded"
	sent[abroad] = &kgo.Record{Topic: w.topics.Engagement, Partition: (lane + 1) % lanesOfTests, Key: []byte("other"),
		Value: []byte(strings.Replace(rated(`{"criterion":"charm","rating":3}`), `"x"`, `"y"`, 1))}
	produce(abroad, sent[abroad])
	w.check(strictly)
	worker.wantCounted(map[outcome]int{scored: 20 * len(sent), deadLetter: len(sent), forwarded: 1})

	letters := map[string]*kgo.Record{}
	for _, r := range testbed.ReadTopic(t, w.kafka, w.topics.DeadLetters) {
		kind := header(r, "trace")
		if letters[kind] != nil {
			t.Errorf("two letters for %s", kind)
		}
		letters[kind] = r
	}
	for kind, r := range sent {
		reason := kind
		if kind == abroad {
			reason = events.ReasonUnknownCriterion
		}
		letter := letters[kind]
		if letter == nil {
			t.Errorf("no letter for %s", kind)
			continue
		}
		if !bytes.Equal(letter.Key, r.Key) || !bytes.Equal(letter.Value, r.Value) || (letter.Key == nil) != (r.Key == nil) || (letter.Value == nil) != (r.Value == nil) {
			t.Errorf("%s: key or value are not as they came", kind)
		}
		want := []string{reason, r.Topic, fmt.Sprint(r.Partition), fmt.Sprint(r.Offset)}
		got := []string{header(letter, events.HeaderReason), header(letter, events.HeaderTopic), header(letter, events.HeaderPartition), header(letter, events.HeaderOffset)}
		if !slices.Equal(got, want) || header(letter, events.HeaderDetail) == "" {
			t.Errorf("%s: the letter says %q %q; want %q", kind, got, header(letter, events.HeaderDetail), want)
		}
	}
	if len(letters) != len(sent) {
		t.Errorf("%d letters for %d bad records", len(letters), len(sent))
	}
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// cooling is a model in which a lead is hot until time has taken a fifth of ten points.
const cooling = `
name: cooling
version: 1
engagement:
  rules:
    - {id: visit, on: page.viewed, points: 10, decay: {half_life: 3s}}
tiers:
  - {name: hot, when: score >= 8}
  - {name: cold}
`

// cools is how long after its event a lead of that model cools: 3 s·log₂(10/8) is 965.78 ms, and the first whole
// millisecond after it counts.
const cools = 966

// visit is one event of the cooling model at an instant.
func visit(id string, at time.Time) testbed.Event {
	return testbed.Event{Lead: "lead-1", Source: "proof", ID: id, Type: "page.viewed", Time: at.Truncate(time.Millisecond)}
}

// TestCoolsAtTheExactInstant: nobody does anything, and the lead cools when it must.
func TestCoolsAtTheExactInstant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.text = []byte(cooling)
	w.start().ready()
	e := visit("a", time.Now())
	w.send(e)
	w.eventuallyTold("cold→hot@0 event, hot→cold@966 time", e)
}

// TestTimersOutliveWorkers: the timer comes due while another worker owns the lane, or while nobody does, or while the
// one that owned it was killed.
func TestTimersOutliveWorkers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.text = []byte(cooling)
	first := w.start()
	first.ready()
	e := visit("a", time.Now())
	w.send(e)
	w.eventuallyTold("cold→hot@0 event", e)
	first.stop()
	w.start()
	w.eventuallyTold("cold→hot@0 event, hot→cold@966 time", e)
}

// TestAHistoryIsReplayedWithItsTimers: a lead cooled twice last year, between its events, and once after the last.
func TestAHistoryIsReplayedWithItsTimers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.text = []byte(cooling)
	begin := time.Now().AddDate(-1, 0, 0)
	a, b := visit("a", begin), visit("b", begin.AddDate(0, 1, 0))
	w.send(a, b)
	w.start()
	month := b.Time.Sub(a.Time).Milliseconds()
	w.eventuallyTold(fmt.Sprintf("cold→hot@0 event, hot→cold@966 time, cold→hot@%d event, hot→cold@%d time", month, month+cools), a)
}

// TestABacklogOfManyFetches: while a lane folds what one fetch brought, the next is being read, and then uses the memory of
// the first. Events, forwards and letters are all of what was sent.
func TestABacklogOfManyFetches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic, ballast := w.traffic(60), bytes.Repeat([]byte("x"), 150<<10)
	var letters []string
	for range 10 { // 15 MB a lane in all, of which a fetch brings 8
		var records []*kgo.Record
		for range 40 {
			e := traffic.Next()
			w.oracle.Fold(&e)
			r := w.record(&e)
			if e.Lead[len(e.Lead)-1]%4 == 0 { // to be forwarded, all of the lead, so that they stay in order
				r.Partition = (r.Partition + 1) % int32(w.partitions[r.Topic])
			}
			letter := fmt.Sprintf(`{"neither an event nor": %d`, len(letters))
			letters = append(letters, letter)
			records = append(records, r, &kgo.Record{Topic: r.Topic, Partition: r.Partition, Value: []byte(letter), Timestamp: e.Time})
			r.Headers = []kgo.RecordHeader{{Key: "ballast", Value: ballast}}
		}
		if err := w.client.ProduceSync(w.limited(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	w.check(strictly)
	var got []string
	for _, r := range testbed.ReadTopic(t, w.kafka, w.topics.DeadLetters) {
		got = append(got, string(r.Value))
	}
	slices.Sort(letters)
	if slices.Sort(got); !slices.Equal(got, letters) {
		t.Errorf("%d letters, not those %d that were sent: %.1000q", len(got), len(letters), got)
	}
}

// eventuallyTold waits until lead-1's announced changes read like that, their instants in milliseconds after e.
func (w *world) eventuallyTold(want string, e testbed.Event) {
	w.t.Helper()
	w.eventually("the change", func(context.Context) error {
		changes := testbed.ReadChanges(w.t, w.kafka, w.topics.TierChanges)["lead-1"]
		var got []string
		for _, c := range changes {
			got = append(got, fmt.Sprintf("%s→%s@%d %s", c.From, c.To, c.Milliseconds-e.Time.UnixMilli(), c.CauseKind))
		}
		if text := strings.Join(got, ", "); text != want {
			return fmt.Errorf("announced: %s; want %s", text, want)
		}
		return nil
	})
}
