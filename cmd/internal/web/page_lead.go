package web

import (
	"context"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hotlead/hotlead/cmd/internal/words"
	"github.com/hotlead/hotlead/scorer"
)

// leadView is a lead.
type leadView struct {
	ID    string
	Known bool
	// Writable is whether the call sheet of whoever looks is taken.
	Writable bool
	Shown
	Value, Measure string
	Moved          move
	Plot           plot
	Bars           []bar
	Sheet          []criterion
	Attributes     []attribute
	Dispositions   []disposition
}

// bar is what a rule gives a lead.
type bar struct {
	Rule, Said string
	Points     float64
	// Width is of 100, for the largest.
	Width float64
}

// criterion is a part of the call sheet.
type criterion struct {
	scorer.CriterionInfo
	Levels []level
	// Rated is the rating in force as it is written, "" for none, and At since when, in milliseconds since 1970.
	Rated string
	At    int64
	Since time.Time
}

// level is a rating that can be given.
type level struct {
	Rating, Text string
	Present      bool
}

// disposition is a disposition that can be given.
type disposition struct {
	Name    string
	Present bool
}

// attribute is a part of a profile.
type attribute struct{ Name, Value string }

// leadPage answers GET /leads/{id}.
func (h *handler) leadPage(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if len(id) > longestID {
		writeProblem(w, http.StatusBadRequest, "a lead ID has at most 256 bytes")
		return
	}
	view, err := h.leadView(r.Context(), id)
	view.Writable = h.mayWrite(r)
	h.draw(w, r, "lead", id, view, err)
}

func (h *handler) leadView(ctx context.Context, id string) (*leadView, error) {
	view := &leadView{ID: id}
	course, err := h.Pages.Course(ctx, id)
	if err != nil {
		return view, err
	}
	view.Known, view.Shown, view.Value, view.Moved = true, course.Shown, course.Value(), course.moved()
	view.Measure = "score"
	if byRatings(course.Model) {
		view.Measure = "total of ratings"
	}
	view.Bars = bars(&course.Shown)
	view.Sheet = sheet(&course.Shown)
	view.Attributes = attributes(course.Lead)
	for _, name := range dispositions {
		view.Dispositions = append(view.Dispositions, disposition{name, course.Lead.Disposition == name})
	}
	if view.Plot, err = h.plot(course); err != nil {
		return view, err
	}
	return view, nil
}

// bars are the contributions to a lead's score, or the ratings where those are all that counts.
func bars(s *Shown) []bar {
	var all []bar
	add := func(rule, said string, points float64) {
		all = append(all, bar{Rule: rule, Said: said, Points: points})
	}
	for _, c := range s.Standing.Contributions {
		said := spaced(c.Name)
		if rule := s.rule(scorer.KeyOf(c.Name)); rule != nil {
			said = words.Moved(*rule)
		}
		add(c.Name, said, c.Points)
	}
	if byRatings(s.Model) {
		for _, r := range s.Standing.Ratings {
			add(r.Criterion, s.label(scorer.KeyOf(r.Criterion)), r.Value)
		}
	}
	most := 0.0
	for _, b := range all {
		most = max(most, math.Abs(b.Points))
	}
	for i := range all {
		all[i].Width = math.Round(1000*math.Abs(all[i].Points)/most) / 10
	}
	return all
}

// sheet is the model's call sheet with the lead's ratings in it.
func sheet(s *Shown) []criterion {
	var all []criterion
	for _, info := range s.Model.Criteria {
		c := criterion{CriterionInfo: info}
		for _, r := range s.Lead.Ratings {
			if r.Criterion == scorer.KeyOf(info.Name) {
				c.Rated, c.At, c.Since = plain(r.Value), int64(r.At), r.At.Time()
			}
		}
		c.Levels = levels(s.Model, info)
		for i := range c.Levels {
			c.Levels[i].Present = c.Levels[i].Rating == c.Rated
		}
		all = append(all, c)
	}
	return all
}

// scaleSteps is in how many steps at most a scale is offered: every whole rating of one that is not wider.
const scaleSteps = 10

// levels are the ratings that can be chosen for a criterion, highest first: those with a text, every whole one of a small
// scale, and some of a wide one that has no texts.
func levels(m *scorer.Description, c scorer.CriterionInfo) []level {
	texts := map[float64]string{}
	for _, l := range c.Levels {
		texts[l.Rating] = l.Text
	}
	wide := m.HighestRating - m.LowestRating
	for i := range scaleSteps + 1 {
		rating := m.HighestRating - float64(i)
		if wide > scaleSteps {
			rating = min(max(math.Round(m.HighestRating-wide*float64(i)/scaleSteps), m.LowestRating), m.HighestRating)
		}
		_, said := texts[rating]
		if !said && rating >= m.LowestRating && (wide <= scaleSteps || len(c.Levels) == 0) {
			texts[rating] = ""
		}
	}
	var all []level
	for _, rating := range slices.Backward(slices.Sorted(maps.Keys(texts))) {
		all = append(all, level{Rating: plain(rating), Text: texts[rating]})
	}
	return all
}

// plain is a number as it is sent.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// attributes are what is known of who a lead is.
func attributes(l *scorer.Lead) []attribute {
	var all []attribute
	for _, a := range l.Profile {
		var value string
		switch a.Value.Kind {
		case scorer.Null:
			continue
		case scorer.Bool:
			value = map[bool]string{true: "yes", false: "no"}[a.Value.Number != 0]
		case scorer.Number:
			value = plain(a.Value.Number)
		default:
			value = a.Value.String
		}
		all = append(all, attribute{spaced(a.Name), value})
	}
	return all
}

// ID names the button of a level.
func (l level) ID(criterion string) string { return "rate-" + criterion + "-" + l.Rating }

// Value is what the button of a level sends.
func (l level) Value(criterion string) map[string]string {
	return map[string]string{"criterion": criterion, "rating": l.Rating}
}

// Value is what the button of a disposition sends.
func (d disposition) Value() map[string]string { return map[string]string{"disposition": d.Name} }

// Label is what the button of a disposition says.
func (d disposition) Label() string {
	return map[string]string{"interested": "Interested", "not_interested": "Not interested", "invalid": "Invalid"}[d.Name]
}

// DisposedAt is since when the lead has its disposition, in milliseconds since 1970; 0 where it has none.
func (v *leadView) DisposedAt() int64 {
	if v.Lead.Disposition == "" {
		return 0
	}
	return int64(v.Lead.DispositionAt)
}

// PlotSaid is the plot in words, for who can't see it.
func (v *leadView) PlotSaid() string {
	said := "The " + v.Measure + " is " + v.Value + " now."
	for _, b := range v.Plot.Bounds {
		said += " A lead is " + spaced(b.Tier) + " from " + number(b.Value) + "."
	}
	if v.Next != nil {
		said += " If nothing happens it becomes " + spaced(v.Next.To) + " on " + v.Next.At.UTC().Format("2 January 2006 15:04 MST") + "."
	}
	return said
}
