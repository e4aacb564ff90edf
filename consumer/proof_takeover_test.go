package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// The rows of "taking a lane over", end to end. n = m is TestPlannedStop; n > m is TestKilledAtEachStep/Decided; an
// empty Redis is TestRedisFlushedWhileNobodyWorks.

// TestRedisRolledBack: n < m when the lanes are taken over.
func TestRedisRolledBack(t *testing.T) {
	t.Parallel()
	r := testbed.OwnRedis(t)
	if !r.Faults() {
		return
	}
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
	traffic := w.traffic(60)
	var snapshot testbed.Snapshot
	for round := range 3 {
		w.send(some(traffic, 500)...)
		worker := w.start()
		w.check(strictly)
		worker.stop()
		if round == 0 {
			snapshot = r.SaveSnapshot()
		}
	}
	r.Rollback(snapshot)
	heir := w.start()
	w.send(some(traffic, 200)...)
	w.check(strictly)
	if n := heir.tookOver(refold); n != lanesOfTests {
		t.Errorf("%d lanes were folded again, want all %d", n, lanesOfTests)
	}
}

// TestOneLaneLostItsLedger: one lane is rebuilt, the others go on.
func TestOneLaneLostItsLedger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic := w.traffic(60)
	w.past(some(traffic, 600)...)
	w.raw.Del(w.limited(), w.ledgerKey(1)) // its leads stay behind, and must not be counted twice
	w.send(some(traffic, 200)...)
	heir := w.start()
	w.check(strictly)
	if rebuilt, resumed := heir.tookOver(rebuild), heir.tookOver(resume); rebuilt != 1 || resumed != lanesOfTests-1 {
		t.Errorf("%d lanes were rebuilt and %d resumed, want 1 and %d", rebuilt, resumed, lanesOfTests-1)
	}
}

