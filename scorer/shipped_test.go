package scorer

import (
	"slices"
	"testing"
)

func TestShippedModelsRead(t *testing.T) {
	if got, want := ShippedModels(), []string{"b2b-saas", "bant", "gitlab"}; !slices.Equal(got, want) {
		t.Fatalf("shipped models are %v, want %v", got, want)
	}
	for _, name := range ShippedModels() {
		text, ok := ShippedModel(name)
		if !ok {
			t.Fatalf("%s has no text", name)
		}
		m, err := ReadModel(name+".yaml", text)
		if err != nil {
			t.Fatal(err)
		}
		if m.Name != name {
			t.Errorf("the file %s.yaml holds the model %s", name, m.Name)
		}
		for _, c := range m.Criteria() {
			lowest, highest := m.RatingScale()
			if len(c.Levels) != int(highest-lowest)+1 || len(c.Questions) == 0 {
				t.Errorf("%s: criterion %s has %d levels and %d questions", name, c.Name, len(c.Levels), len(c.Questions))
			}
		}
	}
	if _, ok := ShippedModel(DefaultModel); !ok {
		t.Errorf("the default model %s is not shipped", DefaultModel)
	}
	for _, name := range []string{"", "nobody", "../bant", "bant.yaml"} {
		if _, ok := ShippedModel(name); ok {
			t.Errorf("there is a shipped model %q", name)
		}
	}
}

// Every event type that the simulated traffic and the benchmarks send is worth something in b2b-saas.
func TestB2BSaaSKnowsTheUsualEvents(t *testing.T) {
	m := shipped(t, "b2b-saas")
	for _, on := range []string{"page.viewed", "pricing.viewed", "email.opened", "email.clicked", "form.submitted",
		"content.downloaded", "webinar.registered", "webinar.attended", "demo.requested", "email.unsubscribed"} {
		if len(m.engagement.byType[on]) == 0 {
			t.Errorf("no rule is on %s", on)
		}
	}
}

// shipped is a shipped model, read.
func shipped(t testing.TB, name string) *Model {
	t.Helper()
	text, ok := ShippedModel(name)
	if !ok {
		t.Fatalf("there is no shipped model %s", name)
	}
	m, err := ReadModel(name+".yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The table of bant, by the conditions of its tiers alone: five ratings decide, four fives decide before the fifth.
func TestBantTiersByFloorAndCeiling(t *testing.T) {
	m := shipped(t, "bant")
	for _, c := range []struct {
		floor, ceiling float64
		disposition    string
		want           string
	}{
		{23, 23, "", "hot"},
		{20, 20, "interested", "hot"},
		{19, 19, "", "warm"},
		{13, 13, "", "warm"},
		{12, 12, "", "cold"},
		{8, 8, "", "cold"},
		{7, 7, "", "cold"},
		{6, 6, "", "disqualified"},
		{5, 5, "", "disqualified"},
		{21, 25, "", "hot"},        // four fives
		{5, 9, "", "unqualified"},  // four ones
		{5, 25, "", "unqualified"}, // nothing is known
		{23, 23, "invalid", "disqualified"},
		{5, 25, "invalid", "disqualified"},
	} {
		s := &scene{moving: make([]float64, movingGroups), still: make([]Value, len(m.stills))}
		for i, name := range m.stills {
			switch name.kind {
			case stillFloor:
				s.still[i] = Value{Kind: Number, Number: c.floor}
			case stillCeiling:
				s.still[i] = Value{Kind: Number, Number: c.ceiling}
			case stillDisposition:
				s.still[i] = Value{Kind: String, String: c.disposition}
			}
		}
		got := ""
		for _, tier := range m.tiers {
			if tier.when == nil {
				got = tier.name
				break
			}
			if holds, err := tier.when.holds(s); err == nil && holds {
				got = tier.name
				break
			}
		}
		if got != c.want {
			t.Errorf("floor %v, ceiling %v, disposition %q: %s, want %s", c.floor, c.ceiling, c.disposition, got, c.want)
		}
	}
}
