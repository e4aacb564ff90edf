package scorer

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// Folder folds events into leads by one model. It owns scratch memory, so each goroutine takes one of its own; between
// two calls it remembers nothing of a lead.
type Folder struct {
	// ProfileBytes bounds a lead's profile, counted as its names and texts, and 8 bytes for each value that is no text.
	// An event that would make it larger is refused.
	ProfileBytes int

	model       *Model
	unscheduled bool // see Unscheduled
	// byKey are the rules in the order of a lead's counters. Shares are always summed in this order, so that a score is
	// the same to the bit however it came about.
	byKey  []keyedRule
	places keyTable // of byKey
	types  typeTable
	fading []fading // by rule: how its share moves
	adding []bool   // by rule: whether it only adds (see next_rising.go)
	rising []bool   // by tier and stage, at standingOf
	// rounded are the moving values, but the idle time, that conditions or expressions read.
	rounded []int

	// What follows is about the lead in hand (see take).
	scene  scene
	active []activeRule
	fit    fitStanding
	asked  qualificationStanding

	// The same of a lead without profile, ratings and disposition.
	blankFit   fitStanding
	blankAsked qualificationStanding
	blankStill []Value

	calm  *calm // of the lead in hand; nil: not looked up yet
	calms [calms]calm

	sums  []float64 // by group
	hits  []hit
	slab  slab
	spare Lead // a copy to look into the future with

	search search

	unevaluable []uint64 // by rule, fit rule, tier, stage, and at last the rank
}

// keyedRule is a rule, and what gatherFades asks of it.
type keyedRule struct {
	key        Key
	rule       int
	kind       fadingKind
	group      int // groups: none
	fades      int // of halving: its place in search.fades
	life       halfLifeDecay
	rate       float64 // ln 2 / half-life, per millisecond
	worth, max float64
}

// keyTable finds rules by their keys: by the lowest bits of a key, or next to there, stands the place of its rule, plus 1;
// 0: none. It has room for many more than there are, so that nearly always the first look tells, and what comes next need
// not be guessed by the processor.
type keyTable []uint32

func keyTableOf(rules []keyedRule) keyTable {
	t := make(keyTable, 8<<bits.Len(uint(len(rules))))
	for i := range rules {
		at := t.slot(rules[i].key)
		for t[at] != 0 {
			at = t.slot(Key(at + 1))
		}
		t[at] = uint32(i + 1)
	}
	return t
}

func (t keyTable) slot(key Key) int { return int(key) & (len(t) - 1) }

// find is the rule of that key; nil where there is none.
func (t keyTable) find(rules []keyedRule, key Key) *keyedRule {
	for at := t.slot(key); t[at] != 0; at = t.slot(Key(at + 1)) {
		if k := &rules[t[at]-1]; k.key == key {
			return k
		}
	}
	return nil
}

// activeRule is a rule that has counted for the lead in hand.
type activeRule struct {
	rule, counter int
}

// hit is a rule that an event counts for, and with what weight.
type hit struct {
	rule   int
	weight float64
}

// Folder is a new Folder of this model.
func (m *Model) Folder() *Folder {
	e := &m.engagement
	f := &Folder{
		ProfileBytes: DefaultProfileBytes,

		model: m,
		byKey: make([]keyedRule, len(e.rules)),
		sums:  make([]float64, len(e.groups)),
		scene: scene{
			moving: make([]float64, movingGroups+len(e.groups)),
			still:  make([]Value, len(m.stills)),
		},
		unevaluable: make([]uint64, len(e.rules)+len(m.fit.rules)+len(m.tiers)+len(m.stages)+1),
	}
	f.prepareSearch()
	for i := range e.rules {
		f.byKey[i] = f.keyed(i)
	}
	slices.SortFunc(f.byKey, func(a, b keyedRule) int { return cmp.Compare(a.key, b.key) })
	f.places, f.types = keyTableOf(f.byKey), typeTableOf(e.byType)
	f.rounded = with(slices.Clone(m.reads.moving), movingScore) // rank reads it where the model has none
	f.rounded = slices.DeleteFunc(f.rounded, func(slot int) bool { return slot == movingIdle })
	f.prepareBlank()
	f.prepareRising()
	return f
}

// keyed is rule i as byKey has it.
func (f *Folder) keyed(i int) keyedRule {
	r, fade := &f.model.engagement.rules[i], &f.fading[i]
	k := keyedRule{key: r.key, rule: i, kind: fade.kind, group: r.group, life: fade.life, rate: fade.rate, worth: r.each(), max: r.max}
	if r.group < 0 {
		k.group = len(f.model.engagement.groups)
	}
	k.fades = k.group*len(f.search.rates) + fade.class
	return k
}

// Result says what became of an event.
type Result struct {
	// Duplicate: the event was folded before (same source and ID); nothing changed.
	Duplicate bool
	// Late: the event is older than the lead's clock was. Its points count as of its own time.
	Late bool
	// Forgot: to make room for this event, one that was folded less than seven days ago was forgotten, so a duplicate of
	// that one would count again. See Lead.Seen.
	Forgot bool
	// Unevaluable is how many conditions and expressions of rules the event called for and could not be evaluated.
	Unevaluable int
}

// Instants are kept between the first millisecond after the epoch, so that 0 can mean "not yet", and the end of the
// year 9999, the last that RFC 3339 can write.
const (
	firstInstant Instant = 1
	lastInstant  Instant = 253402300799999
)

func bounded(at Instant) Instant { return min(max(at, firstInstant), lastInstant) }

// reason is why a lead is being decided anew: the cause of the changes that come of it. A nil reason announces nothing.
type reason struct {
	kind  CauseKind
	event *Event // of ByEvent
}

