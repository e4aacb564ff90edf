package scorer

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// testWords are the words of a small model.
func testWords() *vocabulary {
	return &vocabulary{
		lead:     leadNames(),
		groups:   []string{"web", "email"},
		criteria: []string{"need", "budget"},
		tiers:    []string{"hot", "warm", "cold"},
		stages:   []string{"MQL", "SQL"},
		grades:   []string{"A", "B", "C"},
	}
}

// leadValues is what the conditions of a test see of a lead, by the names that conditions use. Names that are not in it are
// absent.
type leadValues map[string]any

// sceneOf is the scene of a lead with these values and, where data is not "", an event.
func sceneOf(words *vocabulary, values leadValues, data string) *scene {
	s := &scene{moving: make([]float64, movingGroups+len(words.groups)), still: make([]Value, len(words.stills))}
	moving := append([]string{"score", "engagement.score", "engagement.idle"}, words.groups...)
	for i, name := range moving {
		if i >= movingGroups {
			name = "engagement.groups." + name
		}
		s.moving[i] = math.NaN()
		switch v := values[name].(type) {
		case float64:
			s.moving[i] = v
		case int:
			s.moving[i] = float64(v)
		case time.Duration:
			s.moving[i] = v.Seconds()
		}
	}
	for i, still := range words.stills {
		s.still[i] = valueOf(values[writtenAs(still)])
	}
	if data != "" {
		s.event.set(&Event{Source: "mautic/eu", Type: "page.viewed", Data: []byte(data)})
	}
	return s
}

// writtenAs is how conditions write a still name.
func writtenAs(s stillName) string {
	switch s.kind {
	case stillProfile:
		return dotted([]string{"profile", s.name})
	case stillRating:
		return "qualification.ratings." + s.name
	}
	for text, n := range leadNames() {
		if n.kind == fromStill && n.still == s.kind {
			return text
		}
	}
	return ""
}

func valueOf(v any) Value {
	switch v := v.(type) {
	case float64:
		return Value{Kind: Number, Number: v}
	case int:
		return Value{Kind: Number, Number: float64(v)}
	case string:
		return Value{Kind: String, String: v}
	case bool:
		if v {
			return Value{Kind: Bool, Number: 1}
		}
		return Value{Kind: Bool}
	default:
		return Value{}
	}
}

// compiled is a condition of the small model.
func compiled(t interface{ Fatalf(string, ...any) }, words *vocabulary, text string, what sight) *condition {
	l, err := newLanguage(words)
	if err != nil {
		t.Fatalf("%v", err)
	}
	c, mistakes := l.condition(text, what)
	if len(mistakes) > 0 {
		t.Fatalf("%s: %+v", text, mistakes)
	}
	return c
}

