package consumer

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/scorer"
)

func TestHowFarBehindALaneIs(t *testing.T) {
	now := scorer.InstantOf(time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC))
	for _, c := range []struct {
		what string
		progress
		want float64
	}{
		{"at the end, and waiting for more", progress{now.Add(-time.Second), true}, 0},
		{"at the end, and silent since", progress{now.Add(-time.Minute), true}, 60},
		{"on its way", progress{now.Add(-time.Second), false}, 1},
		{"ahead of its clock", progress{now.Add(time.Second), false}, 0},
	} {
		if got := c.behind(now); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// lag is what the metrics of a registry say: the most that a lane is behind, in seconds, and all records together.
func lag(t *testing.T, registry *prometheus.Registry) (seconds, records float64) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetName() {
			case "hotlead_lag_seconds":
				seconds = max(seconds, m.GetGauge().GetValue())
			case "hotlead_lag_records":
				records += m.GetGauge().GetValue()
			}
		}
	}
	return seconds, records
}

// TestALaneThatIsHeldUpFallsBehind: its lag must not stand still with it, whatever Redis' trouble is.
func TestALaneThatIsHeldUpFallsBehind(t *testing.T) {
	t.Parallel()
	t.Run("Redis is away", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		proxy := testbed.NewProxy(t, w.redis)
		at := w.redis
		w.redis = proxy.Addr()
		w.fallsBehind(func() { proxy.MoveTo(testbed.FreeAddr(t)) }, func() { proxy.MoveTo(at) })
	})
	t.Run("Redis is full", func(t *testing.T) {
		t.Parallel()
		r := testbed.OwnRedis(t)
		if !r.Faults() {
			return
		}
		w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
		limit := func(bytes string) func() {
			return func() {
				if err := w.raw.ConfigSet(w.limited(), "maxmemory", bytes).Err(); err != nil {
					t.Error(err)
				}
			}
		}
		w.fallsBehind(limit("1"), limit("0"))
	})
}

// fallsBehind holds what the metrics say while Redis is so that no lane can go on, and after.
func (w *world) fallsBehind(breaks, mends func()) {
	w.t.Helper()
	const waiting = 40
	registry, traffic := prometheus.NewRegistry(), w.traffic(40)
	var ahead atomic.Int64
	w.start(func(o *Options) {
		o.Metrics = NewMetrics(registry)
		o.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	}).ready()
	w.send(some(traffic, waiting)...)
	w.drained()
	caughtUp := func(context.Context) error {
		if seconds, records := lag(w.t, registry); seconds != 0 || records != 0 {
			return fmt.Errorf("%v s and %v records behind", seconds, records)
		}
		return nil
	}
	w.eventually("the lanes to be at the end", caughtUp)
	breaks()
	w.send(some(traffic, waiting)...)
	ahead.Store(int64(5 * time.Minute))
	w.eventually("the lag to tell of it", func(context.Context) error {
		if seconds, records := lag(w.t, registry); seconds < 300 || records != waiting {
			return fmt.Errorf("%v s and %v records behind, of %d", seconds, records, waiting)
		}
		return nil
	})
	first, _ := lag(w.t, registry)
	ahead.Add(int64(time.Minute))
	if later, _ := lag(w.t, registry); later < first+60 {
		w.t.Errorf("%v s behind, and a minute later %v", first, later)
	}
	mends()
	w.eventually("the lanes to be at the end again", caughtUp)
}
