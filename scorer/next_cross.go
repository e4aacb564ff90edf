package scorer

import "math"

// crossMost is how many instants are looked at to find where a lead leaves its calm, before it is searched for by
// halving.
const crossMost = 24

// cross finds the first move of the lead in hand from a to b, both included, quicker than by halving: where all that
// moves moves one way, it looks for where the first value leaves the lead's calm, guessing from where the values are at
// both ends of what is left. What it guessed is then held against the bounds, so it answers no other instant than
// halving would. It answers false where it can't tell. Scratch points from depth on are free.
func (f *Folder) cross(l *Lead, a, b *point, depth int) (Instant, bool) {
	s, c, by := &f.search, f.kind(l), f.model.reads.settledBy
	f.boundPlain(l, a, a, nil)
	inside := append(s.inside[:0], s.found.lo...)
	s.inside = inside
	if !c.holds(by, inside) {
		if f.rest(l, inside); !c.holds(by, inside) {
			return 0, false
		}
	}
	f.boundPlain(l, b, b, nil)
	outside := append(s.outside[:0], s.found.lo...)
	s.outside = outside
	calmUntil, from, probe := a.at, b.at, s.point(depth)
	for look := 0; from-calmUntil > 1; look++ {
		if look == crossMost {
			return 0, false
		}
		at := c.step(by, inside, outside, calmUntil, from, look)
		f.fill(probe, l, at)
		f.boundPlain(l, probe, probe, nil)
		if c.covers(by, s.found.lo, s.found.hi) {
			calmUntil = at
			copy(inside, s.found.lo)
		} else {
			from = at
			copy(outside, s.found.lo)
		}
	}
	f.fill(probe, l, calmUntil)
	if f.forecast(l, a, probe) != same {
		return 0, false
	}
	f.fill(probe, l, from)
	return from, f.forecast(l, probe, probe) == moved
}

// step is the next instant to look at between a and b: the guess, and every other time one past it to the other side, so
// that the stretch shrinks from both ends.
func (c *calm) step(by []int, inside, outside []float64, a, b Instant, look int) Instant {
	at := c.guess(by, inside, outside, a, b)
	if look%2 == 1 {
		if width := max(1, (b-a)>>12); at-a < b-at {
			at += width
		} else {
			at -= width
		}
	}
	return min(max(at, a+1), b-1)
}

// guess is where the first of the values leaves the range, between an instant at which they are inside and one at which
// one is outside. A sum that halves fades along a curve that is straight in its logarithm.
func (c *calm) guess(by []int, inside, outside []float64, a, b Instant) Instant {
	first := 1.0
	for i, slot := range by {
		from, to, edge := inside[slot], outside[slot], c.hi[i]
		switch {
		case to < c.lo[i]:
			edge = c.lo[i]
		case !(to > edge):
			continue
		}
		part := (from - edge) / (from - to)
		if from > 0 && to > 0 && edge > 0 {
			part = math.Log(from/edge) / math.Log(from/to)
		}
		first = min(first, part)
	}
	if !(first > 0) {
		return a
	}
	return a + Instant(first*float64(b-a))
}
