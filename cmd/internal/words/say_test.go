package words

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/hotlead/hotlead/scorer"
)

func shippedModel(t *testing.T, name string) scorer.Description {
	t.Helper()
	text, known := scorer.ShippedModel(name)
	if !known {
		t.Fatalf("no model %s", name)
	}
	return describe(t, string(text))
}

// What the page of Markdown says of a part, the sayings say too.
func TestSayingsAreThoseOfThePage(t *testing.T) {
	forms, err := os.ReadFile("testdata/forms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	models := []scorer.Description{describe(t, string(forms))}
	for _, name := range scorer.ShippedModels() {
		models = append(models, shippedModel(t, name))
	}
	for _, m := range models {
		page, err := Page(m)
		if err != nil {
			t.Fatal(err)
		}
		said, err := Say(m)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, r := range said.Rules {
			all = append(all, r.On+": "+strings.Join(r.Gives, ", "))
		}
		for _, parts := range [][]string{said.Tiers, said.Stages, said.Fit, all, {said.Rank}} {
			for _, part := range parts {
				if part == "" || !strings.Contains(page, part) {
					t.Errorf("%s: the page does not say %q", m.Name, part)
				}
			}
		}
		if len(said.Rules) != len(m.Rules) || len(said.Groups) != len(m.Groups) || len(said.Fit) != len(m.FitRules) ||
			len(said.Tiers) != len(m.Tiers) || len(said.Stages) != len(m.Stages) || len(said.Routes) != len(m.Routes) {
			t.Errorf("%s: something is left out", m.Name)
		}
	}
}

func TestWhatMovedALead(t *testing.T) {
	for want, rule := range map[string]scorer.RuleDescription{
		"asked for a demo":      {ID: "demo", On: "demo.requested"},
		"trial started":         {ID: "t", On: "trial.started"},
		"product use":           {ID: "product-use", On: "product.*"},
		"pricing page":          {ID: "pricing-page", On: "page.viewed", When: `data.url == "/pricing"`},
		"was quiet for 30 days": {ID: "gone-quiet", On: "idle", After: 30 * 24 * 3600e9},
	} {
		if got := Moved(rule); got != want {
			t.Errorf("%+v: %q, want %q", rule, got, want)
		}
	}
}

func TestThresholdsAreReadFromConditions(t *testing.T) {
	saas, bant := shippedModel(t, "b2b-saas"), shippedModel(t, "bant")
	for _, c := range []struct {
		model   scorer.Description
		current string
		want    []Threshold
	}{
		{saas, "cold", []Threshold{{"hot", "score", 70}, {"hot", "qualification.floor", 16}, {"warm", "score", 30}}},
		{saas, "warm", []Threshold{{"hot", "score", 70}, {"hot", "qualification.floor", 16}, {"warm", "score", 25}}},
		{saas, "hot", []Threshold{{"hot", "score", 60}, {"hot", "qualification.floor", 16}, {"warm", "score", 25}}},
		{bant, "warm", []Threshold{
			{"hot", "qualification.floor", 20}, {"warm", "qualification.floor", 13}, {"cold", "qualification.floor", 7},
		}},
	} {
		got, err := Thresholds(c.model, c.current)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s, %s: got %s", c.model.Name, c.current, fmt.Sprint(got))
		}
	}
}
