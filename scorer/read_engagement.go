package scorer

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Bounds of how many there can be of each thing in a model.
const (
	maxRules    = 500
	maxGroups   = 100
	maxCriteria = 50
	maxLevels   = 32
	maxTiers    = 32
	maxSteps    = 32
	maxCounted  = 1000
)

// onIdle is what a rule's `on` says instead of an event type to fire when nothing happens.
const onIdle = "idle"

// qualificationTypes are the event types that rules can't score.
func qualificationTypes() []string {
	return []string{"criterion.rated", "criteria.rated", "lead.profiled", "lead.dispositioned", "lead.converted"}
}

// readGroups reads the groups of engagement, and aside their decays, which rules take over.
func (r *reader) readGroups(engagement *fields, m *Model) {
	for _, pair := range engagement.entries("groups", maxGroups) {
		name := r.identifierOf(pair.key, "a group")
		f := r.fields(pair.value, "group "+strconv.Quote(name), "max", "decay")
		m.engagement.groups = append(m.engagement.groups, group{name: name, max: f.share("max")})
		r.words.groups = append(r.words.groups, name)
		r.decays = append(r.decays, r.decayOf(f))
	}
	m.engagement.decays = r.decays
}

// readEngagement reads what leads do is worth. The groups have been read.
func (r *reader) readEngagement(f *fields, m *Model) {
	e := &m.engagement
	r.doubts.engagement = r.faulty(func() { r.readBounds(f, e) }) || r.doubts.engagement
	e.byType, e.families, e.byKey = map[string][]int{}, map[string][]int{}, map[Key]int{}
	for i, n := range f.list("rules", maxRules) {
		rf, id := r.ruleFields(n, "id", "group", "on", "when", "points", "max", "limit", "decay", "after", "repeat", "reset")
		rf.require("on")
		on := r.eventType(rf)
		e.rules = append(e.rules, r.rule(rf, id, on))
		if _, taken := e.byKey[KeyOf(id)]; !taken {
			e.byKey[KeyOf(id)] = i
		}
		switch prefix, family := strings.CutSuffix(on, "*"); {
		case on == onIdle:
			e.idle = append(e.idle, i)
		case family:
			e.families[prefix] = append(e.families[prefix], i)
		default:
			e.byType[on] = append(e.byType[on], i)
		}
	}
}

// readBounds reads the bounds of the engagement.
func (r *reader) readBounds(f *fields, e *engagement) {
	e.min = f.number("min", -maxNumber, maxNumber, 0)
	e.max = f.number("max", -maxNumber, maxNumber, math.Inf(1))
	if e.min > e.max {
		at := "max"
		if f.get(at) == nil {
			at = "min"
		}
		r.fail(f.get(at).place, "", "min (%v) is above max (%v)", e.min, e.max)
	}
}

// ruleFields reads the mapping of a rule, and its ID.
func (r *reader) ruleFields(n *yamlNode, known ...string) (f *fields, id string) {
	what := "a rule"
	for _, pair := range n.pairs {
		if pair.key.text == "id" && pair.value.text != "" {
			what = "rule " + strconv.Quote(pair.value.text)
		}
	}
	f = r.fields(n, what, known...)
	f.require("id")
	return f, f.word("id", "a rule's id")
}

// eventType is what a rule is on: an event type, a family of them, or idle.
func (r *reader) eventType(f *fields) string {
	on := f.text("on")
	if on == "" {
		return ""
	}
	at := f.get("on").place
	odd := strings.IndexFunc(on, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '*' })
	switch {
	case len(on) > 256 || odd >= 0 && (odd != len(on)-1 || !strings.HasSuffix(on, ".*")) || on == ".*":
		r.fail(at, "write page.viewed, or page.* for all that begin with page.", "on can't be %s", strconv.Quote(on))
	case slices.Contains(qualificationTypes(), on):
		r.fail(at, "score it by qualification and tiers", "%s is no engagement: rules can't score it", on)
	}
	return on
}

// rule reads one rule on the event type on.
func (r *reader) rule(f *fields, id, on string) rule {
	what := sightOf(on)
	out := rule{id: id, key: KeyOf(id), on: on, group: -1, max: f.share("max"), limit: r.limitOf(f), decay: r.decayOf(f)}
	if n := f.get("group"); n != nil {
		out.group = slices.Index(r.words.groups, n.text)
		switch {
		case out.group < 0:
			r.unknown(n, "group", r.words.groups)
		case f.get("decay") == nil:
			out.decay = r.decays[out.group]
		}
	}
	if n := f.get("when"); n != nil {
		out.when = r.condition(n, what)
	}
	if n := f.get("points"); n != nil {
		out.points, out.worth = r.worth(n, what)
	}
	if on == onIdle {
		f.require("after")
		f.forbid("a rule on idle", "reset")
	} else {
		f.forbid("a rule that is not on idle", "after", "repeat")
	}
	out.after, out.repeat = f.duration("after"), f.flag("repeat")
	n := f.get("reset")
	if n == nil {
		f.require("points")
		return out
	}
	out.reset = true
	if n.text != "engagement" {
		r.fail(n.place, "reset: engagement is all there is", "%s can't be reset", strconv.Quote(n.text))
	}
	f.forbid("a rule that resets", "points", "max", "limit", "decay", "group")
	return out
}

