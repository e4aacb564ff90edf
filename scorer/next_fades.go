package scorer

import "math"

// fades is what is left of all that halves at one rate in one group, and the size of its terms, for the error of
// summing them. What halves at one rate fades as one, merits and penalties alike.
type fades struct {
	value, size float64
}

// boundFades bounds the moving values of the lead in hand from one instant to another, both included, during which
// nothing is counted; p is the lead at one of the two. It is the quickest of the bounds, with one power for each rate,
// and does for leads all of whose shares halve, or rest, unhindered by a max; of any other it answers false. one is
// whether all that moves moves one way: then the bounds are, but for the dust of rounding, the values themselves.
func (f *Folder) boundFades(l *Lead, p *point, from, to Instant) (one, ok bool) {
	s, e := &f.search, &f.model.engagement
	clear(s.fades)
	clear(s.sumLo)
	clear(s.sumHi)
	rates := len(s.rates)
	for class := range s.lives {
		s.keeps[class] = s.lives[class].keep(to - from)
	}
	restLo, restHi, restSize := 0.0, 0.0, 0.0
	for i, a := range f.active {
		r, fade := &e.rules[a.rule], &f.fading[a.rule]
		worth := float64(r.each() * p.samples[i].sum())
		switch {
		case fade.kind == resting:
			worth = r.share(p.samples[i].sum())
			if restSize += math.Abs(worth); r.group < 0 {
				restLo, restHi = restLo+worth, restHi+worth
			} else {
				s.sumLo[r.group], s.sumHi[r.group] = s.sumLo[r.group]+worth, s.sumHi[r.group]+worth
			}
		case fade.kind == halving:
			// By the max of the rule it must not be held at from, when most of it is left.
			size := math.Abs(worth)
			least := 1.0
			if p.at != from {
				least = s.keeps[fade.class]
			}
			if size > r.max*least || least < leastKeep {
				return false, false
			}
			g := r.group
			if g < 0 {
				g = len(e.groups)
			}
			h := &s.fades[g*rates+fade.class]
			h.value, h.size = h.value+worth, h.size+size
		default:
			return false, false
		}
	}
	up, down := false, false
	for i := range s.fades {
		h := &s.fades[i]
		if h.size == 0 {
			continue
		}
		keep := s.keeps[i%rates]
		a, b, size := h.value, float64(h.value*keep), h.size
		if p.at != from {
			a, b, size = h.value/keep, h.value, h.size/keep
		}
		up, down = up || b > a, down || b < a
		lo, hi, dust := min(a, b), max(a, b), fadeError*size
		if g := i / rates; g < len(e.groups) {
			s.sumLo[g] += lo - dust
			s.sumHi[g] += hi + dust
		} else {
			restLo, restHi, restSize = restLo+lo-dust, restHi+hi+dust, restSize+size
		}
	}
	dust := restError * (restSize + math.Abs(f.fit.score))
	for g := range e.groups {
		s.sumLo[g] -= restError * restSize
		s.sumHi[g] += restError * restSize
		dust += restError * max(math.Abs(s.sumLo[g]), math.Abs(s.sumHi[g]))
	}
	f.compose(s.found.lo, s.sumLo, restLo-dust)
	f.compose(s.found.hi, s.sumHi, restHi+dust)
	s.found.lo[movingIdle], s.found.hi[movingIdle] = idleAt(l, from), idleAt(l, to)
	return !(up && down), true
}

// leastKeep is how much must be left at the later instant for what was there at the earlier one to be told from it.
const leastKeep = 1e-6

// fadesAlone is whether time alone is certain to leave the lead in hand where it is from one instant to another, by
// boundFades.
func (f *Folder) fadesAlone(l *Lead, p *point, from, to Instant) bool {
	if _, ok := f.boundFades(l, p, from, to); !ok {
		return false
	}
	f.search.held = false
	return f.foresee(l) == same
}

// firstOfFades is the first move of a lead, seen at its clock, that only fades, one way; Never where there will be none.
// It answers false where that is not so, or where it can't tell. What it finds it holds against the bounds on both
// sides, so it answers no other instant than lookAhead would, to which it is a short cut.
func (f *Folder) firstOfFades(l *Lead) (Instant, bool) {
	s, p, by := &f.search, f.search.point(0), f.model.reads.settledBy
	if one, ok := f.boundFades(l, p, l.Clock, lastInstant); !ok || !one {
		return 0, false
	}
	if s.held = false; f.foresee(l) == same {
		return Never, true
	}
	c := f.kind(l)
	if !c.found || !f.fadesAlone(l, p, l.Clock, l.Clock) {
		return 0, false
	}
	s.inside = append(s.inside[:0], s.found.lo...)
	calmUntil, from := l.Clock, min(lastInstant, l.Clock+stride)
	for ; f.fadesAlone(l, p, l.Clock, from); from = min(lastInstant, from+from-l.Clock) {
		calmUntil = from
		s.noteFurthest(by, s.inside, c)
	}
	s.outside = append(s.outside[:0], s.found.lo...)
	s.noteFurthest(by, s.outside, c)
	for look := 0; from-calmUntil > 1; look++ {
		if look == crossMost {
			return 0, false
		}
		at := c.step(by, s.inside, s.outside, calmUntil, from, look)
		if f.fadesAlone(l, p, l.Clock, at) {
			calmUntil = at
			s.noteFurthest(by, s.inside, c)
		} else {
			from = at
			s.noteFurthest(by, s.outside, c)
		}
	}
	probe := s.point(1)
	f.fill(probe, l, from)
	return from, f.forecast(l, probe, probe) == moved
}

// noteFurthest notes where the values stand at the end of the stretch that was bounded: on the side on which they leave,
// or would leave, the calm c.
func (s *search) noteFurthest(by []int, values []float64, c *calm) {
	for i, slot := range by {
		values[slot] = s.found.lo[slot]
		if math.IsInf(c.lo[i], -1) {
			values[slot] = s.found.hi[slot]
		}
	}
}
