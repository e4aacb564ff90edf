package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
	Tier string `json:"tier,omitempty"`
	// Total is how many leads there are on all pages; absent where that is not counted.
	Total *int64            `json:"total,omitempty"`
	Leads []json.RawMessage `json:"leads"`
	// Next is the cursor of the next page, absent on the last.
	Next string `json:"next,omitempty"`
}

// leads answers GET /v1/leads?tier=hot&route=sales&account=acme&limit=50&cursor=….
func (h *handler) leads(w http.ResponseWriter, r *http.Request) {
	q, problem := h.leadQuery(r)
	if problem != "" {
		writeProblem(w, http.StatusBadRequest, problem)
		return
	}
	page, err := h.Leads.List(r.Context(), q)
	switch {
	case errors.Is(err, ErrNoCursor):
		writeProblem(w, http.StatusBadRequest, "cursor is the next of a page of the same list")
	case err != nil:
		h.unavailable(w, r, "the leads can't be read", err)
	default:
		answer := list{Tier: q.Tier, Leads: page.Leads, Next: page.Next}
		if page.Total >= 0 {
			answer.Total = &page.Total
		}
		if answer.Leads == nil {
			answer.Leads = []json.RawMessage{}
		}
		h.writeJSON(w, r, http.StatusOK, answer)
	}
}

// leadQuery is what GET /v1/leads asks for, or what is wrong with it.
func (h *handler) leadQuery(r *http.Request) (q LeadQuery, problem string) {
	asked, problem := parameters(r, "tier", "route", "account", "limit", "cursor")
	if problem != "" {
		return LeadQuery{}, problem
	}
	q = LeadQuery{
		Tier: asked.Get("tier"), Route: asked.Get("route"), Account: asked.Get("account"), Cursor: asked.Get("cursor"), Limit: usualLimit,
	}
	if problem := h.notInModel(asked); problem != "" {
		return LeadQuery{}, problem
	}
	if asked.Has("limit") {
		n, err := strconv.Atoi(asked.Get("limit"))
		if err != nil || n < 1 || n > highestLimit {
			return LeadQuery{}, fmt.Sprintf("limit is a whole number from 1 to %d", highestLimit)
		}
		q.Limit = n
	}
	return q, ""
}

// notInModel is what is wrong with a tier or a route that is asked for; "" if nothing is.
func (h *handler) notInModel(asked url.Values) string {
	if tiers := h.Leads.Tiers(); asked.Has("tier") && !slices.Contains(tiers, asked.Get("tier")) {
		return "tier is one of " + strings.Join(tiers, ", ")
	}
	if routes := h.Leads.Routes(); asked.Has("route") && !slices.Contains(routes, asked.Get("route")) {
		return "route is one of " + strings.Join(routes, ", ")
	}
	return ""
}

// parameters are those of the request, each of the names that are known, or what is wrong with them: a misspelt one would
// be passed over in silence.
func parameters(r *http.Request, known ...string) (asked url.Values, problem string) {
	asked, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, "the parameters are not encoded as a URL has them"
	}
	for name, values := range asked {
		if len(known) == 0 {
			return nil, "no parameters are known here"
		}
		if !slices.Contains(known, name) {
			return nil, "a parameter is not known; there is " + strings.Join(known, ", ")
		}
		if len(values) > 1 {
			return nil, name + " is given more than once"
		}
	}
	return asked, ""
}

// lead answers GET /v1/leads/{id}, as of now or of ?at=T.
func (h *handler) lead(w http.ResponseWriter, r *http.Request) {
	id, ok := leadID(w, r)
	if !ok {
		return
	}
	asked, problem := parameters(r, "at")
	if problem != "" {
		writeProblem(w, http.StatusBadRequest, problem)
		return
	}
	var at time.Time
	if text := asked.Get("at"); text != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, text); err != nil {
			writeProblem(w, http.StatusBadRequest, "at is an instant such as 2026-11-20T10:00:00Z")
			return
		}
	}
	lead, err := h.Leads.Lead(r.Context(), id, at)
	switch {
	case errors.Is(err, ErrNoLead):
		writeProblem(w, http.StatusNotFound, noSuchLead)
	case err != nil:
		h.unavailable(w, r, "the leads can't be read", err)
	default:
		h.writeJSON(w, r, http.StatusOK, lead)
	}
}

// noSuchLead is what is said of a lead that nothing is known of.
const noSuchLead = "no event has reached a lead of this ID"

// leadID is the lead that a path names; not ok where none can have this ID, which is answered then.
func leadID(w http.ResponseWriter, r *http.Request) (id string, ok bool) {
	if id = r.PathValue("id"); len(id) > longestID {
		writeProblem(w, http.StatusBadRequest, fmt.Sprintf("a lead ID has at most %d bytes", longestID))
		return "", false
	}
	return id, true
}

// history is the answer of GET /v1/leads/{id}/changes.
type history struct {
	Lead    string            `json:"lead"`
	Changes []json.RawMessage `json:"changes"`
}

// changesOf answers GET /v1/leads/{id}/changes.
func (h *handler) changesOf(w http.ResponseWriter, r *http.Request) {
	id, ok := leadID(w, r)
	if !ok {
		return
	}
	if _, problem := parameters(r); problem != "" {
		writeProblem(w, http.StatusBadRequest, problem)
		return
	}
	changes, err := h.Changes.Of(r.Context(), id)
	if err != nil {
		h.unavailable(w, r, "the tier changes can't be read", err)
		return
	}
	if len(changes) == 0 {
		// A lead that never moved is not the same as one that nobody knows.
		if _, err := h.Leads.Lead(r.Context(), id, time.Time{}); errors.Is(err, ErrNoLead) {
			writeProblem(w, http.StatusNotFound, noSuchLead)
			return
		} else if err != nil {
			h.unavailable(w, r, "the leads can't be read", err)
			return
		}
		changes = []json.RawMessage{}
	}
	h.writeJSON(w, r, http.StatusOK, history{Lead: id, Changes: changes})
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

// unavailable answers when a server that it takes is away, saying what can't be done for that. The error is logged and not
// shown: it may name servers.
func (h *handler) unavailable(w http.ResponseWriter, r *http.Request, what string, err error) {
	if r.Context().Err() == nil {
		h.Log.Warn(what, "error", err)
	}
	unavailable(w, what+" at the moment; try again", 2)
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
