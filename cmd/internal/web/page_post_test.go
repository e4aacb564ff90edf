package web

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hotlead/hotlead/scorer"
)

// toldChanges are changes that were told, as JSON of one lead and as moves by hour.
type toldChanges struct {
	Changes
	of    []json.RawMessage
	hours []Hour
	err   error
}

func (c *toldChanges) Of(context.Context, string) ([]json.RawMessage, error) { return c.of, c.err }
func (c *toldChanges) Hours() []Hour                                         { return c.hours }

func (c *toldChanges) Recent(int) []Change {
	return []Change{
		{Lead: hostile, From: "warm", To: "hot", At: now.Time()},
		{Lead: "a/b c", From: "warm", To: "warm", Stage: "MQL", At: now.Time()},
	}
}

// keeper keeps what is sent.
type keeper struct {
	got []Event
	err error
}

func (k *keeper) Send(_ context.Context, events []Event) error {
	k.got = append(k.got, events...)
	return k.err
}

func TestARatingIsSentAsAnEvent(t *testing.T) {
	o, kept := pageOptions(aFew(t)), &keeper{}
	o.Sender, o.Token = kept, "s3cret"
	began := time.Now()
	r := post(t, New(o), "/leads/a%2Fb%20c/ratings", url.Values{"criterion": {"need"}, "rating": {"5"}}, "Authorization", "Basic c2RyLTc6czNjcmV0")
	if r.StatusCode != http.StatusAccepted || len(kept.got) != 1 {
		t.Fatalf("status %d, sent %v", r.StatusCode, kept.got)
	}
	var answer sent
	if err := json.Unmarshal([]byte(body(t, r)), &answer); err != nil {
		t.Fatal(err)
	}
	var event map[string]any
	if err := json.Unmarshal(kept.got[0].Value, &event); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339Nano, event["time"].(string))
	if err != nil || at.UnixMilli() != answer.At || at.Before(began.Truncate(time.Millisecond)) {
		t.Errorf("the event is of %v, the answer says %d", event["time"], answer.At)
	}
	id := event["id"].(string)
	delete(event, "id")
	delete(event, "time")
	want := map[string]any{
		"specversion": "1.0", "source": "hotlead/page", "type": "criterion.rated", "subject": "a/b c", "datacontenttype": "application/json",
		"data": map[string]any{"criterion": "need", "rating": 5.0, "by": "sdr-7"},
	}
	if !reflect.DeepEqual(event, want) || len(id) < 20 || kept.got[0].Lead != "a/b c" || kept.got[0].Type != "criterion.rated" {
		t.Errorf("sent %v to %s as %s", event, kept.got[0].Lead, kept.got[0].Type)
	}
	post(t, New(o), "/leads/a%2Fb%20c/disposition", url.Values{"disposition": {"interested"}}, "Authorization", "Bearer s3cret")
	if last := string(kept.got[len(kept.got)-1].Value); !strings.Contains(last, `"data":{"disposition":"interested"}`) || !strings.Contains(last, "lead.dispositioned") {
		t.Errorf("sent %s", last)
	}
}

func TestFormsThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, target string
		form         url.Values
		header       []string
		status       int
		detail       string
	}{
		{"no such criterion", "/leads/x/ratings", url.Values{"criterion": {"height"}, "rating": {"3"}}, nil, 400, "no such criterion"},
		{"off the scale", "/leads/x/ratings", url.Values{"criterion": {"need"}, "rating": {"6"}}, nil, 400, "from 1 to 5"},
		{"no UTF-8", "/leads/%ff/disposition", url.Values{"disposition": {"invalid"}}, nil, 400, "of UTF-8"},
		{"a line break", "/leads/a%0Ab/disposition", url.Values{"disposition": {"invalid"}}, nil, 400, "invalid_subject"},
		{"no number", "/leads/x/ratings", url.Values{"criterion": {"need"}, "rating": {"NaN"}}, nil, 400, "from 1 to 5"},
		{"no such disposition", "/leads/x/disposition", url.Values{"disposition": {"maybe"}}, nil, 400, "no such disposition"},
		{"in the URL", "/leads/x/disposition?disposition=invalid", nil, nil, 400, "no such disposition"},
		{"too long an ID", "/leads/" + strings.Repeat("x", 257) + "/disposition", url.Values{"disposition": {"invalid"}}, nil, 400, "256 bytes"},
		{"too long a form", "/leads/x/disposition", url.Values{"disposition": {strings.Repeat("x", longestForm)}}, nil, 400, "can't be read"},
		{"from another site", "/leads/x/disposition", url.Values{"disposition": {"invalid"}}, []string{"Sec-Fetch-Site", "cross-site"}, 403, "own page"},
		{"from a site beside it", "/leads/x/disposition", url.Values{"disposition": {"invalid"}}, []string{"Sec-Fetch-Site", "same-site"}, 403, "own page"},
		{"from another origin", "/leads/x/disposition", url.Values{"disposition": {"invalid"}}, []string{"Origin", "https://elsewhere.example"}, 403, "own page"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, kept := pageOptions(aFew(t)), &keeper{}
			o.Sender = kept
			r := post(t, New(o), c.target, c.form, c.header...)
			if text := body(t, r); r.StatusCode != c.status || !strings.Contains(text, c.detail) || len(kept.got) > 0 {
				t.Errorf("status %d, %s, sent %v", r.StatusCode, text, kept.got)
			}
		})
	}
	o := pageOptions(aFew(t))
	o.Sender = &keeper{err: errors.New("dial tcp 10.1.2.3:9092: refused")}
	r := post(t, New(o), "/leads/x/disposition", url.Values{"disposition": {"invalid"}}, "Sec-Fetch-Site", "same-origin")
	if text := body(t, r); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || strings.Contains(text, "10.1.2.3") {
		t.Errorf("Kafka is away: status %d, %s", r.StatusCode, text)
	}
}