func TestConditions(t *testing.T) {
	lead := leadValues{
		"score": 72.5, "engagement.score": 40.0, "engagement.groups.web": 30, "engagement.groups.email": 0,
		"engagement.idle": 36 * time.Hour, "fit.score": 32.5, "fit.grade": "B", "qualification.total": 20,
		"qualification.rated": 1, "qualification.complete": false, "qualification.floor": 21, "qualification.ceiling": 25,
		"qualification.ratings.need": 5, "tier": "warm",
		"profile.seniority": "vp", "profile.employees": 900, "profile.vat": true, `profile["company size"]`: "L",
	}
	const data = `{"url":"/pricing/eu","amount":1250.5,"n":3,"flag":true,"none":null,"utm":{"source":"ads"},"tags":["a","b"],"text":"Olá"}`
	const fails = "fails"
	for _, c := range []struct{ when, want string }{
		// Whole numbers meet doubles, in comparisons and in arithmetic, whatever stands around them.
		{`score >= 70`, "true"},
		{`qualification.total == 20`, "true"},
		{`qualification.total != 20`, "false"},
		{`20 == qualification.total`, "true"},
		{`score + 10 > 82`, "true"},
		{`data.amount / 100 > 12`, "true"},
		{`data.n == 3 && data.n * 2 == 6`, "true"},
		{`1 / 2 == 0.5`, "true"},
		{`score > (tier == "hot" ? 60 : 75)`, "false"},
		{`score > (tier == "warm" ? 60 : 75.5)`, "true"},
		{`-score < -70`, "true"},
		{`qualification.total in [20, 25]`, "true"},
		{`data.n in [1, 2]`, "false"},
		{`size(data.tags) == 2`, "true"},
		{`size(data.tags) in [1, 2]`, "true"},
		{`3 in [1, 2, 3]`, "true"},
		{`size(data.tags) > 1.5`, "true"},
		{`size(data.tags) + 1 == 3`, "true"},
		{`int(data.n) % 2 == 1`, "true"},
		{`data.tags[1] == "b"`, "true"},
		{`[1, 2].exists(x, x == data.n - 1)`, "true"},

		// Texts.
		{`tier == "warm" && fit.grade in ["A", "B"]`, "true"},
		{`data.url.startsWith("/pricing")`, "true"},
		{`data.url.endsWith("us")`, "false"},
		{`data.url.contains("ing/")`, "true"},
		{`data["url"] == "/pricing/eu"`, "true"},
		{`data.url < "/q"`, "true"},
		{`data.text == "Olá"`, "true"},
		{`data.utm.source == "ads"`, "true"},
		{`source == "mautic/eu" && type == "page.viewed"`, "true"},
		{`profile["company size"] == "L"`, "true"},
		{`stage == ""`, "true"},
		{`qualification.disposition != "invalid"`, "true"},

		// What only CEL does.
		{`data.url.matches("^/pricing/(eu|us)$")`, "true"},
		{`data.tags.exists(t, t == "b") && score > 70`, "true"},
		{`"b" in data.tags`, "true"},
		{`data.url.lowerAscii() == "/pricing/eu"`, "true"},
		{`profile.seniority + "!" == "vp!"`, "true"},
		{`string(score) == "72.5"`, "true"},
		{`data.utm == {"source": "ads"}`, "true"},
		{`"utm" in data`, "true"},
		{`timestamp("2026-01-01T00:00:00Z").getFullYear() == 2026`, "true"},
		{`type(data.url) == string`, "true"},
		{`engagement.idle.getHours() == 36`, "true"},

		// Durations.
		{`engagement.idle > duration("1d")`, "true"},
		{`engagement.idle >= duration("1d12h")`, "true"},
		{`engagement.idle >= duration("2d")`, "false"},

		// Presence.
		{`has(data.url) && !has(data.uri) && has(data.none)`, "true"},
		{`has(data.utm.source) && !has(data.utm.campaign)`, "true"},
		{`has(data.uri.path)`, fails},
		{`has(profile.seniority) && !has(profile.title)`, "true"},
		{`has(qualification.ratings.need) && !has(qualification.ratings.budget)`, "true"},
		{`has(engagement.idle)`, "true"},

		// What can't be evaluated fails, unless the rest decides.
		{`data.uri == "x"`, fails},
		{`profile.title == "CTO"`, fails},
		{`profile.title == "CTO" || true`, "true"},
		{`true || profile.title == "CTO"`, "true"},
		{`profile.title == "CTO" && false`, "false"},
		{`profile.title == "CTO" && true`, fails},
		{`profile.title == "CTO" || false`, fails},
		{`!(profile.title == "CTO")`, fails},
		{`profile.title == "CTO" ? true : true`, fails},
		{`qualification.ratings.budget > 1`, fails},
		{`profile.seniority > 3`, fails},
		{`profile.seniority + 3 > 3`, fails},
		{`profile.vat`, "true"},
		{`profile.seniority`, fails},
		{`profile.vat && profile.seniority`, fails},
		{`data.none > 3`, fails},
		{`data.url.startsWith(data.n)`, fails},
		{`data.url > data.n`, fails},

		// Another type is unequal, no failure.
		{`profile.seniority == 3`, "false"},
		{`profile.employees == "900"`, "false"},
		{`data.utm == "ads"`, "false"},
		{`data.none == null`, "true"},
		{`data.url != null`, "true"},
		{`data.flag == true`, "true"},
		{`data.n in ["3", 3]`, "true"},
		{`(score > 70) == data.flag`, "true"},
		{`(score > 70) == (tier == "warm")`, "true"},

		// What IEEE 754 gives.
		{`score / 0 > 1000000`, "true"},
		{`(score - score) / 0 > 1`, "false"},
		{`(score - score) / 0 == (score - score) / 0`, "false"},
	} {
		words := testWords()
		l, err := newLanguage(words)
		if err != nil {
			t.Fatal(err)
		}
		cond, mistakes := l.condition(c.when, seesEvent)
		if len(mistakes) > 0 {
			t.Errorf("%s: %+v", c.when, mistakes)
			continue
		}
		got := fails
		if holds, err := cond.holds(sceneOf(words, lead, data)); err == nil {
			got = strconv.FormatBool(holds)
		} else if !errors.Is(err, errUnevaluable) {
			t.Errorf("%s: %v", c.when, err)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.when, got, c.want)
		}
	}
}

func TestConditionsWithoutEventData(t *testing.T) {
	words := testWords()
	has := compiled(t, words, `has(data.url)`, seesEvent)
	url := compiled(t, words, `data.url == "/"`, seesEvent)
	s := sceneOf(words, nil, "")
	s.event.set(&Event{Type: "page.viewed"})
	if holds, err := has.holds(s); holds || err != nil {
		t.Errorf("has(data.url) of an event without data: %v, %v", holds, err)
	}
	if _, err := url.holds(s); !errors.Is(err, errUnevaluable) {
		t.Errorf("data.url of an event without data: %v", err)
	}
	s.event.set(&Event{Type: "page.viewed", Data: []byte(`{"url":"/"}`)})
	if holds, err := url.holds(s); !holds || err != nil {
		t.Errorf("the next event is seen by what the one before was: %v, %v", holds, err)
	}
	s.event.clear()
	if _, err := has.holds(s); !errors.Is(err, errUnevaluable) {
		t.Errorf("has(data.url) without an event: %v", err)
	}
}

