package scorer

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// becomes puts the next version of the story's model in force at T + after.
func (s *story) becomes(after time.Duration, model string) {
	s.t.Helper()
	next := "version: " + string(rune('0'+s.folder.model.Version+1))
	s.folder = modelOf(s.t, strings.Replace(model, "version: 1", next, 1)).Folder()
	s.all = append(s.all, s.folder.Retier(&s.lead, t0.Add(after), nil)...)
}

// visitModel is a model of one rule, whose other keys are given.
func visitModel(keys string) string {
	return engagementModel("    - {id: visit, on: page.viewed, " + keys + "}\n")
}

// What was counted goes on under another kind of decay, and back.
func TestAnotherKindOfDecayLosesNothing(t *testing.T) {
	const (
		halves = "points: 10, decay: {half_life: 10d}"
		line   = "points: 10, decay: {linear: 100d}"
		stairs = "points: 10, decay: {steps: [{until: 15d, keep: 1}, {until: 100d, keep: 0.5}]}"
		stays  = "points: 10"
	)
	for _, c := range []struct {
		name, from, to string
		want           float64 // at 20 days, of events at 0 and at 10 days
	}{
		{"half-life to linear", halves, line, 15 * 0.9}, // 15 were left at 10 days, which is their time now
		{"half-life to steps", halves, stairs, 15},
		{"half-life to none", halves, stays, 15},
		{"none to half-life", stays, halves, 10},
		{"none to linear", stays, line, 18},
		{"linear to half-life", line, halves, 2.5 + 5}, // their times were kept
		{"linear to steps", line, stairs, 5 + 10},
		{"linear to none", line, stays, 20},
		{"steps to half-life", stairs, halves, 2.5 + 5},
		{"steps to linear", stairs, line, 8 + 9},
		{"a slower half-life", halves, "points: 10, decay: {half_life: 20d}", 15 * 0.7071067811865476}, // from the newest event on
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tell(t, visitModel(c.from))
			s.does(0, "page.viewed")
			s.does(10*day, "page.viewed")
			s.becomes(20*day, visitModel(c.to))
			s.scores(20*day, c.want)
			before := s.folder.Explain(&s.lead, t0.Add(25*day)).Engagement
			s.folder.Retier(&s.lead, t0.Add(25*day), nil)
			s.scores(25*day, before)
			s.does(25*day, "page.viewed")
			s.scores(25*day, before+10)
		})
	}
}

// A limit knows what was counted before the decay became another.
func TestALimitOutlivesAnotherKindOfDecay(t *testing.T) {
	const halves, line = "points: 10, limit: {count: 1, per: 30d}, decay: {half_life: 10d}",
		"points: 10, limit: {count: 1, per: 30d}, decay: {linear: 100d}"
	for _, c := range [][2]string{{halves, line}, {line, halves}} {
		s := tell(t, visitModel(c[0]))
		s.does(0, "page.viewed")
		s.becomes(day, visitModel(c[1]))
		before := s.folder.Explain(&s.lead, t0.Add(2*day)).Engagement
		s.does(2*day, "page.viewed")
		s.scores(2*day, before)
		s.does(30*day, "page.viewed")
		if got := s.folder.Explain(&s.lead, t0.Add(30*day)).Engagement; got <= 10 {
			t.Errorf("30 days later the score is %v", got)
		}
	}
}

// A corrected lead that an older model decided last keeps what it counted, too.
func TestCorrectKnowsAnotherKindOfDecay(t *testing.T) {
	s := tell(t, visitModel("points: 10, decay: {half_life: 10d}"))
	s.does(0, "page.viewed")
	s.folder = modelOf(t, strings.Replace(visitModel("points: 10, decay: {linear: 100d}"), "version: 1", "version: 2", 1)).Folder()
	s.folder.Correct(&s.lead, Told{}, t0.Add(10*day), nil)
	s.scores(10*day, 9)
}

