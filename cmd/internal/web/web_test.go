package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// someLeads are leads by tier, as the API writes them.
type someLeads struct {
	tiers  []string
	leads  map[string][]string // JSON by tier
	err    error
	lastAt time.Time
	query  LeadQuery
}

func (s *someLeads) Tiers() []string { return s.tiers }

func (s *someLeads) Routes() []string { return []string{"sales", "nurture"} }

func (s *someLeads) List(_ context.Context, q LeadQuery) (LeadPage, error) {
	s.query = q
	if q.Cursor == "stale" {
		return LeadPage{}, fmt.Errorf("listing: %w", ErrNoCursor)
	}
	var page LeadPage
	for _, tier := range s.tiers {
		for _, l := range s.leads[tier] {
			if q.Tier == "" || q.Tier == tier {
				page.Total++
				page.Leads = append(page.Leads, json.RawMessage(l))
			}
		}
	}
	if len(page.Leads) > q.Limit {
		page.Leads, page.Next = page.Leads[:q.Limit], "more"
	}
	if q.Account != "" {
		page.Total = -1
	}
	return page, s.err
}

func (s *someLeads) Lead(_ context.Context, id string, at time.Time) (json.RawMessage, error) {
	s.lastAt = at
	if s.err != nil {
		return nil, s.err
	}
	for _, leads := range s.leads {
		for _, l := range leads {
			var lead struct{ Lead string }
			if json.Unmarshal([]byte(l), &lead) == nil && lead.Lead == id {
				return json.RawMessage(l), nil
			}
		}
	}
	return nil, fmt.Errorf("reading a lead: %w", ErrNoLead)
}

// someChanges are changes by lead, as the topic holds them.
type someChanges struct {
	of  map[string][]string
	err error
	// come are those to follow; closed once there are no more.
	come   chan []Change
	lost   bool
	after  string // the position that was asked for
	closed bool
}

// noChanges are none, ever: whoever follows them is let go at once.
func noChanges() *someChanges {
	come := make(chan []Change)
	close(come)
	return &someChanges{come: come}
}

func (s *someChanges) Of(_ context.Context, lead string) (all []json.RawMessage, err error) {
	for _, c := range s.of[lead] {
		all = append(all, json.RawMessage(c))
	}
	return all, s.err
}

func (s *someChanges) Recent(int) []Change { return nil }
func (s *someChanges) Hours() []Hour       { return nil }

func (s *someChanges) Follow(_ context.Context, after string, wanted Wanted) (Following, error) {
	s.after = after
	if after == "none of ours" {
		return nil, fmt.Errorf("following: %w", ErrNoPosition)
	}
	return &someFollowing{of: s, wanted: wanted, position: "the beginning"}, s.err
}

// someFollowing gives the changes that come, and then ends.
type someFollowing struct {
	of       *someChanges
	wanted   Wanted
	position string
}

