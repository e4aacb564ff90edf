package app

import (
	"strconv"

	"github.com/hotlead/hotlead/scorer"
)

// learned tells what a qualification event says of the lead, and where something newer holds. was is the lead as it was
// before.
func (t *Timeline) learned(e *scorer.Event, was *scorer.Lead, after *scorer.Standing) {
	q := e.Qualification
	for _, r := range q.Ratings {
		t.page.note(t.rated(e, r, was))
	}
	if len(q.Ratings) > 0 {
		t.page.note("qualification " + qualified(after))
	}
	for _, a := range q.Attributes {
		t.page.note(t.profiled(e, a))
	}
	if q.Disposition != "" {
		what := "disposition " + clean(q.Disposition)
		if t.lead.DispositionAt > e.Time {
			what += ", but a newer one holds: " + clean(t.lead.Disposition)
		}
		t.page.note(what)
	}
	if c := q.Conversion; c.Outcome != "" {
		what := "converted, " + clean(c.Outcome)
		if c.Amount != 0 {
			what += ", amount " + number(c.Amount)
		}
		t.page.note(what + ": recorded, it does not score")
	}
}

func (t *Timeline) rated(e *scorer.Event, r scorer.CriterionRating, was *scorer.Lead) string {
	what := r.Criterion + " is rated " + number(r.Value)
	held := ratingOf(was, r.Criterion)
	switch {
	case held == nil:
		return what
	case held.At > e.Time:
		return what + ", but a newer rating holds: " + number(held.Value)
	default:
		return what + ", was " + number(held.Value)
	}
}

// ratingOf is the lead's rating of a criterion, nil where it has none.
func ratingOf(l *scorer.Lead, criterion string) *scorer.Rating {
	key := scorer.KeyOf(criterion)
	for i := range l.Ratings {
		if l.Ratings[i].Criterion == key {
			return &l.Ratings[i]
		}
	}
	return nil
}

func (t *Timeline) profiled(e *scorer.Event, a scorer.Attribute) string {
	what := "profile." + clean(a.Name) + " = " + value(a.Value)
	if a.Value.Kind == scorer.Null {
		what = "profile." + clean(a.Name) + " is removed"
	}
	for i := range t.lead.Profile {
		if held := &t.lead.Profile[i]; held.Name == a.Name && held.At > e.Time {
			return what + ", but a newer value holds"
		}
	}
	return what
}

// value is a profile's value as a condition would write it.
func value(v scorer.Value) string {
	switch v.Kind {
	case scorer.String:
		return short(strconv.Quote(v.String))
	case scorer.Number:
		return number(v.Number)
	case scorer.Bool:
		return strconv.FormatBool(v.Number != 0)
	default:
		return "null"
	}
}
