package scorer

import "math"

// fades is what is left of all that halves at one rate in one group, and the size of its terms, for the error of
// summing them; slack is by how much value may be beside it besides. What halves at one rate fades as one, merits and
// penalties alike.
type fades struct {
	value, size, slack float64
}

// How gatherFades knows what is left of what halves: up to how many times its mean life (half-life / ln 2) ago, by a few
// terms instead of a power. The farther ago, the less it then knows.
const (
	closely = 0
	roughly = 1
)

// gatherFades sums up what fades as one of l, as of its clock, which it need not have in hand, for boundFades. It does for
// leads all of whose shares halve, or rest, unhindered by a max; of any other it answers false.
func (f *Folder) gatherFades(l *Lead, rough float64) bool {
	s := &f.search
	clear(s.fades)
	clear(s.rests)
	at, sum := 0, fades{} // the sum in hand: what follows is mostly of the same
	for i := range l.Counters {
		c := &l.Counters[i]
		k := f.places.find(f.byKey, c.Rule)
		if k == nil {
			continue
		}
		switch k.kind {
		case halving:
			worth, slack := k.worth*c.Sum, 0.0
			age := l.Clock - c.Ref
			if y := float64(age) * k.rate; y < rough {
				// e^(−y) lies between 1 − y + y²/2 − y³/6 and that and y⁴/24.
				half := y * y * (1. / 2)
				slack = half * half * (1. / 12)
				keep := 1 - y + half - half*y*(1./3) + slack
				worth, slack = worth*keep, slack*math.Abs(worth)
			} else {
				worth *= k.life.keep(age)
			}
			size := math.Abs(worth)
			if size > k.max {
				return false
			}
			if k.fades != at {
				s.fades[at] = sum
				at = k.fades
				sum = s.fades[at]
			}
			sum.value, sum.size, sum.slack = sum.value+worth, sum.size+size, sum.slack+slack
		case resting:
			worth := min(max(k.worth*c.Sum, -k.max), k.max)
			h := &s.rests[k.group]
			h.value, h.size = h.value+worth, h.size+math.Abs(worth)
		default:
			return false
		}
	}
	s.fades[at] = sum
	return true
}

// boundFades bounds the moving values of l, of which the fades were gathered, from its clock to an instant, both
// included, during which nothing is counted. It is the quickest of the bounds, with one power for each rate. It reports
// whether all that moves moves one way: then the bounds are, but for the dust of rounding, the values themselves.
func (f *Folder) boundFades(l *Lead, to Instant) (one bool) {
	s, groups := &f.search, len(f.model.engagement.groups)
	for class := range s.lives {
		s.keeps[class] = s.lives[class].keep(to - l.Clock)
	}
	up, down := false, false
	at, restSize := 0, 0.0
	for g := range s.rests {
		lo, hi := s.rests[g].value, s.rests[g].value
		restSize += s.rests[g].size
		for _, keep := range s.keeps {
			h := &s.fades[at]
			at++
			if h.size == 0 {
				continue
			}
			a, b := h.value, h.value*keep
			up, down = up || b > a, down || b < a
			dust := fadeError*h.size + h.slack
			lo, hi = lo+min(a, b)-dust, hi+max(a, b)+dust
			if g == groups {
				restSize += h.size
			}
		}
		s.sumLo[g], s.sumHi[g] = lo, hi
	}
	dust := restError * (restSize + math.Abs(f.fit.score))
	for g := range groups {
		s.sumLo[g] -= restError * restSize
		s.sumHi[g] += restError * restSize
		dust += restError * max(math.Abs(s.sumLo[g]), math.Abs(s.sumHi[g]))
	}
	f.compose(s.found.lo, s.sumLo[:groups], s.sumLo[groups]-dust)
	f.compose(s.found.hi, s.sumHi[:groups], s.sumHi[groups]+dust)
	s.found.lo[movingIdle], s.found.hi[movingIdle] = idleAt(l, l.Clock), idleAt(l, to)
	return !(up && down)
}

// stays is whether one look makes it certain that l, all of whose shares fade, is settled where it is, and that neither
// time nor an idle rule moves it from its clock until its Due. The conditions that settle would have asked in vain are
// counted as it counts them. Of l only what events alone change need be in hand.
func (f *Folder) stays(l *Lead) bool {
	until := min(l.Due-1, lastInstant)
	if until < l.Clock || f.nextFiring(l) <= until {
		return false
	}
	c := f.kind(l)
	if !c.exact || !f.gatherFades(l, roughly) {
		return false
	}
	if f.boundFades(l, until); !f.inCalm(l) {
		return false
	}
	f.countUnevaluable(c)
	return true
}

