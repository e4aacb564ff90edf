package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hotlead/hotlead/scorer"
)

// now is the instant as of which somePages shows leads.
var now = scorer.InstantOf(time.Date(2026, 11, 20, 10, 5, 0, 0, time.UTC))

// somePages are leads that are folded in the test, by tier.
type somePages struct {
	model scorer.Description
	leads map[string][]Shown
	err   error
	// sought is what was looked for last.
	sought Sought
}

func (p *somePages) Model() scorer.Description { return p.model }

func (p *somePages) Shown(_ context.Context, s Sought) ([]Shown, int64, error) {
	p.sought = s
	all := p.leads[s.Tier]
	return all[:min(s.Limit, len(all))], int64(len(all)), p.err
}

func (p *somePages) Course(_ context.Context, id string) (*Course, error) {
	for _, leads := range p.leads {
		for _, l := range leads {
			if l.Lead.ID == id {
				return &Course{Shown: l, Past: []Sample{{At: now.Time(), Score: l.Standing.Score}}}, p.err
			}
		}
	}
	return nil, errors.Join(p.err, fmt.Errorf("reading a lead: %w", ErrNoLead))
}

func (p *somePages) Counts(context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	for tier, leads := range p.leads {
		counts[tier] = int64(len(leads))
	}
	return counts, p.err
}

func (p *somePages) InForce(context.Context) ([]InForce, error) {
	return []InForce{{Model: p.model, Lanes: 3, Since: now.Time()}, {Model: p.model, Lanes: 1}}, p.err
}

func (p *somePages) Lanes() ([]Lane, error) {
	return []Lane{{Number: 0}, {Number: 1, Records: 7, Behind: 2 * time.Second}, {Number: 2, Refused: "log_cut"}}, p.err
}

// act is something that happens to a lead, so many hours before now.
type act struct {
	kind  string
	hours int
	told  *scorer.Qualification
}

// folded is a lead to which all this happened, as of now.
func folded(t *testing.T, m *scorer.Model, id, account string, acts ...act) Shown {
	t.Helper()
	folder, lead, model := m.Folder(), &scorer.Lead{ID: id}, m.Describe()
	for i, a := range acts {
		e := scorer.Event{
			Lead: id, Source: "test", ID: fmt.Sprint(i), Type: a.kind, Account: account,
			Time: now.Add(-time.Duration(a.hours) * time.Hour), Data: []byte("{}"), Qualification: a.told,
		}
		if _, _, err := folder.Apply(lead, &e, nil); err != nil {
			t.Fatal(err)
		}
	}
	folder.Advance(lead, now, nil)
	s := Shown{Lead: lead, Standing: folder.Explain(lead, now), Model: &model}
	if at, to, moves := folder.NextChange(lead); moves {
		s.Next = &NextChange{At: at.Time(), To: to}
	}
	return s
}

// saas is the shipped model for software sold to companies.
func saas(t *testing.T) *scorer.Model {
	t.Helper()
	text, _ := scorer.ShippedModel("b2b-saas")
	m, err := scorer.ReadModel("b2b-saas", text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const hostile = "<script>alert(1)</script>"

// aFew are pages with a few leads.
func aFew(t *testing.T) *somePages {
	m := saas(t)
	executive := &scorer.Qualification{Attributes: []scorer.Attribute{
		{Name: "seniority", Value: scorer.Value{Kind: scorer.String, String: "c-level"}},
		{Name: "employees", Value: scorer.Value{Kind: scorer.Number, Number: 900}},
	}}
	leads := map[string][]Shown{}
	for _, l := range []Shown{
		folded(t, m, hostile, `"><img src=x>`, act{"lead.profiled", 30, executive}, act{"pricing.viewed", 3, nil}, act{"demo.requested", 2, nil}),
		folded(t, m, "a/b c", "acme", act{"demo.requested", 26, nil}, act{"criterion.rated", 25,
			&scorer.Qualification{Ratings: []scorer.CriterionRating{{Criterion: "need", Value: 4}}}}),
	} {
		leads[l.Lead.Tier] = append(leads[l.Lead.Tier], l)
	}
	return &somePages{model: m.Describe(), leads: leads}
}

// pageOptions serve those pages.
func pageOptions(p *somePages) Options {
	o := options(&someLeads{tiers: []string{"hot", "warm", "disqualified"}})
	o.Pages, o.Changes = p, &toldChanges{hours: []Hour{{Begin: now.Time()}}}
	return o
}

// post posts a form from this machine.
func post(t *testing.T, h http.Handler, target string, form url.Values, header ...string) *http.Response {
	t.Helper()
	here := context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}))
	r := httptest.NewRequestWithContext(here, "POST", target, strings.NewReader(form.Encode()))
	r.Host = "localhost:8080"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// holds fails where a text lacks one of those.
func holds(t *testing.T, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

func TestTheListShowsHotAndWarmLeadsAndEscapesThem(t *testing.T) {
	r := get(t, New(pageOptions(aFew(t))), "GET", "/")
	text := body(t, r)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("status %d", r.StatusCode)
	}
	holds(t, text, "&lt;script&gt;alert(1)&lt;/script&gt;", `href="/leads/%3Cscript%3Ealert%281%29%3C%2Fscript%3E"`, `href="/leads/a%2Fb%20c"`,
		"&#34;&gt;&lt;img src=x&gt;", "asked for a demo, <time", "rated Need 4, <time", `datetime="2026-11-20T08:05:00.000Z"`, "MQL", "b2b-saas, version 7")
	if strings.Contains(text, "<script>alert") || strings.Contains(text, "<img src=x") {
		t.Error("a lead's data is markup on the page")
	}
	if hot, warm := strings.Index(text, `data-tier="hot"`), strings.Index(text, `data-tier="warm"`); hot < 0 || warm < hot {
		t.Error("hot does not come before warm")
	}
	if strings.Contains(text, `data-tier="disqualified"`) {
		t.Error("the page lists disqualified leads although nobody asked")
	}
}

