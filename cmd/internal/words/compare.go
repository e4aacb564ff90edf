package words

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hotlead/hotlead/scorer"
)

// Difference is what changes from one version of a model to the next, one sentence each, by what becomes of the leads
// that there are.
type Difference struct {
	// AtOnce holds for every lead as soon as the new version is in force: it is worked out again from what is stored.
	AtOnce []string
	// FromThenOn can't be worked out again: it holds for what comes from then on, and the sentences say what becomes of
	// what was counted before.
	FromThenOn []string
	// Beside changes no score and no tier: where leads are sent, and what people are shown.
	Beside []string
}

// Empty is whether nothing changes.
func (d *Difference) Empty() bool {
	return len(d.AtOnce)+len(d.FromThenOn)+len(d.Beside) == 0
}

// comparison compares two versions of a model.
type comparison struct {
	Difference
	*speaker // of the new version
	before   *speaker
	old, new scorer.Description
}

// Compare says what changes between two versions of a model.
func Compare(old, new scorer.Description) (Difference, error) {
	before, err := speakerOf(old)
	if err != nil {
		return Difference{}, err
	}
	now, err := speakerOf(new)
	if err != nil {
		return Difference{}, err
	}
	c := &comparison{speaker: now, before: before, old: old, new: new}
	c.engagement()
	c.fit()
	c.qualification()
	c.tiers()
	c.stages()
	if old.Rank != new.Rank {
		c.atOnce("rank: %s; leads are listed in another order within their tier", became(orDefault(old.Rank), orDefault(new.Rank)))
	}
	if old.Name != new.Name {
		c.beside("name: %s; changes are announced with it as their source", became(old.Name, new.Name))
	}
	return c.Difference, nil
}

func (c *comparison) atOnce(format string, args ...any) {
	c.AtOnce = append(c.AtOnce, fmt.Sprintf(format, args...))
}

func (c *comparison) fromThenOn(format string, args ...any) {
	c.FromThenOn = append(c.FromThenOn, fmt.Sprintf(format, args...))
}

func (c *comparison) beside(format string, args ...any) {
	c.Beside = append(c.Beside, fmt.Sprintf(format, args...))
}

// became writes what something was and what it is.
func became(old, new string) string { return old + " -> " + new }

// orDefault is an expression of the rank.
func orDefault(rank string) string {
	if rank == "" {
		return "score, then qualification.total"
	}
	return code(rank)
}

// bound writes a bound on points.
func bound(v float64) string {
	if !bounded(v) {
		return "no bound"
	}
	return plural(v, "point")
}

// sameText is whether two conditions are written alike, spaces and line breaks between their words apart. Those within a
// text count.
func sameText(a, b string) bool {
	return a == b || spelled(a) == spelled(b)
}

// spelled is a condition with one space for any outside its texts. One with escapes is left as it is.
func spelled(condition string) string {
	if strings.Contains(condition, `\`) {
		return condition
	}
	var b strings.Builder
	quote, space := rune(0), false
	for _, c := range strings.TrimSpace(condition) {
		switch {
		case quote == 0 && unicode.IsSpace(c):
			space = true
			continue
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(c)
	}
	return b.String()
}

// conditions writes what a condition was and what it is: in words, and in code where the words do not tell them apart.
func (c *comparison) conditions(old, new string) string {
	said := func(s *speaker, text string) string {
		if text == "" {
			return "always"
		}
		return "if " + s.condition(text)
	}
	was, is := said(c.before, old), said(c.speaker, new)
	if was == is {
		return became(code(old), code(new))
	}
	return became(was, is)
}

func (c *comparison) fit() {
	if c.old.FitMax != c.new.FitMax {
		c.atOnce("the most that fit gives: %s; the fit of every lead that it cuts changes", became(bound(c.old.FitMax), bound(c.new.FitMax)))
	}
	byID := func(id string) func(scorer.FitRuleDescription) bool {
		return func(r scorer.FitRuleDescription) bool { return r.ID == id }
	}
	for _, was := range c.old.FitRules {
		at := slices.IndexFunc(c.new.FitRules, byID(was.ID))
		if at < 0 {
			c.atOnce("fit rule %s (%s) is gone; the fit of every lead that it holds for changes", was.ID, points(was.Points))
			continue
		}
		is := c.new.FitRules[at]
		if was.Points != is.Points {
			c.atOnce("fit rule %s: %s; the fit of every lead that it holds for changes", was.ID, became(points(was.Points), points(is.Points)))
		}
		if !sameText(was.When, is.When) {
			c.atOnce("fit rule %s: %s; it is judged again for every lead's profile", was.ID, c.conditions(was.When, is.When))
		}
	}
	for _, is := range c.new.FitRules {
		if !slices.ContainsFunc(c.old.FitRules, byID(is.ID)) {
			c.atOnce("fit rule %s is new: %s if %s; it is judged for every lead's profile", is.ID, points(is.Points), c.condition(is.When))
		}
	}
	if !slices.Equal(c.old.Grades, c.new.Grades) {
		c.atOnce("grades: %s; every lead is graded anew", became(grades(c.old.Grades), grades(c.new.Grades)))
	}
}

// grades writes grades on one line.
func grades(all []scorer.GradeDescription) string {
	if len(all) == 0 {
		return "none"
	}
	var parts []string
	for _, g := range all {
		parts = append(parts, g.Name+" from "+number(g.From))
	}
	return strings.Join(parts, ", ")
}

func (c *comparison) qualification() {
	old, new := c.old, c.new
	if old.LowestRating != new.LowestRating || old.HighestRating != new.HighestRating {
		c.atOnce("ratings from %s; which totals are still possible is worked out anew, and the ratings that leads have stay as they were given",
			became(number(old.LowestRating)+" to "+number(old.HighestRating), number(new.LowestRating)+" to "+number(new.HighestRating)))
	}
	byName := func(name string) func(scorer.CriterionInfo) bool {
		return func(o scorer.CriterionInfo) bool { return o.Name == name }
	}
	for _, was := range old.Criteria {
		at := slices.IndexFunc(new.Criteria, byName(was.Name))
		if at < 0 {
			c.atOnce("criterion %s is gone; its ratings drop out of every total (they are kept, should it come back), and new ones are refused as unknown_criterion", was.Name)
			continue
		}
		is := new.Criteria[at]
		if was.Label != is.Label || !slices.Equal(was.Questions, is.Questions) || !slices.Equal(was.Levels, is.Levels) {
			c.beside("criterion %s: its label, questions or levels read differently", was.Name)
		}
	}
	for _, is := range new.Criteria {
		if !slices.ContainsFunc(old.Criteria, byName(is.Name)) {
			c.atOnce("criterion %s is new; no lead is rated by it yet, so none is completely rated, and which totals are still possible is worked out anew", is.Name)
		}
	}
	c.routes()
}

// routes compares where dispositions send leads.
func (c *comparison) routes() {
	route := func(all []scorer.RouteDescription, disposition string) string {
		for _, r := range all {
			if r.Disposition == disposition {
				return r.Route
			}
		}
		return "where the tier says"
	}
	var seen []string
	for _, r := range slices.Concat(c.old.Routes, c.new.Routes) {
		was, is := route(c.old.Routes, r.Disposition), route(c.new.Routes, r.Disposition)
		if was != is && !slices.Contains(seen, r.Disposition) {
			c.beside("leads whose disposition is %s go to: %s; said with their next change, and nothing is announced for it alone", r.Disposition, became(was, is))
		}
		seen = append(seen, r.Disposition)
	}
}
