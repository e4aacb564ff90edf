package words

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hotlead/hotlead/scorer"
)

// page is a page of Markdown in the making.
type page struct {
	strings.Builder
	*speaker
	model scorer.Description
}

// Page is a page of Markdown about a model, made of the model alone: what it is for, its tiers from the top, and what
// everything is worth.
func Page(m scorer.Description) (string, error) {
	s, err := speakerOf(m)
	if err != nil {
		return "", err
	}
	p := &page{speaker: s, model: m}
	p.line("# %s, version %d", m.Name, m.Version)
	if m.Comment != "" {
		p.line("%s", literal(m.Comment))
		p.line("")
	}
	p.line("*This page is made from the model by `hotlead model show --markdown`. A condition that speaks of something not known\n" +
		"of a lead, or not said by an event, does not hold.*")
	p.tiers()
	p.stages()
	p.engagement()
	p.fit()
	p.qualification()
	p.rank()
	return p.String(), nil
}

// speakerOf speaks of that model.
func speakerOf(m scorer.Description) (*speaker, error) {
	labels := map[string]string{}
	for _, c := range m.Criteria {
		labels[c.Name] = c.Label
	}
	return newSpeaker(labels)
}

func (p *page) line(format string, args ...any) {
	fmt.Fprintf(p, format+"\n", args...)
}

func (p *page) tiers() {
	p.line("\n## Tiers")
	p.line("A lead is in the first of these that fits it, from the top:\n")
	for i, t := range p.model.Tiers {
		route := ""
		if t.Route != "" {
			route = " (goes to " + t.Route + ")"
		}
		when := "all others; every lead begins here"
		if t.When != "" {
			when = "where " + spoken(p.condition(t.When))
		}
		p.line("%d. **%s**%s: %s.", i+1, t.Name, route, when)
	}
	if len(p.model.Routes) == 0 {
		return
	}
	p.line("\nWhat a lead said outright goes before where its tier would send it:\n")
	for _, r := range p.model.Routes {
		p.line("- with the disposition *%s* it goes to %s.", r.Disposition, r.Route)
	}
}

func (p *page) stages() {
	if len(p.model.Stages) == 0 {
		return
	}
	p.line("\n## Stages")
	p.line("A lead reaches each once, and keeps it whatever happens later:\n")
	for i, s := range p.model.Stages {
		p.line("%d. **%s**: once %s.", i+1, s.Name, spoken(p.condition(s.When)))
	}
}

// scale says which scores there are between two bounds: from 0 to 100.
func scale(lowest, highest float64) string {
	if !bounded(highest) {
		return "never below " + number(lowest)
	}
	return "from " + number(lowest) + " to " + number(highest)
}

func (p *page) engagement() {
	m := p.model
	if len(m.Rules) == 0 {
		return
	}
	p.line("\n## What leads do: engagement")
	p.line("The points of these rules, added up, are the engagement, %s. A lead's score is its engagement%s.", scale(m.Min, m.Max),
		map[bool]string{true: " and its fit", false: ""}[len(m.FitRules) > 0])
	if slices.ContainsFunc(m.Rules, func(r scorer.RuleDescription) bool { return r.Limit.Per > 0 }) {
		p.line("Once a day means once in any 24 hours, whatever the calendar says.")
	}
	for _, g := range m.Groups {
		p.line("\n### Group %s", g.Name)
		about := "What its rules count"
		if bounded(g.Max) {
			about = "At most " + plural(g.Max, "point") + " together. What its rules count"
		}
		p.line("%s %s, where a rule does not say otherwise.\n", about, fading(g.Decay))
		for _, r := range m.Rules {
			if r.Group == g.Name {
				p.rule(r, g.Decay)
			}
		}
	}
	first := true
	for _, r := range m.Rules {
		if r.Group != "" {
			continue
		}
		if first && len(m.Groups) > 0 {
			p.line("\n### In no group")
		} else if first {
			p.line("")
		}
		first = false
		p.rule(r, scorer.DecayDescription{})
	}
}

// rule says what a rule is worth. What it counts fades as is said above, if it does not say otherwise.
func (p *page) rule(r scorer.RuleDescription, above scorer.DecayDescription) {
	p.line("- **%s**: %s: %s.", r.ID, spoken(p.occasion(r)), spoken(strings.Join(p.gives(r, above), ", ")))
}