// TestARefoldThatEndsElsewhereIsCorrected: live, a lead unsubscribed and then did what made it hot, in another partition
// of the same lane. Folded again, what it did comes first, and the reset empties it. The world is told by one change with
// cause recovery.
func TestARefoldThatEndsElsewhereIsCorrected(t *testing.T) {
	t.Parallel()
	r := testbed.OwnRedis(t)
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, map[string]int{"engagement": 2 * lanesOfTests})
	lane := events.Lane("lead-1", lanesOfTests)
	at := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	first := w.start()
	send := func(e testbed.Event, partition int, stamp time.Time) {
		w.oracle.Fold(&e)
		record := w.record(&e)
		record.Partition, record.Timestamp = int32(partition), stamp
		if err := w.client.ProduceSync(w.limited(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
		w.drained()
	}
	send(testbed.Event{Lead: "lead-1", Source: "proof", ID: "a", Type: "email.unsubscribed", Time: at}, lane, at)
	send(testbed.Event{Lead: "lead-1", Source: "proof", ID: "b", Type: "webinar.attended", Time: at.Add(time.Second),
		Data: map[string]any{"minutes": 70}}, lane+lanesOfTests, at.Add(-time.Minute))
	w.check(strictly)
	first.stop()
	if lead := w.oracle.Leads()["lead-1"]; lead.Tier != "hot" || len(lead.Changes) != 2 {
		t.Fatalf("the scenario is not what it should be: %+v", lead)
	}

	// Which of the topics' records one fetch brings together is the broker's affair; mostly all.
	var changes []testbed.Change
	for try := 0; try < 20 && len(changes) != 3; try++ {
		r.FlushAll()
		again := w.start()
		w.recovered(events.Lane("lead-1", lanesOfTests))
		again.stop()
		changes = testbed.ReadChanges(t, w.kafka, w.topics.TierChanges)["lead-1"]
	}
	if len(changes) != 3 {
		t.Fatalf("announced: %+v; want a correction as the third", changes)
	}
	got := changes[2]
	if got.Sequence != 3 || got.From != "hot" || got.To != "cold" || got.CauseKind != "recovery" || got.Stage != "MQL" {
		t.Errorf("corrected by %+v; want sequence 3 from hot to cold, cause recovery, stage MQL", got)
	}
	for _, said := range testbed.CheckChains(map[string][]testbed.Change{"lead-1": changes}, strictly) {
		t.Error(said)
	}
}

// TestARefoldThatTakesADetourIsNotTold: live, an event came too late to count, after a reset. Folded again it comes first,
// makes the lead hot, and is reset: the world never heard of that, so what is announced next still begins at 1.
func TestARefoldThatTakesADetourIsNotTold(t *testing.T) {
	t.Parallel()
	r := testbed.OwnRedis(t)
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, map[string]int{"engagement": 2 * lanesOfTests})
	lane := events.Lane("lead-1", lanesOfTests)
	at := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	first := w.start()
	send := func(e testbed.Event, partition int, stamp time.Time) {
		record := w.record(&e)
		record.Partition, record.Timestamp = int32(partition), stamp
		if err := w.client.ProduceSync(w.limited(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
		w.drained()
	}
	webinar := func(id string, at time.Time) testbed.Event {
		return testbed.Event{Lead: "lead-1", Source: "proof", ID: id, Type: "webinar.attended", Time: at, Data: map[string]any{"minutes": 70}}
	}
	send(testbed.Event{Lead: "lead-1", Source: "proof", ID: "a", Type: "email.unsubscribed", Time: at}, lane, at)
	send(webinar("b", at.Add(-time.Minute)), lane+lanesOfTests, at.Add(-time.Minute))
	first.stop()
	if told := testbed.ReadChanges(t, w.kafka, w.topics.TierChanges); len(told) > 0 {
		t.Fatalf("the scenario is not what it should be: %+v", told)
	}
	r.FlushAll()
	w.start()
	w.recovered(lane)
	send(webinar("c", at.Add(time.Second)), lane, at.Add(time.Second))
	changes := testbed.ReadChanges(t, w.kafka, w.topics.TierChanges)
	for _, said := range testbed.CheckChains(changes, strictly) {
		t.Error(said)
	}
	if list := changes["lead-1"]; len(list) == 0 || list[len(list)-1].To != "hot" {
		t.Errorf("announced: %+v; want that the lead is hot", list)
	}
}

// TestMoreCorrectionsThanABatchHolds, or than it reads: those that are left over come in the batches after it, each once.
func TestMoreCorrectionsThanABatchHolds(t *testing.T) {
	t.Parallel()
	for name, share := range map[string]int{"than it reads": 1 << 20, "than it holds": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l := w.owner()
			ctx := w.limited()
			l.begin()
			l.recovery = &recovery{Phase: phaseReconcile}
			for i := 0; len(l.batch.told) < l.toldAtOnce+3; i++ {
				if id := fmt.Sprintf("lead-%d", i); events.Lane(id, lanesOfTests) == l.number {
					known := scorer.Told{Sequence: 9, Tier: "hot", Since: scorer.InstantOf(l.now())}
					l.batch.told = append(l.batch.told, state.ToldWrite{ID: id, Value: appendTold(known)})
				}
			}
			told := slices.Clone(l.batch.told)
			if err := l.decide(ctx, ctx); err != nil {
				t.Fatal(err)
			}
			l.share = share
			w.mend(l)
			changes := testbed.ReadChanges(t, w.kafka, w.topics.TierChanges)
			for i := range told {
				if list := changes[told[i].ID]; len(list) != 1 || list[0].Sequence != 10 || list[0].From != "hot" || list[0].To != "cold" {
					t.Errorf("announced of %s: %+v; want that it is cold, as its change 10", told[i].ID, list)
				}
			}
			if left, _, err := l.store.Told(ctx, 10); err != nil || len(left) > 0 {
				t.Errorf("%d leads are left, %v", len(left), err)
			}
		})
	}
}

// TestARefoldWithoutInputKeepsTheClock: up to the committed clock all timers have fired, also where only time had passed.
func TestARefoldWithoutInputKeepsTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.owner()
	l.recovery = &recovery{Phase: phaseRefold, Until: map[string]int64{}, Batch: l.ledger.Batch, Clock: scorer.InstantOf(l.now())}
	clock := l.recovery.Clock
	w.mend(l)
	if ledger, err := l.store.Read(w.limited()); err != nil || ledger.Clock != clock {
		t.Errorf("the ledger is %+v, %v; want its clock at %d", ledger, err, clock)
	}
}

