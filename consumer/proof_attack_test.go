package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/state"
)

// What strangers, and operators in a hurry, may do to a lane.

// TestForgedTimestampsDoNotAgeALane: a record may carry any timestamp that its broker lets through. Neither the lane's
// clock nor a lead's may follow it.
func TestForgedTimestampsDoNotAgeALane(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	far := "3155760000000" // a hundred years ahead of our clock, in milliseconds
	if _, err := w.admin().AlterTopicConfigs(w.limited(), []kadm.AlterConfig{
		{Op: kadm.SetConfig, Name: "message.timestamp.after.max.ms", Value: &far},
	}, w.topics.Engagement); err != nil {
		t.Fatal(err)
	}
	forged := time.Now().AddDate(90, 0, 0)
	traffic := w.traffic(20)
	var records []*kgo.Record
	for lane := range int32(lanesOfTests) {
		records = append(records,
			&kgo.Record{Topic: w.topics.Engagement, Partition: lane, Key: []byte("x"), Value: []byte("not json"), Timestamp: forged},
			// Without a time of its own, the event's is the record's.
			&kgo.Record{Topic: w.topics.Engagement, Partition: lane, Key: fmt.Appendf(nil, "forged-%d", lane), Timestamp: forged,
				Value: fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"s","type":"other","data":{}}`, lane)})
	}
	w.eventually("the broker to take such timestamps", func(ctx context.Context) error {
		return w.client.ProduceSync(ctx, records...).FirstErr()
	})
	w.start()
	w.drained()
	w.send(some(traffic, 100)...)
	w.drained()
	for lane := range lanesOfTests {
		ledger := w.raw.HGetAll(w.limited(), w.ledgerKey(lane)).Val()
		if now := fmt.Sprint(time.Now().UnixMilli()); len(ledger["clock"]) > len(now) || ledger["clock"] > now {
			t.Errorf("the clock of lane %d stands at %s, now is %s", lane, ledger["clock"], now)
		}
	}
	changes := testbed.ReadChanges(t, w.kafka, w.topics.TierChanges)
	for _, said := range w.oracle.Differences(changes, strictly) {
		t.Error(said)
	}
}

// TestAClockThatWasAheadHoldsNothingUp: brokers refuse timestamps more than an hour ahead of theirs. What a worker decided
// by such a clock is announced as soon as the clock is right again.
func TestAClockThatWasAheadHoldsNothingUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic := w.traffic(40)
	var ahead atomic.Int64
	worker := w.start(func(o *Options) { o.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) } })
	w.send(some(traffic, 200)...)
	w.check(strictly)
	ahead.Store(int64(2 * time.Hour))
	w.send(some(traffic, 200)...)
	if testbed.Kafka(t).Mode() != testbed.Embedded { // which takes any timestamp
		w.eventually("readiness to tell of the broker's refusal", func(ctx context.Context) error {
			if err := worker.Ready(ctx); !errors.Is(err, kafka.InvalidTimestamp) {
				return fmt.Errorf("it says %v", err)
			}
			return nil
		})
	}
	ahead.Store(0)
	w.check(strictly)
	worker.ready()
}

// TestForgedTimesDoNotAgeALead: nor may a lead follow an event's time into the future, whatever the record says of when
// it was sent.
func TestForgedTimesDoNotAgeALead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	forward := func(timestamp string) []kgo.RecordHeader {
		var all []kgo.RecordHeader
		for _, h := range [][2]string{{events.HeaderTopic, "t"}, {events.HeaderPartition, "0"}, {events.HeaderOffset, "0"}, {events.HeaderTimestamp, timestamp}} {
			all = append(all, kgo.RecordHeader{Key: h[0], Value: []byte(h[1])})
		}
		return all
	}
	var records []*kgo.Record
	var ids []string
	for i, r := range []kgo.Record{
		{Headers: forward("4102444800000")}, // the year 2100
		{Headers: forward("-1")},
		{Timestamp: time.UnixMilli(-1)},
	} {
		for _, at := range []string{`"time":"2099-12-31T00:00:00Z",`, ""} {
			id := fmt.Sprintf("aged-%d-%d", i, len(at))
			// The second event is taken as it says: the lead's own clock must not be ahead of it.
			for n, at := range []string{at, `"time":"2026-01-01T00:00:00Z",`} {
				r.Topic, r.Partition, r.Key = w.topics.Engagement, int32(events.Lane(id, lanesOfTests)), []byte(id)
				r.Value = fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"s","type":"other",%s"data":{}}`, n, at)
				one := r
				records = append(records, &one)
			}
			ids = append(ids, id)
		}
	}
	if err := w.client.ProduceSync(w.limited(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.drained()
	store, err := state.Open(state.Options{Addrs: []string{w.redis}, Prefix: w.prefix})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, id := range ids {
		lead, _, err := store.LeadByID(t.Context(), events.Lane(id, lanesOfTests), id)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		if ahead := time.Until(lead.LastSeen.Time()); ahead > 11*time.Minute {
			t.Errorf("%s was last seen %v ahead of now", id, ahead)
		}
	}
}

// TestForgedChangesMakeNoLeadInAnotherLane: a lane that rebuilds its leads believes its output partition, but not that a
// lead lives where it does not.
func TestForgedChangesMakeNoLeadInAnotherLane(t *testing.T) {
	t.Parallel()
	r := testbed.OwnRedis(t)
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
	w.past(some(w.traffic(20), 100)...)
	const id = "forged"
	wrong := (events.Lane(id, lanesOfTests) + 1) % lanesOfTests
	forged := &kgo.Record{Topic: w.topics.TierChanges, Partition: int32(wrong), Key: []byte(id), Value: []byte(`{"type":"lead.tier.changed",` +
		`"time":"2026-01-01T00:00:00Z","data":{"lead":"` + id + `","sequence":7,"from":"cold","to":"hot"}}`)}
	if err := w.client.ProduceSync(w.limited(), forged).FirstErr(); err != nil {
		t.Fatal(err)
	}
	r.FlushAll()
	heir := w.start()
	w.drained()
	heir.ready()
	if n := heir.tookOver(rebuild); n != lanesOfTests {
		t.Errorf("%d lanes were rebuilt, want all %d", n, lanesOfTests)
	}
	store, err := state.Open(state.Options{Addrs: []string{w.redis}, Prefix: w.prefix})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if lead, _, err := store.LeadByID(t.Context(), wrong, id); !errors.Is(err, state.ErrNoLead) {
		t.Errorf("lane %d has a lead %+v: %v", wrong, lead, err)
	}
}

// TestAnotherGroupUnderTheSamePrefixIsRefused: else each would announce the other's outbox again.
func TestAnotherGroupUnderTheSamePrefixIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(some(w.traffic(20), 200)...)
	w.start()
	w.drained()
	stranger := w.start(func(o *Options) { o.Group = testbed.Unique(t, "other") })
	w.eventually("the refusal", func(ctx context.Context) error {
		if err := stranger.Ready(ctx); err == nil || !strings.Contains(err.Error(), "redis.prefix of its own") {
			return fmt.Errorf("readiness says %v", err)
		}
		return nil
	})
	stranger.stop()
	w.check(strictly)
}