func TestExpressions(t *testing.T) {
	lead := leadValues{"score": 50, "qualification.total": 8, "profile.employees": 900}
	for _, c := range []struct {
		text string
		want float64
	}{
		{`score`, 50}, {`7`, 7}, {`data.amount / 100`, 12.5}, {`score + qualification.total / 16`, 50.5},
		{`data.kind == "high" ? 40 : 10`, 40}, {`size(data.kind)`, 4}, {`profile.employees`, 900},
		{`double(size(data.kind)) * 2.5`, 10}, {`-data.amount`, -1250}, {`data.amount - data.amount`, 0},
		{`data.missing`, math.NaN()}, {`data.kind`, math.NaN()}, {`score / 0`, math.NaN()}, {`data.amount + data.kind`, math.NaN()},
	} {
		words := testWords()
		l, err := newLanguage(words)
		if err != nil {
			t.Fatal(err)
		}
		e, mistakes := l.expression(c.text, seesEvent)
		if len(mistakes) > 0 {
			t.Errorf("%s: %+v", c.text, mistakes)
			continue
		}
		got, err := e.number(sceneOf(words, lead, `{"amount":1250,"kind":"high"}`))
		if math.IsNaN(c.want) != (err != nil) || err == nil && got != c.want {
			t.Errorf("%s = %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}

func TestMoves(t *testing.T) {
	for text, want := range map[string]bool{
		`score > 3`: true, `engagement.groups.web > 3`: true, `engagement.idle > duration("1d")`: true,
		`tier == "hot" && 3 < engagement.score + 1`: true,
		`tier == "hot"`: false, `fit.score > 3 || qualification.total > 3`: false, `true`: false,
	} {
		if got := compiled(t, testWords(), text, seesStretch).moves(); got != want {
			t.Errorf("%s moves: %v", text, got)
		}
	}
}

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

func TestEvaluatingAllocatesNothing(t *testing.T) {
	words := testWords()
	c := compiled(t, words, `score >= (tier == "hot" ? 60 : 70) && fit.grade in ["A", "B"] && data.url.startsWith("/p") && has(profile.x) && profile.x == score`, seesEvent)
	s := sceneOf(words, leadValues{"score": 75, "tier": "hot", "fit.grade": "A", "profile.x": 75}, `{"url":"/pricing"}`)
	if holds, err := c.holds(s); !holds || err != nil {
		t.Fatal(holds, err)
	}
	lo, hi := append([]float64{}, s.moving...), append([]float64{}, s.moving...)
	lo[movingScore] = 50
	for name, run := range map[string]func(){
		"holds":            func() { _, _ = c.holds(s) },
		"within":           func() { _ = c.within(lo, hi, s) },
		"holds, new event": func() { s.event.set(s.event.event); _, _ = c.holds(s) },
	} {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkTwoTerms(b *testing.B) {
	words := testWords()
	c := compiled(b, words, `engagement.score >= (tier == "hot" ? 60.0 : 70.0) && fit.grade == "A"`, seesStretch)
	s := sceneOf(words, leadValues{"engagement.score": 65, "tier": "hot", "fit.grade": "A"}, "")
	simple := compiled(b, words, `score >= 70 && engagement.score > 3`, seesStretch)
	lo, hi := []float64{60, 60, 0, 0, 0}, []float64{80, 80, 0, 0, 0}
	b.Run("numbers", func(b *testing.B) {
		for b.Loop() {
			_, _ = simple.holds(s)
		}
	})
	b.Run("hysteresis", func(b *testing.B) {
		for b.Loop() {
			_, _ = c.holds(s)
		}
	})
	b.Run("within", func(b *testing.B) {
		for b.Loop() {
			_ = simple.within(lo, hi, s)
		}
	})
}

func BenchmarkData(b *testing.B) {
	words := testWords()
	s := sceneOf(words, nil, `{"url":"/pricing/eu","account_id":"acme-17","campaign":"q4-3","duration_ms":1234,"referrer":"https://example.com/7"}`)
	for name, text := range map[string]string{"own": `data.url.startsWith("/pricing")`, "cel": `data.url.matches("^/pricing")`} {
		c := compiled(b, words, text, seesEvent)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.event.set(s.event.event)
				_, _ = c.holds(s)
			}
		})
	}
}

func BenchmarkReadModel(b *testing.B) {
	text, _ := ShippedModel("b2b-saas")
	for b.Loop() {
		if _, err := ReadModel("b2b-saas.yaml", text); err != nil {
			b.Fatal(err)
		}
	}
}
