package scorer

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// expressionsOf draws conditions by their grammar: of texts, numbers and durations, moving and still.
type expressionsOf struct{ t *rapid.T }

func (g expressionsOf) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(g.t, label)
}

func (g expressionsOf) condition(depth int) string {
	kinds := []string{"compare", "text", "in", "const", "idle", "has", "dyn"}
	if depth > 0 {
		kinds = append(kinds, "and", "or", "not", "choice", "same", "and", "or")
	}
	switch g.pick("condition", kinds...) {
	case "compare":
		return fmt.Sprintf("(%s %s %s)", g.number(depth-1), g.pick("order", "<", "<=", ">", ">=", "==", "!="), g.number(depth-1))
	case "text":
		return g.pick("text", `tier == "hot"`, `tier != "hot"`, `tier in ["hot", "warm"]`, `fit.grade in ["A"]`,
			`tier.startsWith("h")`, `profile.a == "hot"`, `profile.a == tier`, `profile.a < "m"`, `tier.contains(profile.a)`)
	case "in":
		return fmt.Sprintf("(%s in [1, 2.5, -3])", g.number(depth-1))
	case "const":
		return g.pick("const", "true", "false", "qualification.complete")
	case "idle":
		return fmt.Sprintf("engagement.idle %s duration(%q)", g.pick("order", "<", "<=", ">", ">=", "==", "!="), g.pick("duration", "1s", "3s", "1ms"))
	case "has":
		return g.pick("has", "has(profile.a)", "has(engagement.idle)", "has(qualification.ratings.need)")
	case "dyn":
		return fmt.Sprintf(g.pick("dynamic", "(profile.a == %s)", "(%s != profile.a)", "(profile.a > %s)", "(profile.a + 1 <= %s)"), g.number(depth-1))
	case "and":
		return fmt.Sprintf("(%s && %s)", g.condition(depth-1), g.condition(depth-1))
	case "or":
		return fmt.Sprintf("(%s || %s)", g.condition(depth-1), g.condition(depth-1))
	case "not":
		return "!(" + g.condition(depth-1) + ")"
	case "same":
		return fmt.Sprintf("((%s) == (%s))", g.condition(depth-1), g.condition(depth-1))
	default:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(depth-1), g.condition(depth-1), g.condition(depth-1))
	}
}

func (g expressionsOf) number(depth int) string {
	kinds := []string{"moving", "moving", "still", "literal"}
	if depth > 0 {
		kinds = append(kinds, "operation", "operation", "choice", "minus")
	}
	switch g.pick("number", kinds...) {
	case "moving":
		return g.pick("moving", "score", "engagement.score", "engagement.groups.web")
	case "still":
		return g.pick("still", "fit.score", "qualification.total", "qualification.ratings.need")
	case "literal":
		return g.pick("literal", "0", "1", "2.5", "-3", "70", "1e308", "0.0001")
	case "operation":
		return fmt.Sprintf("(%s %s %s)", g.number(depth-1), g.pick("operator", "+", "-", "*", "/"), g.number(depth-1))
	case "minus":
		return "(-" + g.number(depth-1) + ")"
	default:
		return fmt.Sprintf("(%s ? %s : %s)", g.condition(depth-1), g.number(depth-1), g.number(depth-1))
	}
}

// values draws a lead.
func (g expressionsOf) values() leadValues {
	number := rapid.SampledFrom([]any{0.0, 1.0, 2.5, -3.0, 70.0, nil})
	return leadValues{
		"fit.score": number.Draw(g.t, "fit.score"), "qualification.total": number.Draw(g.t, "total"),
		"qualification.ratings.need": number.Draw(g.t, "need"), "qualification.complete": rapid.Bool().Draw(g.t, "complete"),
		"tier": g.pick("tier", "hot", "cold"), "fit.grade": g.pick("grade", "A", "B", ""),
		"profile.a": rapid.SampledFrom([]any{"hot", "h", 1.0, 2.5, true, nil}).Draw(g.t, "profile.a"),
	}
}

// at draws a value of a moving name.
func (g expressionsOf) at(label string) float64 {
	return rapid.OneOf(
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, 2.5, -3, 3, 70, 1e308, -1e308, math.Inf(1), math.Inf(-1), math.NaN()}),
		rapid.Float64Range(-4, 4),
	).Draw(g.t, label)
}

// Whatever a condition is at a point, it was announced for every stretch with that point in it; and for a stretch that
// is a point, nothing is left open.
func TestWithinIsSound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := expressionsOf{rt}
		words := testWords()
		text := g.condition(rapid.IntRange(0, 4).Draw(rt, "depth"))
		c := compiled(rt, words, text, seesStretch)
		s := sceneOf(words, g.values(), "")
		lo, hi := make([]float64, len(s.moving)), make([]float64, len(s.moving))
		for i := range lo {
			a, b := g.at("a"), g.at("b")
			lo[i], hi[i] = min(a, b), max(a, b)
			if rapid.Bool().Draw(rt, "narrow") || math.IsNaN(a) || math.IsNaN(b) {
				lo[i], hi[i] = a, a
			}
		}
		known := c.within(lo, hi, s)
		outcomes := c.root.over(lo, hi, s)
		for range 8 {
			for i := range lo {
				s.moving[i] = rapid.SampledFrom([]float64{lo[i], hi[i], lo[i]/2 + hi[i]/2, 0, 1, 2.5, -3}).Draw(rt, "at")
				if !(lo[i] <= s.moving[i] && s.moving[i] <= hi[i]) {
					s.moving[i] = lo[i]
				}
			}
			holds, err := c.holds(s)
			if known == always && !(holds && err == nil) || known == never && holds {
				rt.Fatalf("%s: within [%v, %v] it is %d, but at %v it is %v, %v", text, lo, hi, known, s.moving, holds, err)
			}
			if outcomes&c.root.at(s).set() == 0 {
				rt.Fatalf("%s: over [%v, %v] it can be %03b, but at %v it is %d", text, lo, hi, outcomes, s.moving, c.root.at(s))
			}
			exact := c.within(s.moving, s.moving, s)
			if want := map[bool]verdict{true: always, false: never}[holds && err == nil]; exact != want {
				rt.Fatalf("%s: at the point %v it is %d, want %d", text, s.moving, exact, want)
			}
		}
	})
}

