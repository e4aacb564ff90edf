package scorer

import (
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// TestWhatAFolderRemembersMakesNoDifference folds one lead after the other with one Folder, which comes to know within
// which values leads stay where they are, and with a new Folder for each step, which knows nothing.
func TestWhatAFolderRemembersMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := read(t, plainModels(t))
		old := model.Folder()
		for lead := range 4 {
			one, other := &Lead{ID: fmt.Sprint(lead)}, &Lead{ID: fmt.Sprint(lead)}
			var outOne, outOther []Change
			for i, h := range histories(t, 12) {
				outOne = apply(t, old, one, h.event(i), outOne)
				outOther = apply(t, model.Folder(), other, h.event(i), outOther)
				sameLead(t, one, other)
				at, to, moves := old.NextChange(one)
				if wantAt, wantTo, want := model.Folder().NextChange(other); at != wantAt || to != wantTo || moves != want {
					t.Fatalf("the next change is %v to %q (%v), want %v to %q (%v)", at, to, moves, wantAt, wantTo, want)
				}
			}
			end := one.Clock + Instant(rapid.IntRange(0, 20_000).Draw(t, "end"))
			outOne, outOther = old.Advance(one, end, outOne), model.Folder().Advance(other, end, outOther)
			sameLead(t, one, other)
			if !reflect.DeepEqual(outOne, outOther) {
				t.Fatalf("changes\n%+v\nwant\n%+v", outOne, outOther)
			}
		}
	})
}

func sameLead(t *rapid.T, got, want *Lead) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("the lead is\n%+v\nwant\n%+v", got, want)
	}
}

// What can't be evaluated is counted as often where no condition need be asked.
func TestACalmLeadsConditionsAreStillCounted(t *testing.T) {
	f := modelOf(t, `
name: calm
version: 1
engagement: {rules: [{id: page, on: page.viewed, points: 1}]}
tiers:
  - {name: vip, when: 'profile.title == "ceo"'}
  - {name: hot, when: score >= 1000}
  - {name: cold}
`).Folder()
	l := &Lead{ID: "lead"}
	for i := range 100 {
		if _, _, err := f.Apply(l, &Event{ID: fmt.Sprint(i), Type: "page.viewed", Time: t0}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.Unevaluable()["tier vip"]; got != 100 {
		t.Errorf("not to be evaluated %d times, want 100", got)
	}
	if !f.kind(l).found {
		t.Error("no calm was found")
	}
}