// TestTheSameGroupUnderAnotherPrefixIsRefused: it would fold everything again, and announce corrections.
func TestTheSameGroupUnderAnotherPrefixIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(some(w.traffic(20), 200)...)
	first := w.start()
	w.drained()
	first.stop()
	here := w.prefix
	w.prefix = testbed.Unique(t, "elsewhere")
	stranger := w.start()
	w.eventually("the refusal", func(ctx context.Context) error {
		if err := stranger.Ready(ctx); err == nil || !strings.Contains(err.Error(), "under another prefix") {
			return fmt.Errorf("readiness says %v", err)
		}
		return nil
	})
	stranger.stop()
	w.prefix = here
	w.start()
	w.check(strictly)
}

// TestTheGroupsOffsetsWereDeletedAndRedisIsOld: without a committed position nothing but the output itself can say that
// Redis was restored from an older backup.
func TestTheGroupsOffsetsWereDeletedAndRedisIsOld(t *testing.T) {
	t.Parallel()
	r := testbed.OwnRedis(t)
	if !r.Faults() {
		return
	}
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
	traffic := w.traffic(60)
	var snapshot testbed.Snapshot
	for round := range 2 {
		w.send(some(traffic, 400)...)
		worker := w.start()
		w.check(strictly)
		worker.stop()
		if round == 0 {
			snapshot = r.SaveSnapshot()
		}
	}
	r.Rollback(snapshot)
	w.deleteOffsets()
	w.send(some(traffic, 200)...)
	w.start()
	w.corrected()
	w.check(testbed.Strictness{}) // nobody knows up to where the world was told, so what is new is told by corrections
}

