package scorer

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

const judged = `
name: test
version: 1
engagement:
  groups: {web: {max: 100}}
  rules:
    - {id: page, group: web, on: page.*, points: 10, max: 15}
    - {id: pricing, on: page.pricing, when: data.plan == "big", points: 5}
    - {id: once, on: page.pricing, points: 7, limit: {count: 1, per: 1d}}
    - {id: out, on: left, reset: engagement}
    - {id: back, on: left, points: 4, max: 5}
    - {id: quiet, on: idle, after: 2d, repeat: true, points: -1, limit: {count: 1}}
    - {id: asleep, on: idle, after: 3d, when: 'engagement.score > 1000', points: -1}
fit:
  rules:
    - {id: boss, when: 'profile.title == "boss"', points: 20}
    - {id: large, when: profile.employees > 100, points: 3}
tiers:
  - {name: hot, when: 'engagement.score >= 30'}
  - {name: cold}
`

func outcomes(rules []Judgement) string {
	text := ""
	for _, j := range rules {
		text += fmt.Sprintf("%s %d %g/%g;", j.Rule, j.Outcome, j.Share, j.Worth)
	}
	return text
}

func TestJudgeSaysWhatEachRuleMakesOfAnEvent(t *testing.T) {
	s := tell(t, judged)
	judge := func(at Instant, e Event) Judged {
		e.Lead, e.Source, e.ID, e.Time = s.lead.ID, "test", fmt.Sprint("judged", at), at
		return s.folder.Judge(&s.lead, &e)
	}
	pricing := func(data string) Event { return Event{Type: "page.pricing", Data: []byte(data)} }
	says := func(got []Judgement, want string) {
		t.Helper()
		if outcomes(got) != want {
			t.Errorf("judged %s, want %s", outcomes(got), want)
		}
	}
	says(judge(t0, pricing(`{"plan":"big"}`)).Engagement, "pricing 0 5/5;once 0 7/7;page 0 10/10;")
	s.apply(0, pricing(`{"plan":"small"}`))
	says(judge(t0.Add(day/2), pricing(`{"plan":"small"}`)).Engagement, "pricing 1 0/0;once 3 0/0;page 0 5/10;")
	says(judge(t0.Add(day/2), pricing(`{}`)).Engagement, "pricing 2 0/0;once 3 0/0;page 0 5/10;")
	says(judge(t0.Add(day/2), Event{Type: "left"}).Engagement, "out 5 0/0;back 0 4/4;")
	if n := s.folder.Unevaluable(); len(n) > 0 {
		t.Errorf("judging counts %v as not evaluable", n)
	}
	seniority := Event{Type: "lead.profiled", Qualification: &Qualification{Attributes: []Attribute{{Name: "title", Value: Value{Kind: String, String: "boss"}}}}}
	says(judge(t0.Add(day/2), seniority).Fit, "boss 0 20/20;large 2 0/0;")
	if j := judge(t0, Event{Type: "criterion.rated", Qualification: &Qualification{Ratings: []CriterionRating{{Criterion: "charm", Value: 1}}}}); j.Refused == nil {
		t.Error("an unknown criterion is not refused")
	}

	due, j, found := s.folder.JudgeIdle(&s.lead, t0.Add(2*day))
	if !found || due != t0.Add(2*day) || j.Before.Engagement != 17 {
		t.Errorf("idle at T+%v, %v, before at %v", due.Sub(t0), found, j.Before.Engagement)
	}
	says(j.Engagement, "quiet 0 -1/-1;")
	if _, _, found := s.folder.JudgeIdle(&s.lead, t0.Add(2*day)-1); found {
		t.Error("an idle rule comes due before its time")
	}
	s.advance(2 * day)
	if _, j, found = s.folder.JudgeIdle(&s.lead, t0.Add(4*day)); !found {
		t.Error("no idle rule comes due")
	}
	says(j.Engagement, "asleep 1 0/0;")

	s.does(5*day, "left")
	// The reset comes first: it empties what the same rule gave before.
	says(judge(t0.Add(6*day), Event{Type: "left"}).Engagement, "out 5 0/0;back 0 4/4;")
	says(judge(t0.Add(4*day), pricing(`{}`)).Engagement, "pricing 2 0/0;once 4 0/0;page 4 0/0;")
	if j := s.folder.Judge(&s.lead, &Event{Lead: s.lead.ID, Source: "test", ID: "e1", Time: t0}); !j.Duplicate {
		t.Error("a duplicate is not judged one")
	}
}

// TestJudgeForetellsApply holds Judge against what Apply and time then do: of any history each rule's share changes by
// what was judged, and by nothing else.
func TestJudgeForetellsApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := read(t, plainModels(t)).Folder()
		var l, was Lead
		l.Clear("lead")
		for i, h := range histories(t, 8) {
			e := h.event(i)
			l.copyInto(&was)
			j := f.Judge(&l, e)
			due, idle, fires := f.JudgeIdle(&l, h.at)
			if !cmp.Equal(l, was, cmpopts.EquateEmpty()) {
				t.Fatalf("judging has changed the lead from %+v to %+v", was, l)
			}
			if fires {
				f.Advance(&was, due, nil)
				foretold(t, f, &was, idle)
			}
			apply(t, f, &l, e, nil)
			foretold(t, f, &l, j)
		}
	})
}

// foretold is that l, at the clock that j was judged for, stands as j foretells.
func foretold(t *rapid.T, f *Folder, l *Lead, j Judged) {
	shares := map[string]float64{}
	for _, p := range j.Before.Contributions {
		shares[p.Name] = p.Points
	}
	for _, r := range j.Engagement {
		shares[r.Rule] += r.Share
	}
	after := f.Explain(l, l.Clock)
	if after.At != j.Before.At {
		t.Fatalf("judged for %v, and it is %v", j.Before.At, after.At)
	}
	for _, p := range after.Contributions {
		shares[p.Name] -= p.Points
	}
	for rule, off := range shares {
		if math.Abs(off) > 1e-6 {
			t.Fatalf("rule %s gives %v less than was judged: before %+v, judged %+v, after %+v", rule, off, j.Before, j.Engagement, after)
		}
	}
}