// worth is what a rule gives: a number of points, or an expression for it, which is worth its value times one point.
func (r *reader) worth(n *yamlNode, what sight) (points float64, worth *expression) {
	if n.kind == yamlText {
		return 1, r.expression(n, what)
	}
	points, _ = r.numberOf(n, "points", -maxNumber, maxNumber)
	return points, nil
}

// sightOf is what the conditions of a rule on the event type on see.
func sightOf(on string) sight {
	if on == onIdle {
		return seesLead
	}
	return seesEvent
}

// share is a cap on points: above 0; infinite where it is absent.
func (f *fields) share(key string) float64 {
	return f.number(key, math.SmallestNonzeroFloat64, maxNumber, math.Inf(1))
}

// unknown reports a name that the model does not have.
func (r *reader) unknown(n *yamlNode, what string, known []string) {
	mend := didYouMean(n.text, known)
	if mend == "" {
		mend = "known: " + orNone(known)
	}
	r.fail(n.place, mend, "there is no %s %s", what, strconv.Quote(n.text))
}

// limitOf reads how often a rule counts.
func (r *reader) limitOf(of *fields) limit {
	f := r.fields(of.get("limit"), "limit", "count", "per")
	f.require("count")
	return limit{count: f.whole("count", 1, maxCounted), per: f.duration("per")}
}

// decayOf reads the decay of a rule or group; nil where there is none.
func (r *reader) decayOf(of *fields) decay {
	f := r.fields(of.get("decay"), "decay", "half_life", "linear", "steps")
	if f.node != nil && len(f.values) != 1 {
		r.fail(f.node.place, "write one of half_life, linear and steps", "a decay is of one kind")
		return nil
	}
	switch {
	case f.get("half_life") != nil:
		if d := f.duration("half_life"); d > 0 {
			return halfLife(d)
		}
	case f.get("linear") != nil:
		if d := f.duration("linear"); d > 0 {
			return linear(d)
		}
	case f.get("steps") != nil:
		if all := r.steps(f); len(all) > 0 {
			return steps(all)
		}
	}
	return nil
}

// steps reads the steps of a decay, which must follow each other in time and never keep more than before.
func (r *reader) steps(f *fields) []step {
	var all []step
	items := f.list("steps", maxSteps)
	if n := f.get("steps"); n.kind == yamlSequence && len(items) == 0 {
		r.fail(n.place, "write {until: 7d, keep: 0.5}", "steps has none")
	}
	for _, n := range items {
		s := r.fields(n, "a step", "until", "keep")
		s.require("until", "keep")
		next := step{until: s.duration("until"), keep: s.number("keep", 0, 1, -1)}
		if len(all) > 0 && next.until > 0 && next.until <= all[len(all)-1].until {
			r.fail(s.get("until").place, "put the steps in order of time", "this step does not end after the one above it")
		}
		if len(all) > 0 && all[len(all)-1].keep >= 0 && next.keep > all[len(all)-1].keep {
			r.fail(s.get("keep").place, "what was counted only ever fades: keep as much as above, or less",
				"this step keeps %v, more than the one above it (%v)", next.keep, all[len(all)-1].keep)
		}
		all = append(all, next)
	}
	return all
}

// checkRuleIDs finds rules of one ID, or of one key, which is what leads are stored with.
func (r *reader) checkRuleIDs(engagement, fit *fields) {
	seen := map[string]bool{}
	keys := map[Key]string{}
	for _, n := range append(engagement.list("rules", maxRules), fit.list("rules", maxRules)...) {
		for _, pair := range n.pairs {
			id := pair.value.text
			if pair.key.text != "id" || id == "" {
				continue
			}
			switch other, taken := keys[KeyOf(id)]; {
			case seen[id]:
				r.fail(pair.value.place, "give each rule an id of its own", "another rule has the id %s", strconv.Quote(id))
			case taken:
				r.fail(pair.value.place, "change one of them a little",
					"the ids %s and %s share a key and would be counted as one", strconv.Quote(other), strconv.Quote(id))
			}
			seen[id], keys[KeyOf(id)] = true, id
			break
		}
	}
}
