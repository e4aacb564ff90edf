package scorer

import (
	"math"
	"slices"
	"strings"
)

// calm is a range of the moving values within which a lead comes to no other tier and reaches no stage: as it was worked
// out once, by the conditions themselves, for all leads of one tier and stage whose still values are the same as far as
// tiers and stages read them. Most events leave a lead within its calm, and then no condition need be asked.
type calm struct {
	tier, stage string
	still       []Value // by reading.settledIn
	// misses is how often a lead of this kind came to rest outside of the range.
	misses uint

	found  bool
	lo, hi []float64 // by reading.settledBy
	// exact is whether each condition that settle would ask answers the same at every instant; places are then those of
	// the conditions that can't be evaluated.
	exact  bool
	places []int
}

// calms is how many kinds of leads a Folder remembers the calm of. It is a power of two.
const calms = 64

// holds is whether the moving values lie within the range.
func (c *calm) holds(by []int, moving []float64) bool { return c.covers(by, moving, moving) }

// covers is whether the moving values lie within the range as long as they are between lo and hi. What is absent lies
// nowhere.
func (c *calm) covers(by []int, lo, hi []float64) bool {
	if !c.found {
		return false
	}
	for i, slot := range by {
		if !(lo[slot] >= c.lo[i] && hi[slot] <= c.hi[i]) {
			return false
		}
	}
	return true
}

// endless is whether the range has no upper end, as that of a top tier.
func (c *calm) endless() bool {
	if !c.found {
		return false
	}
	for _, hi := range c.hi {
		if !math.IsInf(hi, 1) {
			return false
		}
	}
	return true
}

// kind is what is remembered of the kind of lead that the lead in hand is.
func (f *Folder) kind(l *Lead) *calm {
	if f.calm != nil {
		return f.calm
	}
	at := kindOfText(l.Tier) + 7*kindOfText(l.Stage)
	for _, slot := range f.model.reads.settledIn {
		v := &f.scene.still[slot]
		at = at*31 + kindOfText(v.String) + uint(math.Float64bits(v.Number)>>44)
	}
	f.calm = &f.calms[(at^at>>6)&(calms-1)]
	if !f.calm.of(f, l) {
		f.calm.become(f, l)
	}
	return f.calm
}

func kindOfText(s string) uint {
	if s == "" {
		return 0
	}
	return uint(len(s))<<3 ^ uint(s[0])
}

func (c *calm) of(f *Folder, l *Lead) bool {
	if c.tier != l.Tier || c.stage != l.Stage {
		return false
	}
	for i, slot := range f.model.reads.settledIn {
		if c.still[i] != f.scene.still[slot] {
			return false
		}
	}
	return true
}

// become makes c that of the kind of lead that the lead in hand is, of which nothing is known yet.
func (c *calm) become(f *Folder, l *Lead) {
	c.tier, c.stage = strings.Clone(l.Tier), strings.Clone(l.Stage)
	c.still = c.still[:0]
	for _, slot := range f.model.reads.settledIn {
		v := f.scene.still[slot]
		v.String = strings.Clone(v.String)
		c.still = append(c.still, v)
	}
	c.misses, c.found = 0, false
}

// countUnevaluable counts the conditions that can't be evaluated in a calm that is exact, as if they were asked.
func (f *Folder) countUnevaluable(c *calm) {
	for _, place := range c.places {
		f.unevaluable[place]++
	}
}

// rest notes that the lead in hand stays where it is at these moving values, outside of its calm. Where that is seen
// again and again, its calm is worked out anew from there.
func (f *Folder) rest(l *Lead, moving []float64) {
	c := f.kind(l)
	c.misses++
	if c.misses < 2 || c.misses&(c.misses-1) != 0 {
		return
	}
	f.workOut(c, l, moving)
}

// workOut finds the range around these values, one after the other: as far as thresholds, or for ever.
func (f *Folder) workOut(c *calm, l *Lead, moving []float64) {
	by := f.model.reads.settledBy
	c.found = false
	s := &f.search
	c.lo, c.hi = slices.Grow(c.lo[:0], len(by))[:len(by)], slices.Grow(c.hi[:0], len(by))[:len(by)]
	for i, slot := range by {
		c.lo[i], c.hi[i] = moving[slot], moving[slot]
		s.found.lo[slot], s.found.hi[slot] = c.lo[i], c.hi[i]
	}
	s.held = false
	if f.foresee(l) != same {
		return
	}
	for i, slot := range by {
		f.widen(l, slot, c.lo[i])
		c.lo[i], c.hi[i] = s.found.lo[slot], s.found.hi[slot]
	}
	c.exact = f.certain(l, c)
	c.found = true
}

// widen widens the range of one moving value, which is now at v, as far as all stays the same.
func (f *Folder) widen(l *Lead, slot int, v float64) {
	if v != v {
		return
	}
	lo, hi := &f.search.found.lo[slot], &f.search.found.hi[slot]
	try := func(end *float64, to float64) bool {
		was := *end
		*end = to
		if f.foresee(l) == same {
			return true
		}
		*end = was
		return false
	}
	thresholds := f.model.reads.thresholds
	if !try(hi, math.Inf(1)) {
		for i := len(thresholds) - 1; i >= 0 && thresholds[i] >= v; i-- {
			if t := thresholds[i]; try(hi, t) || t > v && try(hi, math.Nextafter(t, math.Inf(-1))) {
				break
			}
		}
	}
	if !try(lo, math.Inf(-1)) {
		for i := 0; i < len(thresholds) && thresholds[i] <= v; i++ {
			if t := thresholds[i]; try(lo, t) || t < v && try(lo, math.Nextafter(t, math.Inf(1))) {
				break
			}
		}
	}
}

// certain is whether the conditions that settle asks of the lead in hand answer the same throughout the range that is in
// found, and notes in c which of them can't be evaluated.
func (f *Folder) certain(l *Lead, c *calm) bool {
	c.places = c.places[:0]
	s := &f.search
	ask := func(when *condition, place int, want truths) bool {
		switch when.root.over(s.found.lo, s.found.hi, &f.scene) {
		case want:
			return true
		case canFail:
			c.places = append(c.places, place)
			return want == canNo
		default:
			return false
		}
	}
	for i := range f.model.tiers {
		t := &f.model.tiers[i]
		if t.name == l.Tier {
			if t.when != nil && !ask(t.when, f.tierPlace(i), canYes) {
				return false
			}
			break
		}
		if t.when == nil || !ask(t.when, f.tierPlace(i), canNo) {
			return false
		}
	}
	for i := f.stageOf(l.Stage) + 1; i < len(f.model.stages); i++ {
		if when := f.model.stages[i].when; when == nil || !ask(when, f.stagePlace(i), canNo) {
			return false
		}
	}
	return true
}