// fadesAlone is whether time alone is certain to leave the lead in hand, whose fades were gathered, where it is from its
// clock to an instant.
func (f *Folder) fadesAlone(l *Lead, to Instant) bool {
	f.boundFades(l, to)
	return f.foresee(l) == same
}

// fadesInCalm is fadesAlone as far as the lead's calm tells, which asks no condition.
func (f *Folder) fadesInCalm(l *Lead, to Instant) bool {
	f.boundFades(l, to)
	return f.inCalm(l)
}

// staysBeyond is whether three looks make it certain that the lead in hand, all of whose shares fade, stays where it is
// until that instant. Then its Due becomes one of about when it leaves its calm, but no later.
func (f *Folder) staysBeyond(l *Lead, to Instant) bool {
	s, c, by := &f.search, f.kind(l), f.model.reads.settledBy
	if !c.found || !f.gatherFades(l, closely) || !f.fadesInCalm(l, l.Clock) {
		return false
	}
	s.inside, s.outside = append(s.inside[:0], s.found.lo...), append(s.outside[:0], s.found.lo...)
	until := l.Clock + stride
	if !f.fadesInCalm(l, until) {
		s.noteFurthest(by, s.outside, c)
		until = c.guess(by, s.inside, s.outside, l.Clock, until)
		until -= (until - l.Clock) >> 10 // for certain
		if until < to || !f.fadesInCalm(l, until) {
			return false
		}
	}
	if until < to {
		return false
	}
	l.Due = until + 1
	return true
}

// firstOfFades is the first move of the lead in hand, if it only fades, one way; Never where there will be none. It
// answers false where that is not so, or where it can't tell. What it finds it holds against the bounds on both sides, so
// it answers no other instant than lookAhead would, to which it is a short cut.
func (f *Folder) firstOfFades(l *Lead) (Instant, bool) {
	s := &f.search
	if !f.gatherFades(l, closely) || !f.boundFades(l, lastInstant) {
		return 0, false
	}
	if s.held = false; !f.fadesAlone(l, l.Clock) {
		return 0, false
	}
	s.inside = append(s.inside[:0], s.found.lo...)
	c := f.kind(l)
	if !c.found {
		if f.workOut(c, l, s.inside); !c.found {
			return 0, false
		}
	}
	// Nearly always the lead moves where it leaves its calm, and then no other condition need be asked.
	if c.covers(f.model.reads.settledBy, s.inside, s.inside) {
		if at, found := f.firstPastDust(l, f.endOfFades(l, c, f.fadesInCalm)); found {
			return at, true
		}
	}
	return f.firstPastDust(l, f.endOfFades(l, c, f.fadesAlone))
}

// endOfFades is the first instant until which the lead in hand, which only fades, one way, does not stay as told by
// stays; Never where it does for ever. It does so at its clock, at which its values were noted as s.inside.
func (f *Folder) endOfFades(l *Lead, c *calm, stays func(*Lead, Instant) bool) Instant {
	if stays(l, lastInstant) {
		return Never
	}
	s, by := &f.search, f.model.reads.settledBy
	until, from := l.Clock, min(lastInstant, l.Clock+stride)
	for ; stays(l, from); from = min(lastInstant, from+from-l.Clock) {
		until = from
		s.noteFurthest(by, s.inside, c)
	}
	s.outside = append(s.outside[:0], s.found.lo...)
	s.noteFurthest(by, s.outside, c)
	for look := 0; from-until > 1; look++ {
		at := between(until, from)
		if look < crossMost {
			at = c.step(by, s.inside, s.outside, until, from, look)
		}
		if stays(l, at) {
			until = at
			s.noteFurthest(by, s.inside, c)
		} else {
			from = at
			s.noteFurthest(by, s.outside, c)
		}
	}
	return from
}

// dustMost is for how many milliseconds after what is certain a first move is looked for one by one: as long as the dust
// of the bounds, or a value that is just at its threshold, hides it.
const dustMost = 16

// firstPastDust is the first instant from one on at which the lead in hand, which stays until then, moves; Never of Never.
func (f *Folder) firstPastDust(l *Lead, from Instant) (Instant, bool) {
	if from == Never {
		return Never, true
	}
	probe := f.search.point(1)
	for at := from; at < from+dustMost && at <= lastInstant; at++ {
		f.fill(probe, l, at)
		switch f.forecast(l, probe, probe) {
		case moved:
			return at, true
		case open:
			return 0, false
		}
	}
	return 0, false
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
