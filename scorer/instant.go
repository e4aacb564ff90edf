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

// Add is i moved by d, rounded down to the millisecond.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d.Milliseconds()) }

// Sub is the duration from j to i.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i-j) * time.Millisecond }
