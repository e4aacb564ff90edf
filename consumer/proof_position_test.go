package consumer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
)

// besideChanges leads the lane until it announces a change without committing the group's offsets.
func (w *world) besideChanges(l *lane, traffic *testbed.Traffic) {
	w.t.Helper()
	w.untilChange(l, traffic, func(ctx context.Context) error {
		l.groupedAt = l.now() // just now: a slow machine must not change what this is about
		return l.announce(ctx)
	})
	if l.committed != l.ledger.Batch || l.grouped >= l.committed {
		w.t.Fatalf("batch %d is announced, and the group has %d: the scenario is not what it should be", l.committed, l.grouped)
	}
}

// TestThePositionStandsBesideTheChanges: a lane whose worker died before the group's offsets were brought up goes on from
// where its newest change says that it was.
func TestThePositionStandsBesideTheChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, traffic := w.owner(), w.traffic(1)
	ctx := w.limited()
	for range 3 {
		w.besideChanges(l, traffic)
	}
	heir := w.owner()
	if n := testutil.ToFloat64(heir.Metrics.takeOvers.WithLabelValues(resume.String())); n != 1 {
		t.Error("the heir did not find that all is announced")
	}
	f, err := heir.find(ctx)
	if err != nil {
		t.Fatal(err)
	}
	offsets := map[string]int64{}
	for part, next := range f.committed.Offsets {
		offsets[offsetKey(part)] = next
	}
	if f.committed.Batch != l.ledger.Batch || f.committed.Clock != l.ledger.Clock || f.grouped >= f.committed.Batch || !maps.Equal(offsets, l.ledger.Offsets) {
		t.Errorf("committed is %+v, and the group has batch %d; want batch %d, %v, and the group behind", *f.committed, f.grouped, l.ledger.Batch, l.ledger.Offsets)
	}
	if err := heir.commitBareWhenDue(ctx); err != nil { // at once: nobody knows for how long they have been behind
		t.Fatal(err)
	}
	w.eventually("the group's offsets to be brought up", func(ctx context.Context) error {
		f, err := heir.find(ctx)
		if err == nil && f.grouped != l.ledger.Batch {
			err = fmt.Errorf("the group has batch %d of %d", f.grouped, l.ledger.Batch)
		}
		return err
	})
	w.checkAnnounced(strictly)
}

// TestRedisRolledBackToTheGroupsOffsets: Redis lost what came after the group's offsets, and no more. That it was announced
// stands beside the changes alone.
func TestRedisRolledBackToTheGroupsOffsets(t *testing.T) {
	t.Parallel()
	r := testbed.OwnRedis(t)
	if !r.Faults() {
		return
	}
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
	l, traffic := w.owner(), w.traffic(1)
	ctx := w.limited()
	w.untilChange(l, traffic, l.announce)
	if err := l.commitBare(ctx); err != nil {
		t.Fatal(err)
	}
	snapshot := r.SaveSnapshot()
	for range 2 {
		w.besideChanges(l, traffic)
	}
	r.Rollback(snapshot)
	heir := w.owner()
	if heir.recovery == nil {
		t.Error("the heir has not noticed that Redis lost writes")
	}
	w.mend(heir)
	w.checkAnnounced(strictly)
	w.untilChange(heir, traffic, heir.announce)
	w.checkAnnounced(strictly)
}

// TestEverythingIsScoredAgainUnderAnotherPrefix, and for another group, in the same topics: what stands there of before is
// nobody's position.
func TestEverythingIsScoredAgainUnderAnotherPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, traffic := w.owner(), w.traffic(1)
	ctx := w.limited()
	for range 3 {
		w.besideChanges(l, traffic)
	}
	w.prefix, w.group = testbed.Unique(t, "elsewhere"), testbed.Unique(t, "another")
	for range 2 { // the second of them finds a committed position, and nothing announced since
		heir := w.owner()
		w.mend(heir)
		if err := heir.commitBare(ctx); err != nil {
			t.Fatal(err)
		}
	}
	w.checkAnnounced(strictly)
}

