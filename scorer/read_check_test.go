package scorer

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// judgedModel is a model with room for two conditions, in its lines 15 and 16.
const judgedModel = `
name: m
version: 1
engagement:
  min: -3
  max: 70
  groups: {web: {max: 2.5}}
fit:
  max: 3
  grades: {A: 2.5, B: 1}
qualification:
  scale: {min: 1, max: 3}
  criteria: {need: {}, budget: {}}
tiers:
  - {name: hot, when: '%s'}
  - {name: warm, when: '%s'}
  - {name: cold}
`

// lead shows f one lead of the judged model, wherever it is.
func (g expressionsOf) lead(f *Folder) {
	number := func(label string, lo, hi float64) float64 {
		all := []float64{lo, hi}
		for _, v := range []float64{-3, 0, 0.0001, 1, 2, 2.5, 4, 69.5} {
			if lo <= v && v <= hi {
				all = append(all, v)
			}
		}
		return rapid.SampledFrom(all).Draw(g.t, label)
	}
	l := &Lead{Tier: g.pick("tier", "hot", "warm", "cold", "one of another model"), Disposition: g.pick("disposition", "", "invalid")}
	for _, criterion := range []string{"need", "budget"} {
		if rapid.Bool().Draw(g.t, criterion) {
			l.rate(KeyOf(criterion), number(criterion+" rated", 1, 3), 1)
		}
	}
	if v := valueOf(rapid.SampledFrom([]any{"hot", "h", "A", "zz", 0.0, 1.0, 2.5, 9.0, true, false, nil}).Draw(g.t, "profile.a")); v.Kind != Null {
		l.profile("a", v, 1)
	}
	f.take(l)
	score := number("fit", -1e3, 3)
	f.fit = fitStanding{score, f.model.fit.grade(score)}
	for i := range f.model.stills {
		f.scene.still[i] = f.still(l, &f.model.stills[i])
	}
	f.scene.moving[movingEngagement] = number("engagement", -3, 70)
	f.scene.moving[movingScore] = round(f.scene.moving[movingEngagement] + score)
	f.scene.moving[movingGroups] = number("web", -2.5, 2.5)
	f.scene.moving[movingIdle] = rapid.SampledFrom([]float64{math.NaN(), 0, 0.001, 1, 2, 3, 1e9}).Draw(g.t, "idle")
}

// TestWhatIsJudgedIsSo holds that a condition of which the reader says that it never or always holds, or that a tier above
// has all its leads, is so for every lead that is tried.
func TestWhatIsJudgedIsSo(t *testing.T) {
	told := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		g := expressionsOf{rt}
		hot, warm := g.condition(rapid.IntRange(0, 3).Draw(rt, "hot")), g.condition(rapid.IntRange(0, 3).Draw(rt, "warm"))
		if rapid.IntRange(0, 2).Draw(rt, "covered") == 0 { // else a tier that another covers is seldom drawn
			warm = "(" + hot + ") && (" + warm + ")"
		}
		text := fmt.Sprintf(judgedModel, hot, warm)
		_, err := ReadModel("model.yaml", []byte(text))
		var mistakes ModelErrors
		if err == nil || !errors.As(err, &mistakes) {
			return
		}
		f := unjudged(rt, text).Folder()
		for range 12 {
			g.lead(f)
			for _, mistake := range mistakes {
				i := mistake.Line - 15
				holds, err := f.model.tiers[i].when.holds(&f.scene)
				switch {
				case strings.Contains(mistake.Message, "never hold"):
					told["never"]++
					if holds {
						rt.Fatalf("it holds at %v, %v:\n%v", f.scene.moving, f.scene.still, mistake)
					}
				case strings.Contains(mistake.Message, "always holds"):
					told["always"]++
					if err != nil || !holds {
						rt.Fatalf("it does not hold at %v, %v:\n%v", f.scene.moving, f.scene.still, mistake)
					}
				case strings.Contains(mistake.Message, "can't be reached"):
					told["reach"]++
					if f.firstTier() == i {
						rt.Fatalf("it is reached at %v, %v:\n%v", f.scene.moving, f.scene.still, mistake)
					}
				}
			}
		}
	})
	if told["never"] == 0 || told["always"] == 0 || told["reach"] == 0 {
		t.Errorf("of too few mistakes to say anything: %v", told)
	}
}

// TestConditionsThatCanHold holds that what looks odd and can be is no mistake.
func TestConditionsThatCanHold(t *testing.T) {
	for _, when := range []string{
		`engagement.score >= 70`, `engagement.score <= -3`, `score == 73`, `engagement.groups.web == 2.5`,
		`fit.grade == "A" && score < 2.5`, `qualification.total == 0 && qualification.ceiling == 6`,
		`fit.grade == "B" && fit.score > 2.25`, `fit.grade == "A" && fit.score == 2.5`, `qualification.floor == 6 && qualification.complete`, `qualification.rated == 1 && qualification.total == 3`,
		`tier != "hot" && tier != "warm" && tier != "cold"`, `!has(profile.a)`, `profile.a == profile.b && profile.a != "x"`,
		`profile.a > 5 && profile.b < 5`, `profile.a == "x" && profile.b == "y"`, `!(profile.a == "x") && profile.a == "y"`,
		`engagement.idle > duration("400d")`, `profile.a.matches("x") && profile.a != "x"`, `profile.a.startsWith("x") && profile.a > "y"`,
		`score >= (tier == "hot" ? 60 : 70)`, `tier == "hot" ? score >= 60 && engagement.score > 0 : score > 70`,
		`engagement.groups.web >= 1 && fit.grade in ["A", "B"] && (tier == "hot" || score >= 50)`,
		`qualification.total >= (tier == "hot" ? 3 : 5) || score >= (tier in ["hot", "warm"] ? 10 : 20)`,
	} {
		if _, err := ReadModel("model.yaml", []byte(fmt.Sprintf(judgedModel, when, "qualification.disposition == \"invalid\""))); err != nil {
			t.Error(err)
		}
	}
}

// TestHysteresisTheWrongWayRound finds what is asked the wrong way round, wherever it stands.
func TestHysteresisTheWrongWayRound(t *testing.T) {
	for when, at := range map[string]string{
		`score >= (tier == "hot" ? 40 : 30)`: "at score 35 ",
		`qualification.disposition != "invalid" && qualification.floor >= (tier == "hot" ? 5 : 4)`:    "qualification.floor 4",
		`fit.grade == (tier == "hot" ? "A" : "B")`:                                                    `at fit.grade "B" `,
		`engagement.score > 30 && (tier != "hot" || profile.a == "x")`:                                "no profile.a ",
		`tier == "hot" ? engagement.idle < duration("1d") : engagement.idle < duration("2d")`:         "at engagement.idle 36h0m0s ",
		`qualification.ratings.need > (tier == "hot" ? 2 : 1)`:                                        "at qualification.ratings.need 1.5 ",
		`tier == "hot" ? score > 30 : score >= 30`:                                                    "at score 30 ",
		`engagement.groups.web >= (tier == "hot" ? 2.0 : 1.0) && profile.b.matches("^a") == (1 == 2)`: "at engagement.groups.web ",
	} {
		_, err := ReadModel("model.yaml", []byte(fmt.Sprintf(judgedModel, when, "qualification.disposition == \"invalid\"")))
		if err == nil || !strings.Contains(err.Error(), "never come to rest") || !strings.Contains(err.Error(), at) {
			t.Errorf("%s: %v", when, err)
		}
	}
}