// What a new version does to what was counted, rule by rule.
func TestWhatANewVersionDoesToWhatWasCounted(t *testing.T) {
	other := strings.ReplaceAll(visitModel("points: 10"), "visit", "other")
	for _, c := range []struct {
		name, from, to string
		then           float64 // after two events and the new version
		next           float64 // after one more event
	}{
		{"points", visitModel("points: 10"), visitModel("points: 7"), 14, 21},
		{"points from 0", visitModel("points: 0"), visitModel("points: 7"), 14, 21}, // worth nothing, it counted all the same
		{"a number to an expression", visitModel("points: 10"), visitModel("points: '3.0 + 4.0'"), 2, 9},
		{"an expression to a number", visitModel("points: '3.0 + 4.0'"), visitModel("points: 10"), 140, 150},
		{"an expression to another", visitModel("points: '3.0 + 4.0'"), visitModel("points: '1.0 + 1.0'"), 14, 16},
		{"on", strings.ReplaceAll(visitModel("points: 10"), "page.viewed", "page.left"), visitModel("points: 10"), 0, 10},
		{"when", visitModel("points: 10"), visitModel("points: 10, when: score > 100"), 20, 20},
		{"a limit in a life", visitModel("points: 10"), visitModel("points: 10, limit: {count: 2}"), 20, 20},
		{"a rolling limit", visitModel("points: 10"), visitModel("points: 10, limit: {count: 1, per: 30d}"), 20, 30}, // its windows begin empty
		{"a rolling limit beside steps", visitModel("points: 10, decay: {steps: [{until: 900d, keep: 1}]}"),
			visitModel("points: 10, decay: {steps: [{until: 900d, keep: 1}]}, limit: {count: 1, per: 30d}"), 20, 20}, // times were kept
		{"no limit", visitModel("points: 10, limit: {count: 1}"), visitModel("points: 10"), 10, 20},
		{"a new id", visitModel("points: 10"), other, 0, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tell(t, c.from)
			s.does(0, "page.viewed")
			s.does(0, "page.viewed")
			s.becomes(day, c.to)
			s.scores(day, c.then)
			s.does(2*day, "page.viewed")
			s.scores(2*day, c.next)
		})
	}
	s := tell(t, visitModel("points: 10"))
	s.does(0, "page.viewed")
	s.becomes(day, other)
	s.scores(day, 0)
	s.becomes(2*day, visitModel("points: 10"))
	s.scores(2*day, 10) // the rule is back, and so is what it counted
}

// A new idle rule takes the silence into account that began before it, from where the lead's clock stands.
func TestANewIdleRuleKnowsTheSilenceSoFar(t *testing.T) {
	s := tell(t, visitModel("points: 100"))
	s.does(0, "page.viewed")
	s.becomes(100*day, visitModel("points: 100}\n    - {id: quiet, on: idle, after: 30d, repeat: true, points: -10"))
	s.scores(100*day, 70)
}

// A lead on a stage that is gone begins the ladder anew; one on a stage that moved stands where that stage stands.
func TestStagesOfANewVersion(t *testing.T) {
	ladder := func(stages ...string) string {
		text := visitModel("points: 10") + "stages:\n"
		for _, stage := range stages {
			text += "  - {name: " + stage + ", when: score >= 10}\n"
		}
		return text
	}
	for _, c := range []struct {
		to, reached []string
	}{
		{[]string{"first", "second"}, nil},
		{[]string{"second", "first"}, []string{"first"}},
		{[]string{"first", "third"}, []string{"first", "third"}},
		{[]string{"new", "first", "second"}, nil},
	} {
		s := tell(t, ladder("first", "second"))
		s.does(0, "page.viewed")
		s.all = nil
		s.becomes(day, ladder(c.to...))
		var reached []string
		for _, change := range s.all {
			reached = append(reached, change.Stage)
		}
		if !slices.Equal(reached, c.reached) {
			t.Errorf("with the ladder %v the lead reaches %v, want %v", c.to, reached, c.reached)
		}
	}
}

// The ratings of a criterion that is gone drop out of the total, and are back with it.
func TestCriteriaOfANewVersion(t *testing.T) {
	asked := func(criteria string) string {
		return "name: m\nversion: 1\nqualification: {scale: {min: 1, max: 5}, criteria: {" + criteria + "}}\ntiers: [{name: cold}]\n"
	}
	s := tell(t, asked("need: {}, budget: {}"))
	s.rated(0, CriterionRating{"need", 3}, CriterionRating{"budget", 5})
	for _, c := range []struct {
		criteria              string
		total, floor, ceiling float64
	}{
		{"need: {}", 3, 3, 3},
		{"need: {}, budget: {}, authority: {}", 8, 9, 13},
	} {
		s.becomes(day, asked(c.criteria))
		if got := s.folder.Explain(&s.lead, t0.Add(day)); got.Total != c.total || got.Floor != c.floor || got.Ceiling != c.ceiling {
			t.Errorf("with the criteria %s: total %v, from %v to %v", c.criteria, got.Total, got.Floor, got.Ceiling)
		}
	}
}
