package scorer

import (
	"math"
	"os"
	"reflect"
	"testing"
	"time"
)

// A description says of the model what its file says, defaults filled in.
func TestDescribe(t *testing.T) {
	text, err := os.ReadFile("testdata/models/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := modelOf(t, string(text)).Describe()
	if d.Name != "b2b-saas" || d.Version != 7 || d.Min != 0 || d.Max != 100 || d.FitMax != 50 || d.Rank != "score" ||
		d.LowestRating != 1 || d.HighestRating != 5 || len(d.Criteria) != 1 {
		t.Errorf("the model is %+v", d)
	}
	halves := DecayDescription{HalfLife: 14 * day}
	if want := []GroupDescription{{Name: "web", Max: 60, Decay: halves}}; !reflect.DeepEqual(d.Groups, want) {
		t.Errorf("groups %+v, want %+v", d.Groups, want)
	}
	if want := (RuleDescription{
		ID: "pricing-page", Group: "web", On: "page.viewed", When: `data.url.startsWith("/pricing")`, Points: 10, Max: 30,
		Limit: LimitDescription{Count: 1, Per: 24 * time.Hour}, Decay: DecayDescription{HalfLife: 7 * day},
		Remembered: 8 * day, // its limit's day, and a week for what arrives late
	}); !reflect.DeepEqual(d.Rules[0], want) {
		t.Errorf("the first rule is %+v, want %+v", d.Rules[0], want)
	}
	if want := (RuleDescription{ID: "gone-quiet", On: "idle", Points: -10, Max: math.Inf(1), After: 30 * day, Repeat: true}); !reflect.DeepEqual(d.Rules[1], want) {
		t.Errorf("the second rule is %+v, want %+v", d.Rules[1], want)
	}
	if r := d.Rules[2]; !r.Reset {
		t.Errorf("the third rule is %+v", r)
	}
	if want := []RouteDescription{{"interested", "sales"}}; len(d.Routes) == 0 || d.Routes[len(d.Routes)-1] != want[0] {
		t.Errorf("routes %+v", d.Routes)
	}
	if last := d.Tiers[len(d.Tiers)-1]; last != (TierDescription{Name: "cold", Route: "nurture"}) {
		t.Errorf("the last tier is %+v", last)
	}
	if want := []StageDescription{{"MQL", `tier == "hot"`}}; !reflect.DeepEqual(d.Stages, want) {
		t.Errorf("stages %+v", d.Stages)
	}
}

func TestDescribeDecaysAndComment(t *testing.T) {
	d := modelOf(t, "\ufeff# What it is for.\r\n#\r\n# And more.\r\n\r\n# Of the name.\r\n"+`name: m
version: 1
engagement:
  rules:
    - {id: a, on: x, points: data.n, decay: {linear: 90d}}
    - {id: b, on: x, points: 1, decay: {steps: [{until: 7d, keep: 1}, {until: 14d, keep: 0.5}]}}
    - {id: c, on: x, points: 1}
tiers: [{name: cold}]
`).Describe()
	if d.Comment != "What it is for.\n\nAnd more." {
		t.Errorf("the comment is %q", d.Comment)
	}
	want := []DecayDescription{{Linear: 90 * day}, {Steps: []StepDescription{{7 * day, 1}, {14 * day, 0.5}}}, {}}
	for i, r := range d.Rules {
		if !reflect.DeepEqual(r.Decay, want[i]) {
			t.Errorf("rule %s decays by %+v, want %+v", r.ID, r.Decay, want[i])
		}
	}
	if d.Rules[0].Worth != "data.n" || d.Max != math.Inf(1) || d.Rank != "" {
		t.Errorf("the model is %+v", d)
	}
}
