package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"path"
	"slices"
	"strconv"
	"time"
)

const (
	// pageLimit is how many leads of a tier the page shows, pageReasons how many contributions of each.
	pageLimit   = 50
	pageReasons = 4
)

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"ago":    ago,
	"number": number,
	"signed": func(points float64) string {
		if points > 0 {
			return "+" + number(points)
		}
		return number(points)
	},
}).ParseFS(assets, "assets/page.html"))

// shown are the tiers that the page lists: hot and warm where the model has such, else all that can be listed.
func shown(tiers []string) []string {
	wanted := slices.DeleteFunc(slices.Clone(tiers), func(t string) bool { return t != "hot" && t != "warm" })
	if len(wanted) == 0 {
		return tiers
	}
	return wanted
}

// pageTier is one list on the page.
type pageTier struct {
	Name  string
	Total int64
	Leads []pageLead
}

// pageLead is the part of a lead's JSON that the page shows.
type pageLead struct {
	Lead          string
	Account       string
	Score         float64
	Stage         string
	Since         time.Time
	Contributions []struct {
		Rule   string
		Points float64
	}
	Qualification struct {
		Total float64
		Rated int
	}
	NextChange *struct {
		At time.Time
		To string
	} `json:"next_change"`
	// AsOf is the instant of all this, from which the page counts.
	AsOf time.Time `json:"as_of"`
}

// page answers GET /. Its script asks for the same page again and exchanges what changed, so that there is one way to
// draw a lead and one place that escapes it.
func (h *handler) page(w http.ResponseWriter, r *http.Request) {
	tiers, err := h.pageData(r.Context())
	status := http.StatusOK
	if err != nil {
		if r.Context().Err() == nil {
			h.Log.Warn("the leads can't be read", "error", err)
		}
		status = http.StatusServiceUnavailable
	}
	data := struct {
		Model string
		Tiers []pageTier
		Down  bool
	}{h.Model, tiers, err != nil}
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, data); err != nil {
		h.Log.Error("the page can't be drawn", "error", err)
		writeProblem(w, http.StatusInternalServerError, "")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // The client that is gone needs no answer.
}

func (h *handler) pageData(ctx context.Context) ([]pageTier, error) {
	var tiers []pageTier
	for _, name := range h.pageTiers {
		leads, total, err := h.Leads.Top(ctx, name, pageLimit)
		if err != nil {
			return nil, fmt.Errorf("listing tier %s: %w", name, err)
		}
		tier := pageTier{Name: name, Total: total}
		for _, text := range leads {
			var lead pageLead
			if err := json.Unmarshal(text, &lead); err != nil {
				return nil, fmt.Errorf("reading a lead of tier %s: %w", name, err)
			}
			lead.Contributions = lead.Contributions[:min(len(lead.Contributions), pageReasons)]
			tier.Leads = append(tier.Leads, lead)
		}
		tiers = append(tiers, tier)
	}
	return tiers, nil
}

// ago is the time between two instants in the largest unit that fits, such as "3 min".
func ago(from, to time.Time) string {
	d := max(to.Sub(from), from.Sub(to))
	switch {
	case d < time.Minute:
		return "moments"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	default:
		return strconv.Itoa(int(d/(24*time.Hour))) + " days"
	}
}

// number is points with at most one decimal.
func number(points float64) string {
	return strconv.FormatFloat(math.Round(points*10)/10, 'f', -1, 64)
}

// asset answers GET /assets/{name}: the page's script, style and icon.
func (h *handler) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	kind, served := map[string]string{
		".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	}[path.Ext(name)]
	text, err := assets.ReadFile("assets/" + name)
	if err != nil || !served {
		writeProblem(w, http.StatusNotFound, "no such asset")
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(text) // The client that is gone needs no answer.
}
