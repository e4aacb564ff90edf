package consumer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// newWorldOfSmallFetches has a lane that a fetch brings a few events, taken over.
func newWorldOfSmallFetches(t *testing.T) (w *world, l *lane, ctx context.Context) {
	t.Helper()
	w = newWorld(t)
	ctx, l = w.limited(), w.byHand()
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	if err := l.takeOver(ctx, ctx); err != nil {
		t.Fatal(err)
	}
	l.fetcher.Bound(2000)
	return w, l, ctx
}

// TestOneDecideCoversSeveralFetches: while a lane is behind, its batch goes on over what several fetches bring, whose
// memory is used again meanwhile. What it announces is all the same what the oracle says.
func TestOneDecideCoversSeveralFetches(t *testing.T) {
	t.Parallel()
	w, l, ctx := newWorldOfSmallFetches(t)
	traffic, sent := testbed.NewTraffic(1, 60, time.Now()), 0 // always the same: some of its leads end with a timer
	for w.oracle.Changes() < 5 || sent < 300 {
		if e := traffic.Next(); events.Lane(e.Lead, lanesOfTests) == l.number {
			w.send(e)
			sent++
		}
	}
	before := l.ledger.Batch
	if err := l.next(ctx, ctx); err != nil {
		t.Fatal(err)
	}
	b := &l.batch
	if l.ledger.Batch != before+1 || b.taken != sent {
		t.Errorf("%d batches took in the first %d of %d events, want one for all", l.ledger.Batch-before, b.taken, sent)
	}
	if least := (sent + l.stretchRecords - 1) / l.stretchRecords; int(b.number) <= least {
		t.Errorf("%d stretches: one fetch has brought all, want several", b.number)
	}
	if len(b.writes) >= sent || len(b.writes) != len(b.leads) {
		t.Errorf("%d events about %d leads are %d writes, want one a lead", sent, len(b.leads), len(b.writes))
	}
	timers := 0
	for i := range b.writes {
		lead := &b.writes[i]
		at, err := w.raw.ZScore(ctx, fmt.Sprintf("{%s.%d}:timers", w.prefix, l.number), lead.ID).Result()
		if lead.Due == scorer.Never && !errors.Is(err, redis.Nil) || lead.Due != scorer.Never && at != float64(lead.Due) {
			t.Errorf("the timer of %s is at %v (%v), want %v", lead.ID, at, err, lead.Due)
		}
		if lead.Due != scorer.Never {
			timers++
		}
	}
	if timers == 0 {
		t.Error("no lead has a timer")
	}
	w.checkAnnounced(strictly)
}

// TestABatchEndsBeforeWhatItPassesOnIsOverwritten: a dead letter is as it was fetched, so nothing is fetched any more
// before it is announced, also where it was the fold that refused it.
func TestABatchEndsBeforeWhatItPassesOnIsOverwritten(t *testing.T) {
	t.Parallel()
	w, l, ctx := newWorldOfSmallFetches(t)
	letters := map[string]bool{}
	traffic := testbed.NewTraffic(w.seed, 30, time.Now())
	for sent := 0; sent < 60; {
		e := traffic.Next()
		if events.Lane(e.Lead, lanesOfTests) != l.number {
			continue
		}
		w.send(e)
		if sent++; sent%20 != 0 {
			continue
		}
		value := fmt.Sprintf(`{"specversion":"1.0","id":"r%d","source":"proof","type":"criterion.rated","subject":%q,"data":{"criterion":"none such","rating":3}}`, sent, e.Lead)
		letters[value] = true
		refused := &kgo.Record{Topic: w.topics.Engagement, Partition: int32(l.number), Key: []byte(e.Lead), Value: []byte(value), Timestamp: time.Now()}
		if err := w.client.ProduceSync(ctx, refused).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	w.foldAll(l)
	w.wantLetters(letters)
	w.checkAnnounced(strictly)
}
