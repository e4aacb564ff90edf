package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/events"
)

// traffic is everything that a trial's inputs may hold: the oracle's events, some twice, some late; leads that come
// without a key, or always in a partition that is not theirs; batches in each compression; transactions that are
// committed and such that are aborted; and what can't be scored, of every kind.
//
// All records of a lead go one way, and one after the other, so that the order in which its lane folds them is known.
type traffic struct {
	w       *world
	random  *rand.Rand
	events  *testbed.Traffic
	ghosts  *testbed.Traffic // of events that are aborted
	clients []*kgo.Client    // one for each compression
	writers []*kgo.Client    // transactional
	ids     []string         // of the writers
	poisons []poison
	rate    int // events a round, at most

	// transacting is held by who has a transaction open, and by who wants none to be.
	transacting sync.Mutex

	mu      sync.Mutex
	oracle  *testbed.Oracle
	buried  map[string]burial // what must be a dead letter, by its trace header
	next    int               // poison
	halting func()            // ends what flow began
	lost    func(*kgo.Record) bool
}

// leadsOfTraffic is few enough for leads to move often.
const leadsOfTraffic = 60

// roundEvery is the time between two rounds of traffic.
const roundEvery = 20 * time.Millisecond

func newTraffic(w *world) *traffic {
	now := time.Now()
	f := &traffic{
		w: w, random: rand.New(rand.NewPCG(w.t.seed, 2)), rate: 12,
		events: testbed.NewTraffic(w.t.seed, leadsOfTraffic, now), ghosts: testbed.NewTraffic(w.t.seed+1_000_000, leadsOfTraffic, now),
		oracle: testbed.NewOracle(), buried: map[string]burial{}, poisons: poisons(),
	}
	if testing.Short() {
		f.rate = 6
	}
	f.loseNothing()
	f.connect()
	return f
}

// lose keeps from the oracle what goes to a partition from now on: nobody will ever read it.
func (f *traffic) lose(topic string, partition int32) {
	f.lost = func(r *kgo.Record) bool { return r.Topic == topic && r.Partition == partition }
}

// loseNothing tells the oracle of everything again.
func (f *traffic) loseNothing() { f.lost = func(*kgo.Record) bool { return false } }

// connect makes the clients, anew where topics were made anew.
func (f *traffic) connect() {
	f.clients, f.writers, f.ids = nil, nil, nil
	for _, codec := range []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	} {
		f.clients = append(f.clients, f.w.franz(kgo.ProducerBatchCompression(codec)))
	}
	if !f.w.plain {
		for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.Lz4Compression()} {
			id := testbed.Unique(f.w.t, "writer")
			f.ids = append(f.ids, id)
			f.writers = append(f.writers, f.w.franz(kgo.TransactionalID(id), kgo.ProducerBatchCompression(codec)))
		}
	}
}

// record is an event on its way: in its lead's lane, or for some leads always elsewhere, or without a key.
func (f *traffic) record(e *testbed.Event) *kgo.Record {
	topic := f.w.topics.Engagement
	if testbed.QualificationOnly(e.Lead) {
		topic = f.w.topics.Qualification
	}
	partitions := f.w.partitions(topic)
	r := &kgo.Record{Topic: topic, Partition: int32(events.Lane(e.Lead, partitions)), Key: []byte(e.Lead), Value: e.JSON(), Timestamp: e.Time}
	var n int
	_, _ = fmt.Sscanf(e.Lead, "lead-%d", &n) // so testbed.Traffic names them
	switch n % 8 {
	case 1: // keyless
		r.Key, r.Partition = nil, int32(n%partitions)
	case 2: // misrouted
		r.Partition = int32((int(r.Partition) + 1) % partitions)
	}
	return r
}

// send sends so many events and what comes along with them, and has the oracle fold them.
func (f *traffic) send(ctx context.Context, n int) error {
	for n > 0 {
		size := min(n, 1+f.random.IntN(f.rate))
		n -= size
		if err := f.round(ctx, size); err != nil {
			return err
		}
	}
	return nil
}

