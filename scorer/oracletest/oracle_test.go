// Package oracletest holds the scorer against an oracle: the rules of scoring written once more, apart from the scorer,
// slow and plain. The oracle is one lead. It keeps every event that counted, works out every score from all of them, and
// finds what time does by looking at every millisecond.
package oracletest

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// oracle is one lead.
type oracle struct {
	model   *model
	newer   *model // put in force when the lead is next looked at
	counted map[string][]counted
	ever    map[string]int // by rule: how many counted in the lead's life
	known   map[string]bool
	clock   int64
	grain   int64 // how many milliseconds at a time the oracle looks at; 0: one

	firstSeen, lastSeen, engaged, reset, since int64 // 0: never

	tier, stage                      string
	ratings, profile                 map[string]dated
	account, disposition, conversion dated

	told []told
}

func newOracle(m *model) *oracle {
	return &oracle{
		model: m, counted: map[string][]counted{}, ever: map[string]int{}, known: map[string]bool{},
		ratings: map[string]dated{}, profile: map[string]dated{},
	}
}

// standing is all that is worked out of a lead at an instant.
type standing struct {
	score, engagement, fit   float64
	groups                   map[string]float64
	contributions            map[string]float64
	grade                    string
	total, floor, ceiling    float64
	rated                    int
	complete                 bool
	idle                     float64 // ms; NaN: there was no engagement
	tier, stage, disposition string
	ratings                  map[string]dated
	profile                  map[string]dated
}

// keep is what is left of an event of that age.
func (r *rule) keep(age int64) float64 {
	switch {
	case r.Decay == nil:
		return 1
	case r.Decay.halfLife > 0:
		return math.Exp2(-float64(age) / float64(r.Decay.halfLife))
	case r.Decay.linear > 0:
		return math.Max(0, 1-float64(age)/float64(r.Decay.linear))
	}
	for _, s := range r.Decay.Steps {
		if age < s.until {
			return s.Keep
		}
	}
	return 0
}

func clamp(x float64, to *float64) float64 {
	if to == nil {
		return x
	}
	return math.Max(-*to, math.Min(*to, x))
}

func tenDecimals(x float64) float64 { return math.RoundToEven(x*1e10) / 1e10 }

// stand works out the standing at the lead's clock.
func (o *oracle) stand() *standing {
	m := o.model
	s := &standing{
		groups: map[string]float64{}, contributions: map[string]float64{}, idle: math.NaN(),
		tier: o.tier, stage: o.stage, ratings: o.ratings, profile: o.profile,
	}
	s.disposition, _ = o.disposition.value.(string)
	if o.engaged > 0 {
		s.idle = float64(o.clock - o.engaged)
	}
	o.standEngagement(s)
	o.standFit(s)
	s.score = tenDecimals(s.engagement + s.fit)
	s.engagement = tenDecimals(s.engagement)
	for _, r := range o.ratings {
		s.total += r.value.(float64)
		s.rated++
	}
	if n := len(m.Qualification.Criteria); n > 0 {
		open := float64(n - s.rated)
		s.floor, s.ceiling = s.total+open*m.Qualification.Scale.Min, s.total+open*m.Qualification.Scale.Max
		s.complete = open == 0
	}
	return s
}

func (o *oracle) standEngagement(s *standing) {
	e := &o.model.Engagement
	sum := 0.0
	for i := range e.Rules {
		r := &e.Rules[i]
		share := 0.0
		for _, c := range o.counted[r.ID] {
			share += c.weight * r.keep(o.clock-c.at)
		}
		share = clamp(r.points*share, r.Max)
		if tenDecimals(share) != 0 {
			s.contributions[r.ID] = share
		}
		if r.Group == "" {
			sum += share
		} else {
			s.groups[r.Group] += share
		}
	}
	for name, group := range e.Groups {
		capped := clamp(s.groups[name], group.Max)
		sum += capped
		s.groups[name] = tenDecimals(capped)
	}
	if e.Max != nil {
		sum = math.Min(sum, *e.Max)
	}
	s.engagement = math.Max(sum, e.Min)
}