// cause is the reason as a change tells it.
func (f *Folder) cause(r *reason) Cause {
	if r.event == nil {
		return Cause{Kind: r.kind}
	}
	e := r.event
	return Cause{
		Kind:   r.kind,
		Source: f.slab.clone(e.Source), ID: f.slab.clone(e.ID), Type: f.slab.clone(e.Type),
	}
}

// take makes l the lead in hand: what only events change is worked out, moving values wait for see.
func (f *Folder) take(l *Lead) {
	f.takeCounters(l)
	f.takeStill(l)
}

// takeCounters pairs l's counters with the model's rules, in the order of their keys.
func (f *Folder) takeCounters(l *Lead) {
	f.active = f.active[:0]
	for i := range l.Counters {
		if k := f.places.find(f.byKey, l.Counters[i].Rule); k != nil {
			f.active = append(f.active, activeRule{rule: k.rule, counter: i})
		}
	}
}

// each is what a weight of 1 is worth, in points.
func (r *rule) each() float64 {
	if r.worth != nil {
		return 1
	}
	return r.points
}

// share is what a rule gives for a sum of weights, in points: within its max.
func (r *rule) share(sum float64) float64 { return min(max(float64(r.each()*sum), -r.max), r.max) }

// round rounds points to ten decimals. Scores are compared and shown so rounded: that what should be 8.7 is 8.7, that
// shares which cancel give 0 and not the dust of their sums, and that a fading score comes to rest.
func round(points float64) float64 {
	const grid = 1e10
	if points = math.RoundToEven(points*grid) / grid; points == 0 {
		return 0 // not −0
	}
	return points
}

// see works out the moving values of the lead in hand at an instant not older than its clock. The first scratch point of
// the search then holds the samples they come of.
func (f *Folder) see(l *Lead, at Instant) {
	e, p := &f.model.engagement, f.search.point(0)
	f.fill(p, l, at)
	clear(f.sums)
	rest := 0.0
	for i, a := range f.active {
		r := &e.rules[a.rule]
		share := r.share(p.samples[i].sum())
		if r.group < 0 {
			rest += share
		} else {
			f.sums[r.group] += share
		}
	}
	f.compose(f.scene.moving, f.sums, rest)
	f.scene.moving[movingIdle] = idleAt(l, at)
}

// compose makes the moving values, all but the idle time, of the groups' sums and the sum of the rules without group,
// and rounds those that anything reads. It never falls when one of the sums rises, to the bit.
func (f *Folder) compose(moving, sums []float64, rest float64) {
	e := &f.model.engagement
	total := 0.0
	for i, sum := range sums {
		capped := min(max(sum, -e.groups[i].max), e.groups[i].max)
		moving[movingGroups+i] = capped
		total += capped
	}
	total = min(max(total+rest, e.min), e.max)
	moving[movingEngagement] = total
	moving[movingScore] = total + f.fit.score
	for _, slot := range f.rounded {
		moving[slot] = round(moving[slot])
	}
}

// points is a moving value of the scene, but the idle time, rounded.
func (f *Folder) points(slot int) float64 {
	if slices.Contains(f.rounded, slot) {
		return f.scene.moving[slot]
	}
	return round(f.scene.moving[slot])
}

// idleAt is the lead's idle time in seconds, NaN where it never was engaged. Whole seconds and the rest are added as
// time.Duration.Seconds does, by which conditions read their durations (a Duration itself ends after 292 years).
func idleAt(l *Lead, at Instant) float64 {
	if l.Engaged == 0 {
		return math.NaN()
	}
	idle := at - l.Engaged
	return float64(idle/1000) + float64(idle%1000*1e6)/1e9
}

// copyInto makes dst a copy of l that shares no memory with it that either may change.
func (l *Lead) copyInto(dst *Lead) {
	counters, ratings, profile, seen := dst.Counters, dst.Ratings[:0], dst.Profile[:0], dst.Seen
	*dst = *l
	dst.Ratings = append(ratings, l.Ratings...)
	dst.Profile = append(profile, l.Profile...)
	l.Seen.copyInto(&seen)
	dst.Seen = seen
	dst.Counters = slices.Grow(counters[:0], len(l.Counters))[:len(l.Counters)]
	for i := range l.Counters {
		marks := dst.Counters[i].Marks[:0]
		dst.Counters[i] = l.Counters[i]
		dst.Counters[i].Marks = append(marks, l.Counters[i].Marks...)
	}
}

// Unevaluable is how often, since it was last asked, a condition or expression could not be evaluated: by rule ID, and
// for the others by "tier NAME", "stage NAME" and "rank".
func (f *Folder) Unevaluable() map[string]uint64 {
	m, all := f.model, map[string]uint64{}
	at := 0
	take := func(name string) {
		if n := f.unevaluable[at]; n > 0 {
			all[name] += n
		}
		at++
	}
	for i := range m.engagement.rules {
		take(m.engagement.rules[i].id)
	}
	for i := range m.fit.rules {
		take(m.fit.rules[i].id)
	}
	for i := range m.tiers {
		take("tier " + m.tiers[i].name)
	}
	for i := range m.stages {
		take("stage " + m.stages[i].name)
	}
	take("rank")
	clear(f.unevaluable)
	return all
}

// The places of the others in Folder.unevaluable.
func (f *Folder) fitPlace(i int) int   { return len(f.model.engagement.rules) + i }
func (f *Folder) tierPlace(i int) int  { return f.fitPlace(len(f.model.fit.rules)) + i }
func (f *Folder) stagePlace(i int) int { return f.tierPlace(len(f.model.tiers)) + i }
func (f *Folder) rankPlace() int       { return f.stagePlace(len(f.model.stages)) }