// recovered waits until a lane has a ledger, and no recovery is under way in it.
func (w *world) recovered(lane int) {
	w.t.Helper()
	w.eventually("the recovery to end", func(ctx context.Context) error {
		ledger := w.raw.HGetAll(ctx, w.ledgerKey(lane)).Val()
		if len(ledger) == 0 || ledger["recovery"] != "" {
			return fmt.Errorf("the ledger of lane %d says %q", lane, ledger["recovery"])
		}
		return nil
	})
}

// TestTheGroupsOffsetsWereDeleted: a ledger, and no committed position.
func TestTheGroupsOffsetsWereDeleted(t *testing.T) {
	t.Parallel()
	t.Run("after the outbox was announced", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		traffic := w.traffic(60)
		w.past(some(traffic, 600)...)
		w.deleteOffsets()
		w.send(some(traffic, 200)...)
		heir := w.start()
		w.check(strictly)
		if n := heir.tookOver(probe); n != lanesOfTests {
			t.Errorf("%d lanes were taken over by trusting Redis, want all %d", n, lanesOfTests)
		}
	})
	t.Run("before the outbox was announced", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		traffic := w.traffic(60)
		w.send(some(traffic, 600)...)
		w.spawn(strike{Decided, 1, syscall.SIGKILL}).killed()
		w.deleteOffsets()
		heir := w.start()
		w.check(strictly)
		heir.wantTookOver(probe)
	})
}

// deleteOffsets deletes the group, once its last member is gone.
func (w *world) deleteOffsets() {
	w.t.Helper()
	w.eventually("the group to be deleted", func(ctx context.Context) error {
		deleted, err := w.admin().DeleteGroups(ctx, w.group)
		return errors.Join(err, deleted.Error())
	})
}

// TestRetentionAteWhatWasNeverFolded: the ledger's offset is below the log's start. That lane is refused, the others
// work; on the operator's word it goes on.
func TestRetentionAteWhatWasNeverFolded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic := w.traffic(60)
	w.past(some(traffic, 400)...)
	w.send(some(traffic, 400)...)
	w.eat(w.topics.Engagement, 2)
	w.refusesLane(2, "retention", traffic)
}

// TestAnEmptyRedisAndALogThatBeginsLate: what is gone from both can't be rebuilt whole.
func TestAnEmptyRedisAndALogThatBeginsLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic := w.traffic(60)
	w.past(some(traffic, 400)...)
	w.raw.Del(w.limited(), w.ledgerKey(2))
	w.eat(w.topics.Engagement, 2)
	w.refusesLane(2, "retention", traffic)
}

// TestATopicWasRecreated: the ledger's offset is above the log's end.
func TestATopicWasRecreated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic := w.traffic(60)
	w.past(some(traffic, 600)...)
	if _, err := w.admin().DeleteTopic(w.limited(), w.topics.Engagement); err != nil {
		t.Fatal(err)
	}
	w.eventually("the topic to be made anew", func(ctx context.Context) error {
		made, err := w.admin().CreateTopic(ctx, lanesOfTests, 1, nil, w.topics.Engagement)
		return errors.Join(err, made.Err)
	})
	w.client = w.franz() // the other one knows the topic as it was
	worker := w.start()
	w.eventuallyRefused(worker, 2, "recreated")
	worker.stop()
	w.goesOnByTheOperatorsWord(traffic)
}

// eat deletes all records that a partition has now.
func (w *world) eat(topic string, partition int32) {
	w.t.Helper()
	ends, err := w.admin().ListEndOffsets(w.limited(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, partition)
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, partition, end.Offset, -1)
	deleted, err := w.admin().DeleteRecords(w.limited(), offsets)
	if err := errors.Join(err, deleted.Error()); err != nil {
		w.t.Fatal(err)
	}
}

// refusesLane starts a worker that must refuse a lane, and only that, and then one that has the operator's word.
func (w *world) refusesLane(lane int, reason string, traffic *testbed.Traffic) {
	w.t.Helper()
	worker := w.start()
	w.eventuallyRefused(worker, lane, reason)
	w.send(some(traffic, 200)...)
	w.eventually("the other lanes to go on", func(ctx context.Context) error {
		ends, err := w.admin().ListEndOffsets(ctx, w.topics.Engagement)
		if err != nil {
			return err
		}
		committed, err := w.admin().FetchOffsets(ctx, w.group)
		if err != nil {
			return err
		}
		for p := range int32(lanesOfTests) {
			end, _ := ends.Lookup(w.topics.Engagement, p)
			at, _ := committed.Lookup(w.topics.Engagement, p)
			if (at.At == end.Offset) != (int(p) != lane) {
				return fmt.Errorf("partition %d is committed up to %d of %d", p, at.At, end.Offset)
			}
		}
		return nil
	})
	worker.stop()
	w.goesOnByTheOperatorsWord(traffic)
}