func (o *oracle) standFit(s *standing) {
	for _, r := range o.model.Fit.Rules {
		if holds, _ := r.when.holds(s.value); holds {
			s.fit += r.Points
			s.contributions[r.ID] = r.Points
		}
	}
	if most := o.model.Fit.Max; most != nil {
		s.fit = math.Min(s.fit, *most)
	}
	s.grade = o.model.grade(s.fit)
}

// value is the value of a name of a lead.
func (s *standing) value(name string) (any, bool) {
	switch name {
	case "score":
		return s.score, true
	case "engagement.score":
		return s.engagement, true
	case "engagement.idle":
		return s.idle, !math.IsNaN(s.idle)
	case "fit.score":
		return s.fit, true
	case "fit.grade":
		return s.grade, true
	case "qualification.total":
		return s.total, true
	case "qualification.rated":
		return float64(s.rated), true
	case "qualification.complete":
		return s.complete, true
	case "qualification.floor":
		return s.floor, true
	case "qualification.ceiling":
		return s.ceiling, true
	case "qualification.disposition":
		return s.disposition, true
	case "tier":
		return s.tier, true
	case "stage":
		return s.stage, true
	}
	in, last, _ := cutLast(name, ".")
	switch in {
	case "engagement.groups":
		return s.groups[last], true
	case "qualification.ratings":
		r, rated := s.ratings[last]
		return r.value, rated
	case "profile":
		a := s.profile[last]
		return a.value, a.value != nil
	}
	panic("what is " + name + "?")
}

// seenBy is what a rule sees of a lead and an event.
func (s *standing) seenBy(e *event) func(string) (any, bool) {
	return func(name string) (any, bool) {
		switch {
		case name == "type":
			return e.typ, true
		case name == "source":
			return e.source, true
		case strings.HasPrefix(name, "data."):
			v, there := e.data[strings.TrimPrefix(name, "data.")]
			return v, there
		}
		return s.value(name)
	}
}

func (o *oracle) place(tier string) int {
	return slices.IndexFunc(o.model.Tiers, func(t band) bool { return t.Name == tier })
}

func (o *oracle) route() string {
	if d, _ := o.disposition.value.(string); o.model.Qualification.Routes[d] != "" {
		return o.model.Qualification.Routes[d]
	}
	if at := o.place(o.tier); at >= 0 {
		return o.model.Tiers[at].Route
	}
	return ""
}

// settle decides the tier and the stage at the lead's clock.
func (o *oracle) settle(cause string) {
	s := o.stand()
	for again := true; again; {
		again = false
		if to, rests := o.restingPlace(s); rests && to != o.tier {
			c := told{at: o.clock, from: o.tier, to: to, stageAfter: o.stage, cause: cause, score: s.score}
			before := o.place(o.tier)
			c.up = before < 0 || o.place(to) < before
			o.tier, o.since = to, o.clock
			c.route = o.route()
			o.told = append(o.told, c)
		}
		s.tier = o.tier
		from := 1 + slices.IndexFunc(o.model.Stages, func(b band) bool { return b.Name == o.stage })
		for _, stage := range o.model.Stages[from:] {
			if holds, _ := stage.when.holds(s.value); holds {
				o.stage, s.stage, again = stage.Name, stage.Name, true
				o.told = append(o.told, told{
					at: o.clock, stage: true, from: o.tier, to: o.tier, stageAfter: o.stage, route: o.route(), cause: cause, score: s.score,
				})
			}
		}
	}
}