func (f *someFollowing) Next(ctx context.Context) ([]Change, error) {
	for {
		select {
		case changes, more := <-f.of.come:
			if !more {
				return nil, ErrBehind
			}
			f.position = changes[len(changes)-1].Position
			changes = slices.DeleteFunc(changes, func(c Change) bool { return !f.wanted.Wants(c.To, c.Route) })
			if len(changes) > 0 {
				return changes, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (f *someFollowing) Position() string { return f.position }
func (f *someFollowing) Lost() bool       { return f.of.lost }
func (f *someFollowing) Close()           { f.of.closed = true }

// change is a lead's change of that number, to hot, by way of sales.
func change(lead string, sequence int) Change {
	c := scorer.Change{
		Kind: scorer.TierChanged, Lead: lead, Sequence: uint64(sequence), From: "warm", To: "hot", Up: true, Route: "sales",
		At: scorer.InstantOf(time.Date(2026, 11, 20, 10, 0, sequence, 0, time.UTC)), Cause: scorer.Cause{Kind: scorer.ByTime},
		Model: scorer.ModelName{Name: "b2b-saas", Version: 7},
	}
	return Change{
		Position: fmt.Sprint("after-", sequence), Type: events.TypeTierChanged, Lead: lead, From: c.From, To: c.To, Route: c.Route,
		At: c.At.Time(), JSON: events.AppendChange(nil, &c),
	}
}

// someKafka keeps what is sent.
type someKafka struct {
	sent []Event
	err  error
}

func (s *someKafka) Send(_ context.Context, list []Event) error {
	if s.err == nil {
		s.sent = append(s.sent, list...)
	}
	return s.err
}

type readiness struct{ err error }

func (r readiness) Ready(context.Context) error { return r.err }

// lead is the JSON of a lead with a score and one contribution.
func lead(id string, score float64) string {
	text, err := json.Marshal(map[string]any{
		"lead": id, "account": "acme", "tier": "hot", "since": "2026-11-20T10:00:00Z", "stage": "MQL", "score": score,
		"contributions": []map[string]any{{"rule": "pricing-page", "points": 30}, {"rule": "no <budget>", "points": -10.25},
			{"rule": "third", "points": 3}, {"rule": "fourth", "points": 2}, {"rule": "fifth", "points": 1}},
		"qualification": map[string]any{"total": 21, "rated": 5, "complete": true, "ratings": map[string]any{"need": 5}},
		"engagement":    map[string]any{"score": score, "groups": map[string]any{"web": score}}, "fit": map[string]any{"score": 0},
		"sequence": 3, "model": map[string]any{"name": "b2b-saas", "version": 7},
		"next_change": map[string]any{"at": "2026-11-23T10:00:00Z", "to": "warm"}, "as_of": "2026-11-20T10:05:00Z",
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func hotAndWarm() *someLeads {
	return &someLeads{tiers: []string{"disqualified", "hot", "warm"}, leads: map[string][]string{
		"hot":  {lead("<script>alert(1)</script>", 102.46), lead("a/b c", 88)},
		"warm": {lead("lead-7", 40)},
	}}
}

func options(leads Leads) Options {
	return Options{
		Leads: leads, Changes: noChanges(), Pages: &somePages{}, Readiness: readiness{}, Model: "b2b-saas, version 7", Log: slog.New(slog.DiscardHandler),
		Sender: &someKafka{}, Limits: events.DefaultLimits(), Refuses: func(*scorer.Event) *scorer.Refusal { return nil },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hotlead_build_info 1\n") }),
	}
}

func get(t *testing.T, h http.Handler, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	holding(t, h).ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(b.String(), "\r\n\r\n")
	return text
}

func TestAssetsAreServedWithTheirTypes(t *testing.T) {
	h := New(options(hotAndWarm()))
	for name, kind := range map[string]string{
		"page.js": "text/javascript; charset=utf-8", "page.css": "text/css; charset=utf-8", "htmx.min.js": "text/javascript; charset=utf-8",
		"plot.js": "text/javascript; charset=utf-8", "uplot.min.js": "text/javascript; charset=utf-8", "uplot.min.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		r := get(t, h, "GET", "/assets/"+name)
		if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != kind {
			t.Errorf("%s: status %d, type %q", name, r.StatusCode, r.Header.Get("Content-Type"))
		}
	}
	for _, name := range []string{"layout.html", "htmx.LICENSE", "nothing.js", "%2e%2e%2fweb.go"} {
		if r := get(t, h, "GET", "/assets/"+name); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", name, r.StatusCode)
		}
	}
}

func TestLeadsOfATier(t *testing.T) {
	leads := hotAndWarm()
	r := get(t, New(options(leads)), "GET", "/v1/leads?tier=hot&limit=1")
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d, header %v", r.StatusCode, r.Header)
	}
	var got list
	if err := json.Unmarshal([]byte(body(t, r)), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tier != "hot" || *got.Total != 2 || len(got.Leads) != 1 {
		t.Errorf("got %+v", got)
	}
	if got.Next != "more" {
		t.Errorf("the next page is %q", got.Next)
	}
	get(t, New(options(leads)), "GET", "/v1/leads?tier=hot&route=sales&account=acme&cursor=more")
	if want := (LeadQuery{Tier: "hot", Route: "sales", Account: "acme", Cursor: "more", Limit: 50}); leads.query != want {
		t.Errorf("asked for %+v", leads.query)
	}
	byAccount := body(t, get(t, New(options(leads)), "GET", "/v1/leads?account=nobody&tier=disqualified"))
	if want := `{"tier":"disqualified","leads":[]}` + "\n"; byAccount != want {
		t.Errorf("leads by account are %s", byAccount)
	}
	empty := body(t, get(t, New(options(leads)), "GET", "/v1/leads?tier=disqualified"))
	if want := `{"tier":"disqualified","total":0,"leads":[]}` + "\n"; empty != want {
		t.Errorf("an empty tier is %s", empty)
	}
}

func TestTheChangesOfALead(t *testing.T) {
	o := options(hotAndWarm())
	first, second := string(change("lead-7", 1).JSON), string(change("lead-7", 2).JSON)
	o.Changes = &someChanges{of: map[string][]string{"lead-7": {first, second}}}
	h := New(o)
	for target, want := range map[string]string{
		"/v1/leads/lead-7/changes":      `{"lead":"lead-7","changes":[` + first + "," + second + "]}\n",
		"/v1/leads/a%2Fb%20c/changes":   `{"lead":"a/b c","changes":[]}` + "\n",
		"/v1/leads/nobody/changes":      noSuchLead,
		"/v1/leads/lead-7/changes?at=x": "no parameters are known here",
	} {
		if text := body(t, get(t, h, "GET", target)); !strings.Contains(text, want) {
			t.Errorf("%s: %s", target, text)
		}
	}
	o.Changes = &someChanges{err: errors.New("dial tcp 10.1.2.3:9092: refused")}
	r := get(t, New(o), "GET", "/v1/leads/lead-7/changes")
	if text := body(t, r); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || strings.Contains(text, "10.1.2.3") {
		t.Errorf("with Kafka away: %d, %s", r.StatusCode, text)
	}
}

func TestOneLead(t *testing.T) {
	leads := hotAndWarm()
	h := New(options(leads))
	r := get(t, h, "GET", "/v1/leads/a%2Fb%20c?at=2026-11-22T10:00:00%2B01:00")
	if text := body(t, r); r.StatusCode != http.StatusOK || !strings.Contains(text, `"lead":"a/b c"`) {
		t.Errorf("status %d, %s", r.StatusCode, text)
	}
	if want := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC); !leads.lastAt.Equal(want) {
		t.Errorf("asked for the lead as of %v", leads.lastAt)
	}
	if get(t, h, "GET", "/v1/leads/lead-7"); !leads.lastAt.IsZero() {
		t.Errorf("asked for the lead as of %v where now is meant", leads.lastAt)
	}
}

func TestProblems(t *testing.T) {
	down := options(&someLeads{tiers: []string{"hot"}, err: errors.New("dial tcp 10.1.2.3:6379: refused")})
	for _, c := range []struct {
		name, method, target string
		options              Options
		status               int
		detail               string
	}{
		{"unknown path", "GET", "/v2/leads", options(hotAndWarm()), 404, "GET /v2/leads is not served here"},
		{"wrong method", "DELETE", "/v1/leads/lead-7", options(hotAndWarm()), 405, "DELETE /v1/leads/lead-7 is not served here"},
		{"unknown lead", "GET", "/v1/leads/nobody", options(hotAndWarm()), 404, "no event has reached a lead of this ID"},
		{"unknown tier", "GET", "/v1/leads?tier=hott", options(hotAndWarm()), 400, "tier is one of disqualified, hot, warm"},
		{"empty tier", "GET", "/v1/leads?tier=", options(hotAndWarm()), 400, "tier is one of disqualified, hot, warm"},
		{"unknown route", "GET", "/v1/leads?route=sale", options(hotAndWarm()), 400, "route is one of sales, nurture"},
		{"misspelt parameter", "GET", "/v1/leads?teir=hot", options(hotAndWarm()), 400, "a parameter is not known; there is tier, route, account, limit, cursor"},
		{"parameter twice", "GET", "/v1/leads?tier=hot&tier=warm", options(hotAndWarm()), 400, "tier is given more than once"},
		{"parameters in no URL's way", "GET", "/v1/leads?tier=%zz", options(hotAndWarm()), 400, "the parameters are not encoded as a URL has them"},
		{"stale cursor", "GET", "/v1/leads?cursor=stale", options(hotAndWarm()), 400, "cursor is the next of a page of the same list"},
		{"limit of nothing", "GET", "/v1/leads?tier=hot&limit=0", options(hotAndWarm()), 400, "limit is a whole number from 1 to 1000"},
		{"limit too high", "GET", "/v1/leads?tier=hot&limit=1001", options(hotAndWarm()), 400, "limit is a whole number from 1 to 1000"},
		{"limit no number", "GET", "/v1/leads?tier=hot&limit=all", options(hotAndWarm()), 400, "limit is a whole number from 1 to 1000"},
		{"at no instant", "GET", "/v1/leads/lead-7?at=yesterday", options(hotAndWarm()), 400, "at is an instant such as 2026-11-20T10:00:00Z"},
		{"long ID", "GET", "/v1/leads/" + strings.Repeat("x", 257), options(hotAndWarm()), 400, "a lead ID has at most 256 bytes"},
		{"list unreadable", "GET", "/v1/leads?tier=hot", down, 503, "the leads can't be read at the moment; try again"},
		{"lead unreadable", "GET", "/v1/leads/lead-7", down, 503, "the leads can't be read at the moment; try again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := get(t, New(c.options), c.method, c.target)
			if r.StatusCode != c.status || r.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("status %d, type %q", r.StatusCode, r.Header.Get("Content-Type"))
			}
			var p problem
			if err := json.Unmarshal([]byte(body(t, r)), &p); err != nil {
				t.Fatal(err)
			}
			if want := (problem{"about:blank", http.StatusText(c.status), c.status, c.detail}); p != want {
				t.Errorf("got %+v, want %+v", p, want)
			}
			if c.status == 405 && r.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("Allow %q", r.Header.Get("Allow"))
			}
			if r.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("a problem without nosniff")
			}
		})
	}
}

func TestReadinessGivesItsReasons(t *testing.T) {
	o := options(hotAndWarm())
	if r := get(t, New(o), "GET", "/readyz"); r.StatusCode != 200 || body(t, r) != `{"ready":true}`+"\n" {
		t.Errorf("ready: status %d", r.StatusCode)
	}
	o.Readiness = readiness{errors.Join(errors.New("Redis does not answer"), errors.New("no lanes owned"))}
	r := get(t, New(o), "GET", "/readyz")
	if want := `{"ready":false,"reasons":["Redis does not answer","no lanes owned"]}` + "\n"; r.StatusCode != 503 || body(t, r) != want {
		t.Errorf("not ready: status %d", r.StatusCode)
	}
	if r := get(t, New(o), "GET", "/livez"); r.StatusCode != 200 {
		t.Errorf("alive: status %d", r.StatusCode)
	}
}

func TestTheTokenGuardsAllButMetricsAndHealth(t *testing.T) {
	o := options(hotAndWarm())
	o.Token = "s3cret"
	h := New(o)
	for _, target := range []string{"/", "/v1/leads?tier=hot", "/v1/leads/lead-7", "/assets/page.js"} {
		for _, header := range []string{"", "Bearer wrong", "Bearer", "Bearer s3cre", "Bearer s3cret2", "Basic Og==", "s3cret", "Basic czNjcmV0Og=="} {
			r := get(t, h, "GET", target, "Authorization", header)
			if r.StatusCode != 401 || !strings.HasPrefix(r.Header.Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s with %q: status %d", target, header, r.StatusCode)
			}
		}
		for _, header := range []string{"Bearer s3cret", "bearer s3cret", "Basic YW55OnMzY3JldA=="} {
			if r := get(t, h, "GET", target, "Authorization", header); r.StatusCode != 200 {
				t.Errorf("%s with %q: status %d", target, header, r.StatusCode)
			}
		}
	}
	for _, target := range []string{"/metrics", "/livez", "/readyz"} {
		if r := get(t, h, "GET", target); r.StatusCode != 200 {
			t.Errorf("%s: status %d", target, r.StatusCode)
		}
	}
	// What is not served, or by another method, or by a way round, is guarded as well.
	for _, target := range []string{"/v1/none", "/metrics/", "//metrics", "/metrics/../v1/leads/lead-7", "/livez%2f..%2fv1/leads", "/LIVEZ"} {
		for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS", "CONNECT"} {
			if r := get(t, h, method, target); r.StatusCode != 401 {
				t.Errorf("%s %s: status %d", method, target, r.StatusCode)
			}
		}
	}
}

func TestEveryAnswerHasTheHeadersForBrowsers(t *testing.T) {
	o := options(hotAndWarm())
	o.Token = "s3cret"
	for _, h := range []http.Handler{New(options(hotAndWarm())), New(o)} {
		for _, target := range []string{"/", "/v1/leads?tier=hot", "/v1/leads/nobody", "/assets/page.js", "/none", "/metrics", "/livez", "/readyz"} {
			r := get(t, h, "GET", target)
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
				"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s: %s is %q", target, name, got)
				}
			}
			if r.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s is open to other origins", target)
			}
		}
	}
}

func TestTheServerHasLimits(t *testing.T) {
	s := NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("a limit is missing: %+v", s)
	}
}
