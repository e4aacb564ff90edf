package words

import (
	"slices"

	"github.com/hotlead/hotlead/scorer"
)

// idle is what a rule is on that counts silence.
const idle = "idle"

// staysCounted is what becomes of what a rule counted where its event, condition or limit changes.
const staysCounted = "counts so from now on, and what was counted before stays as it was"

func (c *comparison) engagement() {
	if c.old.Min != c.new.Min {
		c.atOnce("the least that engagement can be: %s; the engagement of every lead that it cuts changes", became(number(c.old.Min), number(c.new.Min)))
	}
	if c.old.Max != c.new.Max {
		c.atOnce("the most that engagement can be: %s; the engagement of every lead that it cuts changes", became(bound(c.old.Max), bound(c.new.Max)))
	}
	c.groups()
	byID := func(id string) func(scorer.RuleDescription) bool {
		return func(r scorer.RuleDescription) bool { return r.ID == id }
	}
	for _, was := range c.old.Rules {
		if at := slices.IndexFunc(c.new.Rules, byID(was.ID)); at >= 0 {
			c.rule(was, c.new.Rules[at])
			continue
		}
		if was.Reset {
			c.fromThenOn("rule %s is gone; it resets no more, and what it has reset stays so", was.ID)
			continue
		}
		c.fromThenOn("rule %s is gone; what it gave is gone at once for every lead; what it counted is kept until a reset, and counts again if a later version has a rule of that id", was.ID)
	}
	for _, is := range c.new.Rules {
		if slices.ContainsFunc(c.old.Rules, byID(is.ID)) {
			continue
		}
		if is.Reset {
			c.fromThenOn("rule %s is new; it resets from now on", is.ID)
			continue
		}
		if is.On == idle {
			c.fromThenOn("rule %s is new; of the silence so far it counts what comes due after a lead was last looked at, which is at its newest event or timer", is.ID)
			continue
		}
		c.fromThenOn("rule %s is new; it counts from now on, and nothing of what happened before", is.ID)
	}
}

func (c *comparison) groups() {
	byName := func(name string) func(scorer.GroupDescription) bool {
		return func(g scorer.GroupDescription) bool { return g.Name == name }
	}
	for _, was := range c.old.Groups {
		at := slices.IndexFunc(c.new.Groups, byName(was.Name))
		switch {
		case at < 0:
			c.atOnce("group %s is gone, and so is its cap; every lead's score changes with it", was.Name)
		case was.Max != c.new.Groups[at].Max:
			c.atOnce("group %s, the most that it gives: %s; the score of every lead that it cuts changes", was.Name, became(bound(was.Max), bound(c.new.Groups[at].Max)))
		}
	}
	for _, is := range c.new.Groups {
		if !slices.ContainsFunc(c.old.Groups, byName(is.Name)) {
			c.atOnce("group %s is new, with %s", is.Name, bound(is.Max))
		}
	}
}

// rule compares a rule that both versions have.
func (c *comparison) rule(was, is scorer.RuleDescription) {
	switch {
	case is.Reset && !was.Reset:
		c.fromThenOn("rule %s: %s; what it gave is gone at once for every lead, and from now on it resets", is.ID, became("gives points", "resets"))
	case was.Reset && !is.Reset:
		c.fromThenOn("rule %s: %s; it counts from now on, and what it has reset stays so", is.ID, became("resets", "gives points"))
	case !is.Reset:
		c.points(was, is)
		c.limits(was, is)
		c.decays(was, is)
	}
	if was.Group != is.Group {
		c.atOnce("rule %s: group %s; its points are summed and capped there for every lead", is.ID, became(orNone(was.Group), orNone(is.Group)))
	}
	if was.Max != is.Max {
		c.atOnce("rule %s, the most that it gives: %s; the score of every lead that it cuts changes", is.ID, became(bound(was.Max), bound(is.Max)))
	}
	if was.On != is.On {
		c.fromThenOn("rule %s: on %s; %s", is.ID, became(code(was.On), code(is.On)), staysCounted)
	}
	if !sameText(was.When, is.When) {
		c.fromThenOn("rule %s: %s; %s", is.ID, c.conditions(was.When, is.When), staysCounted)
	}
	if was.On == is.On && (was.After != is.After || was.Repeat != is.Repeat) {
		c.fromThenOn("rule %s: %s; it comes due so from now on, counted from a lead's newest engagement, and what was counted before stays as it was",
			is.ID, became(silence(was), silence(is)))
	}
	c.pending(was, is)
}

