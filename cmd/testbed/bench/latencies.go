package bench

import (
	"math"
	"slices"
	"time"
)

// bounds are the upper bounds of a Latency's histogram.
var bounds = [...]time.Duration{
	time.Millisecond / 2, time.Millisecond, 2 * time.Millisecond, 3 * time.Millisecond, 4 * time.Millisecond, 5 * time.Millisecond,
	7 * time.Millisecond, 10 * time.Millisecond, 15 * time.Millisecond, 20 * time.Millisecond, 30 * time.Millisecond,
	50 * time.Millisecond, 70 * time.Millisecond, 100 * time.Millisecond, 150 * time.Millisecond, 200 * time.Millisecond,
	300 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
}

// summary puts the quantiles and the histogram of took into l; it sorts took.
func (l *Latency) summary(took []time.Duration) {
	slices.Sort(took)
	l.Changes = len(took)
	l.P50, l.P90, l.P99, l.P999 = quantile(took, .5), quantile(took, .9), quantile(took, .99), quantile(took, .999)
	l.Max = quantile(took, 1)
	l.Histogram = make([]int, len(bounds)+1)
	for _, d := range took {
		at, _ := slices.BinarySearch(bounds[:], d)
		l.Histogram[at]++
	}
}

// quantile is the least of sorted, in milliseconds, that a share q of them does not exceed; 0 of none.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return float64(sorted[max(rank, 1)-1]) / float64(time.Millisecond)
}