func TestEveryCriterionCanBeRated(t *testing.T) {
	said := []scorer.LevelInfo{{Rating: 5, Text: "all"}, {Rating: 1, Text: "none"}}
	for _, c := range []struct {
		lowest, highest float64
		texts           []scorer.LevelInfo
		want            string
	}{
		{1, 5, nil, "5 4 3 2 1"},
		{1, 5, said, "5=all 4 3 2 1=none"},
		{0.5, 3, nil, "3 2 1"},
		{0, 100, nil, "100 90 80 70 60 50 40 30 20 10 0"},
		{1, 20, nil, "20 18 16 14 12 11 9 7 5 3 1"},
		{0, 100, said, "5=all 1=none"},
		{1e17, 1e17, nil, "100000000000000000"},
	} {
		var got []string
		for _, l := range levels(&scorer.Description{LowestRating: c.lowest, HighestRating: c.highest}, scorer.CriterionInfo{Levels: c.texts}) {
			got = append(got, strings.TrimSuffix(l.Rating+"="+l.Text, "="))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("from %v to %v, with %v: %q, want %q", c.lowest, c.highest, c.texts, got, c.want)
		}
	}
}

func TestTheHistoryOfALead(t *testing.T) {
	o := pageOptions(aFew(t))
	told := &toldChanges{of: []json.RawMessage{
		json.RawMessage(`{"type":"lead.tier.changed","time":"2026-11-19T10:00:00Z","data":{"from":"cold","to":"<b>","score":40,
			"cause":{"kind":"event","type":"demo.requested"},"contributions":[{"rule":"demo","points":40}]}}`),
		json.RawMessage(`{"type":"lead.stage.reached","time":"2026-11-20T10:00:00Z","data":{"from":"hot","to":"hot","stage":"MQL","score":70,"cause":{"kind":"time"}}}`),
	}}
	o.Changes = told
	text := body(t, get(t, New(o), "GET", "/leads/x/changes"))
	holds(t, text, "&lt;b&gt;", "asked for a demo, <b>&#43;40</b> demo", "reached <b class=\"stage\">MQL</b>", "time passed", `data-changes="[[1795082400`, ",40],[")
	if newest := strings.Index(text, "MQL"); newest > strings.Index(text, "asked for a demo") {
		t.Error("the newest change does not come first")
	}
	told.err = errors.New("Kafka is away")
	if r := get(t, New(o), "GET", "/leads/x/changes"); r.StatusCode != 503 {
		t.Errorf("status %d", r.StatusCode)
	}
}

func TestTiersByHourAreReckonedBackFromNow(t *testing.T) {
	begin := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	hours := []Hour{
		{Begin: begin, Moves: []Move{{"cold", "warm", 5}}},
		{Begin: begin.Add(time.Hour), Moves: []Move{{"warm", "hot", 3}, {"hot", "warm", 1}}},
	}
	p := tiersByHour(hours, []string{"hot", "warm"}, map[string]int64{"hot": 10, "warm": 20}, begin.Add(90*time.Minute))
	want := []tierSeries{{"hot", []int64{8, 8, 10}}, {"warm", []int64{17, 22, 20}}}
	if !reflect.DeepEqual(p.Series, want) || len(p.At) != 3 || p.At[2]-p.At[0] != 5400 {
		t.Errorf("got %+v at %v", p.Series, p.At)
	}
	if m := movesByHour(hours); !reflect.DeepEqual(m.Values, []int{5, 4, 0}) || m.Total != 9 {
		t.Errorf("got %+v", m)
	}
}

// Where no event would be taken, the call sheet is there to be read, and says so before anyone has chosen.
func TestACallSheetThatIsNotTakenIsThereToBeRead(t *testing.T) {
	const said, button = "setting <code>http.token_file</code>", ` hx-post="/leads/a%2Fb%20c/`
	local := context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}))
	for _, c := range []struct {
		name, host, token string
		ctx               context.Context
		written           bool
	}{
		{"from this machine", "localhost:8080", "", local, true},
		{"from elsewhere", "leads.example", "", t.Context(), false},
		{"by another name", "leads.example", "", local, false},
		{"from elsewhere with the token", "leads.example", "s3cret", t.Context(), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := pageOptions(aFew(t))
			o.Token = c.token
			r := httptest.NewRequestWithContext(c.ctx, "GET", "/leads/a%2Fb%20c", http.NoBody)
			r.Host = c.host
			r.SetBasicAuth("sdr-7", c.token)
			w := httptest.NewRecorder()
			New(o).ServeHTTP(w, r)
			text := w.Body.String()
			holds(t, text, "Call sheet", `aria-pressed="true"`)
			if strings.Contains(text, said) == c.written || strings.Contains(text, button) != c.written || strings.Contains(text, " disabled>") == c.written {
				t.Errorf("written: %t\n%s", c.written, text)
			}
		})
	}
}
