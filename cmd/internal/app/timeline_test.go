package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// explained is a timeline, and the same lead as --leads shows it.
type explained struct {
	timeline string
	lead     struct {
		Tier, Stage   string
		Since         string
		Score         float64
		Sequence      int
		Engagement    struct{ Score float64 }
		Contributions []struct {
			Rule   string
			Points float64
		}
		AsOf string `json:"as_of"`
		Next *struct {
			At, To string
		} `json:"next_change"`
	}
}

func explain(t *testing.T, model, lead, until string) explained {
	t.Helper()
	m, err := LoadModel(model)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/explain-" + model + ".ndjson")
	if err != nil {
		t.Fatal(err)
	}
	var at scorer.Instant
	if until != "" {
		if at, err = parse(until); err != nil {
			t.Fatal(err)
		}
	}
	var timeline, leads strings.Builder
	f := NewFold(FoldOptions{
		Model: m, Limits: events.DefaultLimits(), Until: at, Errors: io.Discard, Timeline: NewTimeline(m, lead, &timeline),
	})
	if err := f.Read(t.Context(), "in", bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	if err := f.Explain(); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteLeads(&leads); err != nil {
		t.Fatal(err)
	}
	got := explained{timeline: timeline.String()}
	for line := range strings.Lines(leads.String()) {
		if strings.HasPrefix(line, `{"lead":"`+lead+`"`) {
			if err := json.Unmarshal([]byte(line), &got.lead); err != nil {
				t.Fatal(err)
			}
		}
	}
	return got
}

var stories = []struct{ golden, model, lead, until string }{
	{"explain-ada.txt", "b2b-saas", "ada", "2027-02-01T00:00:00Z"},
	{"explain-bob.txt", "b2b-saas", "bob", "2026-10-21T00:00:00Z"},
	{"explain-eve.txt", "bant", "eve", ""},
}

func TestATimelineTellsWhatHappenedToALead(t *testing.T) {
	for _, s := range stories {
		golden(t, s.golden, explain(t, s.model, s.lead, s.until).timeline)
	}
}

// A timeline is a statement of account: each line's change takes the score from the line before to its own, and the last
// is the lead's. None is wider than a page.
func TestATimelineAddsUp(t *testing.T) {
	for _, s := range stories {
		got := explain(t, s.model, s.lead, s.until)
		balance, amounts := 0.0, 0
		for line := range strings.Lines(got.timeline) {
			line = strings.TrimSuffix(line, "\n")
			if utf8.RuneCountInString(line) > pageWidth {
				t.Errorf("%s: wider than %d: %s", s.lead, pageWidth, line)
			}
			if len(line) < timeWidth+2*numberWidth || !strings.HasPrefix(line, strings.Repeat(" ", timeWidth)) {
				continue
			}
			change, err := strconv.ParseFloat(strings.TrimSpace(line[timeWidth:timeWidth+numberWidth]), 64)
			if err != nil {
				continue // a note
			}
			score, err := strconv.ParseFloat(strings.TrimSpace(line[timeWidth+numberWidth:timeWidth+2*numberWidth]), 64)
			if err != nil || math.Abs(balance+change-score) > 1e-6 {
				t.Errorf("%s: from %v, %v: %s", s.lead, balance, err, line)
			}
			balance = score
			amounts++
		}
		if math.Abs(balance-got.lead.Score) > 0.01 {
			t.Errorf("%s: the last of %d amounts leaves %v, and the score is %v", s.lead, amounts, balance, got.lead.Score)
		}
	}
}

// The end of a timeline says in the same numbers and instants what --leads and lead show say.
func TestATimelineEndsWhereTheLeadStands(t *testing.T) {
	for _, s := range stories {
		got := explain(t, s.model, s.lead, s.until)
		l := got.lead
		wants := []string{
			"as of           " + l.AsOf, "tier            " + l.Tier + " since " + l.Since, "score           " + number(l.Score),
			"engagement      " + number(l.Engagement.Score), "sequence        " + strconv.Itoa(l.Sequence),
		}
		if l.Stage != "" {
			wants = append(wants, "stage           "+l.Stage)
		}
		if l.Next != nil {
			wants = append(wants, "next change     "+l.Next.At+" to "+l.Next.To)
		} else {
			wants = append(wants, "next change     none")
		}
		for _, c := range l.Contributions {
			wants = append(wants, c.Rule+" ", "  "+number(c.Points)+"\n")
		}
		_, end, _ := strings.Cut(got.timeline, "\n\nas of")
		for _, want := range wants {
			if !strings.Contains("\nas of"+end, want) {
				t.Errorf("%s: no %q in\n%s", s.lead, want, end)
			}
		}
		if n := strings.Count(got.timeline, "  * "); n != l.Sequence {
			t.Errorf("%s: %d changes are told, and there were %d", s.lead, n, l.Sequence)
		}
	}
}

func TestATimelineOfALeadThatIsNotThere(t *testing.T) {
	var out strings.Builder
	m := smallModel(t)
	f := NewFold(FoldOptions{Model: m, Limits: events.DefaultLimits(), Errors: io.Discard, Timeline: NewTimeline(m, "lead-24", &out)})
	line := `{"specversion":"1.0","id":"1","source":"web","type":"x","subject":"lead-42","time":"2026-11-20T10:00:00Z"}`
	if err := f.Read(t.Context(), "in", strings.NewReader(line)); err != nil {
		t.Fatal(err)
	}
	var none *NoSuchLeadError
	if err := f.Explain(); !errors.As(err, &none) || none.Near != "lead-42" || out.String() != "" {
		t.Errorf("%v, and written is %q", err, out.String())
	}
	for _, id := range []string{strings.Repeat("lead-42", 30), "zoe"} {
		if near := f.near(id); near != "" {
			t.Errorf("near %q is %q", id, near)
		}
	}
	f = NewFold(FoldOptions{Model: m, Limits: events.DefaultLimits(), Errors: io.Discard, Timeline: NewTimeline(m, "lead-42", failing{})})
	err := f.Read(t.Context(), "in", strings.NewReader(line))
	if err = errors.Join(err, f.Explain()); !errors.Is(err, errFull) {
		t.Errorf("on a full disk: %v", err)
	}
}

func TestTheWordsOfATimeline(t *testing.T) {
	for got, want := range map[string]string{
		number(hundredths(59.9999999999) / 100):             "59.99",
		number(hundredths(8.7) / 100):                       "8.7",
		number(hundredths(-0.001) / 100):                    "-0.01",
		number(math.Copysign(0, -1)):                        "0",
		duration(26*60*60*1e9 + 5e9):                        "1d2h5s",
		duration(250e6):                                     "250ms",
		instant(1_795_176_000_820):                          "2026-11-20T12:00:00.820Z",
		instant(1_795_176_000_000):                          "2026-11-20T12:00:00Z",
		clean("a\u202eb"):                                   `"a\u202eb"`,
		short(strings.Repeat("x", 25)):                      strings.Repeat("x", 23) + "…",
		strings.Join(wrapped("aa bb cc", "  ", 5), "|"):     "aa bb|  cc",
		strings.Join(wrapped("  aaaaaaaa b", "  ", 5), "|"): "  aaaaaaaa|  b",
		strings.Join(wrapped("", "  ", 5), "|"):             "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
