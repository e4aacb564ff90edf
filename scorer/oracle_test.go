package scorer

import (
	"fmt"
	"math"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// The oracle is scoring.md once more, written apart from the scorer: slow and plain. It keeps every event, works out
// every score from scratch, and looks at every single millisecond.

// plainRule is a rule that the oracle understands.
type plainRule struct {
	id       string
	on       string // "idle" for idle rules
	group    string // "" none
	points   float64
	max      float64 // 0 none
	halfLife time.Duration
	linear   time.Duration
	steps    []step
	count    int
	per      time.Duration
	after    time.Duration
	repeat   bool
	reset    bool
}

// plainModel is a model that the oracle understands: tiers hot, warm and cold by the score, with a gap between entering
// and leaving each, and a stage.
type plainModel struct {
	rules     []plainRule
	groupMax  float64 // of the one group, web; 0 none
	min, max  float64
	hot, warm float64 // entered from
	gap       float64 // left below what it is entered from, less this
	idle      time.Duration
}

// yaml is the model file of m.
func (m *plainModel) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "name: plain\nversion: 1\nengagement:\n  min: %v\n  max: %v\n  groups:\n    web: {", m.min, m.max)
	if m.groupMax > 0 {
		fmt.Fprintf(&b, "max: %v", m.groupMax)
	}
	b.WriteString("}\n  rules:\n")
	for _, r := range m.rules {
		fmt.Fprintf(&b, "    - {id: %s, on: %s", r.id, r.on)
		if r.reset {
			b.WriteString(", reset: engagement}\n")
			continue
		}
		fmt.Fprintf(&b, ", points: %v", r.points)
		if r.group != "" {
			fmt.Fprintf(&b, ", group: %s", r.group)
		}
		if r.max > 0 {
			fmt.Fprintf(&b, ", max: %v", r.max)
		}
		switch {
		case r.halfLife > 0:
			fmt.Fprintf(&b, ", decay: {half_life: %v}", r.halfLife)
		case r.linear > 0:
			fmt.Fprintf(&b, ", decay: {linear: %v}", r.linear)
		case len(r.steps) > 0:
			b.WriteString(", decay: {steps: [")
			for i, s := range r.steps {
				if i > 0 {
					b.WriteString(", ")
				}
				fmt.Fprintf(&b, "{until: %v, keep: %v}", s.until, s.keep)
			}
			b.WriteString("]}")
		}
		if r.count > 0 {
			fmt.Fprintf(&b, ", limit: {count: %d", r.count)
			if r.per > 0 {
				fmt.Fprintf(&b, ", per: %v", r.per)
			}
			b.WriteString("}")
		}
		if r.on == "idle" {
			fmt.Fprintf(&b, ", after: %v, repeat: %v", r.after, r.repeat)
		}
		b.WriteString("}\n")
	}
	idle := ""
	if m.idle > 0 {
		idle = fmt.Sprintf(" && engagement.idle < duration(%q)", m.idle)
	}
	fmt.Fprintf(&b, "tiers:\n")
	fmt.Fprintf(&b, "  - {name: hot, when: 'engagement.score >= (tier == \"hot\" ? %v : %v)%s'}\n", m.hot-m.gap, m.hot, idle)
	fmt.Fprintf(&b, "  - {name: warm, when: 'engagement.score >= (tier == \"warm\" ? %v : %v)'}\n", m.warm-m.gap, m.warm)
	fmt.Fprintf(&b, "  - {name: cold}\nstages:\n  - {name: MQL, when: 'tier == \"hot\"'}\n")
	fmt.Fprintf(&b, "  - {name: SQL, when: 'engagement.groups.web >= %v'}\n", m.hot)
	return b.String()
}

// occurrence is an event that counted.
type occurrence struct {
	rule    int
	at      Instant
	emptied bool // by a reset: it gives nothing any more, but fills its rule's limit
}

// told is a change as the oracle sees it.
type told struct {
	Kind     ChangeKind
	At       Instant
	From, To string
	Stage    string
	Cause    CauseKind
}

// oracle is one lead.
type oracle struct {
	model   *plainModel
	counted []occurrence
	ever    map[int]int // by rule: how many counted in the lead's life
	clock   Instant
	engaged Instant
	reset   Instant
	tier    string
	stage   int // of "", MQL, SQL
	told    []told
}

func (o *oracle) keep(r *plainRule, age time.Duration) float64 {
	switch {
	case r.halfLife > 0:
		return math.Exp2(-float64(age) / float64(r.halfLife))
	case r.linear > 0:
		return max(0, 1-float64(age)/float64(r.linear))
	case len(r.steps) > 0:
		for _, s := range r.steps {
			if age < s.until {
				return s.keep
			}
		}
		return 0
	}
	return 1
}

func (o *oracle) score(at Instant) (web, engagement float64) {
	rest := 0.0
	for i := range o.model.rules {
		r := &o.model.rules[i]
		share := 0.0
		for _, c := range o.counted {
			if c.rule == i && !c.emptied {
				share += r.points * o.keep(r, at.Sub(c.at))
			}
		}
		if r.max > 0 {
			share = math.Max(-r.max, math.Min(r.max, share))
		}
		if r.group == "" {
			rest += share
		} else {
			web += share
		}
	}
	if o.model.groupMax > 0 {
		web = math.Max(-o.model.groupMax, math.Min(o.model.groupMax, web))
	}
	engagement = math.Max(o.model.min, math.Min(o.model.max, web+rest))
	return tenDecimals(web), tenDecimals(engagement)
}

func tenDecimals(x float64) float64 { return math.RoundToEven(x*1e10) / 1e10 }

