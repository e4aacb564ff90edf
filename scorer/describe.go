package scorer

import (
	"strings"
	"time"
)

// Description is a model as it can be told to people: what its file says, with the defaults filled in. Points are
// points, bounds that the file does not set are infinite, and conditions stand as the file writes them.
type Description struct {
	Name    string
	Version int
	// Comment is what the file begins with as comment, without the #; "" where it begins otherwise.
	Comment string
	// Min and Max bound the engagement.
	Min, Max float64
	Groups   []GroupDescription
	Rules    []RuleDescription
	// FitMax bounds the fit.
	FitMax   float64
	FitRules []FitRuleDescription
	Grades   []GradeDescription // the highest first
	// LowestRating and HighestRating are the scale of ratings; both 0 where there is none.
	LowestRating, HighestRating float64
	Criteria                    []CriterionInfo
	Routes                      []RouteDescription
	Tiers                       []TierDescription // from the top
	Stages                      []StageDescription
	// Rank is the expression that orders leads within a tier; "": by score, then qualification.total.
	Rank string
}

// GroupDescription is a group of rules.
type GroupDescription struct {
	Name  string
	Max   float64
	Decay DecayDescription
}

// RuleDescription is an engagement rule.
type RuleDescription struct {
	ID    string
	Group string // "": none
	// On is an event type, a family of them (page.*), or idle.
	On   string
	When string // "": always
	// Points is what each event gives, where Worth is "": else that is the expression for it.
	Points float64
	Worth  string
	Max    float64
	Limit  LimitDescription
	Decay  DecayDescription // its own or else its group's
	Reset  bool             // then it gives nothing and empties the engagement
	After  time.Duration    // of a rule on idle
	Repeat bool
	// Remembered is how long the rule remembers when what it counted happened; 0: it does not.
	Remembered time.Duration
}

// LimitDescription is how often a rule counts: at most Count events in any Per, in the lead's life where Per is 0; any
// number where Count is 0.
type LimitDescription struct {
	Count int
	Per   time.Duration
}

// DecayDescription is how what was counted fades: one of the three, or not at all.
type DecayDescription struct {
	HalfLife, Linear time.Duration
	Steps            []StepDescription
}

// StepDescription is one step of a decay: what share is kept of what is younger than Until.
type StepDescription struct {
	Until time.Duration
	Keep  float64
}

// FitRuleDescription is a fit rule.
type FitRuleDescription struct {
	ID, When string
	Points   float64
}

// GradeDescription is a grade of fit: it begins at From.
type GradeDescription struct {
	Name string
	From float64
}

// RouteDescription is where a disposition sends a lead, whatever its tier.
type RouteDescription struct {
	Disposition, Route string
}

// TierDescription is a tier. When is "" for the last.
type TierDescription struct {
	Name, When, Route string
}

// StageDescription is a stage.
type StageDescription struct {
	Name, When string
}

// Describe is the model as it can be told to people.
func (m *Model) Describe() Description {
	d := Description{
		Name: m.Name, Version: m.Version, Comment: leadingComment(string(m.Text)),
		Min: m.engagement.min, Max: m.engagement.max, FitMax: m.fit.max,
		LowestRating: m.qualification.min, HighestRating: m.qualification.max, Criteria: m.Criteria(),
	}
	for i, g := range m.engagement.groups {
		d.Groups = append(d.Groups, GroupDescription{Name: g.name, Max: g.max, Decay: described(m.engagement.decays[i])})
	}
	for i := range m.engagement.rules {
		d.Rules = append(d.Rules, m.describeRule(&m.engagement.rules[i]))
	}
	for _, r := range m.fit.rules {
		d.FitRules = append(d.FitRules, FitRuleDescription{ID: r.id, When: r.when.source(), Points: r.points})
	}
	for _, g := range m.fit.grades {
		d.Grades = append(d.Grades, GradeDescription{Name: g.name, From: g.bound})
	}
	for _, disposition := range dispositions() {
		if route, named := m.qualification.routes[disposition]; named {
			d.Routes = append(d.Routes, RouteDescription{Disposition: disposition, Route: route})
		}
	}
	for _, t := range m.tiers {
		d.Tiers = append(d.Tiers, TierDescription{Name: t.name, When: t.when.source(), Route: t.route})
	}
	for _, s := range m.stages {
		d.Stages = append(d.Stages, StageDescription{Name: s.name, When: s.when.source()})
	}
	if m.rank != nil {
		d.Rank = m.rank.text
	}
	return d
}

func (m *Model) describeRule(r *rule) RuleDescription {
	d := RuleDescription{
		ID: r.id, On: r.on, When: r.when.source(), Points: r.points, Max: r.max,
		Limit: LimitDescription{Count: r.limit.count, Per: r.limit.per}, Decay: described(r.decay),
		Reset: r.reset, After: r.after, Repeat: r.repeat,
		Remembered: time.Duration(max(r.decaying().span(), r.limit.memory())) * time.Millisecond,
	}
	if r.group >= 0 {
		d.Group = m.engagement.groups[r.group].name
	}
	if r.worth != nil {
		d.Worth = r.worth.text
	}
	return d
}

// source is the condition as the model writes it; "" where there is none.
func (c *condition) source() string {
	if c == nil {
		return ""
	}
	return c.text
}

// described is a decay as its model writes it, none included.
func described(d decay) DecayDescription {
	if d == nil {
		d = noDecay{}
	}
	return d.describe()
}

// leadingComment is the comment that a file begins with.
func leadingComment(text string) string {
	var lines []string
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		comment, is := strings.CutPrefix(strings.TrimSpace(line), "#")
		if !is {
			break
		}
		lines = append(lines, strings.TrimSpace(comment))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
