package scorer

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"
	"unsafe"
)

var criteria = []string{"need", "interest", "timeframe", "budget", "authority"}

func ratings(values ...float64) []CriterionRating {
	var all []CriterionRating
	for i, v := range values {
		all = append(all, CriterionRating{Criterion: criteria[i], Value: v})
	}
	return all
}

func shippedText(t *testing.T, name string) string {
	text, ok := ShippedModel(name)
	if !ok {
		t.Fatalf("no shipped model %s", name)
	}
	return string(text)
}

func TestFiveCriteria(t *testing.T) {
	for _, c := range []struct {
		ratings        []float64
		total          float64
		floor, ceiling float64
		tier           string
	}{
		{[]float64{5, 4, 5, 4, 5}, 23, 23, 23, "hot"},
		{[]float64{3, 3, 3, 2, 2}, 13, 13, 13, "warm"},
		{[]float64{2, 2, 2, 1, 1}, 8, 8, 8, "cold"},
		{[]float64{1, 1, 1, 1, 1}, 5, 5, 5, "disqualified"},
		{[]float64{5, 5, 5, 5}, 20, 21, 25, "hot"},
		{[]float64{1, 1, 1, 1}, 4, 5, 9, "unqualified"},
		{nil, 0, 5, 25, "unqualified"},
	} {
		t.Run(fmt.Sprint(c.ratings), func(t *testing.T) {
			s := tell(t, shippedText(t, "bant"))
			out := s.rated(0, ratings(c.ratings...)...)
			s.isIn(c.tier)
			got := s.folder.Explain(&s.lead, t0)
			if got.Total != c.total || got.Rated != len(c.ratings) || got.Floor != c.floor || got.Ceiling != c.ceiling ||
				got.Complete != (len(c.ratings) == 5) {
				t.Errorf("standing %+v", got)
			}
			if announced := len(out) > 0; announced != (c.tier != "unqualified") {
				t.Errorf("announced %v", out)
			}
			if _, _, ok := s.folder.NextChange(&s.lead); ok {
				t.Error("time moves a lead that was only rated")
			}
		})
	}
}

func TestDispositionsRouteAndDisqualify(t *testing.T) {
	s := tell(t, shippedText(t, "bant"))
	s.rated(0, ratings(5, 4, 5, 4, 5)...)
	s.disposed(time.Hour, "not_interested")
	if route := s.folder.Route(&s.lead); route != "nurture" {
		t.Errorf("route %q, want nurture", route)
	}
	s.disposed(2*time.Hour, "interested")
	if route := s.folder.Route(&s.lead); route != "sales" {
		t.Errorf("route %q, want sales", route)
	}
	s.disposed(3*time.Hour, "invalid")
	s.isIn("disqualified")
	s.disposed(time.Hour, "interested") // older than what is known
	s.isIn("disqualified")
}

func TestTheNewestRatingHolds(t *testing.T) {
	s := tell(t, shippedText(t, "bant"))
	s.rated(2*time.Hour, CriterionRating{"budget", 4})
	s.rated(time.Hour, CriterionRating{"budget", 1}, CriterionRating{"need", 2}) // late
	if !s.result.Late {
		t.Error("an event older than the clock is late")
	}
	if got := s.folder.Explain(&s.lead, t0); got.Total != 6 {
		t.Errorf("total %v, want 6", got.Total)
	}
	s.rated(2*time.Hour, CriterionRating{"budget", 5}) // of the same time: the later to arrive
	if got := s.folder.Explain(&s.lead, t0); got.Total != 7 || fmt.Sprint(got.Ratings) != "[{need 2} {budget 5}]" {
		t.Errorf("total %v of %v, want 7", got.Total, got.Ratings)
	}
}

func TestRefusalsLeaveTheLeadUntouched(t *testing.T) {
	for reason, rating := range map[string]CriterionRating{
		"unknown_criterion":   {"luck", 3},
		"rating_out_of_range": {"need", 5.5},
	} {
		s := tell(t, shippedText(t, "bant"))
		s.rated(0, ratings(3, 3)...)
		var before Lead
		s.lead.copyInto(&before)
		e := &Event{ID: "x", Type: "criteria.rated", Time: t0.Add(day), Account: "acme",
			Qualification: &Qualification{Ratings: []CriterionRating{{"budget", 3}, rating}}}
		_, _, err := s.folder.Apply(&s.lead, e, nil)
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason != reason || refusal.Detail == "" {
			t.Errorf("error %v, want %s", err, reason)
		}
		if !reflect.DeepEqual(s.lead, before) {
			t.Errorf("%s: the lead is %+v, was %+v", reason, s.lead, before)
		}
	}
}

