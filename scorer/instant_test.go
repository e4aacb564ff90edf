package scorer

import (
	"math"
	"testing"
	"time"
)

func TestInstantsFarApart(t *testing.T) {
	const (
		longest  = time.Duration(math.MaxInt64)
		shortest = time.Duration(math.MinInt64)
		first    = Instant(math.MinInt64)
		most     = Instant(math.MaxInt64 / time.Millisecond) // the longest span in whole milliseconds
	)
	for _, c := range []struct {
		i, j Instant
		want time.Duration
	}{
		{t0 + 5, t0, 5 * time.Millisecond},
		{t0, t0 + 5, -5 * time.Millisecond},
		{t0 + most, t0, time.Duration(most) * time.Millisecond},
		{t0, t0 + most, -time.Duration(most) * time.Millisecond},
		{t0 + most + 1, t0, longest},
		{t0, t0 + most + 1, shortest},
		{lastInstant, t0, longest},
		{t0, lastInstant, shortest},
		{Never, t0, longest},
		{t0, Never, shortest},
		{Never, first, longest},
		{Never, -2, longest}, // their difference is no int64
		{first, Never, shortest},
		{-2, Never, shortest},
		{first, 1, shortest},
		{0, first, longest},
		{Never, Never, 0},
	} {
		if got := c.i.Sub(c.j); got != c.want {
			t.Errorf("Instant(%d).Sub(%d) = %v, want %v", c.i, c.j, got, c.want)
		}
	}
	for _, c := range []struct {
		i    Instant
		d    time.Duration
		want Instant
	}{
		{t0, time.Second, t0 + 1000},
		{t0, -1500 * time.Microsecond, t0 - 1},
		{Never, time.Millisecond, Never},
		{Never - 1, longest, Never},
		{Never, -time.Millisecond, Never - 1},
		{first, -time.Millisecond, first},
		{first + 1, shortest, first},
		{first, time.Millisecond, first + 1},
		{t0, longest, t0 + most},
		{Never, 0, Never},
	} {
		if got := c.i.Add(c.d); got != c.want {
			t.Errorf("Instant(%d).Add(%v) = %d, want %d", c.i, c.d, got, c.want)
		}
	}
}
