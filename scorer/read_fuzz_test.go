package scorer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Whatever the text, reading it ends, soon, with a model that can be used or with mistakes that have places.
func FuzzReadModel(f *testing.F) {
	for _, pattern := range []string{"testdata/errors/*.yaml", "testdata/models/*.yaml", "models/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := readWithin(t, text)
		if err == nil {
			if tiers := m.Tiers(); len(tiers) == 0 || tiers[len(tiers)-1].Indexed {
				t.Errorf("tiers: %v", tiers)
			}
			return
		}
		var mistakes ModelErrors
		if !errors.As(err, &mistakes) || len(mistakes) == 0 {
			t.Fatalf("no mistakes: %v", err)
		}
		for _, m := range mistakes {
			if m.Line < 1 || m.Column < 1 || m.Message == "" || len(m.Source) > 2000 {
				t.Errorf("%+v", m)
			}
		}
	})
}

// readWithin reads a model and fails if that allocated out of all proportion. What is allocated stands for memory and,
// since nothing is read without it, for work: it does not depend on how busy the machine is.
func readWithin(t *testing.T, text []byte) (*Model, error) {
	t.Helper()
	const most = 512 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := ReadModel("model.yaml", text)
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; len(text) <= 64<<10 && allocated > most {
		t.Fatalf("reading %d bytes allocated %d MiB", len(text), allocated>>20)
	}
	return m, err
}

// Files made to take long are refused or read in a moment.
func TestHugeModels(t *testing.T) {
	const head = "name: m\nversion: 1\n"
	fill := func(part string) string { return strings.Repeat(part, (maxModelText-len(head)-100)/len(part)) }
	for name, text := range map[string]string{
		"too long":         head + strings.Repeat("#", maxModelText),
		"open lists":       head + "tiers: " + fill("["),
		"open mappings":    head + "tiers: " + fill("{a: "),
		"dashes":           head + "tiers:\n" + fill("- "),
		"closed":           head + "tiers: " + fill("]"),
		"long list":        head + "tiers: [" + fill("a,") + "]",
		"long flow rules":  head + "engagement: {rules: [" + fill("{id: a},") + "]}",
		"long block rules": head + "tiers: [{name: a}]\nengagement:\n  rules:\n" + fill("    - {id: a, on: x, points: 1}\n"),
		"unknown keys":     head + fill("k: 1\n"),
		"deep indentation": head + deep(),
		"long condition":   head + "tiers: [{name: a, when: '" + fill("score>1||") + "true'}, {name: b}]",
		"deep condition":   head + "tiers: [{name: a, when: '" + strings.Repeat("(", 2000) + "true" + strings.Repeat(")", 2000) + "'}, {name: b}]",
		"nested macros":    head + "tiers: [{name: a, when: '" + strings.Repeat("[1].all(x,", 200) + "true" + strings.Repeat(")", 200) + "'}, {name: b}]",
		"many conditions":  head + "tiers: [{name: a}]\nfit:\n  rules:\n" + fill("    - {id: a, points: 1, when: profile.a > 1 && profile.b in ['a', 'b']}\n"),
		"quotes":           head + "tiers: " + fill("'a' "),
		"open quote":       head + "tiers: \"" + fill("\\x41"),
		"colons":           head + fill("a: b: "),
		"questions":        head + fill("? "),
		"aliases":          head + "a: &a [x]\n" + fill("b: [*a, *a]\n"),
	} {
		start := time.Now()
		_, err := ReadModel("model.yaml", []byte(text))
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %v", name, took)
		} else {
			t.Logf("%s: %v", name, took)
		}
		if len(text) > 64<<10 {
			_, _ = readWithin(t, []byte(text[:64<<10]))
		}
		var mistakes ModelErrors
		if !errors.As(err, &mistakes) || len(mistakes) > maxModelErrors+1 {
			t.Errorf("%s: %d mistakes, %v", name, len(mistakes), err)
		}
	}
}

// A model without a mistake, of as many and as long conditions as go into 64 KiB, is read within bounds too.
func TestAModelOfManyConditions(t *testing.T) {
	for _, when := range []string{
		"data.a.matches('x[0-9]+') && data.l.all(i, i.n > 1)",
		"data.l.all(a, data.l.all(b, data.l.all(c, data.l.all(d, a+b+c+d>0))))",
		strings.Repeat("data.a>1||", 20) + "true",
		"data.n>1",
	} {
		text := "name: m\nversion: 1\ntiers: [{name: a}]\nengagement:\n  rules:\n"
		for i := range maxRules {
			rule := fmt.Sprintf("    - {id: r%d, on: x, points: 1, when: \"%s\"}\n", i, when)
			if len(text)+len(rule) > 64<<10 {
				break
			}
			text += rule
		}
		if _, err := readWithin(t, []byte(text)); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
}

// deep is a mapping in a mapping in a mapping.
func deep() string {
	var b strings.Builder
	for i := range 700 {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}
