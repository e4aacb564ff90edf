package scorer

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// The search for tiers between which a lead would go back and forth looks at leads around the numbers and texts that the
// tiers' conditions name: each number, and one between each two of them. statesMost bounds how many; where CEL has a part
// in a condition, which may be slow, callsMost does.
const (
	statesMost = 20_000
	callsMost  = 200
)

// flapping is the search: the scene of one lead after the other.
type flapping struct {
	m     *Model
	scope *scope // of all tiers' conditions
	scene scene
	left  int // states that may still be looked at
	next  []int
	told  []bool // by tier
	tell  func(top, from, to int)

	fit, rated float64 // of the lead in hand
}

// checkHysteresis finds tiers that a lead enters and leaves again with nothing happening: what it takes to stay in one
// is more than what it takes to get there.
func (r *reader) checkHysteresis(m *Model) {
	f := &flapping{m: m, scope: r.scope(m), left: statesMost, next: make([]int, len(m.tiers)), told: make([]bool, len(m.tiers))}
	for i := range m.tiers {
		if c := m.tiers[i].when; c != nil {
			f.scope.wide(c.root)
		}
	}
	if f.scope.byName["tier"] == nil {
		return // no condition knows where a lead is
	}
	if f.scope.calls {
		f.left = callsMost
	}
	f.scene = scene{moving: make([]float64, movingGroups+len(m.engagement.groups)), still: make([]Value, len(m.stills))}
	f.scene.moving[movingIdle] = math.NaN()
	f.tell = func(top, from, to int) {
		c := m.tiers[top].when
		at := r.language.parts[c][0]
		for _, p := range r.language.parts[c] {
			scope := r.scope(m)
			if scope.wide(p.root); scope.byName["tier"] != nil {
				at = p
				break
			}
		}
		scope := r.scope(m)
		scope.wide(c.root)
		name := m.tiers[top].name
		r.failIn(r.places[c], []mistake{{at.offset, at.width,
			f.witness(scope) + "a lead in " + m.tiers[from].name + " moves to " + name + ", and one in " + name +
				" moves to " + m.tiers[to].name + ", so it would never come to rest",
			"staying must ask for less than getting in: swap what is asked of a lead in " + name + " and of the others"}})
	}
	f.walk(f.choices())
}

// walk looks at every combination of choices. Each sets a part of the scene to one value after the other, and goes on
// from there as long as it is told to.
func (f *flapping) walk(choices []choice) bool {
	if len(choices) > 0 {
		return choices[0](func() bool { return f.walk(choices[1:]) })
	}
	f.left--
	f.judge()
	return f.left > 0
}

// choice sets a part of the scene to one value after the other, and calls next for each, until that says false, which
// it then says too.
type choice func(next func() bool) bool

// judge looks whether the lead of the scene comes to rest, wherever it is.
func (f *flapping) judge() {
	for from := range f.m.tiers {
		f.show(stillTier, Value{Kind: String, String: f.m.tiers[from].name})
		f.next[from] = f.first()
	}
	for start := range f.next {
		at := start
		for range f.next {
			at = f.next[at]
		}
		if f.m.tiers[f.next[at]].name == f.m.tiers[at].name {
			continue // at rest
		}
		// at goes round: of the tiers there, the top one holds for a lead that is in another, and not for one that is in it.
		top, from := at, at
		for i := f.next[at]; i != at; i = f.next[i] {
			top = min(top, i)
		}
		for f.next[from] != top {
			from = f.next[from]
		}
		if !f.told[top] {
			f.told[top] = true
			f.show(stillTier, Value{Kind: String, String: f.m.tiers[from].name})
			f.tell(top, from, f.next[top])
		}
	}
}

// first is the first tier whose condition holds; one with a mistake does not.
func (f *flapping) first() int {
	last := len(f.m.tiers) - 1
	for i := range f.m.tiers[:last] {
		if c := f.m.tiers[i].when; c != nil {
			if holds, err := c.holds(&f.scene); err == nil && holds {
				return i
			}
		}
	}
	return last
}