// restingPlace is the tier to which the conditions lead from where the lead is; false if they never come to rest.
func (o *oracle) restingPlace(s *standing) (string, bool) {
	s.tier = o.tier
	for range 50 {
		at := slices.IndexFunc(o.model.Tiers, func(t band) bool { holds, _ := t.when.holds(s.value); return holds })
		if o.model.Tiers[at].Name == s.tier {
			return s.tier, true
		}
		s.tier = o.model.Tiers[at].Name
	}
	return "", false
}

// admits is whether no window of the limit's length that contains the event would hold more than its count.
func (o *oracle) admits(r *rule, at int64) bool {
	switch {
	case r.Limit == nil:
		return true
	case r.per == 0:
		return o.ever[r.ID] < r.Limit.Count
	}
	times := []int64{at}
	for _, c := range o.counted[r.ID] {
		times = append(times, c.at)
	}
	for _, start := range times { // the fullest window begins with an event
		if at < start || at >= start+r.per {
			continue
		}
		n := 0
		for _, t := range times {
			if t >= start && t < start+r.per {
				n++
			}
		}
		if n > r.Limit.Count {
			return false
		}
	}
	return true
}

func (o *oracle) count(r *rule, at int64, weight float64) {
	if at >= o.reset && o.admits(r, at) {
		o.counted[r.ID] = append(o.counted[r.ID], counted{at, weight})
		o.ever[r.ID]++
	}
}

// asks is whether a rule counts what happens, with what weight, and whether it could be evaluated.
func (r *rule) asks(value func(string) (any, bool)) (weight float64, counts, known bool) {
	holds, known := r.when.holds(value)
	if !holds || !known {
		return 0, false, known
	}
	if r.worth == nil {
		return 1, true, true
	}
	v, known := r.worth(value)
	weight, isNumber := v.(float64)
	known = known && isNumber && !math.IsNaN(weight) && !math.IsInf(weight, 0)
	return weight, known, known
}

// fireIdle counts the idle rules that are due at the lead's clock.
func (o *oracle) fireIdle() {
	type hit struct {
		r      *rule
		weight float64
	}
	var hits []hit
	quiet := o.clock - o.engaged
	for i := range o.model.Engagement.Rules {
		r := &o.model.Engagement.Rules[i]
		if r.On != "idle" || o.engaged == 0 || quiet <= 0 {
			continue
		}
		if quiet == r.after || r.Repeat && quiet%r.after == 0 {
			if weight, counts, _ := r.asks(o.stand().value); counts {
				hits = append(hits, hit{r, weight})
			}
		}
	}
	for _, h := range hits {
		o.count(h.r, o.clock, h.weight)
	}
}

// nextIdle is when an idle rule is due next, so that a coarse grain does not step over it.
func (o *oracle) nextIdle() int64 {
	next := int64(math.MaxInt64)
	if o.grain == 0 || o.engaged == 0 {
		return next
	}
	for _, r := range o.model.Engagement.Rules {
		if r.On == "idle" {
			next = min(next, o.engaged+((o.clock-o.engaged)/r.after+1)*r.after)
		}
	}
	return next
}

// advance lets time go by, millisecond by millisecond.
func (o *oracle) advance(to int64) {
	if o.tier == "" {
		return
	}
	if o.newer != nil {
		o.retier(to)
		return
	}
	for o.clock < to {
		o.clock = min(to, o.clock+max(1, o.grain), o.nextIdle())
		o.fireIdle()
		o.settle("time")
	}
}

// retier puts the newer model in force.
func (o *oracle) retier(at int64) {
	o.model, o.newer = o.newer, nil
	for o.clock < at {
		o.clock = min(at, o.clock+max(1, o.grain), o.nextIdle())
		o.fireIdle()
	}
	o.settle("model")
}

