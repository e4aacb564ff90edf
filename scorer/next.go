package scorer

import "math/bits"

// The search for what time alone will do does not sample. It bounds the moving values over a whole stretch of time and
// asks the conditions what they can be within these bounds. A stretch over which they can't change is done with,
// however long; any other is halved, down to one millisecond, where the bounds are the values themselves. So it finds
// the first millisecond at which the lead would move, whatever the scores do in between: fall, or rise because a penalty
// fades faster than the merit, or touch a threshold and turn back.
//
// Where conditions compare values that move as one (`engagement.groups.a > engagement.groups.b`), bounds can't tell, and
// halving could go on for as many milliseconds as there are. So each search has a number of looks. When they are used
// up, it goes on over whole seconds, then minutes, hours and days.

// looksMost is how many times a search halves before it takes to a coarser grain; scheduleLooks how many times before
// Schedule is content with what it has proved so far, safeLooks how many times before it no longer tries to show that a
// lead's Due is still safe.
const (
	looksMost     = 1 << 16
	scheduleLooks = 1 << 11
	safeLooks     = 8
)

// firingsMost and scheduleFirings are how many firings of idle rules are looked at one by one.
const (
	firingsMost     = 10_000
	scheduleFirings = 64
)

// stride is the first stretch that a search looks at, 12 days, when all of the future is too much at once. Each further
// one is twice as long.
const stride Instant = 1 << 30

// grains are the grains of a search, in milliseconds.
var grains = [...]Instant{1, 1_000, 60_000, 3_600_000, 86_400_000}

// search is the scratch memory of a search, and how far it got.
type search struct {
	moves bool // whether any tier or stage moves with time at all

	rates        []float64       // by class of half-life
	lives        []halfLifeDecay // by class
	keeps        []float64       // by class, of boundFades
	fades        []fades         // by group and class, those of the rules without group last
	rests        []fades         // by group, likewise
	curves       []curve         // by group, and one for the rules without
	halves       []curve         // by group and class
	sumLo, sumHi []float64       // by group, likewise
	found        bound
	extras       extras
	points       []*point
	// Of cross: the moving values at both ends.
	inside, outside []float64

	// still is what the tiers' conditions that do not move are as long as the lead in hand stays in its tier; maybe for
	// those that move.
	still []verdict
	held  bool // whether still is of the lead in hand

	mixed       bool // whether the last look saw shares move both ways
	looks, most int
	grain       int // index into grains
	patient     patience
}

// patience is what a search does when its looks are used up.
type patience uint8

const (
	goesOn patience = iota // over coarser grains
	givesUp
)

// prepareSearch makes the scratch memory for the Folder's model.
func (f *Folder) prepareSearch() {
	m, s := f.model, &f.search
	groups := len(m.engagement.groups)
	classes := map[float64]int{}
	for i := range m.engagement.rules {
		f.fading = append(f.fading, fadingOf(m.engagement.rules[i].decay, classes))
	}
	s.rates, s.keeps = make([]float64, len(classes)), make([]float64, len(classes))
	s.lives = make([]halfLifeDecay, len(classes))
	for _, fade := range f.fading {
		if fade.kind == halving {
			s.rates[fade.class] = fade.rate
			s.lives[fade.class] = fade.life
		}
	}
	s.curves = make([]curve, groups+1)
	s.halves = make([]curve, len(s.curves)*len(s.rates))
	s.fades = make([]fades, max(1, len(s.halves)))
	s.rests = make([]fades, len(s.curves))
	s.sumLo, s.sumHi = make([]float64, len(s.curves)), make([]float64, len(s.curves))
	s.found = bound{lo: make([]float64, movingGroups+groups), hi: make([]float64, movingGroups+groups)}
	s.still = make([]verdict, len(m.tiers)-1)
	for i := range m.tiers {
		s.moves = s.moves || m.tiers[i].when != nil && m.tiers[i].when.moves()
	}
	for i := range m.stages {
		s.moves = s.moves || m.stages[i].when != nil && m.stages[i].when.moves()
	}
}

// point is the scratch point of that number.
func (s *search) point(i int) *point {
	for len(s.points) <= i {
		s.points = append(s.points, &point{})
	}
	return s.points[i]
}

// NextChange is the first instant at which time alone moves l to another tier, and that tier; false where it never will
// (before the year 10000, and before an idle rule has fired ten thousand times).
func (f *Folder) NextChange(l *Lead) (at Instant, to string, ok bool) {
	if l.Tier == "" || !f.search.moves {
		return 0, "", false
	}
	l.copyInto(&f.spare)
	next := &f.spare
	f.take(next)
	for firings := 0; firings < firingsMost; {
		if f.quiet(next, lastInstant) {
			return 0, "", false
		}
		due := f.nextFiring(next)
		if at, found := f.firstMove(next, min(lastInstant, due-1)); found {
			next.Clock = at
		} else {
			if due == Never {
				return 0, "", false
			}
			f.fire(next, due)
			firings++
		}
		f.settle(next, nil, nil)
		if next.Tier != l.Tier {
			return next.Clock, f.model.tiers[f.tierOf(next.Tier)].name, true
		}
	}
	return 0, "", false
}