func (f *flapping) show(kind stillKind, v Value) {
	for i := range f.m.stills {
		if f.m.stills[i].kind == kind {
			f.scene.still[i] = v
		}
	}
}

func (f *flapping) showNumber(kind stillKind, v float64) {
	f.show(kind, Value{Kind: Number, Number: v})
}

// choices are what there is to choose: the values that all others follow from.
func (f *flapping) choices() []choice {
	q := &f.m.qualification
	all := []choice{f.chooseFit, f.chooseEngagement}
	for _, a := range f.scope.axes {
		switch {
		case a.moving == movingIdle:
			all = append(all, f.chooseIdle)
		case a.moving >= movingGroups:
			all = append(all, func(next func() bool) bool {
				return each(samples(f.scope.ranges.groups[a.moving-movingGroups], a.constants), func(v float64) bool {
					f.scene.moving[a.moving] = v
					return next()
				})
			})
		case a.still != nil && slices.Contains([]stillKind{stillProfile, stillRating, stillDisposition, stillStage}, a.still.kind):
			all = append(all, f.chooser(a))
		}
	}
	if len(q.criteria) > 0 && f.scope.ranges.scaled {
		all = append(all, f.chooseRated, f.chooseTotal)
	}
	return all
}

// constants are what a name is compared with, each less by that much.
func (f *flapping) constants(name string, less float64) []float64 {
	a := f.scope.byName[name]
	if a == nil {
		return nil
	}
	all := slices.Clone(a.constants)
	for i := range all {
		all[i] -= less
	}
	return all
}

// used is whether a condition names one of these.
func (f *flapping) used(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return f.scope.byName[name] != nil })
}

func (f *flapping) chooseFit(next func() bool) bool {
	fit := f.scope.ranges.fit
	values := []float64{min(max(0, fit.lo), fit.hi)}
	if f.used("fit.score", "fit.grade", "score") {
		constants := append(f.constants("fit.score", 0), values[0])
		for _, g := range f.m.fit.grades {
			constants = append(constants, g.bound)
		}
		values = append(values, samples(fit, constants)...)
	}
	return each(values, func(v float64) bool {
		f.fit = v
		f.showNumber(stillFitScore, v)
		f.show(stillFitGrade, Value{Kind: String, String: f.m.fit.grade(v)})
		return next()
	})
}

func (f *flapping) chooseEngagement(next func() bool) bool {
	engagement := f.scope.ranges.engagement
	values := []float64{min(max(0, engagement.lo), engagement.hi)}
	if f.used("engagement.score", "score") {
		values = samples(engagement, append(f.constants("engagement.score", 0), f.constants("score", f.fit)...))
	}
	return each(values, func(v float64) bool {
		f.scene.moving[movingEngagement] = v
		f.scene.moving[movingScore] = round(v + f.fit)
		return next()
	})
}

func (f *flapping) chooseIdle(next func() bool) bool {
	values := samples(interval{0, float64(lastInstant) / 1000}, f.constants("engagement.idle", 0))
	return each(append(values, math.NaN()), func(v float64) bool {
		f.scene.moving[movingIdle] = v
		return next()
	})
}

func (f *flapping) chooseRated(next func() bool) bool {
	n := len(f.m.qualification.criteria)
	values := []float64{float64(n), 0}
	if f.used("qualification.total", "qualification.rated", "qualification.complete", "qualification.floor", "qualification.ceiling") {
		values = nil
		for k := n; k >= 0; k-- {
			values = append(values, float64(k))
		}
	}
	return each(values, func(v float64) bool {
		f.rated = v
		f.showNumber(stillRated, v)
		complete := Value{Kind: Bool}
		if int(v) == n {
			complete.Number = 1
		}
		f.show(stillComplete, complete)
		return next()
	})
}