// round sends a few events by one client, or in a transaction, and now and then a poison or an aborted transaction.
func (f *traffic) round(ctx context.Context, n int) error {
	if f.random.IntN(8) == 0 {
		if err := f.bury(ctx); err != nil {
			return err
		}
	}
	dice := f.random.IntN(8)
	if len(f.writers) == 0 || dice > 1 || !f.transacting.TryLock() {
		return f.produce(ctx, f.records(f.events, n)...)
	}
	defer f.transacting.Unlock()
	if dice == 0 {
		if err := f.transact(ctx, f.records(f.ghosts, n), kgo.TryAbort); err != nil {
			return fmt.Errorf("aborting a transaction: %w", err)
		}
	}
	return f.transact(ctx, f.records(f.events, n), kgo.TryCommit)
}

// produce writes records by one of the clients. A connection that is cut before its first answer looks to franz-go like a
// broker that wants TLS: it gives up what is not written yet, which is written again here.
func (f *traffic) produce(ctx context.Context, records ...*kgo.Record) error {
	client := f.clients[f.random.IntN(len(f.clients))]
	for {
		var left []*kgo.Record
		for _, result := range client.ProduceSync(ctx, records...) {
			var cut *kgo.ErrFirstReadEOF
			switch {
			case errors.As(result.Err, &cut):
				left = append(left, result.Record)
			case result.Err != nil:
				return result.Err
			}
		}
		if len(left) == 0 {
			return nil
		}
		records = left
	}
}

// struck does something to a broker while none of the traffic's transactions is open, nor its markers on their way: what
// became of one is not known for sure else.
func (w *world) struck(strike func()) {
	w.t.Helper()
	w.traffic.transacting.Lock()
	defer w.traffic.transacting.Unlock()
	for _, id := range w.traffic.ids {
		w.eventually("the traffic's transactions to have ended", func(ctx context.Context) error { return w.ended(ctx, id) })
	}
	strike()
}

// records are the next events of a source; the oracle folds those that will count.
func (f *traffic) records(source *testbed.Traffic, n int) []*kgo.Record {
	f.mu.Lock()
	defer f.mu.Unlock()
	records := make([]*kgo.Record, n)
	for i := range records {
		e := source.Next()
		if source == f.ghosts {
			e.Source = "proof/aborted"
		}
		records[i] = f.record(&e)
		if source == f.events && !f.lost(records[i]) {
			f.oracle.Fold(&e)
		}
	}
	return records
}

func (f *traffic) transact(ctx context.Context, records []*kgo.Record, end kgo.TransactionEndTry) error {
	writer := f.writers[f.random.IntN(len(f.writers))]
	if err := writer.BeginTransaction(); err != nil {
		return err
	}
	err := writer.ProduceSync(ctx, records...).FirstErr()
	return errors.Join(err, writer.EndTransaction(ctx, end))
}

// flow sends traffic until halt is called.
func (f *traffic) flow() {
	f.w.t.Helper()
	stop, done := make(chan struct{}), make(chan error, 1)
	ctx := f.w.t.Context()
	go func() {
		tick := time.NewTicker(roundEvery)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				done <- nil
				return
			case <-tick.C:
			}
			if err := f.round(ctx, 1+f.random.IntN(f.rate)); err != nil {
				f.w.t.Logf("the traffic breaks off: %v", err) // whoever waits for what it causes waits in vain
				done <- err
				return
			}
		}
	}()
	f.halting = sync.OnceFunc(func() {
		close(stop)
		select {
		case err := <-done:
			if err != nil {
				f.w.t.Errorf("sending under load: %v", err)
			}
		case <-f.w.limited().Done():
			f.w.t.Fatal("the traffic does not come to its end: a producer is stuck")
		}
	})
}

// halt ends what flow began, with its last record sent.
func (f *traffic) halt() {
	f.w.t.Helper()
	if f.halting != nil {
		f.halting()
	}
}

// push sends so many events, and waits until they are sent.
func (w *world) push(n int) {
	w.t.Helper()
	if err := w.traffic.send(w.limited(), n); err != nil {
		w.t.Fatal(err)
	}
}