func TestTheListByTier(t *testing.T) {
	p := aFew(t)
	text := body(t, post(t, New(pageOptions(p)), "/", url.Values{"tier": {"warm"}, "rows": {"100000"}}))
	if holds(t, text, "a/b c", `value="warm" checked`); strings.Contains(text, `data-tier="hot"`) {
		t.Error("hot is listed where only warm was asked for")
	}
	if p.sought.Limit != mostRows {
		t.Errorf("asked for %d leads", p.sought.Limit)
	}
	// What stands in a URL's query counts for nothing.
	if text := body(t, get(t, New(pageOptions(p)), "GET", "/?tier=warm")); !strings.Contains(text, `data-tier="hot"`) {
		t.Error("the query of the URL is looked at")
	}
}

func TestAModelWithoutHotAndWarmListsAllItsTiers(t *testing.T) {
	o := options(&someLeads{tiers: []string{"mql", "engaged"}})
	o.Pages = &somePages{}
	holds(t, body(t, get(t, New(o), "GET", "/")), "No lead is mql.", "No lead is engaged.")
}

func TestALead(t *testing.T) {
	h := New(pageOptions(aFew(t)))
	text := body(t, get(t, h, "GET", "/leads/a%2Fb%20c"))
	holds(t, text, "<h1>a/b c</h1>", "What made you look for a solution now?", "Urgent and well defined", `id="rate-need-4" aria-pressed="true"`,
		`id="rate-need-5" aria-pressed="false"`, "asked for a demo", "Being negotiated")
	hot := body(t, get(t, h, "GET", "/leads/"+escapedID(hostile)))
	holds(t, hot, "<h1>&lt;script&gt;alert(1)&lt;/script&gt;</h1>", "employees", "900", "cools to warm</b>", "hot&#34;,&#34;value&#34;:60")
	if strings.Contains(hot, "<script>alert") {
		t.Error("a lead's ID is markup on its page")
	}
	r := get(t, h, "GET", "/leads/nobody")
	if holds(t, body(t, r), "No event has reached a lead of this ID"); r.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", r.StatusCode)
	}
}

func TestTheModelInWords(t *testing.T) {
	holds(t, body(t, get(t, New(pageOptions(aFew(t))), "GET", "/model")), `In force since <time datetime="2026-11-20T10:05:00.000Z"`, "in 3 of 4 lanes so far", "<code>demo.requested</code>", "+40 points",
		"halves every 21 days", "all others; every lead begins here", "What made you look for a solution now?", "all points for what the lead did until then are gone")
}

func TestTheOverview(t *testing.T) {
	o := pageOptions(aFew(t))
	o.Readiness = readiness{errors.New("Redis does not answer")}
	holds(t, body(t, get(t, New(o), "GET", "/overview")), "Redis does not answer", "catching up", "stands still: log cut", "<dt>hot</dt><dd>1</dd>", "7 records waiting",
		`&lt;script&gt;alert(1)&lt;/script&gt;</a> <span aria-hidden="true">→`, "reached <b class=\"stage\">MQL</b>")
}

func TestPagesComeUpWhereNothingCanBeRead(t *testing.T) {
	p := aFew(t)
	p.err = errors.New("dial tcp 10.1.2.3:6379: refused")
	h := New(pageOptions(p))
	for _, target := range []string{"/", "/leads/a%2Fb%20c", "/model", "/overview"} {
		r := get(t, h, "GET", target)
		text := body(t, r)
		if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text, "be read at the moment") {
			t.Errorf("%s: status %d, %s", target, r.StatusCode, text)
		}
		if strings.Contains(text, "10.1.2.3") {
			t.Errorf("%s names a server", target)
		}
	}
}

func TestTenThousandLeadsAreShownPieceByPiece(t *testing.T) {
	m := saas(t)
	p := &somePages{model: m.Describe(), leads: map[string][]Shown{}}
	one := folded(t, m, "lead", "acme", act{"demo.requested", 1, nil})
	for i := range 10_000 {
		lead := *one.Lead
		lead.ID = fmt.Sprint("lead-", i)
		p.leads["hot"] = append(p.leads["hot"], Shown{Lead: &lead, Standing: one.Standing, Model: one.Model})
	}
	h := New(pageOptions(p))
	for _, c := range []struct {
		asked, rows int
		more        string
	}{{0, 50, `data-rows="250"`}, {250, 250, `data-rows="450"`}, {900, 900, `data-rows="1000"`}, {5000, 1000, ""}} {
		text := body(t, post(t, h, "/", url.Values{"rows": {fmt.Sprint(c.asked)}}))
		if n := strings.Count(text, "<li data-lead="); n != c.rows {
			t.Errorf("%d rows where %d were asked for", n, c.asked)
		}
		if holds(t, text, c.more, "10000</span>"); c.more == "" && !strings.Contains(text, "The first 1000 are shown") {
			t.Error("the page does not say that there are more")
		}
	}
}
