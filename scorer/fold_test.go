package scorer

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

const day = 24 * time.Hour

// t0 is when the stories of these tests begin.
var t0 = InstantOf(time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC))

// story is one lead's, told in events and instants.
type story struct {
	t      testing.TB
	folder *Folder
	lead   Lead
	n      int
	result Result
	all    []Change
}

func modelOf(t testing.TB, text string) *Model {
	t.Helper()
	m, err := ReadModel("model.yaml", []byte(text))
	if err != nil {
		t.Fatalf("reading the model of the test: %v", err)
	}
	return m
}

// unjudged is a model with a mistake that ReadModel finds in its tiers as a whole, and might miss in a larger one.
func unjudged(t interface{ Fatal(...any) }, text string) *Model {
	m, err := newReader("model.yaml", []byte(text)).read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func tell(t testing.TB, model string) *story {
	t.Helper()
	s := &story{t: t, folder: modelOf(t, model).Folder()}
	s.lead.Clear("lead-42")
	return s
}

// apply folds an event at T + after and returns the changes.
func (s *story) apply(after time.Duration, e Event) []Change {
	s.t.Helper()
	s.n++
	e.Lead, e.Time = s.lead.ID, t0.Add(after)
	if e.ID == "" {
		e.ID = fmt.Sprint("e", s.n)
	}
	if e.Source == "" {
		e.Source = "test"
	}
	out, result, err := s.folder.Apply(&s.lead, &e, nil)
	if err != nil {
		s.t.Fatalf("folding %s at T+%v: %v", e.Type, after, err)
	}
	s.result = result
	s.all = append(s.all, out...)
	return out
}

func (s *story) does(after time.Duration, eventType string) []Change {
	s.t.Helper()
	return s.apply(after, Event{Type: eventType})
}

func (s *story) rated(after time.Duration, ratings ...CriterionRating) []Change {
	s.t.Helper()
	return s.apply(after, Event{Type: "criteria.rated", Qualification: &Qualification{Ratings: ratings}})
}

func (s *story) profiled(after time.Duration, attributes ...Attribute) []Change {
	s.t.Helper()
	return s.apply(after, Event{Type: "lead.profiled", Qualification: &Qualification{Attributes: attributes}})
}

func (s *story) disposed(after time.Duration, disposition string) []Change {
	s.t.Helper()
	return s.apply(after, Event{Type: "lead.dispositioned", Qualification: &Qualification{Disposition: disposition}})
}

func (s *story) advance(after time.Duration) []Change {
	s.t.Helper()
	out := s.folder.Advance(&s.lead, t0.Add(after), nil)
	s.all = append(s.all, out...)
	return out
}

// scores holds the engagement at T + after.
func (s *story) scores(after time.Duration, want float64) {
	s.t.Helper()
	got := s.folder.Explain(&s.lead, t0.Add(after)).Engagement
	if math.Abs(got-want) > 1e-9 {
		s.t.Errorf("engagement at T+%v = %v, want %v", after, got, want)
	}
}

func (s *story) isIn(tier string) {
	s.t.Helper()
	if s.lead.Tier != tier {
		s.t.Errorf("the lead is in %q, want %q (of %+v)", s.lead.Tier, tier, s.folder.Explain(&s.lead, s.lead.Clock))
	}
}

func word(name, value string) Attribute {
	return Attribute{Name: name, Value: Value{Kind: String, String: value}}
}

// engagementModel is a model of engagement rules alone.
func engagementModel(rules string) string {
	return "name: test\nversion: 1\nengagement:\n  rules:\n" + rules + "tiers:\n  - {name: cold}\n"
}

func TestHalfLifeHalves(t *testing.T) {
	s := tell(t, engagementModel("    - {id: visit, on: page.viewed, points: 10, decay: {half_life: 7d}}\n"))
	s.does(0, "page.viewed")
	s.scores(0, 10)
	s.scores(7*day, 5)
	s.scores(14*day, 2.5)
}

func TestHalfLifeAddsUpInEitherOrder(t *testing.T) {
	for _, order := range [][]time.Duration{{0, 7 * day}, {7 * day, 0}} {
		s := tell(t, engagementModel("    - {id: visit, on: page.viewed, points: 10, decay: {half_life: 7d}}\n"))
		s.does(order[0], "page.viewed")
		s.does(order[1], "page.viewed")
		if late := order[1] == 0; s.result.Late != late {
			t.Errorf("Late = %v for the second event of %v", s.result.Late, order)
		}
		s.scores(7*day, 15)
		s.scores(14*day, 7.5)
	}
}

func TestLinearFades(t *testing.T) {
	s := tell(t, engagementModel("    - {id: visit, on: page.viewed, points: 9, decay: {linear: 90d}}\n"))
	s.does(0, "page.viewed")
	s.scores(3*day, 8.7)
	s.scores(90*day-time.Millisecond, 9./(90*86400e3))
	s.scores(90*day, 0)
}

func TestLinearHalfAMonth(t *testing.T) {
	s := tell(t, engagementModel("    - {id: visit, on: page.viewed, points: 10, decay: {linear: 60d}}\n"))
	s.does(0, "page.viewed")
	s.scores(30*day, 5)
	s.scores(60*day, 0)
	s.scores(90*day, 0)
}

func TestStepsKeep(t *testing.T) {
	s := tell(t, engagementModel("    - {id: form, on: form.submitted, points: 20, "+
		"decay: {steps: [{until: 7d, keep: 1.0}, {until: 14d, keep: 0.75}, {until: 30d, keep: 0.5}]}}\n"))
	s.does(0, "form.submitted")
	s.scores(7*day-time.Millisecond, 20)
	s.scores(7*day, 15)
	s.scores(14*day, 10)
	s.scores(30*day-time.Millisecond, 10)
	s.scores(30*day, 0)
}

func TestNoDecayStays(t *testing.T) {
	s := tell(t, engagementModel("    - {id: visit, on: page.viewed, points: 9}\n"))
	s.does(0, "page.viewed")
	s.scores(3000*day, 9)
}

const hotFromEight = `
name: test
version: 1
engagement:
  rules:
    - {id: visit, on: page.viewed, points: 10, decay: {half_life: 7d}}
tiers:
  - {name: hot, when: engagement.score >= 8, route: sales}
  - {name: cold, route: nurture}
`

func TestALeadCoolsDownAtItsInstant(t *testing.T) {
	s := tell(t, hotFromEight)
	out := s.does(0, "page.viewed")
	if len(out) != 1 || out[0].From != "cold" || out[0].To != "hot" || out[0].At != t0 || !out[0].Up ||
		out[0].Route != "sales" || out[0].Sequence != 1 || out[0].Previous != 0 ||
		out[0].Cause != (Cause{Kind: ByEvent, Source: "test", ID: "e1", Type: "page.viewed"}) {
		t.Fatalf("the first event announced %+v", out)
	}
	leaves := 2*day + 6*time.Hour + 5*time.Minute + 2*time.Second // T + 7d·log₂(10/8)
	at, to, ok := s.folder.NextChange(&s.lead)
	if !ok || to != "cold" || at.Sub(t0).Truncate(time.Second) != leaves {
		t.Fatalf("NextChange = %v, %v, %v; want cold at T+%v", at.Sub(t0), to, ok, leaves)
	}
	s.folder.Schedule(&s.lead)
	if s.lead.Due != at {
		t.Errorf("Due = T+%v, want T+%v", s.lead.Due.Sub(t0), at.Sub(t0))
	}
	punctual := tell(t, hotFromEight)
	punctual.does(0, "page.viewed")
	if out := punctual.advance(at.Sub(t0) - time.Millisecond); len(out) != 0 {
		t.Errorf("a millisecond before, time announced %+v", out)
	}
	if out := punctual.advance(at.Sub(t0)); len(out) != 1 || out[0].At != at { // the timer fires when it is due
		t.Errorf("at its instant, time announced %+v", out)
	}
	out = s.advance(30 * day) // noticed late
	if len(out) != 1 || out[0].At != at || out[0].Cause != (Cause{Kind: ByTime}) || out[0].To != "cold" || out[0].Up ||
		out[0].Previous != t0 || out[0].Route != "nurture" || out[0].Sequence != 2 {
		t.Fatalf("time announced %+v", out)
	}
	if got := out[0].Standing.Engagement; got >= 8 || got < 7.9999 {
		t.Errorf("the standing of the change has %v points, want just below 8", got)
	}
	s.folder.Schedule(&s.lead)
	if s.lead.Due != Never {
		t.Errorf("a cold lead is due at %v", s.lead.Due.Time())
	}
}

func TestLimitOnceADay(t *testing.T) {
	s := tell(t, engagementModel("    - {id: visit, on: page.viewed, points: 1, limit: {count: 1, per: 1d}}\n"))
	for _, at := range []time.Duration{0, 23 * time.Hour, 25 * time.Hour} {
		s.does(at, "page.viewed")
	}
	s.scores(25*time.Hour, 2)
}

func TestLimitInALife(t *testing.T) {
	s := tell(t, engagementModel("    - {id: visit, on: page.viewed, points: 1, limit: {count: 2}}\n"))
	for i := range 5 {
		s.does(time.Duration(i)*100*day, "page.viewed")
	}
	s.scores(500*day, 2)
}

func TestCapsOfRuleGroupAndEngagement(t *testing.T) {
	s := tell(t, `
name: test
version: 1
engagement:
  max: 50
  groups:
    web: {max: 30, decay: {half_life: 14d}}
  rules:
    - {id: page, group: web, on: page.*, points: 10, max: 20}
    - {id: pricing, group: web, on: page.pricing, points: 15}
    - {id: demo, on: demo.requested, points: 45}
    - {id: bounce, on: bounced, points: -100}
tiers:
  - {name: cold}
`)
	for range 5 {
		s.does(0, "page.viewed")
	}
	s.scores(0, 20) // 50 capped by the rule
	s.does(0, "page.pricing")
	s.scores(0, 30) // 35 capped by the group
	s.does(0, "demo.requested")
	s.scores(0, 50) // 75 capped by the engagement
	standing := s.folder.Explain(&s.lead, t0)
	want := []Points{{"demo", 45}, {"page", 20}, {"pricing", 15}}
	if fmt.Sprint(standing.Contributions) != fmt.Sprint(want) {
		t.Errorf("contributions %v, want %v", standing.Contributions, want)
	}
	if fmt.Sprint(standing.Groups) != fmt.Sprint([]Points{{"web", 30}}) {
		t.Errorf("groups %v", standing.Groups)
	}
	s.does(0, "bounced")
	s.scores(0, 0) // never below min, 0 by default
}

func TestResetEmptiesTheEngagement(t *testing.T) {
	model := engagementModel(`
    - {id: visit, on: page.viewed, points: 10, decay: {half_life: 7d}}
    - {id: form, on: form.submitted, points: 5, decay: {linear: 90d}}
    - {id: out, on: email.unsubscribed, reset: engagement}
`)
	s := tell(t, model)
	s.does(0, "page.viewed")
	s.does(0, "form.submitted")
	s.does(day, "email.unsubscribed")
	s.scores(day, 0)
	s.does(time.Hour, "page.viewed") // before the reset, arrives later
	s.does(time.Hour, "form.submitted")
	s.scores(day, 0)
	s.does(2*day, "page.viewed")
	s.scores(2*day, 10)

	s = tell(t, model) // a reset that arrives late leaves what marks can tell was counted after it
	s.does(0, "form.submitted")
	s.does(2*day, "form.submitted")
	s.does(day, "email.unsubscribed")
	s.scores(2*day, 5)
	s.scores(47*day, 2.5)
}

func TestARollingLimitOutlivesAReset(t *testing.T) {
	for _, decay := range []string{"", ", decay: {half_life: 7d}", ", decay: {linear: 90d}", ", decay: {steps: [{until: 9d, keep: 1}]}"} {
		s := tell(t, engagementModel(`
    - {id: visit, on: page.viewed, points: 10, limit: {count: 2, per: 1d}`+decay+`}
    - {id: out, on: email.unsubscribed, reset: engagement}
`))
		s.does(0, "page.viewed")
		s.does(0, "page.viewed")
		s.does(time.Hour, "email.unsubscribed")
		s.scores(time.Hour, 0)
		s.does(2*time.Hour, "page.viewed") // the third of this day
		s.scores(2*time.Hour, 0)
		s.does(day, "page.viewed")
		s.scores(day, 10)
		s.does(4*time.Hour, "email.unsubscribed") // late: what was counted after it stays
		s.scores(day, 10)
	}
}

// TestMarksWeighWhatTheSumsDo holds that a late reset, which makes a sum anew of the marks of a rolling limit, finds them
// as heavy as what was counted.
func TestMarksWeighWhatTheSumsDo(t *testing.T) {
	s := tell(t, engagementModel(`
    - {id: deal, on: deal.sized, points: data.amount, limit: {count: 9, per: 1d}}
    - {id: out, on: email.unsubscribed, reset: engagement}
`))
	s.apply(2*time.Hour, Event{Type: "deal.sized", Data: []byte(`{"amount":1e30}`)})
	s.scores(2*time.Hour, weightMost)
	s.does(time.Hour, "email.unsubscribed")
	s.scores(2*time.Hour, weightMost)
}

func TestALimitInALifeOutlivesAReset(t *testing.T) {
	for _, decay := range []string{"", ", decay: {half_life: 7d}", ", decay: {linear: 90d}"} {
		s := tell(t, engagementModel(`
    - {id: trial, on: trial.started, points: 10, limit: {count: 2}`+decay+`}
    - {id: quiet, on: idle, after: 30d, repeat: true, points: 3, limit: {count: 1}}
    - {id: visit, on: page.viewed, points: 1, limit: {count: 1, per: 30d}}
    - {id: out, on: email.unsubscribed, reset: engagement}
`))
		s.does(0, "trial.started")
		s.does(0, "page.viewed")
		s.advance(30 * day) // quiet, once in a life
		s.does(30*day, "email.unsubscribed")
		s.scores(30*day, 0)
		s.does(31*day, "trial.started")
		s.scores(31*day, 10)
		s.does(31*day, "page.viewed")
		s.does(31*day, "trial.started") // the third in this life
		s.scores(31*day, 11)
		s.does(31*day, "email.unsubscribed")
		s.does(32*day, "trial.started")
		s.scores(32*day, 0)
		s.advance(100 * day)
		s.scores(100*day, 0)
		if n := len(s.lead.Counters); n != 3 {
			t.Errorf("%d counters are kept, want those of the limits: what counted still fills them", n)
		}
	}
}

func TestADuplicateChangesNothing(t *testing.T) {
	s := tell(t, hotFromEight)
	s.apply(0, Event{Type: "page.viewed", ID: "a"})
	var before Lead
	s.lead.copyInto(&before)
	out := s.apply(3*day, Event{Type: "page.viewed", ID: "a"})
	if len(out) != 0 || s.result != (Result{Duplicate: true}) || fmt.Sprint(s.lead) != fmt.Sprint(before) {
		t.Errorf("a duplicate made %v, %+v; lead %+v, was %+v", out, s.result, s.lead, before)
	}
	s.apply(3*day, Event{Type: "page.viewed", ID: "a", Source: "other"})
	if s.result.Duplicate {
		t.Error("the same ID of another source is no duplicate")
	}
}

func TestADuplicateIsKnownForAWeek(t *testing.T) {
	s := tell(t, hotFromEight)
	s.apply(0, Event{Type: "page.viewed", ID: "a"})
	s.does(7*day-time.Millisecond, "other")
	if s.apply(0, Event{Type: "page.viewed", ID: "a"}); !s.result.Duplicate {
		t.Error("forgotten within a week")
	}
	s.does(7*day, "other")
	if s.apply(0, Event{Type: "page.viewed", ID: "a"}); s.result.Duplicate || !s.result.Late {
		t.Errorf("a week later it is %+v", s.result)
	}
}

func TestSeenIsBounded(t *testing.T) {
	s := tell(t, hotFromEight)
	for i := range seenMost + 10 {
		s.does(0, "page.viewed")
		if s.result.Forgot != (i >= seenMost) {
			t.Fatalf("Forgot = %v for event %d", s.result.Forgot, i+1)
		}
	}
	if s.lead.Seen.Len() != seenMost {
		t.Errorf("%d events remembered, want %d", s.lead.Seen.Len(), seenMost)
	}
	if s.apply(0, Event{Type: "page.viewed", ID: "e11"}); !s.result.Duplicate {
		t.Error("the newest 4096 must be known")
	}
	if s.apply(0, Event{Type: "page.viewed", ID: "e10"}); s.result.Duplicate {
		t.Error("the oldest are forgotten")
	}
	if s.does(7*day-time.Millisecond, "page.viewed"); !s.result.Forgot {
		t.Error("one not yet a week old was forgotten, and it was not said")
	}
	if s.does(7*day, "page.viewed"); s.result.Forgot {
		t.Error("what is a week old is forgotten as promised")
	}
}

func TestMarksThatAreWorthNothingAreForgotten(t *testing.T) {
	s := tell(t, engagementModel(`
    - {id: form, on: x, points: 5, decay: {linear: 90d}}
    - {id: visit, on: x, points: 5, limit: {count: 3, per: 1d}}
`))
	s.does(0, "x")
	s.does(90*day, "x")
	for _, c := range s.lead.Counters {
		if len(c.Marks) != 1 {
			t.Errorf("marks %v", c.Marks)
		}
	}
}

func TestAScoreThatFadedIsPlainZero(t *testing.T) {
	s := tell(t, strings.Replace(engagementModel("    - {id: bounced, on: x, points: -10, decay: {half_life: 1d}}\n"),
		"  rules:", "  min: -50\n  rules:", 1))
	s.does(0, "x")
	got := s.folder.Explain(&s.lead, t0.Add(60*day))
	if got.Engagement != 0 || math.Signbit(got.Engagement) || len(got.Contributions) != 0 {
		t.Errorf("%v of %v", got.Engagement, got.Contributions)
	}
}
