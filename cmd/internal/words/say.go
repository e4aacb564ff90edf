package words

import (
	"fmt"
	"strings"

	"github.com/hotlead/hotlead/scorer"
)

// Sayings are the sentences about the parts of a model, each slice in the model's order, for a page that lays them out
// by itself. Pieces of the model that there are no words for stand between backquotes.
type Sayings struct {
	// Tiers and Stages say who is in them, Rules what they are on and what they give, Groups how their rules count, Fit
	// what has to be true of a lead.
	Tiers, Stages, Groups, Fit []string
	Rules                      []RuleSaying
	// Routes say where a disposition sends a lead.
	Routes []string
	// Engagement says between which bounds the engagement stays, Rank who comes first within a tier.
	Engagement, Rank string
}

// RuleSaying says of an engagement rule what it is on, and what that gives.
type RuleSaying struct {
	On    string
	Gives []string
}

// Say says the parts of a model.
func Say(m scorer.Description) (*Sayings, error) {
	s, err := speakerOf(m)
	if err != nil {
		return nil, err
	}
	said := &Sayings{Engagement: scale(m.Min, m.Max), Rank: (&page{speaker: s, model: m}).first()}
	for _, t := range m.Tiers {
		when := "all others; every lead begins here"
		if t.When != "" {
			when = "where " + s.condition(t.When)
		}
		said.Tiers = append(said.Tiers, when)
	}
	for _, stage := range m.Stages {
		said.Stages = append(said.Stages, "once "+s.condition(stage.When))
	}
	fades := map[string]scorer.DecayDescription{}
	for _, g := range m.Groups {
		fades[g.Name] = g.Decay
		about := fading(g.Decay)
		if bounded(g.Max) {
			about = "at most " + plural(g.Max, "point") + " together, " + about
		}
		said.Groups = append(said.Groups, about)
	}
	for _, r := range m.Rules {
		said.Rules = append(said.Rules, RuleSaying{s.occasion(r), s.gives(r, fades[r.Group])})
	}
	for _, r := range m.FitRules {
		said.Fit = append(said.Fit, s.condition(r.When))
	}
	for _, r := range m.Routes {
		said.Routes = append(said.Routes, fmt.Sprintf("a lead that is %s goes to %s, whatever its tier", plainWord(r.Disposition), r.Route))
	}
	return said, nil
}

// Moved says what a lead did that an engagement rule counted: asked for a demo. It is in the words of the event's type,
// and where the rule is on a family of types in its own, for nothing is remembered of which event it was.
func Moved(r scorer.RuleDescription) string {
	if said, known := map[string]string{
		"content.downloaded": "downloaded something",
		"demo.requested":     "asked for a demo",
		"email.clicked":      "followed a link in an e-mail",
		"email.opened":       "opened an e-mail",
		"email.unsubscribed": "unsubscribed from e-mail",
		"form.submitted":     "filled in a form",
		"page.viewed":        "looked at a page",
		"pricing.viewed":     "looked at the prices",
		"webinar.attended":   "took part in a webinar",
		"webinar.registered": "signed up for a webinar",
	}[r.On]; known && r.When == "" {
		return said
	}
	switch {
	case r.On == idle:
		return "was quiet for " + span(r.After)
	case strings.HasSuffix(r.On, "*") || r.When != "":
		return strings.NewReplacer("-", " ", "_", " ").Replace(r.ID)
	default:
		return strings.NewReplacer(".", " ", "_", " ", "-", " ").Replace(r.On)
	}
}
