package scorer

import (
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestContractModelReads(t *testing.T) {
	text, err := os.ReadFile("testdata/models/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := ReadModel("contract.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "b2b-saas" || m.Version != 7 || string(m.Text) != string(text) {
		t.Errorf("the model is %s %d", m.Name, m.Version)
	}
	e := m.engagement
	if e.min != 0 || e.max != 100 || len(e.groups) != 1 || e.groups[0] != (group{"web", 60}) {
		t.Errorf("engagement: %+v", e)
	}
	if want := []string{"pricing-page", "gone-quiet", "unsubscribed", "any-webinar", "trial", "executive"}; !slices.Equal(m.RuleIDs(), want) {
		t.Errorf("rules: %v, want %v", m.RuleIDs(), want)
	}
	if !slices.Equal(e.byType["page.viewed"], []int{0}) || !slices.Equal(e.idle, []int{1}) ||
		!slices.Equal(e.byType["email.unsubscribed"], []int{2}) || !slices.Equal(e.families["webinar."], []int{3}) {
		t.Errorf("rules by type: %v, families: %v, idle: %v", e.byType, e.families, e.idle)
	}
	pricing, quiet, unsubscribed, webinar := e.rules[0], e.rules[1], e.rules[2], e.rules[3]
	if pricing.group != 0 || pricing.points != 10 || pricing.max != 30 || pricing.limit != (limit{1, 24 * time.Hour}) ||
		pricing.when == nil || pricing.decay == nil || pricing.key != KeyOf("pricing-page") || e.byKey[pricing.key] != 0 {
		t.Errorf("pricing-page: %+v", pricing)
	}
	if quiet.group != -1 || quiet.after != 30*24*time.Hour || !quiet.repeat || quiet.points != -10 || quiet.decay != nil {
		t.Errorf("gone-quiet: %+v", quiet)
	}
	if !unsubscribed.reset || webinar.worth == nil || webinar.points != 1 || webinar.decay == nil {
		t.Errorf("unsubscribed: %+v, any-webinar: %+v", unsubscribed, webinar)
	}
	if m.fit.max != 50 || !slices.Equal(m.fit.grades, []grade{{"A", 40}, {"B", 25}, {"C", 10}, {"D", 0}}) {
		t.Errorf("fit: %+v", m.fit)
	}
	q := m.qualification
	if q.min != 1 || q.max != 5 || q.routes["interested"] != "sales" || len(q.criteria) != 1 || q.byKey[KeyOf("need")] != 0 ||
		!slices.Equal(q.criteria[0].levels, []level{{5, "strong need and product requirements are defined"}, {1, "no need"}}) {
		t.Errorf("qualification: %+v", q)
	}
	if want := []TierInfo{{"disqualified", "", true}, {"hot", "sales", true}, {"warm", "", true}, {"cold", "nurture", false}}; !slices.Equal(m.Tiers(), want) {
		t.Errorf("tiers: %v, want %v", m.Tiers(), want)
	}
	if !slices.Equal(m.Stages(), []string{"MQL"}) || m.rank == nil {
		t.Errorf("stages: %v, rank: %v", m.Stages(), m.rank)
	}
	for _, want := range []stillName{{kind: stillProfile, name: "seniority"}, {kind: stillTier}, {kind: stillFitGrade}, {kind: stillDisposition}} {
		if !slices.Contains(m.stills, want) {
			t.Errorf("stills %v have no %v", m.stills, want)
		}
	}
}

// A group's decay is its rules', unless a rule has its own.
func TestGroupDecay(t *testing.T) {
	m, err := ReadModel("m.yaml", []byte(`
name: m
version: 1
engagement:
  groups:
    web: {decay: {half_life: 14d}}
  rules:
    - {id: a, group: web, on: x, points: 1}
    - {id: b, group: web, on: x, points: 1, decay: {half_life: 7d}}
    - {id: c, on: x, points: 1}
tiers: [{name: cold}]
`))
	if err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	if r := m.engagement.rules; r[0].decay != halfLife(14*day) || r[1].decay != halfLife(7*day) || r[2].decay != nil {
		t.Errorf("decays: %v, %v, %v", r[0].decay, r[1].decay, r[2].decay)
	}
}

// Grades and levels can be written in any order.
func TestOrderOfGradesAndLevels(t *testing.T) {
	m, err := ReadModel("m.yaml", []byte(`
name: m
version: 1
fit:
  grades: {low: -5, top: 40, middle: 10}
qualification:
  scale: {min: 1, max: 3}
  criteria:
    need: {levels: {2: some, 1: none, 3: all}}
tiers: [{name: cold}]
`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []grade{{"top", 40}, {"middle", 10}, {"low", -5}}; !slices.Equal(m.fit.grades, want) {
		t.Errorf("grades: %v, want %v", m.fit.grades, want)
	}
	if want := []LevelInfo{{3, "all"}, {2, "some"}, {1, "none"}}; !slices.Equal(m.Criteria()[0].Levels, want) {
		t.Errorf("levels: %v, want %v", m.Criteria()[0].Levels, want)
	}
	if m.Criteria()[0].Label != "need" {
		t.Errorf("a criterion without a label is called %q", m.Criteria()[0].Label)
	}
	if unlimited := math.Inf(1); m.fit.max != unlimited || m.engagement.max != unlimited || m.engagement.min != 0 {
		t.Errorf("bounds: %v, %v to %v", m.fit.max, m.engagement.min, m.engagement.max)
	}
}

// A file saved on Windows reads as any other, and its mistakes stand where an editor shows them.
func TestWindowsFile(t *testing.T) {
	if _, err := ReadModel("m.yaml", []byte("\ufeffname: m\r\nversion: 1\r\ntiers:\r\n  - name: cold\r\n")); err != nil {
		t.Error(err)
	}
	_, err := ReadModel("m.yaml", []byte("\ufeffname: m\r\nversion: 1\r\ntiers:\r\n  - {name: hot, when: skore > 1}\r\n  - name: cold\r\n"))
	var one ModelError
	if !errors.As(err, &one) || one.Line != 4 || one.Column != 23 {
		t.Error(err)
	}
}

// Each file of testdata/errors has its mistakes beside it, as people read them.
func TestModelMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/errors/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ReadModel("model.yaml", text)
		var mistakes ModelErrors
		if !errors.As(err, &mistakes) {
			t.Errorf("%s: %v", file, err)
			continue
		}
		var one ModelError
		if !errors.As(err, &one) || one != mistakes[0] {
			t.Errorf("%s: the first mistake can't be had by errors.As", file)
		}
		golden := strings.TrimSuffix(file, ".yaml") + ".txt"
		if *update {
			if err := os.WriteFile(golden, []byte(mistakes.Error()+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got := mistakes.Error() + "\n"; got != string(want) {
			t.Errorf("%s: the mistakes are\n%swant\n%s", file, got, want)
		}
	}
}