// The nodes answer what CEL answers.
func TestConditionsAgreeWithCEL(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		g := expressionsOf{rt}
		words := testWords()
		l, err := newLanguage(words)
		if err != nil {
			rt.Fatal(err)
		}
		text := g.condition(rapid.IntRange(0, 4).Draw(rt, "depth"))
		d := l.draft(text, seesEvent)
		if len(d.mistakes) > 0 {
			rt.Fatalf("%s: %+v", text, d.mistakes)
		}
		ours := d.truth(d.checked.Expr())
		theirs := &valueTruth{value: d.leaveToCEL(d.checked.Expr())}
		if len(d.mistakes) > 0 {
			rt.Fatalf("%s: %+v", text, d.mistakes)
		}
		s := sceneOf(words, g.values(), "")
		for i := range s.moving {
			s.moving[i] = g.at("moving")
		}
		s.moving[movingIdle] = rapid.SampledFrom([]float64{math.NaN(), 0, 1, 2.999, 3}).Draw(rt, "idle")
		if got, want := ours.at(s), theirs.at(s); got != want {
			rt.Fatalf("%s at %v: %d, CEL says %d", text, s.moving, got, want)
		}
	})
}

// Where arithmetic jumps or has no result, a stretch must say so.
func TestWithin(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		when             string
		score, otherwise [2]float64 // score; engagement.score
		want             verdict
	}{
		{`score > 70`, [2]float64{71, 80}, [2]float64{}, always},
		{`score > 70`, [2]float64{60, 70}, [2]float64{}, never},
		{`score > 70`, [2]float64{70, 71}, [2]float64{}, maybe},
		{`score >= 70`, [2]float64{70, 71}, [2]float64{}, always},
		{`score == 70`, [2]float64{69, 71}, [2]float64{}, maybe},
		{`score == 70`, [2]float64{71, 72}, [2]float64{}, never},
		{`score + engagement.score > 10`, [2]float64{5, 6}, [2]float64{6, 7}, always},
		{`score in [1, 2]`, [2]float64{3, 4}, [2]float64{}, never},
		{`score in [1, 2]`, [2]float64{1.5, 4}, [2]float64{}, maybe},
		{`1 / score > 0`, [2]float64{-1, 1}, [2]float64{}, maybe},
		{`1 / score > 5`, [2]float64{-1, 1}, [2]float64{}, maybe},
		{`1 / score > 0`, [2]float64{1, 2}, [2]float64{}, always},
		{`1 / score > 0`, [2]float64{math.Copysign(0, -1), 0}, [2]float64{}, always},
		{`score * engagement.score >= 0`, [2]float64{0, 1}, [2]float64{0, inf}, maybe},
		{`score - engagement.score > 0`, [2]float64{1, inf}, [2]float64{0, inf}, maybe},
		{`score - engagement.score < 0`, [2]float64{1, inf}, [2]float64{inf, inf}, maybe},
		{`score / engagement.score >= 0`, [2]float64{1, inf}, [2]float64{1, inf}, maybe},
		{`(profile.a == 1 ? true : true) || score > 1`, [2]float64{0, 3}, [2]float64{}, maybe},
		{`(profile.a == 1 ? true : true) || score > 1`, [2]float64{2, 3}, [2]float64{}, always},
		{`profile.a == 1 && score > 1`, [2]float64{2, 3}, [2]float64{}, never},
		{`profile.a == 1 || score > 1`, [2]float64{0, 1}, [2]float64{}, never},
		{`engagement.idle > duration("1s") || score > 1`, [2]float64{0, 3}, [2]float64{}, maybe},
	} {
		words := testWords()
		cond := compiled(t, words, c.when, seesStretch)
		s := sceneOf(words, nil, "")
		lo, hi := append([]float64{}, s.moving...), append([]float64{}, s.moving...)
		lo[movingScore], hi[movingScore] = c.score[0], c.score[1]
		lo[movingEngagement], hi[movingEngagement] = c.otherwise[0], c.otherwise[1]
		if got := cond.within(lo, hi, s); got != c.want {
			t.Errorf("%s within %v and %v is %d, want %d", c.when, c.score, c.otherwise, got, c.want)
		}
	}
}

// Minus zero is zero: a lead that lost all its points divides by the same nothing as one that never had any.
func TestMinusZero(t *testing.T) {
	words := testWords()
	c := compiled(t, words, `1 / score > 0`, seesStretch)
	if holds, err := c.holds(sceneOf(words, leadValues{"score": math.Copysign(0, -1)}, "")); !holds || err != nil {
		t.Errorf("1 / -0 > 0: %v, %v", holds, err)
	}
}
