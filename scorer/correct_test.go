package scorer

import (
	"strings"
	"testing"
	"time"
)

func TestANewModelMovesTheLead(t *testing.T) {
	s := tell(t, ladder)
	s.does(0, "page.viewed")
	s.does(0, "page.viewed")
	s.isIn("warm")
	newer := modelOf(t, `
name: test
version: 4
engagement:
  rules:
    - {id: visit, on: page.viewed, points: 40, decay: {half_life: 7d}}
tiers:
  - {name: scorching, when: 'engagement.score >= 30'}
  - {name: cold}
stages:
  - {name: MQL, when: 'tier == "scorching"'}
`).Folder()
	var other Lead
	s.lead.copyInto(&other)
	out := newer.Retier(&s.lead, t0.Add(7*day), nil)
	if len(out) != 2 || out[0].From != "warm" || out[0].To != "scorching" || !out[0].Up || out[0].Cause != (Cause{Kind: ByModel}) ||
		out[0].At != t0.Add(7*day) || out[0].Model.Version != 4 || out[0].Sequence != 2 || out[1].Stage != "MQL" {
		t.Fatalf("announced %+v", out)
	}
	if s.lead.ModelVersion != 4 {
		t.Errorf("decided by version %d", s.lead.ModelVersion)
	}
	if again := newer.Retier(&s.lead, t0.Add(7*day), nil); len(again) != 0 {
		t.Errorf("again: %+v", again)
	}
	// A lead that an event reaches first moves then.
	out, _, err := newer.Apply(&other, &Event{ID: "x", Type: "none", Time: t0.Add(7 * day)}, nil)
	if err != nil || len(out) != 2 || out[0].Cause.Kind != ByModel || out[0].At != t0.Add(7*day) || other.ModelVersion != 4 {
		t.Errorf("announced %+v, %v", out, err)
	}
}

func TestIdleRulesFireOnTheWayToANewModel(t *testing.T) {
	model := `
name: test
version: 1
engagement:
  rules:
    - {id: demo, on: demo.requested, points: 45}
    - {id: quiet, on: idle, after: 30d, repeat: true, points: -10}
tiers:
  - {name: warm, when: 'engagement.score >= 30'}
  - {name: cold}
`
	s := tell(t, model)
	s.does(0, "demo.requested")
	s.folder = modelOf(t, strings.Replace(model, "version: 1", "version: 2", 1)).Folder()
	out := s.folder.Retier(&s.lead, t0.Add(70*day), nil)
	if len(out) != 1 || out[0].To != "cold" || out[0].At != t0.Add(70*day) {
		t.Errorf("announced %+v", out)
	}
	s.scores(70*day, 25)
}

