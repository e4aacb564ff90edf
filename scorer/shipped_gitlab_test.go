package scorer

import (
	"testing"
	"time"
)

// gitlab begins a lead's story by the shipped model of that name.
func gitlab(t *testing.T) *story {
	t.Helper()
	s := &story{t: t, folder: shipped(t, "gitlab").Folder()}
	s.lead.Clear("lead-42")
	return s
}

// What a lead does is worth what the handbook says, as often as it says.
func TestGitLabBehaviour(t *testing.T) {
	const hour, data = time.Hour, `{"value":"high"}`
	for _, c := range []struct {
		eventType, data string
		at              []time.Duration
		want            float64
	}{
		{"followup.requested", "", []time.Duration{0, 0, hour}, 300}, // every time
		{"inbound.requested", "", []time.Duration{0, hour, day}, 200},
		{"chat.started", "", []time.Duration{0, hour, day}, 200},
		{"event.registered", "", []time.Duration{0}, 20},
		{"programme.responded", data, []time.Duration{0}, 40},
		{"programme.responded", `{"value":"medium"}`, []time.Duration{0}, 20},
		{"programme.responded", `{"value":"low"}`, []time.Duration{0}, 10},
		{"content.downloaded", data, []time.Duration{0}, 35},
		{"content.downloaded", `{"value":"medium"}`, []time.Duration{0}, 15},
		{"content.downloaded", `{"value":"low"}`, []time.Duration{0}, 10},
		{"survey.answered", data, []time.Duration{0}, 30},
		{"survey.answered", `{"value":"low"}`, []time.Duration{0}, 15},
		{"newsletter.subscribed", "", []time.Duration{0, day, 7 * day}, 10},
		{"trial.started", `{"address":"business"}`, []time.Duration{0, hour, day}, 60},
		{"trial.started", `{"address":"personal"}`, []time.Duration{0, hour, day}, 20},
		{"trial.started", `{"address":"other"}`, []time.Duration{0, hour, day}, 40},
		{"trial.started", "", []time.Duration{0, hour, day}, 40},
		{"keypage.viewed", "", []time.Duration{0, day, 7*day - time.Millisecond, 7 * day}, 50},
	} {
		s := gitlab(t)
		for _, at := range c.at {
			s.apply(at, Event{Type: c.eventType, Data: []byte(c.data)})
		}
		if got := s.folder.Explain(&s.lead, s.lead.Clock).Engagement; got != c.want {
			t.Errorf("%s %s at %v: %v points, want %v", c.eventType, c.data, c.at, got, c.want)
		}
	}
}

func TestGitLabDemographics(t *testing.T) {
	s := gitlab(t)
	fit := func(want float64, attributes ...Attribute) {
		t.Helper()
		s.profiled(0, attributes...)
		if got := s.folder.Explain(&s.lead, t0).Fit; got != want {
			t.Errorf("with %v the fit is %v, want %v", attributes, got, want)
		}
	}
	fit(35, word("email_kind", "business"))
	fit(60, word("use", "company"))
	fit(65, word("seniority", "low"))
	fit(70, word("seniority", "high")) // 75, capped
	fit(70, word("function_fit", "best"), Attribute{Name: "country_tier", Value: Value{Kind: Number, Number: 2}})
	fit(-35, word("email_kind", "generic"), word("use", "private"), word("function_fit", "poor"), word("seniority", "none"))
}

func TestGitLabHandsOverFromAHundred(t *testing.T) {
	s := gitlab(t)
	s.profiled(0, word("email_kind", "business"), word("use", "company"), word("function_fit", "best"))
	s.isIn("cold") // 70, whoever they are
	s.does(0, "keypage.viewed")
	s.isIn("warm") // 95
	s.does(day, "newsletter.subscribed")
	s.isIn("hot") // 100
	if s.lead.Stage != "MQL" {
		t.Errorf("stage %q", s.lead.Stage)
	}
	s = gitlab(t)
	s.folder.model.fit.max = 200 // so that behaviour is all that is missing
	s.profiled(0, word("email_kind", "business"), word("use", "company"), word("function_fit", "best"), word("seniority", "high"),
		Attribute{Name: "country_tier", Value: Value{Kind: Number, Number: 1}})
	if got := s.folder.Explain(&s.lead, t0).Score; got != 100 || s.lead.Tier != "cold" {
		t.Errorf("%v points and no behaviour: %s", got, s.lead.Tier)
	}
}

func TestGitLabTakesPointsAway(t *testing.T) {
	s := gitlab(t)
	s.does(0, "followup.requested")
	s.advance(30*day - time.Millisecond)
	s.scores(30*day-time.Millisecond, 100) // not in the first 30 days
	s.advance(30 * day)
	s.scores(30*day, 90)
	s.advance(89 * day)
	s.scores(89*day, 80) // once per 30 days
	s.does(89*day, "email.bounced")
	s.does(90*day, "email.bounced") // once per 30 days
	s.does(90*day, "lowvaluepage.viewed")
	s.does(90*day+2*time.Hour, "lowvaluepage.viewed") // once a day
	s.scores(90*day+2*time.Hour, 50)
	s.does(91*day, "email.unsubscribed")
	s.scores(91*day, 0)
	s.does(92*day, "followup.requested")
	s.scores(92*day, 100)
}

// Behaviour is never below 0: whoever lost all that they had owes nothing, and asking to be called is worth 100 again.
func TestGitLabBehaviourOwesNothing(t *testing.T) {
	for _, lose := range []func(*story){
		func(s *story) { s.advance(365 * day) },
		func(s *story) { s.does(300*day, "email.bounced") },
		func(s *story) { s.does(day, "email.bounced"); s.does(2*day, "lowvaluepage.viewed") },
	} {
		s := gitlab(t)
		s.does(0, "newsletter.subscribed")
		lose(s)
		s.scores(365*day, 0)
		s.does(365*day, "followup.requested")
		s.scores(365*day, 100)
		s.isIn("hot")
	}
	s := gitlab(t)
	s.does(0, "newsletter.subscribed")
	s.advance(365 * day)
	if s.lead.Due != Never {
		t.Errorf("a lead that has nothing to lose is due at %v", s.lead.Due.Time())
	}
}