func TestProfileIsMergedByTime(t *testing.T) {
	s := tell(t, `
name: test
version: 1
fit:
  max: 50
  rules:
    - {id: executive, when: 'profile.seniority in ["c-level", "vp"]', points: 40}
    - {id: big, when: 'profile.employees >= 500', points: 25}
    - {id: student, when: 'profile.seniority == "student"', points: -20}
  grades: {A: 40, B: 25, C: 10, D: 0}
tiers:
  - {name: hot, when: 'fit.grade == "A"'}
  - {name: cold}
`)
	fit := func(score float64, grade string) {
		t.Helper()
		if got := s.folder.Explain(&s.lead, t0); got.Fit != score || got.Grade != grade || got.Score != score {
			t.Errorf("fit %v %s, want %v %s", got.Fit, got.Grade, score, grade)
		}
	}
	s.profiled(time.Hour, word("seniority", "vp"), Attribute{Name: "employees", Value: Value{Kind: Number, Number: 900}})
	fit(50, "A") // 65 capped
	s.isIn("hot")
	s.profiled(2*time.Hour, Attribute{Name: "employees"}) // null removes
	fit(40, "A")
	s.profiled(time.Hour, Attribute{Name: "employees", Value: Value{Kind: Number, Number: 900}}) // older than the removal
	fit(40, "A")
	s.profiled(3*time.Hour, word("seniority", "student"))
	fit(-20, "D") // below all bounds: the lowest grade
	s.isIn("cold")
	s.profiled(30*day, word("city", "Lyon"))
	if _, there := s.lead.attribute("employees"); there {
		t.Error("a removal is kept for ever")
	}
}

func TestFamiliesConditionsAndWorth(t *testing.T) {
	s := tell(t, engagementModel(`
    - {id: any, on: page.*, points: 1}
    - {id: pricing, on: page.viewed, when: 'data.url.startsWith("/pricing")', points: 10}
    - {id: spent, on: order.placed, points: 'data.amount / 100'}
    - {id: again, on: page.viewed, when: 'engagement.score >= 11', points: 100}
`))
	data := func(text string) Event { return Event{Type: "page.viewed", Data: []byte(text)} }
	s.apply(0, data(`{"url":"/pricing/eu"}`))
	s.scores(0, 11) // "again" saw the lead just before
	s.apply(0, data(`{"url":"/docs"}`))
	s.scores(0, 112)
	s.apply(0, data(`{}`))
	s.scores(0, 213)
	if s.result.Unevaluable != 1 {
		t.Errorf("%d could not be evaluated, want 1: there is no url", s.result.Unevaluable)
	}
	s.does(0, "page.left.by.mouse")
	s.scores(0, 214)
	s.apply(0, Event{Type: "order.placed", Data: []byte(`{"amount":250}`)})
	s.scores(0, 216.5)
	s.apply(0, Event{Type: "order.placed", Data: []byte(`{"amount":"many"}`)})
	s.scores(0, 216.5)
	if got := s.folder.Unevaluable(); !reflect.DeepEqual(got, map[string]uint64{"pricing": 1, "spent": 1}) {
		t.Errorf("unevaluable: %v", got)
	}
	if got := s.folder.Unevaluable(); len(got) != 0 {
		t.Errorf("asked again: %v", got)
	}
	s.does(0, "unnamed")
	s.scores(0, 216.5)
}

const ladder = `
name: test
version: 3
engagement:
  rules:
    - {id: visit, on: page.viewed, points: 10, decay: {half_life: 7d}}
    - {id: demo, on: demo.requested, points: 100, decay: {half_life: 7d}}
tiers:
  - {name: hot, when: 'engagement.score >= (tier == "hot" ? 60 : 70)', route: sales}
  - {name: warm, when: 'engagement.score >= 20'}
  - {name: cold, route: nurture}
stages:
  - {name: MQL, when: 'tier == "hot"'}
  - {name: SQL, when: 'engagement.score >= 95'}
  - {name: won, when: 'engagement.score >= 1000'}
`

func TestHysteresisAndStages(t *testing.T) {
	s := tell(t, ladder)
	out := s.apply(0, Event{Type: "demo.requested", Account: "acme", Traceparent: "00-a-b-01"})
	if len(out) != 3 || out[0].Kind != TierChanged || out[0].To != "hot" || out[0].Stage != "" ||
		out[1].Kind != StageReached || out[1].Stage != "MQL" || out[1].From != "hot" || out[1].To != "hot" ||
		out[2].Stage != "SQL" || out[2].Sequence != 3 {
		t.Fatalf("announced %+v", out)
	}
	for _, c := range out {
		if c.Lead != "lead-42" || c.Account != "acme" || c.Traceparent != "00-a-b-01" || c.Route != "sales" ||
			c.Model != (ModelName{"test", 3}) || c.Cause.Type != "demo.requested" || c.Standing.Score != 100 {
			t.Errorf("change %+v", c)
		}
	}
	out = s.advance(6 * day) // 100 falls through 70 with nothing happening, and below 60 the lead is warm
	if len(out) != 1 || out[0].To != "warm" || out[0].Standing.Score >= 60 || out[0].Standing.Score < 59.999 {
		t.Fatalf("announced %+v", out)
	}
	s.does(6*day, "page.viewed") // 65
	s.isIn("warm")
	s.does(6*day, "page.viewed") // 75
	s.isIn("hot")
	if s.lead.Stage != "SQL" || s.lead.Sequence != 5 {
		t.Errorf("stage %s, sequence %d", s.lead.Stage, s.lead.Sequence)
	}
}

