package oracletest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// model is a model file, read by the oracle for itself.
type model struct {
	Name       string
	Version    int
	Engagement struct {
		Min    float64
		Max    *float64
		Groups map[string]struct {
			Max   *float64
			Decay *decay
		}
		Rules []rule
	}
	Fit struct {
		Max   *float64
		Rules []struct {
			ID, When string
			Points   float64
			when     words
		}
		Grades map[string]float64
	}
	Qualification struct {
		Scale    struct{ Min, Max float64 }
		Criteria map[string]any
		Routes   map[string]string
	}
	Tiers, Stages []band
	Rank          string

	rank words
}

// band is a tier or a stage.
type band struct {
	Name, When, Route string

	when words
}

type rule struct {
	ID, Group, On, When string
	Points              any // a number, or an expression
	Max                 *float64
	Limit               *struct {
		Count int
		Per   string
	}
	Decay  *decay
	After  string
	Repeat bool
	Reset  string

	when, worth words // worth: nil where points is a number
	points      float64
	per, after  int64 // ms; per 0: in the lead's life
}

type decay struct {
	HalfLife string `yaml:"half_life"`
	Linear   string
	Steps    []struct {
		Until string
		Keep  float64
		until int64
	}

	halfLife, linear int64
}

// readModel reads a drawn model, which has no mistakes.
func readModel(text string) *model {
	m := &model{}
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(m); err != nil {
		panic(fmt.Sprint(err, " in\n", text))
	}
	for i := range m.Engagement.Rules {
		m.Engagement.Rules[i].read(m)
	}
	for i := range m.Fit.Rules {
		m.Fit.Rules[i].when = wordsOf(m.Fit.Rules[i].When)
	}
	for _, bands := range [][]band{m.Tiers, m.Stages} {
		for i := range bands {
			bands[i].when = wordsOf(bands[i].When)
		}
	}
	m.rank = wordsOf(m.Rank)
	return m
}

func (r *rule) read(m *model) {
	r.when = wordsOf(r.When)
	switch points := r.Points.(type) {
	case string:
		r.worth, r.points = wordsOf(points), 1
	case int:
		r.points = float64(points)
	case float64:
		r.points = points
	}
	if r.Limit != nil {
		r.per = milliseconds(r.Limit.Per)
	}
	r.after = milliseconds(r.After)
	if r.Decay == nil && r.Group != "" {
		r.Decay = m.Engagement.Groups[r.Group].Decay
	}
	if d := r.Decay; d != nil {
		d.halfLife, d.linear = milliseconds(d.HalfLife), milliseconds(d.Linear)
		for i := range d.Steps {
			d.Steps[i].until = milliseconds(d.Steps[i].Until)
		}
	}
}

func wordsOf(text string) words {
	if text == "" {
		return nil
	}
	return parse(text)
}

func milliseconds(text string) int64 {
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d.Milliseconds()
}

// matches is whether an event of that type is one of the rule's: of the type itself, or of the family.
func (r *rule) matches(eventType string) bool {
	if family, is := strings.CutSuffix(r.On, "*"); is {
		return strings.HasPrefix(eventType, family)
	}
	return r.On == eventType
}

// grade is the grade with the highest bound not above the score; below all, the lowest.
func (m *model) grade(score float64) string {
	var names []string
	for name := range m.Fit.Grades {
		names = append(names, name)
	}
	if len(names) == 0 {
		return ""
	}
	slices.SortFunc(names, func(a, b string) int { return int(m.Fit.Grades[b] - m.Fit.Grades[a]) })
	for _, name := range names {
		if score >= m.Fit.Grades[name] {
			return name
		}
	}
	return names[len(names)-1]
}
