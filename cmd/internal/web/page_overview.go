package web

import (
	"context"
	"net/http"
	"time"
)

// recentRows is how many of the newest changes the overview shows.
const recentRows = 12

// overviewView is what is happening.
type overviewView struct {
	Tiers   []tierChoice
	Lanes   []Lane
	Records int64
	Behind  time.Duration
	// Counts and Moves are plots of the last hours: leads by tier, and how many changed tier.
	Counts *tierPlot
	Moves  *movePlot
	Recent []recentChange
	// Unready are the reasons for which the service is not ready.
	Unready []string
}

// overviewPage answers GET /overview.
func (h *handler) overviewPage(w http.ResponseWriter, r *http.Request) {
	view, err := h.overviewView(r.Context())
	h.draw(w, r, "overview", "Overview", view, err)
}

func (h *handler) overviewView(ctx context.Context) (*overviewView, error) {
	view := &overviewView{}
	if err := h.Readiness.Ready(ctx); err != nil {
		view.Unready = reasons(err)
	}
	lanes, err := h.Pages.Lanes()
	if err != nil {
		return view, err
	}
	view.Lanes = lanes
	for _, l := range lanes {
		view.Records += l.Records
		view.Behind = max(view.Behind, l.Behind)
	}
	counts, err := h.Pages.Counts(ctx)
	if err != nil {
		return view, err
	}
	for _, t := range h.Pages.Model().Tiers {
		view.Tiers = append(view.Tiers, tierChoice{t.Name, counts[t.Name]})
	}
	hours := h.Changes.Hours()
	view.Counts, view.Moves = tiersByHour(hours, h.Leads.Tiers(), counts, time.Now()), movesByHour(hours)
	for _, c := range h.Changes.Recent(recentRows) {
		view.Recent = append(view.Recent, recentChange(c))
	}
	return view, nil
}

// tierPlot is how many leads there were in each tier.
type tierPlot struct {
	Kind   string       `json:"kind"`
	At     []float64    `json:"at"` // seconds since 1970
	Series []tierSeries `json:"series"`
}

// tierSeries is how many leads there were in a tier.
type tierSeries struct {
	Name   string  `json:"name"`
	Values []int64 `json:"values"`
}

// movePlot is how many leads changed tier in each hour.
type movePlot struct {
	Kind   string    `json:"kind"`
	At     []float64 `json:"at"`
	Values []int     `json:"values"`
	Total  int       `json:"-"`
}

// tiersByHour reckons back from how many leads there are in each tier, by what moved since.
func tiersByHour(hours []Hour, tiers []string, counts map[string]int64, now time.Time) *tierPlot {
	p := &tierPlot{Kind: "tiers", Series: make([]tierSeries, len(tiers))}
	for _, hour := range hours {
		p.At = append(p.At, seconds(hour.Begin.UnixMilli()))
	}
	p.At = append(p.At, seconds(now.UnixMilli()))
	for i, tier := range tiers {
		values := make([]int64, len(hours)+1)
		values[len(hours)] = counts[tier]
		for at := len(hours) - 1; at >= 0; at-- {
			values[at] = values[at+1] - gained(hours[at], tier)
		}
		p.Series[i] = tierSeries{tier, values}
	}
	return p
}

// gained is by how many leads a tier grew in an hour.
func gained(hour Hour, tier string) (n int64) {
	for _, m := range hour.Moves {
		if m.To == tier {
			n += int64(m.Count)
		}
		if m.From == tier {
			n -= int64(m.Count)
		}
	}
	return n
}

func movesByHour(hours []Hour) *movePlot {
	p := &movePlot{Kind: "changes"}
	for _, hour := range hours {
		n := 0
		for _, m := range hour.Moves {
			n += m.Count
		}
		p.At, p.Values, p.Total = append(p.At, seconds(hour.Begin.UnixMilli())), append(p.Values, n), p.Total+n
	}
	if n := len(hours); n > 0 { // the end of the last bar
		p.At, p.Values = append(p.At, seconds(hours[n-1].Begin.Add(time.Hour).UnixMilli())), append(p.Values, 0)
	}
	return p
}

// recentChange is one of the newest changes of all leads.
type recentChange Change

// Moved is whether the lead went to another tier; else it reached a stage.
func (c recentChange) Moved() bool { return c.From != c.To }

// State says how the lane stands, in a word or two.
func (l Lane) State() string {
	switch {
	case l.Refused != "":
		return "stands still: " + spaced(l.Refused)
	case l.Behind > 0:
		return "catching up"
	default:
		return "up to date"
	}
}

// Late is how far the lane is behind.
func (l Lane) Late() string {
	if l.Behind == 0 {
		return "–"
	}
	return l.Behind.Round(100 * time.Millisecond).String()
}