// pending says what becomes of the silence that leads are in, where it is not judged as it was. What came due since a lead
// was last looked at is not counted yet, though it is shown.
func (c *comparison) pending(was, is scorer.RuleDescription) {
	const since = "since a lead's newest event or timer, though it was shown"
	switch {
	case was.Reset || is.Reset:
	case was.On == idle && is.On != idle:
		c.fromThenOn("rule %s: what came due %s, is gone", is.ID, since)
	case was.On != idle && is.On == idle:
		c.fromThenOn("rule %s: of the silence so far it counts what comes due after a lead was last looked at, which is at its newest event or timer", is.ID)
	case is.On == idle && (was.After != is.After || was.Repeat != is.Repeat || was.Limit != is.Limit || was.Worth != is.Worth ||
		!sameText(was.When, is.When) || !sameFading(was.Decay, is.Decay)):
		c.fromThenOn("rule %s: what came due %s, is worked out anew by the new version", is.ID, since)
	}
}

func orNone(group string) string {
	if group == "" {
		return "none"
	}
	return group
}

// silence is when an idle rule comes due.
func silence(r scorer.RuleDescription) string {
	if r.Repeat {
		return each(r.After) + " without engagement"
	}
	return "once after " + span(r.After) + " without engagement"
}

// points compares what a rule gives.
func (c *comparison) points(was, is scorer.RuleDescription) {
	switch {
	case was.Worth == "" && is.Worth == "" && was.Points == is.Points:
	case was.Worth == "" && is.Worth == "":
		c.atOnce("rule %s: %s; the score of every lead that it counted for changes", is.ID, became(points(was.Points), points(is.Points)))
	case was.Worth == "":
		c.fromThenOn("rule %s: %s; each event that was counted before is worth 1 point at once, not what the expression would have given", is.ID, became(points(was.Points), c.given(is)))
	case is.Worth == "":
		c.fromThenOn("rule %s: %s; each event that was counted before is worth %s times what the expression gave for it, at once",
			is.ID, became(c.before.worth(was.Worth), points(is.Points)), number(is.Points))
	case !sameText(was.Worth, is.Worth):
		c.fromThenOn("rule %s: %s; it gives so from now on, and what was counted before is worth what the old expression gave",
			is.ID, became(code(was.Worth), code(is.Worth)))
	}
}

// given is what a rule gives.
func (s *speaker) given(r scorer.RuleDescription) string {
	if r.Worth != "" {
		return s.worth(r.Worth)
	}
	return points(r.Points)
}

// limits compares how often a rule counts.
func (c *comparison) limits(was, is scorer.RuleDescription) {
	if was.Limit == is.Limit {
		return
	}
	often := func(l scorer.LimitDescription) string {
		if l.Count == 0 {
			return "counts every time"
		}
		return limit(l)
	}
	then := staysCounted
	switch known := was.Remembered; {
	case is.Limit.Count == 0:
	case is.Limit.Per == 0 && was.Limit.Count > 0 && was.Limit.Per == 0:
		then += "; it fills the limit"
	case is.Limit.Per == 0:
		then += "; it fills the limit, as far as it was counted after the lead's newest reset"
	case known == 0:
		then += "; it does not fill the limit, for when it was counted is not known"
	case known < is.Limit.Per:
		then += "; it fills the limit, as far as it was counted in the last " + span(known)
	default:
		then += "; it fills the limit"
	}
	c.fromThenOn("rule %s: %s; %s", is.ID, became(often(was.Limit), often(is.Limit)), then)
}

// decays compares how what a rule counted fades.
func (c *comparison) decays(was, is scorer.RuleDescription) {
	if sameFading(was.Decay, is.Decay) {
		return
	}
	then := "what was counted before goes on as if it had all come with the newest of its events, worth what was left of it then"
	if was.Decay.Linear > 0 || len(was.Decay.Steps) > 0 {
		then = "what was counted before fades so too, each event from its own time; what had faded to nothing can come back, until the rule counts again"
	}
	c.fromThenOn("rule %s: %s; it counts so from now on, and %s", is.ID, became(fading(was.Decay), fading(is.Decay)), then)
}