// occasion says what a rule is on.
func (s *speaker) occasion(r scorer.RuleDescription) string {
	on := code(r.On)
	prefix, family := strings.CutSuffix(r.On, "*")
	switch {
	case r.On == idle && r.Repeat:
		on = "no engagement for " + span(r.After) + ", and again after " + each(r.After) + " more"
	case r.On == idle:
		on = "no engagement for " + span(r.After)
	case family:
		on = "every event whose type begins with " + code(prefix)
	}
	if r.When != "" {
		on += ", if " + s.condition(r.When)
	}
	return on
}

// gives says what a rule gives for what it counts.
func (s *speaker) gives(r scorer.RuleDescription, above scorer.DecayDescription) []string {
	if r.Reset {
		return []string{"all points for what the lead did until then are gone"}
	}
	said := []string{points(r.Points)}
	if r.Worth != "" {
		said[0] = s.worth(r.Worth)
	}
	switch {
	case !bounded(r.Max):
	case r.Worth != "":
		said = append(said, "at most "+plural(r.Max, "point")+" up or down from this rule")
	case r.Points < 0:
		said = append(said, "takes at most "+plural(r.Max, "point"))
	default:
		said = append(said, "at most "+plural(r.Max, "point")+" from this rule")
	}
	if r.Limit.Count > 0 {
		said = append(said, limit(r.Limit))
	}
	if !sameFading(r.Decay, above) {
		said = append(said, fading(r.Decay))
	}
	return said
}

func (p *page) fit() {
	m := p.model
	if len(m.FitRules) == 0 {
		return
	}
	p.line("\n## Who leads are: fit")
	about := "The points of all that is true of a lead, added up"
	if bounded(m.FitMax) {
		about += ", at most " + number(m.FitMax)
	}
	p.line("%s. They do not fade.\n", about)
	for _, r := range m.FitRules {
		p.line("- **%s**: %s: %s.", r.ID, spoken(p.condition(r.When)), points(r.Points))
	}
	if len(m.Grades) == 0 {
		return
	}
	var grades []string
	for i, g := range m.Grades {
		if i == len(m.Grades)-1 && i > 0 {
			grades = append(grades, "**"+g.Name+"** below")
			break
		}
		grades = append(grades, "**"+g.Name+"** from "+number(g.From))
	}
	p.line("\nGrades: %s.", strings.Join(grades, ", "))
}

func (p *page) qualification() {
	m := p.model
	if len(m.Criteria) == 0 {
		return
	}
	n := float64(len(m.Criteria))
	p.line("\n## What people learn by asking: qualification")
	p.line("%s, each rated from %s to %s; the newest rating holds. The ratings added up are the total, from %s to %s.",
		map[bool]string{true: "One criterion", false: number(n) + " criteria"}[n == 1],
		number(m.LowestRating), number(m.HighestRating), number(n*m.LowestRating), number(n*m.HighestRating))
	for _, c := range m.Criteria {
		if c.Label == c.Name {
			p.line("\n### %s", c.Name)
		} else {
			p.line("\n### %s (`%s`)", inline(c.Label), c.Name)
		}
		for _, q := range c.Questions {
			p.line("- “%s”", inline(q))
		}
		if len(c.Levels) == 0 {
			continue
		}
		p.line("\n| rating | means |\n|---|---|")
		for _, l := range c.Levels {
			p.line("| %s | %s |", number(l.Rating), inline(l.Text))
		}
	}
}

func (p *page) rank() {
	p.line("\n## Who comes first")
	p.line("Within a tier: %s.", spoken(p.first()))
}

// first says who comes first within a tier.
func (p *page) first() string {
	if p.model.Rank == "" {
		return "the highest score, and among equal scores the highest total of ratings"
	}
	if path, has := pathOf(p.parse(p.model.Rank)); path != nil && !has {
		return p.highest(p.name(path))
	}
	return "the highest value of " + code(p.model.Rank)
}

// highest says that the highest of something goes first: the score is the highest score.
func (p *page) highest(name string) string {
	return "the highest " + strings.TrimPrefix(name, "the ")
}
