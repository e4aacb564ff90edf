package web

import (
	"context"
	"net/http"
	"time"
)

// overviewView is what is happening.
type overviewView struct {
	Tiers   []tierChoice
	Lanes   []Lane
	Records int64
	Behind  time.Duration
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
	return view, nil
}

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