// chooseTotal chooses the total of as many ratings as were chosen.
func (f *flapping) chooseTotal(next func() bool) bool {
	q := &f.m.qualification
	open := float64(len(q.criteria)) - f.rated
	constants := f.constants("qualification.total", 0)
	constants = append(constants, f.constants("qualification.floor", open*q.min)...)
	constants = append(constants, f.constants("qualification.ceiling", open*q.max)...)
	return each(samples(interval{f.rated * q.min, f.rated * q.max}, constants), func(v float64) bool {
		f.showNumber(stillTotal, v)
		f.showNumber(stillFloor, round(v+open*q.min))
		f.showNumber(stillCeiling, round(v+open*q.max))
		return next()
	})
}

// chooser chooses among the cells of a name that stands for itself.
func (f *flapping) chooser(a *axis) choice {
	var values []Value
	for _, cell := range f.scope.cellsOf(a) {
		switch {
		case cell.absent:
			values = append(values, Value{})
		case cell.hasBool():
			v := Value{Kind: Bool}
			if cell.yes {
				v.Number = 1
			}
			values = append(values, v)
		case len(cell.texts) > 0:
			values = append(values, Value{Kind: String, String: cell.texts[0]})
		case cell.others:
			values = append(values, Value{Kind: String, String: "something else"})
		}
	}
	if a.whole.hasNumber() {
		for _, v := range samples(interval{a.whole.lo, a.whole.hi}, a.constants) {
			values = append(values, Value{Kind: Number, Number: v})
		}
	}
	return func(next func() bool) bool {
		for _, v := range values {
			for i := range f.m.stills {
				if f.m.stills[i] == *a.still {
					f.scene.still[i] = v
				}
			}
			if !next() {
				return false
			}
		}
		return true
	}
}

func each(values []float64, next func(v float64) bool) bool {
	for _, v := range values {
		if !next(v) {
			return false
		}
	}
	return true
}

// samples are a number of each piece into which the constants cut an interval: what lies between two constants first,
// then the constants, then what is beyond them.
func samples(i interval, constants []float64) []float64 {
	var between, at, beyond []float64
	for _, p := range pieces(i.lo, i.hi, constants) {
		switch low, high := math.IsInf(p.lo, 0), math.IsInf(p.hi, 0); {
		case p.lo == p.hi:
			at = append(at, p.lo)
		case low && high:
			beyond = append(beyond, 0)
		case low:
			beyond = append(beyond, math.Floor(p.hi)-1)
		case high:
			beyond = append(beyond, math.Ceil(p.lo)+1)
		default:
			middle := p.lo/2 + p.hi/2
			if whole := math.Round(middle); p.lo <= whole && whole <= p.hi {
				middle = whole
			}
			between = append(between, middle)
		}
	}
	return slices.Concat(between, at, beyond)
}

// witness tells the lead in hand by the names in the scope: "at engagement.score 65 ".
func (f *flapping) witness(s *scope) string {
	var all []string
	for _, a := range s.axes {
		switch {
		case a.name == "tier":
		case a.moving == movingIdle && f.scene.moving[movingIdle] == f.scene.moving[movingIdle]:
			all = append(all, a.name+" "+plainSeconds(f.scene.moving[movingIdle]))
		case a.moving == movingIdle:
			all = append(all, "no "+a.name)
		case a.moving >= 0:
			all = append(all, a.name+" "+plain(f.scene.moving[a.moving]))
		default:
			if at := slices.Index(f.m.stills, *a.still); at >= 0 {
				all = append(all, tellValue(a.name, f.scene.still[at]))
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "at " + strings.Join(all, ", ") + " "
}

// tellValue tells for people what a name is.
func tellValue(name string, v Value) string {
	switch v.Kind {
	case Number:
		return name + " " + plain(v.Number)
	case String:
		return name + " " + strconv.Quote(v.String)
	case Bool:
		return name + " " + strconv.FormatBool(v.Number != 0)
	default:
		return "no " + name
	}
}
