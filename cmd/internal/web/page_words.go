package web

import (
	"time"

	"github.com/hotlead/hotlead/cmd/internal/words"
	"github.com/hotlead/hotlead/scorer"
)

// move is the last thing that a lead did, or that somebody learned of it.
type move struct {
	What string
	At   time.Time
}

// byRatings is whether a model judges by ratings alone, so that a lead's number is their total.
func byRatings(m *scorer.Description) bool { return len(m.Rules) == 0 && len(m.FitRules) == 0 }

// Value is the number that the lead is shown by: its score, or the total of its ratings where the model knows no other.
func (s *Shown) Value() string {
	if byRatings(s.Model) {
		return number(s.Standing.Total)
	}
	return number(s.Standing.Score)
}

// moved says what moved the lead last: the newest of what its rules counted, its ratings, its disposition and its
// profile.
func (s *Shown) moved() move {
	var newest scorer.Instant
	last := move{What: "first seen", At: s.Lead.FirstSeen.Time()}
	is := func(at scorer.Instant) bool {
		if at <= newest {
			return false
		}
		newest, last.At = at, at.Time()
		return true
	}
	for _, a := range s.Lead.Profile {
		if is(a.At) {
			last.What = "profile changed"
		}
	}
	for _, rating := range s.Lead.Ratings {
		if is(rating.At) {
			last.What = "rated " + s.label(rating.Criterion) + " " + number(rating.Value)
		}
	}
	if s.Lead.Disposition != "" && is(s.Lead.DispositionAt) {
		last.What = "marked " + spaced(s.Lead.Disposition)
	}
	for _, c := range s.Lead.Counters {
		at := c.Ref
		if n := len(c.Marks); n > 0 {
			at = max(at, c.Marks[n-1].At)
		}
		if rule := s.rule(c.Rule); rule != nil && is(at) {
			last.What = words.Moved(*rule)
		}
	}
	return last
}

// rule is the engagement rule of that key, nil where the model has none.
func (s *Shown) rule(key scorer.Key) *scorer.RuleDescription {
	for i := range s.Model.Rules {
		if scorer.KeyOf(s.Model.Rules[i].ID) == key {
			return &s.Model.Rules[i]
		}
	}
	return nil
}

// label is the label of the criterion of that key.
func (s *Shown) label(key scorer.Key) string {
	for _, c := range s.Model.Criteria {
		if scorer.KeyOf(c.Name) == key {
			return c.Label
		}
	}
	return "a criterion"
}

// Turns says to which tier time alone will move the lead: it cools to a lower one.
func (s *Shown) Turns() string {
	for _, t := range s.Model.Tiers {
		switch t.Name {
		case s.Lead.Tier:
			return "cools to " + spaced(s.Next.To)
		case s.Next.To:
			return "rises to " + spaced(s.Next.To)
		}
	}
	return "becomes " + spaced(s.Next.To)
}
