package scorer

import (
	"slices"
	"time"
)

// lateness is how late an event may be and still meet a rolling limit that knows every event around it.
const lateness = Instant(7 * 24 * time.Hour / time.Millisecond)

// admits is whether an event of that time may count beside what c has counted: whether no window of length per that
// contains it would hold more than count counted events. A window contains its start and not its end, so of two events
// exactly per apart both may count.
func (li limit) admits(c *Counter, at Instant) bool {
	switch {
	case li.count == 0:
		return true
	case li.per == 0:
		return int64(c.Count) < int64(li.count)
	}
	per := Instant(li.per.Milliseconds())
	n, place := len(c.Marks), placeOf(c.Marks, at)
	// with is the time of the i-th mark as if the event stood among them at its place.
	with := func(i int) Instant {
		switch {
		case i < place:
			return c.Marks[i].At
		case i == place:
			return at
		default:
			return c.Marks[i-1].At
		}
	}
	// Any run of count+1 events that includes this one must be at least per long.
	for first := max(0, place-li.count); first <= place && first+li.count <= n; first++ {
		if with(first+li.count)-with(first) < per {
			return false
		}
	}
	return true
}

// lifelong is whether the limit holds for the lead's whole life: one without per.
func (li limit) lifelong() bool { return li.count > 0 && li.per == 0 }

// memory is how old a mark can be and still matter to the limit.
func (li limit) memory() Instant {
	if li.count == 0 || li.per == 0 {
		return 0
	}
	return Instant(li.per.Milliseconds()) + lateness
}

// placeOf is where a mark of that time belongs: after all that are not newer.
func placeOf(marks []Mark, at Instant) int {
	n := len(marks)
	if n == 0 || marks[n-1].At <= at {
		return n
	}
	place, _ := slices.BinarySearchFunc(marks, at, func(m Mark, at Instant) int {
		if m.At <= at {
			return -1
		}
		return 1
	})
	return place
}