// TestEverythingLostButTheLog: no ledger and no committed position, and forwards on the way that nobody had folded.
func TestEverythingLostButTheLog(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, testbed.Kafka(t).Addr, testbed.Redis(t).Addr, map[string]int{"engagement": lanesOfTests + 1})
	traffic := w.traffic(40)
	w.send(some(traffic, 400)...)
	first := w.start()
	w.check(testbed.Strictness{})
	first.stop()
	w.deleteOffsets()
	for lane := range lanesOfTests {
		w.raw.Del(w.limited(), w.ledgerKey(lane))
	}
	w.send(some(traffic, 200)...) // some of them in a lane that is not theirs
	w.start()
	w.corrected()
	w.check(testbed.Strictness{})
}

// TestPartitionsAddedWhileRunning are read without anybody's doing.
func TestPartitionsAddedWhileRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic := w.traffic(40)
	w.send(some(traffic, 200)...)
	w.start(func(o *Options) { o.lookAtTopicsEvery = 50 * time.Millisecond })
	w.drained()
	if _, err := w.admin().UpdatePartitions(w.limited(), 2*lanesOfTests, w.topics.Engagement); err != nil {
		t.Fatal(err)
	}
	w.partitions[w.topics.Engagement] = 2 * lanesOfTests
	w.eventually("producers to see the new partitions", func(ctx context.Context) error {
		w.client = w.franz()
		return w.client.ProduceSync(ctx, &kgo.Record{Topic: w.topics.Engagement, Partition: 2*lanesOfTests - 1, Key: []byte("x"), Value: []byte("{")}).FirstErr()
	})
	w.send(some(traffic, 200)...)
	w.check(testbed.Strictness{})
}

// TestTheDeadLetterTopicIsGone: the lane that can't announce says so, and goes on when the topic is back.
func TestTheDeadLetterTopicIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(some(w.traffic(20), 100)...)
	worker := w.start()
	w.drained()
	worker.ready()
	if _, err := w.admin().DeleteTopic(w.limited(), w.topics.DeadLetters); err != nil {
		t.Fatal(err)
	}
	w.eventually("the broker to forget the topic", func(ctx context.Context) error {
		topics, err := w.admin().ListTopics(ctx, w.topics.DeadLetters)
		if err == nil && topics.Has(w.topics.DeadLetters) {
			err = errors.New("it is still there")
		}
		return err
	})
	poison := &kgo.Record{Topic: w.topics.Engagement, Partition: 0, Key: []byte("x"), Value: []byte("{")}
	if err := w.client.ProduceSync(w.limited(), poison).FirstErr(); err != nil {
		t.Fatal(err)
	}
	w.eventually("readiness to fail", func(ctx context.Context) error {
		if err := worker.Ready(ctx); err == nil {
			return errors.New("ready, with a lane that stands still")
		}
		return nil
	})
	testbed.CreateTopics(t, w.kafka, map[string]int{w.topics.DeadLetters: lanesOfTests})
	w.check(strictly)
	worker.ready()
	if letters := testbed.ReadTopic(t, w.kafka, w.topics.DeadLetters); len(letters) != 1 {
		t.Errorf("%d dead letters, want 1", len(letters))
	}
}

// TestManySmallRecordsAreManyBatches: what a fetch brings may be a great many records; a batch is bounded all the same.
func TestManySmallRecordsAreManyBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const n = 2*batchRecords + 5000
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Topic: w.topics.Engagement, Partition: 1, Value: []byte("x")}
	}
	if err := w.client.ProduceSync(w.limited(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.drained()
	if letters := testbed.ReadTopic(t, w.kafka, w.topics.DeadLetters); len(letters) != n {
		t.Errorf("%d dead letters, want %d", len(letters), n)
	}
	if batches, err := w.raw.HGet(w.limited(), w.ledgerKey(1), "n").Int(); batches < 4 { // one to begin, three of records
		t.Errorf("%d batches (%v)", batches, err)
	}
}

// TestABatchThatCannotBeReadRefusesTheLane: nothing is passed over in silence.
func TestABatchThatCannotBeReadRefusesTheLane(t *testing.T) {
	var refusal *Refusal
	err := new(lane).unread(&wire.Fetched{Partition: clicks, Err: fmt.Errorf("at offset 7: %w", wire.ErrCorrupt)})
	if !errors.As(err, &refusal) || refusal.Reason != "corrupt" || !strings.Contains(refusal.Error(), "kafka-delete-records") {
		t.Errorf("%v", err)
	}
}
