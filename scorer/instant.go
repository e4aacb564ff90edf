package scorer

import (
	"math"
	"time"
)

// Instant is a point in time: milliseconds since the Unix epoch, UTC. Kafka's timestamps have the same grid, so
// everything that the scorer decides falls on a whole millisecond.
type Instant int64

// Never is later than every instant: what will not happen is due then.
const Never Instant = math.MaxInt64

// InstantOf rounds t down to the millisecond.
func InstantOf(t time.Time) Instant { return Instant(t.UnixMilli()) }

// Time is i as a time.Time in UTC.
func (i Instant) Time() time.Time { return time.UnixMilli(int64(i)).UTC() }

// Add is i moved by the whole milliseconds of d. It stops at the ends of what an Instant can be.
func (i Instant) Add(d time.Duration) Instant {
	by := Instant(d.Milliseconds())
	switch sum := i + by; {
	case by > 0 && sum < i:
		return Never
	case by < 0 && sum > i:
		return math.MinInt64
	default:
		return sum
	}
}

// Sub is the duration from j to i. Instants may lie further apart than a time.Duration can say, which is 292 years: it
// is then the longest there is, forward or backward.
func (i Instant) Sub(j Instant) time.Duration {
	const most = Instant(math.MaxInt64 / time.Millisecond)
	d := i - j
	switch {
	case i > j && (d < 0 || d > most): // below 0: the difference itself overflowed
		return math.MaxInt64
	case i < j && (d > 0 || d < -most):
		return math.MinInt64
	default:
		return time.Duration(d) * time.Millisecond
	}
}
