package consumer

import (
	"context"
	"fmt"
)

// walkAtOnce is about how many leads one batch re-tiers, so that events wait little for a walk.
const walkAtOnce = 1000

// walk is how far the walk over the lane's leads under a new model has come: bucket by bucket, a few leads a batch. The
// ledger remembers the bucket; a bucket that was cut short is walked again, which changes nothing.
type walk struct {
	bucket, buckets int
	at              uint64 // Redis' cursor within the bucket
}

func (w walk) underWay() bool { return w.bucket >= 0 && w.bucket < w.buckets }

// cursor is what the ledger remembers: the bucket, −1 when no walk is under way.
func (w walk) cursor() int {
	if !w.underWay() {
		return -1
	}
	return w.bucket
}

// walkOn adds the next leads of a walk to the batch. While the lane recovers, the walk waits.
func (l *lane) walkOn(ctx context.Context) error {
	b := &l.batch
	if !l.walk.underWay() || l.recovery != nil {
		return nil
	}
	next, err := l.store.Walk(ctx, l.walk.bucket, l.walk.at, walkAtOnce, func(id string, blob []byte) {
		w := l.want(id)
		w.asked = true
		if w.blob == nil {
			w.blob = blob
		}
	})
	if err != nil {
		return fmt.Errorf("walking bucket %d of lane %d: %w", l.walk.bucket, l.number, err)
	}
	b.walk.at = next
	if next == 0 {
		b.walk.bucket++
	}
	if !b.walk.underWay() {
		l.log.Info("every lead of the lane is in its tier under the model", "version", l.model.Version)
	}
	return nil
}