// poison is a kind of record that can't be scored.
type poison struct {
	reason        string
	qualification bool   // it stands in that topic
	value         []byte // nil: a tombstone
	keyless       bool
	astray        bool // its lead's lane is another
}

// burial is a dead letter that must come.
type burial struct {
	reason string
	record *kgo.Record
}

const traceHeader = "trace"

// bury sends the next poison.
func (f *traffic) bury(ctx context.Context) error {
	p := f.poisons[f.next%len(f.poisons)]
	f.next++
	trace := fmt.Sprintf("%s-%d", p.reason, f.next)
	r := &kgo.Record{Topic: f.w.topics.Engagement, Key: []byte("lead-1"), Value: p.value, Timestamp: time.Now().Truncate(time.Millisecond),
		Headers: []kgo.RecordHeader{{Key: traceHeader, Value: []byte(trace)}}}
	if p.qualification {
		r.Topic = f.w.topics.Qualification
	}
	partitions := f.w.partitions(r.Topic)
	r.Partition = int32(events.Lane("lead-1", partitions))
	if p.astray {
		r.Partition = (r.Partition + 1) % int32(partitions)
	}
	if p.keyless {
		r.Key = nil
	}
	f.mu.Lock()
	if !f.lost(r) {
		f.buried[trace] = burial{p.reason, r}
	}
	f.mu.Unlock()
	return f.produce(ctx, r)
}

// poisons are all kinds of records that can't be scored.
func poisons() []poison {
	event := func(rest string) string {
		return `{"specversion":"1.0","id":"x","source":"proof/bad","subject":"lead-1","time":"2026-11-20T10:00:00Z",` + rest + `}`
	}
	rated := func(data string) string { return event(`"type":"criterion.rated","data":` + data) }
	without := func(field string) []byte { return []byte(strings.Replace(event(`"type":"t"`), field, ``, 1)) }
	return []poison{
		{reason: events.ReasonInvalidJSON, value: []byte(`{"specversion":`)},
		{reason: events.ReasonMissingSpecversion, value: without(`"specversion":"1.0",`)},
		{reason: events.ReasonUnsupportedSpecversion, value: []byte(strings.Replace(event(`"type":"t"`), `"1.0"`, `"0.3"`, 1))},
		{reason: events.ReasonMissingID, value: without(`"id":"x",`)},
		{reason: events.ReasonMissingSource, value: without(`"source":"proof/bad",`)},
		{reason: events.ReasonMissingType, value: []byte(event(`"data":{}`))},
		{reason: events.ReasonMissingSubject, value: without(`"subject":"lead-1",`), keyless: true},
		{reason: events.ReasonInvalidSubject, value: []byte(strings.Replace(event(`"type":"t"`), `lead-1`, strings.Repeat("l", 257), 1))},
		{reason: events.ReasonInvalidTime, value: []byte(strings.Replace(event(`"type":"t"`), `2026-11-20T10`, `yesterday`, 1))},
		{reason: events.ReasonBinaryData, value: []byte(event(`"type":"t","data_base64":"AAAA"`))},
		{reason: events.ReasonTooDeep, value: []byte(event(`"type":"t","data":` + strings.Repeat("[", 500) + strings.Repeat("]", 500)))},
		{reason: events.ReasonTooLarge, value: []byte(event(`"type":"t","data":"` + strings.Repeat("x", 300<<10) + `"`))},
		{reason: events.ReasonInvalidData, value: []byte(rated(`{"criterion":5}`))},
		{reason: events.ReasonUnknownCriterion, value: []byte(rated(`{"criterion":"charm","rating":3}`))},
		{reason: events.ReasonUnknownCriterion, value: []byte(rated(`{"criterion":"charm","rating":3}`)), astray: true},
		{reason: events.ReasonRatingOutOfRange, value: []byte(rated(`{"criterion":"need","rating":6}`))},
		{reason: events.ReasonUnknownDisposition, value: []byte(event(`"type":"lead.dispositioned","data":{"disposition":"lovely"}`))},
		{reason: events.ReasonUnknownType, value: []byte(event(`"type":"t"`)), qualification: true},
		{reason: events.ReasonTombstone},
	}
}
