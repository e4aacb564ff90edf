package scorer

import (
	"errors"
	"math"
	"strconv"
	"testing"
	"time"
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
		{`data.amount + data.n > 1253`, "true"},
		{`data.url + data.url == "/pricing/eu/pricing/eu"`, "true"},
		{`data.url + data.n > 3`, fails},
		{`dyn(7) / dyn(2) > 3.2`, "false"}, // whole numbers to CEL

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
