package consumer

import (
	"context"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/scorer"
)

// goesOnWithin is how long a lane that has read to the end may be silent: it waits for input for idleWait, and then has
// a batch to decide. One that is silent for longer is held up.
const goesOnWithin = 4 * idleWait

// progress is how far a lane has come: every record older than upTo is folded and told of. atEnd is whether that was all
// that there was.
type progress struct {
	upTo  scorer.Instant
	atEnd bool
}

// behind is for how many seconds events of a lane that has come so far may have waited. It grows while the lane stands
// still, also one that had read to the end: nobody knows then what waits.
func (p progress) behind(now scorer.Instant) float64 {
	age := now.Sub(p.upTo)
	if p.atEnd && age < goesOnWithin {
		return 0
	}
	return max(age.Seconds(), 0)
}

// progressed notes what the batch that has been announced, or had nothing to announce, brought the lane to.
func (l *lane) progressed() {
	switch {
	case l.ailing != nil: // what could not be read may be older
	case l.caughtUp && l.recovery == nil:
		l.folded.Store(&progress{upTo: scorer.InstantOf(l.batch.begun), atEnd: true})
	case l.batch.newest > 0:
		l.folded.Store(&progress{upTo: l.batch.newest})
	}
}

// observeRecords tells how many records the lane has not folded, as far as Kafka has told.
func (l *lane) observeRecords() {
	for _, part := range l.inputs {
		l.recordsBehind(part, l.ends[part]-l.reached(part))
	}
}

// observeBounds tells the same of a lane that is being taken over, and of one that can't be: whatever holds it up, its
// committed position is known.
func (l *lane) observeBounds(f found) {
	for part, b := range f.bounds {
		next := b.Start
		if f.committed != nil {
			next = max(next, f.committed.Offsets[part])
		}
		l.recordsBehind(part, b.Stable-next)
	}
}

// lookAtEnds asks Kafka how much has come in, for a lane that does not fetch because its Redis refuses what it writes.
func (l *lane) lookAtEnds(ctx context.Context) {
	bounds, err := l.cluster.Bounds(ctx, l.inputs)
	if err != nil {
		return // it is Redis that the lane waits for, and reports
	}
	for part, b := range bounds {
		l.recordsBehind(part, b.Stable-l.ledger.Offsets[offsetKey(part)])
	}
}

func (l *lane) recordsBehind(part wire.Partition, records int64) {
	l.Metrics.lagRecords.WithLabelValues(part.Topic, strconv.Itoa(part.Partition)).Set(float64(max(records, 0)))
}

// forgetLag takes back what was told of a lane that is not ours any more.
func (l *lane) forgetLag() {
	for _, part := range l.inputs {
		l.Metrics.lagRecords.DeleteLabelValues(part.Topic, strconv.Itoa(part.Partition))
	}
	l.Metrics.lagSeconds.remove(l.number)
}

// lags is the metric lag_seconds. It is worked out when it is asked for: a lane that is held up can't tell.
type lags struct {
	*prometheus.GaugeVec
	mu    sync.Mutex
	lanes map[int]func() float64
}

func newLags(gauges *prometheus.GaugeVec) *lags {
	return &lags{GaugeVec: gauges, lanes: map[int]func() float64{}}
}

// add has the lane's lag told from now on.
func (g *lags) add(lane int, seconds func() float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lanes[lane] = seconds
}

func (g *lags) remove(lane int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.lanes, lane)
	g.DeleteLabelValues(strconv.Itoa(lane))
}

// Collect is for the registry.
func (g *lags) Collect(metrics chan<- prometheus.Metric) {
	g.mu.Lock()
	for lane, seconds := range g.lanes {
		g.WithLabelValues(strconv.Itoa(lane)).Set(seconds())
	}
	g.mu.Unlock()
	g.GaugeVec.Collect(metrics)
}