// TestAStageIsNoMove holds that previous_change is of a tier change, though a stage was announced before any.
func TestAStageIsNoMove(t *testing.T) {
	s := tell(t, `
name: test
version: 3
engagement:
  rules:
    - {id: visit, on: page.viewed, points: 10}
tiers:
  - {name: warm, when: 'engagement.score >= 20'}
  - {name: cold}
stages:
  - {name: MQL, when: 'engagement.score >= 10'}
  - {name: SQL, when: 'engagement.score >= 30'}
`)
	for i, want := range []Change{
		{Kind: StageReached, Stage: "MQL"},
		{Kind: TierChanged, Stage: "MQL"},
		{Kind: StageReached, Stage: "SQL", Previous: t0.Add(time.Hour)},
	} {
		out := s.does(time.Duration(i)*time.Hour, "page.viewed")
		if len(out) != 1 || out[0].Kind != want.Kind || out[0].Stage != want.Stage || out[0].Previous != want.Previous {
			t.Errorf("announced %+v, want %+v", out, want)
		}
		if out := s.folder.Correct(&s.lead, s.folder.Told(&s.lead), s.lead.Clock, nil); len(out) != 0 {
			t.Errorf("corrected by %+v", out)
		}
	}
	s.isIn("warm")
}

func TestAMoveThatMakesAnotherIsAnnouncedOnce(t *testing.T) {
	s := tell(t, `
name: test
version: 1
engagement:
  rules:
    - {id: visit, on: page.viewed, points: 10}
tiers:
  - {name: top, when: 'tier in ["middle", "top"] && engagement.score > 5'}
  - {name: middle, when: 'engagement.score > 5'}
  - {name: bottom}
`)
	out := s.does(0, "page.viewed")
	if len(out) != 1 || out[0].From != "bottom" || out[0].To != "top" {
		t.Errorf("announced %+v", out)
	}
}

func TestTiersThatNeverSettleStay(t *testing.T) {
	s := &story{t: t, folder: unjudged(t, `
name: test
version: 1
engagement:
  rules:
    - {id: visit, on: page.viewed, points: 10, decay: {half_life: 1d}}
tiers:
  - {name: here, when: 'tier == "there" && engagement.score > 5'}
  - {name: there, when: 'tier == "here" && engagement.score > 5'}
  - {name: nowhere, when: 'tier == "bottom" && engagement.score > 5'}
  - {name: bottom}
stages:
  - {name: MQL, when: 'tier == "nowhere"'}
`).Folder()}
	s.lead.Clear("lead-42")
	if out := s.does(0, "page.viewed"); len(out) != 0 {
		t.Errorf("announced %+v", out)
	}
	if out := s.advance(30 * day); len(out) != 0 {
		t.Errorf("announced %+v", out)
	}
}

func TestTimeKnowsTiersThatNeverSettle(t *testing.T) {
	s := &story{t: t, folder: unjudged(t, `
name: test
version: 1
engagement:
  rules:
    - {id: visit, on: page.viewed, points: 10, decay: {half_life: 1d}}
tiers:
  - {name: gate, when: 'tier == "low"'}
  - {name: low, when: 'engagement.score < 5'}
  - {name: high}
`).Folder()}
	s.lead.Clear("lead-42")
	s.does(0, "page.viewed")
	s.folder.take(&s.lead)
	if at, told := s.folder.lookAhead(&s.lead, lastInstant, goesOn, looksMost); told != same {
		t.Errorf("something comes at T+%v", at.Sub(t0))
	}
}

