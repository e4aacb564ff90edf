package scorer

import (
	"math"
	"slices"
)

// A lead in a tier without an upper end, from which nothing but a value below some threshold takes it, can't be moved by
// what only adds. Nor can time then move it any sooner: so of most events of a busy lead nothing need be worked out, and
// of what it counted only the counter of the event need be at hand. That this is so rests on four things:
//
//   - Wherever the value stands at or above the threshold the lead stays, and wherever it is below, settle moves it,
//     whatever the other values are (see risesOnly). So where it is known to stay, the value is not below.
//   - A lead that this model decided last stays where it is at its clock, and time alone leaves it there until its Due: at
//     each instant until then the value, without the event, is not below the threshold. Without idle rules nothing counts
//     in between.
//   - The event makes no share smaller at any of these instants (see adds).
//   - A moving value never falls when a share rises, to the bit: sums and roundings don't (see compose), nor do caps.
//
// It is a property of tier and stage alone, not of what a Folder has seen before: the same lead and event give the same
// lead, its Due included.

// prepareRising notes in which tiers and stages leads are kept by a value's being high enough, and which rules only add.
func (f *Folder) prepareRising() {
	m := f.model
	e := &m.engagement
	f.adding = make([]bool, len(e.rules))
	f.rising = make([]bool, f.standingOf(len(m.tiers)+1, -1)) // the last for a tier that the model does not have
	if len(e.idle) > 0 || len(m.reads.settledIn) > 0 || slices.Contains(m.reads.settledBy, movingIdle) {
		return
	}
	for i := range e.rules {
		r, kind := &e.rules[i], f.fading[i].kind
		f.adding[i] = !r.reset && r.worth == nil && r.points >= 0 && (kind == halving || kind == resting)
	}
	for tier := range m.tiers {
		for stage := -1; stage < len(m.stages); stage++ {
			l := &Lead{Tier: m.tiers[tier].name}
			if stage >= 0 {
				l.Stage = m.stages[stage].name
			}
			f.takeStill(l)
			f.rising[f.standingOf(tier, stage)] = f.neverFails() &&
				slices.ContainsFunc(m.reads.settledBy, func(slot int) bool { return f.risesOnly(l, slot) })
		}
	}
}

// standingOf is the place in rising of a tier and a stage by their places.
func (f *Folder) standingOf(tier, stage int) int { return tier*(len(f.model.stages)+1) + stage + 1 }

// neverFails is whether all conditions of tiers and stages can be evaluated, whatever the moving values are.
func (f *Folder) neverFails() bool {
	lo, hi := f.anywhere()
	for i := range f.model.tiers {
		if when := f.model.tiers[i].when; when != nil && when.root.over(lo, hi, &f.scene)&canFail != 0 {
			return false
		}
	}
	for i := range f.model.stages {
		if when := f.model.stages[i].when; when != nil && when.root.over(lo, hi, &f.scene)&canFail != 0 {
			return false
		}
	}
	return true
}

// anywhere makes the range that the search has found all that there is.
func (f *Folder) anywhere() (lo, hi []float64) {
	lo, hi = f.search.found.lo, f.search.found.hi
	for slot := range lo {
		lo[slot], hi[slot] = math.Inf(-1), math.Inf(1)
	}
	return lo, hi
}

// risesOnly is whether the lead in hand stays where it is wherever the moving value of that slot is at or above one of
// the model's thresholds, and is moved wherever it is below, whatever the others are.
func (f *Folder) risesOnly(l *Lead, slot int) bool {
	lo, hi := f.anywhere()
	thresholds := f.model.reads.thresholds
	told, top := same, math.Inf(1)
	// look looks at the values from bottom up to those seen already.
	look := func(bottom float64) bool {
		lo[slot], hi[slot] = bottom, top
		top = math.Nextafter(bottom, math.Inf(-1))
		f.search.held = false
		was := told
		told = f.foresee(l)
		return told == was || told == moved
	}
	for _, t := range slices.Backward(thresholds) {
		if !look(math.Nextafter(t, math.Inf(1))) || !look(t) {
			return false
		}
	}
	return look(math.Inf(-1))
}

// onlyAdded is whether it is certain that the hits, which were counted for the lead in hand, leave it settled where it
// is, and that time alone does until its Due. The model decided it before, and it stayed until now.
func (f *Folder) onlyAdded(l *Lead) bool {
	if l.Due <= l.Clock || !f.rising[f.standingOf(f.tierOf(l.Tier), f.stageOf(l.Stage))] {
		return false
	}
	for _, h := range f.hits {
		if !f.adding[h.rule] || !f.adds(l, &f.model.engagement.rules[h.rule]) {
			return false
		}
	}
	return true
}

// addsMost is how large a counter's sum may be for an event's weight of 1 to be more than the error of working out what is
// left of it.
const addsMost = 1e9

// adds is whether the rule, which never takes away, has made its share of l no smaller at any instant, to the bit, by what
// it may have counted last.
//
// A sum that does not fade, and one to which a late event is added, is the old one and something: no smaller, at the same
// reference. One that was brought from its reference to the event's time, s·keep(a) and 1, was s·keep(a+b) at b after
// that, and is (s·keep(a) + 1)·keep(b). The powers, their exponents of up to 1000 and the products are off by less than
// 1e-12 of s·keep(a)·keep(b), and what was added is more than 1e-9 of it. Where keep(b) is 0, so is keep(a+b). A sum that
// was below 0 and is not any more was no merit before.
func (f *Folder) adds(l *Lead, r *rule) bool {
	place, there := l.counter(r.key)
	return !there || l.Counters[place].Sum >= 0 && l.Counters[place].Sum <= addsMost
}