func (o *oracle) settle(cause CauseKind) {
	web, score := o.score(o.clock)
	for range 10 {
		to := "cold"
		hot, warm := o.model.hot, o.model.warm
		switch o.tier {
		case "hot":
			hot -= o.model.gap
		case "warm":
			warm -= o.model.gap
		}
		idle := o.model.idle == 0 || o.engaged > 0 && o.clock.Sub(o.engaged) < o.model.idle
		switch {
		case score >= hot && idle:
			to = "hot"
		case score >= warm:
			to = "warm"
		}
		if to == o.tier {
			break
		}
		o.told = append(o.told, told{TierChanged, o.clock, o.tier, to, stageNames[o.stage], cause})
		o.tier = to
	}
	if o.stage < 1 && o.tier == "hot" {
		o.stage = 1
		o.told = append(o.told, told{StageReached, o.clock, o.tier, o.tier, "MQL", cause})
	}
	if o.stage < 2 && web >= o.model.hot {
		o.stage = 2
		o.told = append(o.told, told{StageReached, o.clock, o.tier, o.tier, "SQL", cause})
	}
}

var stageNames = []string{"", "MQL", "SQL"}

// admits asks every window.
func (o *oracle) admits(rule int, at Instant) bool {
	r := &o.model.rules[rule]
	if r.count == 0 {
		return true
	}
	var times []Instant
	for _, c := range o.counted {
		if c.rule == rule {
			times = append(times, c.at)
		}
	}
	times = append(times, at)
	if r.per == 0 {
		return o.ever[rule] < r.count
	}
	for _, start := range times {
		end, n := start.Add(r.per), 0
		if at < start || at >= end {
			continue
		}
		for _, t := range times {
			if t >= start && t < end {
				n++
			}
		}
		if n > r.count {
			return false
		}
	}
	return true
}

func (o *oracle) count(rule int, at Instant) {
	if at >= o.reset && o.admits(rule, at) {
		o.counted = append(o.counted, occurrence{rule: rule, at: at})
		if o.ever == nil {
			o.ever = map[int]int{}
		}
		o.ever[rule]++
	}
}

func (o *oracle) advance(to Instant) {
	for o.clock < to {
		o.clock++
		var firing []int
		for i := range o.model.rules {
			r := &o.model.rules[i]
			if r.on != "idle" || o.engaged == 0 {
				continue
			}
			quiet := o.clock.Sub(o.engaged)
			if quiet == r.after || r.repeat && quiet > 0 && quiet%r.after == 0 {
				firing = append(firing, i)
			}
		}
		for _, i := range firing {
			o.count(i, o.clock)
		}
		o.settle(ByTime)
	}
}

func (o *oracle) apply(eventType string, at Instant) {
	if o.tier == "" {
		o.tier, o.clock = "cold", at
	}
	o.advance(at)
	for i := range o.model.rules {
		if o.model.rules[i].reset && o.model.rules[i].on == eventType && at >= o.reset {
			o.reset = at
			for c := range o.counted {
				o.counted[c].emptied = o.counted[c].emptied || o.counted[c].at <= at
			}
		}
	}
	o.engaged = max(o.engaged, at)
	for i := range o.model.rules {
		if r := &o.model.rules[i]; r.on == eventType && !r.reset {
			o.count(i, at)
		}
	}
	o.settle(ByEvent)
}

// plainModels draws models whose times are seconds, so that every millisecond can be looked at.
func plainModels(t *rapid.T) *plainModel {
	seconds := func(label string, most int) time.Duration {
		return time.Duration(rapid.IntRange(1, most*1000).Draw(t, label)) * time.Millisecond
	}
	m := &plainModel{
		min: float64(rapid.SampledFrom([]int{0, 0, -50}).Draw(t, "min")), max: 100,
		groupMax: float64(rapid.SampledFrom([]int{0, 12, 25}).Draw(t, "groupMax")),
		hot:      float64(rapid.IntRange(8, 20).Draw(t, "hot")),
		warm:     float64(rapid.IntRange(-3, 7).Draw(t, "warm")),
		gap:      float64(rapid.IntRange(0, 3).Draw(t, "gap")),
	}
	if rapid.IntRange(0, 3).Draw(t, "tiers know idle") == 0 {
		m.idle = seconds("idle", 10)
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "rules") {
		r := plainRule{
			id: fmt.Sprint("r", i), on: "a" + fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "on")),
			points: float64(rapid.IntRange(-12, 12).Draw(t, "points")),
			group:  rapid.SampledFrom([]string{"", "web"}).Draw(t, "group"),
			max:    float64(rapid.SampledFrom([]int{0, 0, 15}).Draw(t, "max")),
		}
		switch rapid.IntRange(0, 4).Draw(t, "decay") {
		case 0:
			r.halfLife = rapid.SampledFrom([]time.Duration{time.Second, 3 * time.Second, 10 * time.Second}).Draw(t, "life")
		case 1:
			r.halfLife = seconds("life", 8)
		case 2:
			r.linear = seconds("linear", 15)
		case 3:
			r.steps = []step{{seconds("first", 4), 1}, {4*time.Second + seconds("second", 9), 0.5}}
		}
		if rapid.IntRange(0, 2).Draw(t, "limited") == 0 {
			r.count = rapid.IntRange(1, 3).Draw(t, "count")
			if rapid.Bool().Draw(t, "rolling") {
				r.per = seconds("per", 6)
			}
		}
		if rapid.IntRange(0, 5).Draw(t, "on idle") == 0 {
			r.on, r.after, r.repeat = "idle", 500*time.Millisecond+seconds("after", 6), rapid.Bool().Draw(t, "repeat")
		}
		m.rules = append(m.rules, r)
	}
	return m
}