// TestBatchesCountOnFromThePositions: the group's offsets were deleted, and Redis lost its newest writes, or all. What
// stands beside the changes of before must not pass for the position of the lane that has begun anew.
func TestBatchesCountOnFromThePositions(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w *world, l *lane, before map[string]string){
		"all": func(w *world, l *lane, _ map[string]string) { w.raw.Del(w.limited(), w.ledgerKey(l.number)) },
		"the newest": func(w *world, l *lane, before map[string]string) {
			keys, err := w.raw.Keys(w.limited(), fmt.Sprintf("{%s.%d}:leads:*", w.prefix, l.number)).Result()
			if err != nil {
				w.t.Fatal(err)
			}
			w.raw.Del(w.limited(), append(keys, w.ledgerKey(l.number))...)
			w.raw.HSet(w.limited(), w.ledgerKey(l.number), before)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l, traffic := w.owner(), w.traffic(1)
			ctx := w.limited()
			before := w.raw.HGetAll(ctx, w.ledgerKey(l.number)).Val() // of no lead
			for range 10 {
				w.besideChanges(l, traffic)
			}
			lose(w, l, before)
			w.deleteOffsets()
			heir := w.owner()
			w.mend(heir)
			if err := heir.commitBare(ctx); err != nil {
				t.Fatal(err)
			}
			// It dies between decide and announce, and has something to pass on.
			astray := &kgo.Record{Topic: w.topics.Engagement, Partition: int32(heir.number), Key: []byte("astray"), Timestamp: time.Now(), Value: []byte(`{"poison":1`)}
			if err := w.client.ProduceSync(ctx, astray).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(heir.fetch(ctx), heir.foldStretches(ctx, ctx, nil), heir.decide(ctx, ctx)); err != nil {
				t.Fatal(err)
			}
			last := w.owner()
			if n := testutil.ToFloat64(last.Metrics.takeOvers.WithLabelValues(reannounce.String())); n != 1 {
				t.Error("an old position was taken for that of the lane")
			}
			w.wantLetters(map[string]bool{string(astray.Value): true})
		})
	}
}

// TestWhatARebuildHasReadIsNotReadAgain: a lane that rebuilt its leads and had nothing to correct knows its output up to its
// end, however long until the next change.
func TestWhatARebuildHasReadIsNotReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, traffic := w.owner(), w.traffic(1)
	ctx := w.limited()
	for range 3 {
		w.besideChanges(l, traffic)
	}
	w.raw.Del(ctx, w.ledgerKey(l.number))
	heir := w.owner()
	w.mend(heir)
	if err := heir.commitBare(ctx); err != nil {
		t.Fatal(err)
	}
	w.checkAnnounced(strictly)
	w.eventually("the group's offsets to say so", func(ctx context.Context) error {
		f, err := heir.find(ctx)
		if err != nil {
			return err
		}
		again := 0
		err = heir.scan(ctx, heir.output, f.committed.Output, func(*events.Record) error { again++; return nil })
		if err == nil && again > 0 {
			err = fmt.Errorf("%d changes would be read again", again)
		}
		return err
	})
}

// TestAfterARecoveryTheGroupsOffsetsComeUp with the first batch that follows, and where nothing follows at once.
func TestAfterARecoveryTheGroupsOffsetsComeUp(t *testing.T) {
	t.Parallel()
	for name, follow := range map[string]int{"a batch follows": 20, "nothing follows": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l, traffic := w.owner(), w.traffic(1)
			ctx := w.limited()
			w.besideChanges(l, traffic)
			w.raw.Del(ctx, w.ledgerKey(l.number))
			heir := w.owner()
			w.mend(heir)
			w.send(some(traffic, follow)...)
			if err := heir.next(ctx, ctx); err != nil {
				t.Fatal(err)
			}
			if heir.grouped != heir.ledger.Batch {
				t.Errorf("the group has batch %d, the lane %d", heir.grouped, heir.ledger.Batch)
			}
		})
	}
}

// TestAnInputWasMadeAnewSinceItsPosition: with a topic, Kafka deletes the group's offsets in it, but not what stands beside
// the changes. A lane that believed that would wait for what the new topic does not hold yet, and pass it over in silence.
func TestAnInputWasMadeAnewSinceItsPosition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, traffic := w.owner(), w.traffic(1)
	ctx := w.limited()
	w.besideChanges(l, traffic)
	f, err := l.find(ctx)
	if err != nil {
		t.Fatal(err)
	}
	kept := wire.Partition{Topic: w.topics.Inbox, Partition: l.number}
	group := &position{Batch: 1, Offsets: map[wire.Partition]int64{kept: 0}}
	if at, err := l.newest(ctx, group); err != nil || at.Batch != l.ledger.Batch || !maps.Equal(at.Offsets, map[wire.Partition]int64{kept: f.committed.Offsets[kept]}) {
		t.Errorf("committed is %+v, %v; want batch %d and the inbox alone", at, err, l.ledger.Batch)
	}
}