// Unscheduled makes f, which it returns, search for no next change: Due is then Never where it is plain at one look that
// there is none, else an instant until which the lead was found to stay, or its clock. That is for who looks at all leads
// anyway and would search for nothing: changes come at the same instants, for Advance looks for them itself.
func (f *Folder) Unscheduled() *Folder {
	f.unscheduled = true
	return f
}

// Schedule sets l.Due to an instant not later than the next change (of tier or stage) that time alone will make, Never
// where there will be none. A Due that still is such an instant stays as it is, so most events write no timer. Apply,
// Advance, Retier and Correct schedule by themselves.
func (f *Folder) Schedule(l *Lead) {
	if l.Tier == "" {
		l.Due = Never
		return
	}
	f.take(l)
	f.see(l, l.Clock)
	f.schedule(l)
}

// schedule is Schedule of the lead in hand, which is seen at its clock.
func (f *Folder) schedule(l *Lead) {
	switch {
	case !f.search.moves:
		l.Due = Never
	case f.unscheduled:
		l.Due = f.roughDue(l)
	case l.Due <= l.Clock:
		l.Due = f.due(l)
	default:
		switch at, told := f.stillSafe(l, min(l.Due-1, lastInstant)); told {
		case moved:
			l.Due = at
		case open:
			l.Due = f.due(l)
		}
	}
}

// roughDue is the Due of an unscheduled lead. One that was not quiet is taken not to be until it moves.
func (f *Folder) roughDue(l *Lead) Instant {
	if l.Due != Never && l.Since != l.Clock {
		return l.Clock
	}
	if f.nextFiring(l) == Never && f.gatherFades(l, closely) {
		if f.search.held = false; f.fadesAlone(l, lastInstant) {
			return Never
		}
	}
	a, b := f.search.point(0), f.search.point(1)
	f.fill(b, l, lastInstant)
	f.boundPlain(l, a, b, f.foreseeFirings(l, lastInstant))
	if f.inCalm(l) {
		return Never
	}
	return l.Clock
}

// inCalm is whether what was found lies within the calm of the lead in hand.
func (f *Folder) inCalm(l *Lead) bool {
	return f.kind(l).covers(f.model.reads.settledBy, f.search.found.lo, f.search.found.hi)
}

// stillSafe is whether it is certain, after a few looks, that time alone changes nothing of the lead in hand, which is
// seen at its clock, until that instant (same); or that it does, and when (moved).
func (f *Folder) stillSafe(l *Lead, until Instant) (Instant, outlook) {
	fires := f.nextFiring(l) <= until
	if !fires && f.gatherFades(l, closely) {
		one := f.boundFades(l, until)
		f.search.held = false
		switch {
		case f.foresee(l) == same:
			return 0, same
		case one:
			return 0, open // firstOfFades finds the instant quicker
		}
	}
	switch {
	case f.quietSeen(l, until):
		return 0, same
	case fires:
		return 0, open
	default:
		return f.lookAhead(l, until, givesUp, safeLooks)
	}
}

// due is an instant not later than the next change that time alone will make for the lead in hand.
func (f *Folder) due(l *Lead) Instant {
	next := l
	if f.nextFiring(l) == Never {
		if at, found := f.firstOfFades(l); found {
			return at
		}
	}
	for range scheduleFirings {
		if f.quiet(next, lastInstant) {
			return Never
		}
		firing := f.nextFiring(next)
		at, told := f.lookAhead(next, min(lastInstant, firing-1), givesUp, scheduleLooks)
		if told != same {
			return at
		}
		if firing == Never {
			return Never
		}
		if next == l {
			l.copyInto(&f.spare)
			next = &f.spare
			f.take(next)
		}
		f.fire(next, firing)
		f.settle(next, nil, nil)
		if next.Tier != l.Tier || next.Stage != l.Stage {
			return firing
		}
	}
	return next.Clock
}

// quiet is whether it is certain that time alone changes nothing of the lead in hand until that instant, idle rules
// included. It takes one look.
func (f *Folder) quiet(l *Lead, until Instant) bool {
	f.fill(f.search.point(0), l, l.Clock)
	return f.quietSeen(l, until)
}

