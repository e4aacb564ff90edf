package web

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/hotlead/hotlead/events"
)

// problem is an RFC 9457 problem document. Its type is about:blank where the status and the detail say it all.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

func writeProblem(w http.ResponseWriter, status int, detail string) {
	writeProblemOf(w, status, problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail})
}

// refusedType is the type of the problem of events that would be dead letters: the page that says what each reason means.
const refusedType = "https://github.com/hotlead/hotlead/blob/main/events/REASONS.md"

// refusedProblem names the events of a request that would be dead letters, and why.
type refusedProblem struct {
	problem
	Events []refused `json:"events"`
}

// writeRefused answers that none of a request's events was taken because of these: 413 where one is too large, else 400.
func writeRefused(w http.ResponseWriter, refusals []refused) {
	status := http.StatusBadRequest
	for _, r := range refusals {
		if r.Reason == events.ReasonTooLarge {
			status = http.StatusRequestEntityTooLarge
		}
	}
	writeProblemOf(w, status, refusedProblem{
		problem: problem{Type: refusedType, Title: "Events that can't be scored", Status: status, Detail: "no event of the request was taken, because of those that are named"},
		Events:  refusals,
	})
}

// unavailable answers that something can't be done just now, and after how many seconds to try again.
func unavailable(w http.ResponseWriter, why string, seconds int) {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	writeProblem(w, http.StatusServiceUnavailable, why)
}

func writeProblemOf(w http.ResponseWriter, status int, of any) {
	body, err := json.Marshal(of)
	if err != nil {
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // The client that is gone needs no answer.
}

// problems answers with a problem document where the mux finds no handler (404, 405), instead of with plain text.
func problems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			probe := &statusProbe{header: http.Header{}}
			mux.ServeHTTP(probe, r)
			if probe.status >= 400 {
				if allow := probe.header.Get("Allow"); allow != "" {
					w.Header().Set("Allow", allow)
				}
				writeProblem(w, probe.status, r.Method+" "+r.URL.Path+" is not served here")
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// statusProbe keeps what the mux would have answered by itself, without its body.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }
