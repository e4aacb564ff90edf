package consumer

import (
	"context"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
)

// byHand is the lane of traffic's only lead, to be led through its steps by the test.
func (w *world) byHand() *lane {
	w.t.Helper()
	return w.byHandOn(w.redis)
}

// byHandOn is byHand by another way to Redis.
func (w *world) byHandOn(redisAddr string) *lane {
	w.t.Helper()
	o := w.optionsOn(redisAddr, prometheus.NewRegistry())
	if err := o.complete(); err != nil {
		w.t.Fatal(err)
	}
	worker := &Worker{o: o, cluster: wire.Dial(wire.Options{Brokers: o.Brokers, ClientID: "by-hand", Reused: o.reused})}
	w.t.Cleanup(func() {
		worker.cluster.Close()
		o.Store.Close()
	})
	var err error
	if worker.layout, err = readLayout(w.limited(), worker.cluster, o.Topics); err != nil {
		w.t.Fatal(err)
	}
	l := worker.newLane(events.Lane("lead-0", lanesOfTests))
	l.member = alone{}
	l.generation.ID = -1 // of no group: a broker takes offsets from those who are not members of one without members
	l.bound(1<<20, 1)
	return l
}

// alone is the membership of a lane by hand, which nobody takes away.
type alone struct{}

func (alone) Check(context.Context) error { return nil }

// owner is byHand of a lane that has been taken over.
func (w *world) owner() *lane {
	w.t.Helper()
	l, ctx := w.byHand(), w.limited()
	w.t.Cleanup(func() { l.close() })
	if err := l.takeOver(ctx, ctx); err != nil {
		w.t.Fatal(err)
	}
	return l
}

// mend leads the lane through its recovery, if it is in one.
func (w *world) mend(l *lane) {
	w.t.Helper()
	ctx := w.limited()
	for l.recovery != nil {
		if err := l.next(ctx, ctx); err != nil {
			w.t.Fatal(err)
		}
	}
}

// foldAll leads the lane through its batches until it has folded all that its partitions hold now. That a fetch brings
// nothing does not say so: on a busy machine the answer may be late.
func (w *world) foldAll(l *lane) {
	w.t.Helper()
	ctx := w.limited()
	ends, err := w.admin().ListEndOffsets(ctx, w.topics.inputs()...)
	if err != nil {
		w.t.Fatal(err)
	}
	left := func(part wire.Partition) bool {
		end, ok := ends.Lookup(part.Topic, int32(part.Partition))
		return !ok || l.reached(part) < end.Offset
	}
	for slices.ContainsFunc(l.inputs, left) {
		if err := l.next(ctx, ctx); err != nil {
			w.t.Fatal(err)
		}
	}
}