// quietSeen is quiet for a lead that is seen at its clock.
func (f *Folder) quietSeen(l *Lead, until Instant) bool {
	if until <= l.Clock {
		return true
	}
	a, b := f.search.point(0), f.search.point(1)
	f.fill(b, l, until)
	f.boundPlain(l, a, b, f.foreseeFirings(l, until))
	f.search.held = false
	return f.foresee(l) == same
}

// firstMove is the first instant after l's clock, and not after to, at which the lead in hand would change tier or
// stage, if no idle rule fires on the way.
func (f *Folder) firstMove(l *Lead, to Instant) (Instant, bool) {
	if !f.search.moves || to <= l.Clock {
		return 0, false
	}
	if f.gatherFades(l, closely) {
		if f.search.held = false; f.fadesAlone(l, to) {
			return 0, false
		}
	}
	if f.staysUp(l, to) {
		return 0, false
	}
	at, told := f.lookAhead(l, to, goesOn, looksMost)
	return at, told == moved
}

// staysUp is whether the lead in hand, in a tier without an upper end, is certain to stay until that instant.
func (f *Folder) staysUp(l *Lead, to Instant) bool {
	if !f.kind(l).endless() {
		return false
	}
	a, b := f.search.point(0), f.search.point(1)
	f.fillAbove(a, l, l.Clock+1)
	f.fill(b, l, to)
	f.boundPlain(l, a, b, nil)
	return f.inCalm(l)
}

// holdStill notes what the conditions that time does not move are for the lead in hand, once for all looks.
func (f *Folder) holdStill() {
	s := &f.search
	s.held = true
	for i := range s.still {
		s.still[i] = maybe
		if c := f.model.tiers[i].when; !c.moves() {
			s.still[i] = f.within(c)
		}
	}
}

// outlook is what is known of a stretch of time.
type outlook uint8

const (
	open  outlook = iota // it may or may not change something
	same                 // it changes nothing
	moved                // it changes something, and does so from its first millisecond on
)

// lookAhead looks for the first move of the lead in hand after its clock and not after to. It answers moved and when; or
// same; or open, and the instant up to which (not included) all is the same.
func (f *Folder) lookAhead(l *Lead, to Instant, patient patience, looks int) (Instant, outlook) {
	s := &f.search
	s.looks, s.most, s.grain, s.patient = 0, looks, 0, patient
	from := l.Clock + 1
	if to < from {
		return 0, same
	}
	a, b := s.point(0), s.point(1)
	f.fill(a, l, from)
	f.fill(b, l, to)
	s.held = false
	if told := f.forecast(l, a, b); told == same {
		return 0, same
	}
	for step := stride; ; step *= 2 {
		end := min(to, from+step)
		f.fill(b, l, end)
		switch told := f.forecast(l, a, b); {
		case told == moved:
			return from, moved
		case told == open:
			if !s.mixed {
				if at, found := f.cross(l, a, b, 2); found {
					return at, moved
				}
			}
			if at, told := f.first(l, a, b, 2); told != same {
				return at, told
			}
		}
		if end == to {
			return 0, same
		}
		from = end
		f.fill(a, l, from)
	}
}

// first is lookAhead over the stretch from a to b, both included. Scratch points from depth on are free.
func (f *Folder) first(l *Lead, a, b *point, depth int) (Instant, outlook) {
	s := &f.search
	for known := false; ; depth++ {
		if !known {
			if told := f.forecast(l, a, b); told != open {
				return a.at, told
			}
			// Where bounds are exact, the whole is open and its first half the same, the second half is open: no need to ask.
			known = !s.mixed
		}
		if s.looks++; s.looks > s.most {
			if s.patient == givesUp {
				return a.at, open
			}
			if s.grain+1 < len(grains) {
				s.grain++
				s.looks = 0
			}
		}
		if b.at-a.at <= grains[s.grain] {
			return f.firstGrain(l, a, b, depth)
		}
		half := s.point(depth)
		f.fill(half, l, between(a.at, b.at))
		if at, told := f.first(l, a, half, depth+1); told != same {
			return at, told
		}
		a = half
	}
}

// between is the instant strictly between a and b that is the roundest in binary. So stretches are halved at the same
// instants wherever a search begins.
func between(a, b Instant) Instant {
	b--
	return b &^ (1<<(bits.Len64(uint64(a^b))-1) - 1)
}

// firstGrain looks at the instants of a stretch that is no longer than a grain: at both of its ends in milliseconds, at
// what whole grains it holds in coarser ones.
func (f *Folder) firstGrain(l *Lead, a, b *point, depth int) (Instant, outlook) {
	grain, p := grains[f.search.grain], f.search.point(depth)
	for at := (a.at + grain - 1) / grain * grain; at <= b.at; at += grain {
		f.fill(p, l, at)
		if f.forecast(l, p, p) == moved {
			return at, moved
		}
	}
	return 0, same
}