// apply folds an event.
func (o *oracle) apply(e *event) (out outcome) {
	if o.known[e.source+"\x00"+e.id] {
		return outcome{duplicate: true}
	}
	m := o.model
	if o.newer != nil {
		m = o.newer
	}
	for name, rating := range e.ratings {
		if _, known := m.Qualification.Criteria[name]; !known || rating < m.Qualification.Scale.Min || rating > m.Qualification.Scale.Max {
			return outcome{refused: true}
		}
	}
	if o.tier == "" {
		o.model, o.newer = m, nil
		o.tier = m.Tiers[len(m.Tiers)-1].Name
		o.clock, o.since, o.firstSeen = e.at, e.at, e.at
	} else {
		o.advance(e.at)
	}
	out.late = e.at < o.clock
	o.known[e.source+"\x00"+e.id] = true
	o.firstSeen, o.lastSeen = min(o.firstSeen, e.at), max(o.lastSeen, e.at)
	if e.engages() {
		out.unevaluable = o.engage(e)
	}
	out.unevaluable += o.learn(e)
	o.settle("event " + e.id)
	return out
}

// engage counts an engagement event.
func (o *oracle) engage(e *event) (unevaluable int) {
	type hit struct {
		r      *rule
		weight float64
	}
	var hits []hit
	before := o.stand()
	for i := range o.model.Engagement.Rules {
		r := &o.model.Engagement.Rules[i]
		if r.On == "idle" || !r.matches(e.typ) {
			continue
		}
		weight, counts, known := r.asks(before.seenBy(e))
		if !known {
			unevaluable++
		}
		if counts {
			hits = append(hits, hit{r, weight})
		}
	}
	o.engaged = max(o.engaged, e.at)
	for _, h := range hits {
		if h.r.Reset != "" {
			o.empty(e.at)
		}
	}
	for _, h := range hits {
		if h.r.Reset == "" {
			o.count(h.r, e.at, h.weight)
		}
	}
	return unevaluable
}

// empty is a reset. What was counted before it is worth nothing any more, but has had its share of the rule's limit.
// What was counted after it stays where each event is kept by itself: with linear decay, steps and rolling limits;
// elsewhere there is but one sum, and it goes whole.
func (o *oracle) empty(at int64) {
	if at < o.reset {
		return
	}
	o.reset = at
	for i := range o.model.Engagement.Rules {
		r := &o.model.Engagement.Rules[i]
		apart := r.Decay != nil && r.Decay.halfLife == 0 || r.per > 0
		for j, c := range o.counted[r.ID] {
			if c.at <= at || !apart {
				o.counted[r.ID][j].weight = 0
			}
		}
	}
}

// learn takes over what an event says besides engagement. It answers how many fit rules can't be evaluated, if it told
// of attributes.
func (o *oracle) learn(e *event) (unevaluable int) {
	newer := func(have *dated, value any) {
		if have.value == nil && have.at == 0 || e.at >= have.at {
			*have = dated{value, e.at}
		}
	}
	if e.account != "" {
		newer(&o.account, e.account)
	}
	for name, rating := range e.ratings {
		have := o.ratings[name]
		newer(&have, rating)
		o.ratings[name] = have
	}
	for name, value := range e.attributes {
		have := o.profile[name]
		newer(&have, value)
		o.profile[name] = have
	}
	if e.disposition != "" {
		newer(&o.disposition, e.disposition)
	}
	if e.outcome != "" {
		newer(&o.conversion, fmt.Sprint(e.outcome, " ", e.amount))
	}
	if len(e.attributes) > 0 {
		s := o.stand()
		for _, r := range o.model.Fit.Rules {
			if _, known := r.when.holds(s.value); !known {
				unevaluable++
			}
		}
	}
	return unevaluable
}

// ranked is the rank of a standing.
func (o *oracle) ranked(s *standing) float64 {
	if o.model.rank != nil {
		if v, known := o.model.rank(s.value); known {
			return v.(float64)
		}
	}
	return s.score + s.total/1e6
}

// names are the keys of a map, sorted.
func names[V any](m map[string]V) []string {
	var all []string
	for name := range m {
		all = append(all, name)
	}
	sort.Strings(all)
	return all
}
