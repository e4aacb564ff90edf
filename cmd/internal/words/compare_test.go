package words

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hotlead/hotlead/scorer"
)

// write puts a difference on lines.
func written(d Difference) string {
	return fmt.Sprintf("at once:\n  %s\nfrom then on:\n  %s\nbeside:\n  %s\n",
		strings.Join(d.AtOnce, "\n  "), strings.Join(d.FromThenOn, "\n  "), strings.Join(d.Beside, "\n  "))
}

// Every key of a model, changed once.
func TestCompareEveryKey(t *testing.T) {
	before, err := os.ReadFile("testdata/compare-1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile("testdata/compare-2.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Compare(describe(t, string(before)), describe(t, string(after)))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/compare.txt", written(d))
}

// ruleModel is a model of one rule with these keys.
func ruleModel(t *testing.T, keys string) scorer.Description {
	t.Helper()
	return describe(t, "name: m\nversion: 1\nengagement:\n  groups:\n    web: {max: 60}\n  rules:\n    - {id: r, "+keys+"}\ntiers: [{name: cold}]\n")
}

// The one line that each change of a rule gives.
func TestCompareRules(t *testing.T) {
	const points = "on: x, points: 10"
	const anew = "rule r: what came due since a lead's newest event or timer, though it was shown, is worked out anew by the new version"
	for _, c := range []struct {
		from, to string
		atOnce   string // either this
		onward   string // or this
	}{
		{points, "on: x, points: 12", "rule r: +10 points -> +12 points; the score of every lead that it counted for changes", ""},
		{points, "on: x, points: 0", "rule r: +10 points -> 0 points; the score of every lead that it counted for changes", ""},
		{"on: x, points: 0", points, "rule r: 0 points -> +10 points; the score of every lead that it counted for changes", ""},
		{points, "on: x, points: data.n", "", "rule r: +10 points -> as many points as the event's n; each event that was counted before is worth 1 point at once, not what the expression would have given"},
		{"on: x, points: data.n", points, "", "rule r: as many points as the event's n -> +10 points; each event that was counted before is worth 10 times what the expression gave for it, at once"},
		{"on: x, points: data.n", "on: x, points: data.m", "", "rule r: `data.n` -> `data.m`; it gives so from now on, and what was counted before is worth what the old expression gave"},
		{points, points + ", max: 30", "rule r, the most that it gives: no bound -> 30 points; the score of every lead that it cuts changes", ""},
		{points, points + ", group: web", "rule r: group none -> web; its points are summed and capped there for every lead", ""},
		{points, "on: x.*, points: 10", "", "rule r: on `x` -> `x.*`; counts so from now on, and what was counted before stays as it was"},
		{points, points + ", when: data.ok", "", "rule r: always -> if the event's ok is true; counts so from now on, and what was counted before stays as it was"},
		{points + ", when: data.n > 1", points + ", when: data.n > 1.0", "", "rule r: `data.n > 1` -> `data.n > 1.0`; counts so from now on, and what was counted before stays as it was"},
		{points + ", when: data.n > 1", points + ", when: 'data.n  >  1'", "", ""},
		{points, points + ", limit: {count: 1, per: 1d}", "", "rule r: counts every time -> counts at most once a day; counts so from now on, and what was counted before stays as it was; it does not fill the limit, for when it was counted is not known"},
		{points + ", limit: {count: 1, per: 1d}", points + ", limit: {count: 3, per: 8d}", "", "rule r: counts at most once a day -> counts at most 3 times in 8 days; counts so from now on, and what was counted before stays as it was; it fills the limit"},
		{points + ", limit: {count: 1, per: 1d}", points + ", limit: {count: 1, per: 30d}", "", "rule r: counts at most once a day -> counts at most once in 30 days; counts so from now on, and what was counted before stays as it was; it fills the limit, as far as it was counted in the last 8 days"},
		{points, points + ", limit: {count: 2}", "", "rule r: counts every time -> counts at most twice in a lead's life; counts so from now on, and what was counted before stays as it was; it fills the limit, as far as it was counted after the lead's newest reset"},
		{points + ", limit: {count: 1}", points + ", limit: {count: 2}", "", "rule r: counts at most once in a lead's life -> counts at most twice in a lead's life; counts so from now on, and what was counted before stays as it was; it fills the limit"},
		{points + ", limit: {count: 1}", points, "", "rule r: counts at most once in a lead's life -> counts every time; counts so from now on, and what was counted before stays as it was"},
		{points, points + ", decay: {half_life: 7d}", "", "rule r: does not fade -> halves every 7 days; it counts so from now on, and what was counted before goes on as if it had all come with the newest of its events, worth what was left of it then"},
		{points + ", decay: {linear: 90d}", points + ", decay: {half_life: 7d}", "", "rule r: fades evenly to nothing over 90 days -> halves every 7 days; it counts so from now on, and what was counted before fades so too, each event from its own time; what had faded to nothing can come back, until the rule counts again"},
		{"on: idle, after: 30d, points: -5", "on: idle, after: 20d, repeat: true, points: -5", "", "rule r: once after 30 days without engagement -> every 20 days without engagement; it comes due so from now on, counted from a lead's newest engagement, and what was counted before stays as it was\n" + anew},
		{"on: idle, after: 30d, points: -5", "on: idle, after: 30d, points: -6", "rule r: −5 points -> −6 points; the score of every lead that it counted for changes", ""},
		{"on: idle, after: 30d, points: -5", "on: idle, after: 30d, points: -5, limit: {count: 1}", "", "rule r: counts every time -> counts at most once in a lead's life; counts so from now on, and what was counted before stays as it was; it fills the limit, as far as it was counted after the lead's newest reset\n" + anew},
		{"on: idle, after: 30d, points: -5", "on: idle, after: 30d, points: -5, when: score > 5", "", "rule r: always -> if the score is above 5; counts so from now on, and what was counted before stays as it was\n" + anew},
		{"on: idle, after: 30d, points: -5", "on: x, points: -5", "", "rule r: on `idle` -> `x`; counts so from now on, and what was counted before stays as it was\nrule r: what came due since a lead's newest event or timer, though it was shown, is gone"},
		{"on: x, points: -5", "on: idle, after: 30d, points: -5", "", "rule r: on `x` -> `idle`; counts so from now on, and what was counted before stays as it was\nrule r: of the silence so far it counts what comes due after a lead was last looked at, which is at its newest event or timer"},
		{points + ", when: 'data.x == \"a b\"'", points + ", when: 'data.x == \"a  b\"'", "", "rule r: if the event's x is “a b” -> if the event's x is “a  b”; counts so from now on, and what was counted before stays as it was"},
		{points + ", when: 'data.x   == \"a b\"'", points + ", when: 'data.x == \"a b\"'", "", ""},
		{points, "on: x, reset: engagement", "", "rule r: gives points -> resets; what it gave is gone at once for every lead, and from now on it resets"},
		{"on: x, reset: engagement", points, "", "rule r: resets -> gives points; it counts from now on, and what it has reset stays so"},
	} {
		d, err := Compare(ruleModel(t, c.from), ruleModel(t, c.to))
		if err != nil {
			t.Fatal(err)
		}
		want := Difference{}
		if c.atOnce != "" {
			want.AtOnce = []string{c.atOnce}
		}
		if c.onward != "" {
			want.FromThenOn = strings.Split(c.onward, "\n")
		}
		if !slices.Equal(d.AtOnce, want.AtOnce) || !slices.Equal(d.FromThenOn, want.FromThenOn) || len(d.Beside) > 0 {
			t.Errorf("from %s\nto   %s\n%s", c.from, c.to, written(d))
		}
	}
}

// A model is as it is, shipped ones included.
func TestCompareWithItself(t *testing.T) {
	for _, name := range scorer.ShippedModels() {
		text, _ := scorer.ShippedModel(name)
		d, err := Compare(describe(t, string(text)), describe(t, string(text)))
		if err != nil || !d.Empty() {
			t.Errorf("%s: %s%v", name, written(d), err)
		}
	}
}