func TestCorrectGoesOnFromWhatWasTold(t *testing.T) {
	at := t0.Add(time.Hour)
	hot := func() *story {
		s := tell(t, ladder)
		s.does(0, "demo.requested") // hot, MQL and SQL: sequence 3
		return s
	}
	t.Run("the same", func(t *testing.T) {
		s := hot()
		if s.folder.Told(&s.lead) != (Told{Sequence: 3, Tier: "hot", Stage: "SQL", Since: t0}) {
			t.Errorf("told %+v", s.folder.Told(&s.lead))
		}
		out := s.folder.Correct(&s.lead, Told{Sequence: 9, Tier: "hot", Stage: "SQL", Since: t0 - 5}, at, nil)
		if len(out) != 0 || s.lead.Sequence != 9 || s.lead.Since != t0-5 || s.lead.Clock != at {
			t.Errorf("%+v, lead %+v", out, s.lead)
		}
	})
	t.Run("another tier", func(t *testing.T) {
		s := hot()
		out := s.folder.Correct(&s.lead, Told{Sequence: 9, Tier: "warm", Stage: "SQL", Since: t0 - 5}, at, nil)
		if len(out) != 1 || out[0].Sequence != 10 || out[0].From != "warm" || out[0].To != "hot" || !out[0].Up ||
			out[0].Cause != (Cause{Kind: ByRecovery}) || out[0].At != at || out[0].Previous != t0-5 || out[0].Stage != "SQL" {
			t.Errorf("%+v", out)
		}
		if s.lead.Tier != "hot" || s.lead.Since != at || s.lead.Sequence != 10 {
			t.Errorf("lead %+v", s.lead)
		}
	})
	t.Run("a stage that was not told", func(t *testing.T) {
		s := hot()
		out := s.folder.Correct(&s.lead, Told{Sequence: 1, Tier: "hot", Since: t0}, at, nil)
		if len(out) != 2 || out[0].Kind != StageReached || out[0].Stage != "MQL" || out[0].Sequence != 2 || out[1].Stage != "SQL" || out[1].Sequence != 3 {
			t.Errorf("%+v", out)
		}
	})
	t.Run("a tier that is kept longer than it is entered", func(t *testing.T) {
		s := tell(t, ladder)
		for range 6 {
			s.does(0, "page.viewed") // 60: warm here, and enough to stay hot
		}
		s.isIn("warm")
		out := s.folder.Correct(&s.lead, Told{Sequence: 4, Tier: "hot", Stage: "MQL", Since: t0 - 5}, t0, nil)
		if len(out) != 0 || s.lead.Tier != "hot" || s.lead.Sequence != 4 || s.lead.Since != t0-5 {
			t.Errorf("%+v, lead %+v", out, s.lead)
		}
	})
	t.Run("a tier that is kept, reached by events since", func(t *testing.T) {
		s := tell(t, ladder)
		for range 7 {
			s.does(0, "page.viewed")
		}
		s.isIn("hot")
		at := t0.Add(day) // 63: hot, but not enough to become hot
		out := s.folder.Correct(&s.lead, Told{Sequence: 1, Tier: "warm", Since: t0 - 5, Behind: true}, at, nil)
		if len(out) != 2 || out[0].From != "warm" || out[0].To != "hot" || out[0].Sequence != 2 || out[1].Stage != "MQL" || s.lead.Tier != "hot" {
			t.Errorf("%+v, lead %+v", out, s.lead)
		}
	})
	t.Run("a stage that was reached on another path, and does not hold now", func(t *testing.T) {
		s := hot()
		out := s.folder.Correct(&s.lead, Told{Sequence: 4, Tier: "cold"}, t0.Add(70*day), nil)
		if len(out) != 0 || s.lead.Tier != "cold" || s.lead.Stage != "" {
			t.Errorf("%+v, lead %+v", out, s.lead)
		}
	})
	t.Run("a stage that the lead does not have", func(t *testing.T) {
		s := hot()
		out := s.folder.Correct(&s.lead, Told{Sequence: 12, Tier: "hot", Stage: "won", Since: t0}, at, nil)
		if len(out) != 0 || s.lead.Stage != "won" {
			t.Errorf("%+v, lead %+v", out, s.lead)
		}
	})
	t.Run("nothing was told", func(t *testing.T) {
		s := hot()
		out := s.folder.Correct(&s.lead, Told{}, at, nil)
		if len(out) != 3 || out[0].From != "cold" || out[0].To != "hot" || out[0].Sequence != 1 || out[0].Previous != 0 ||
			out[1].Stage != "MQL" || out[2].Stage != "SQL" || out[2].Sequence != 3 {
			t.Errorf("%+v", out)
		}
	})
	t.Run("a lead that no event reached", func(t *testing.T) {
		s := tell(t, ladder)
		out := s.folder.Correct(&s.lead, Told{Sequence: 2, Tier: "hot", Since: t0}, at, nil)
		if len(out) != 1 || out[0].To != "cold" || out[0].Up || out[0].Sequence != 3 {
			t.Errorf("%+v", out)
		}
		s = tell(t, ladder)
		if out := s.folder.Correct(&s.lead, Told{}, at, nil); len(out) != 0 || s.lead.Tier != "" {
			t.Errorf("%+v, lead %+v", out, s.lead)
		}
	})
}
