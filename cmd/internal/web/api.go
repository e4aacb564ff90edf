package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	usualLimit   = 50
	highestLimit = 1000
	longestID    = 256 // bytes, as the events allow
)

// list is the answer of GET /v1/leads.
type list struct {
	Tier string `json:"tier"`
	// Total is how many leads the tier has, also where fewer are listed.
	Total int64             `json:"total"`
	Leads []json.RawMessage `json:"leads"`
}

// leads answers GET /v1/leads?tier=hot&limit=50.
func (h *handler) leads(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	tier, limit := query.Get("tier"), usualLimit
	if tiers := h.Leads.Tiers(); !slices.Contains(tiers, tier) {
		writeProblem(w, http.StatusBadRequest, "tier is one of "+strings.Join(tiers, ", "))
		return
	}
	if query.Has("limit") {
		n, err := strconv.Atoi(query.Get("limit"))
		if err != nil || n < 1 || n > highestLimit {
			writeProblem(w, http.StatusBadRequest, fmt.Sprintf("limit is a whole number from 1 to %d", highestLimit))
			return
		}
		limit = n
	}
	leads, total, err := h.Leads.Top(r.Context(), tier, limit)
	if err != nil {
		h.unavailable(w, r, err)
		return
	}
	if leads == nil {
		leads = []json.RawMessage{}
	}
	h.writeJSON(w, r, http.StatusOK, list{Tier: tier, Total: total, Leads: leads})
}

// lead answers GET /v1/leads/{id}, as of now or of ?at=T.
func (h *handler) lead(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if len(id) > longestID {
		writeProblem(w, http.StatusBadRequest, fmt.Sprintf("a lead ID has at most %d bytes", longestID))
		return
	}
	var at time.Time
	if text := r.URL.Query().Get("at"); text != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			writeProblem(w, http.StatusBadRequest, "at is an instant such as 2026-11-20T10:00:00Z")
			return
		}
	}
	lead, err := h.Leads.Lead(r.Context(), id, at)
	switch {
	case errors.Is(err, ErrNoLead):
		writeProblem(w, http.StatusNotFound, "no event has reached a lead of this ID")
	case err != nil:
		h.unavailable(w, r, err)
	default:
		h.writeJSON(w, r, http.StatusOK, lead)
	}
}

// live answers GET /livez: a process that answers is alive.
func (h *handler) live(w http.ResponseWriter, r *http.Request) {
	h.writeJSON(w, r, http.StatusOK, struct {
		Live bool `json:"live"`
	}{true})
}

// ready answers GET /readyz, with the reasons where the service is not ready.
func (h *handler) ready(w http.ResponseWriter, r *http.Request) {
	type answer struct {
		Ready   bool     `json:"ready"`
		Reasons []string `json:"reasons,omitempty"`
	}
	if err := h.Readiness.Ready(r.Context()); err != nil {
		h.writeJSON(w, r, http.StatusServiceUnavailable, answer{Reasons: reasons(err)})
		return
	}
	h.writeJSON(w, r, http.StatusOK, answer{Ready: true})
}

// reasons are the errors that were joined into err, or err alone.
func reasons(err error) []string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{err.Error()}
	}
	var all []string
	for _, e := range joined.Unwrap() {
		all = append(all, reasons(e)...)
	}
	return all
}

// unavailable answers when the leads can't be read. The error is logged and not shown: it may name servers.
func (h *handler) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		h.Log.Warn("the leads can't be read", "error", err)
	}
	w.Header().Set("Retry-After", "2")
	writeProblem(w, http.StatusServiceUnavailable, "the leads can't be read at the moment; try again")
}

func (h *handler) writeJSON(w http.ResponseWriter, r *http.Request, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		h.Log.Error("an answer can't be written as JSON", "path", r.Pattern, "error", err)
		writeProblem(w, http.StatusInternalServerError, "")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // The client that is gone needs no answer.
}