// eventuallyRefused waits until a lane is refused for that reason, with the mend in readiness and a metric set.
func (w *world) eventuallyRefused(worker *running, lane int, reason string) {
	w.t.Helper()
	w.eventually("the refusal", func(ctx context.Context) error {
		err := worker.Ready(ctx)
		var refusal *Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "--rebuild=from-retained") {
			return fmt.Errorf("readiness says %v", err)
		}
		gauge := worker.o.Metrics.lanesRefused.WithLabelValues(fmt.Sprint(lane), reason)
		if testutil.ToFloat64(gauge) != 1 {
			return fmt.Errorf("the metric does not say that lane %d was refused for %s; readiness says %v", lane, reason, err)
		}
		return nil
	})
}

// goesOnByTheOperatorsWord starts a worker that goes on from what is left. What was announced still is a chain.
func (w *world) goesOnByTheOperatorsWord(traffic *testbed.Traffic) {
	w.t.Helper()
	told := w.start(func(o *Options) { o.RebuildFromRetained = true })
	told.ready()
	w.send(some(traffic, 200)...)
	w.drained()
	for _, said := range testbed.CheckChains(testbed.ReadChanges(w.t, w.kafka, w.topics.TierChanges), strictly) {
		w.t.Error(said)
	}
	told.stop()
}

// TestOffsetsOfSomebodyElse: the group's offsets carry no batch. The lanes are refused until they are deleted.
func TestOffsetsOfSomebodyElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	offsets := kadm.Offsets{}
	for p := range int32(lanesOfTests) {
		offsets.AddOffset(w.topics.Engagement, p, 0, -1)
	}
	if err := w.admin().CommitAllOffsets(w.limited(), w.group, offsets); err != nil {
		t.Fatal(err)
	}
	w.send(some(w.traffic(20), 200)...)
	worker := w.start()
	w.eventually("the refusal", func(ctx context.Context) error {
		if err := worker.Ready(ctx); err == nil || !strings.Contains(err.Error(), "--delete-offsets") {
			return fmt.Errorf("readiness says %v", err)
		}
		return nil
	})
	worker.stop()
	w.deleteOffsets()
	w.start()
	w.check(strictly)
}

// TestANewModelIsPutInForce: a model of a higher version re-tiers every lead, also those of which no event comes, while
// events flow; a lower one then runs the lane's own; the same version with another text is refused.
func TestANewModelIsPutInForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic := w.traffic(200)
	w.past(some(traffic, 1500)...)

	w.text = testbed.ProofModel(2)
	w.oracle.Retier(2)
	causes := testbed.Strictness{Path: true} // a lead that is re-tiered has been seen today: what it did an hour ago is late
	halt := w.load(traffic)
	second := w.start()
	w.walked("2")
	halt()
	w.check(causes)
	second.stop()

	w.text = testbed.ProofModel(1)
	w.send(some(traffic, 300)...)
	third := w.start()
	w.check(causes)
	if !w.log.says("the lane runs a newer model than the configured one") {
		t.Error("nobody said that the configured model is the older one")
	}
	third.stop()

	w.text = append(testbed.ProofModel(2), "# another text\n"...)
	fourth := w.start()
	w.eventually("the refusal", func(ctx context.Context) error {
		if err := fourth.Ready(ctx); err == nil || !strings.Contains(err.Error(), "give the configured model version 3") {
			return fmt.Errorf("readiness says %v", err)
		}
		return nil
	})
}

// TestANewModelAndWorkersThatAreKilled: the walk goes on where it was.
func TestANewModelAndWorkersThatAreKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic := w.traffic(200)
	w.past(some(traffic, 1000)...)
	w.text = testbed.ProofModel(2)
	w.oracle.Retier(2)
	for _, step := range []Step{Decided, Folded, Announced} {
		w.spawn(strike{step, 40, syscall.SIGKILL}).killed()
	}
	w.start()
	w.walked("2")
	w.check(testbed.Strictness{Path: true})
}