func TestIdleRules(t *testing.T) {
	s := tell(t, `
name: test
version: 1
engagement:
  rules:
    - {id: demo, on: demo.requested, points: 45}
    - {id: quiet, on: idle, after: 30d, repeat: true, points: -10}
    - {id: gone, on: idle, after: 45d, points: -1}
tiers:
  - {name: warm, when: 'engagement.score >= 30'}
  - {name: cold}
`)
	s.does(0, "demo.requested")
	s.scores(30*day-time.Millisecond, 45)
	s.scores(30*day, 35)
	s.scores(45*day, 34)
	s.scores(60*day, 24)
	at, to, ok := s.folder.NextChange(&s.lead)
	if !ok || to != "cold" || at != t0.Add(60*day) {
		t.Fatalf("NextChange = T+%v %v %v", at.Sub(t0), to, ok)
	}
	s.folder.Schedule(&s.lead)
	if s.lead.Due != at {
		t.Errorf("due at T+%v, want T+60d", s.lead.Due.Sub(t0))
	}
	s.rated(20 * day) // no engagement, so the lead is idle all the same
	out := s.advance(300 * day)
	if len(out) != 1 || out[0].At != at || out[0].Cause.Kind != ByTime {
		t.Fatalf("announced %+v", out)
	}
	s.does(300*day, "other") // the firing of this very instant comes first
	s.scores(300*day, 0)
	s.does(310*day, "demo.requested")
	s.scores(339*day, 0) // 45 + 45 − 100 − 1, not below 0
	s.folder.Schedule(&s.lead)
	if s.lead.Due != Never {
		t.Errorf("due at T+%v, but time will do nothing that shows", s.lead.Due.Sub(t0))
	}
}

func TestScoresRiseByThemselves(t *testing.T) {
	s := tell(t, `
name: test
version: 1
engagement:
  rules:
    - {id: demo, on: demo.requested, points: 100, decay: {half_life: 100d}}
    - {id: bounced, on: email.bounced, points: -60, decay: {half_life: 1d}}
tiers:
  - {name: hot, when: 'engagement.score >= 80'}
  - {name: cold}
`)
	s.does(0, "demo.requested")
	s.does(0, "email.bounced")
	s.isIn("cold") // 40
	// 100·2^(−t/100) − 60·2^(−t) passes 80 at about 1.64 days on its way up, and at about 32.2 on its way down.
	out := s.advance(100 * day)
	if len(out) != 2 || out[0].To != "hot" || out[1].To != "cold" ||
		out[0].At.Sub(t0) < 39*time.Hour || out[0].At.Sub(t0) > 41*time.Hour ||
		out[1].At.Sub(t0) < 32*day || out[1].At.Sub(t0) > 33*day {
		t.Fatalf("announced %+v", out)
	}
}

func TestExplainChangesNothing(t *testing.T) {
	s := tell(t, ladder)
	s.does(0, "demo.requested")
	s.does(day, "page.viewed")
	var before Lead
	s.lead.copyInto(&before)
	got := s.folder.Explain(&s.lead, t0.Add(100*day))
	if got.Route != "nurture" || got.Engagement > 0.01 || got.At != t0.Add(100*day) {
		t.Errorf("explained %+v", got)
	}
	s.folder.Rank(&s.lead)
	s.folder.Route(&s.lead)
	s.folder.NextChange(&s.lead)
	if !reflect.DeepEqual(s.lead, before) {
		t.Errorf("the lead is %+v, was %+v", s.lead, before)
	}
}

func TestRank(t *testing.T) {
	s := tell(t, shippedText(t, "b2b-saas"))
	s.does(0, "demo.requested")
	s.rated(0, CriterionRating{"need", 4})
	if got := s.folder.Rank(&s.lead); got != 40.000004 {
		t.Errorf("rank %v, want the score, then the total", got)
	}
	s = tell(t, shippedText(t, "bant"))
	s.rated(0, ratings(4, 4)...)
	if got := s.folder.Rank(&s.lead); got != 8 {
		t.Errorf("rank %v, want what the model says", got)
	}
}

func TestTheEventsBufferIsNotKept(t *testing.T) {
	s := tell(t, ladder)
	buffer := []byte("demo.requested|acme|source|id")
	text := func(from, to int) string { return aliasOf(buffer[from:to]) }
	out := s.apply(0, Event{Type: text(0, 14), Account: text(15, 19), Source: text(20, 26), ID: text(27, 29)})
	copy(buffer, "#############################")
	if out[0].Cause != (Cause{ByEvent, "source", "id", "demo.requested"}) || s.lead.Account != "acme" {
		t.Errorf("cause %+v, account %q", out[0].Cause, s.lead.Account)
	}
}

func TestTimesBeyondTheCalendarAreBounded(t *testing.T) {
	s := tell(t, ladder)
	for _, at := range []Instant{-1 << 62, 0, Never, 1 << 62} {
		s.n++
		if _, _, err := s.folder.Apply(&s.lead, &Event{ID: fmt.Sprint(s.n), Type: "page.viewed", Time: at}, nil); err != nil {
			t.Fatal(err)
		}
		s.folder.Schedule(&s.lead)
	}
	if s.lead.FirstSeen != firstInstant || s.lead.Clock != lastInstant || s.lead.Due != Never {
		t.Errorf("lead %+v", s.lead)
	}
}

// aliasOf is b as a string that changes when b does, as a decoder makes them.
func aliasOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
