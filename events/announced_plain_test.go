package events

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hotlead/hotlead/scorer"
)

// written are changes as AppendChange writes them, and whose are read without the walk.
func written() map[string]*scorer.Change {
	letters := contractChange()
	letters.Lead, letters.Account, letters.To, letters.Route = "müller", "große & söhne", "heiß", "büro"
	letters.Standing.Score, letters.Standing.Engagement = 1e-7, -3e+30
	letters.Cause.ID = `a "quoted" one`
	return map[string]*scorer.Change{"tier": contractChange(), "stage": stageChange(), "letters": letters}
}

func TestWhatHotleadWroteIsReadWithoutTheWalk(t *testing.T) {
	for name, c := range written() {
		value := AppendChange(nil, c)
		want, err := walkChange(value)
		if err != nil {
			t.Fatal(name, err)
		}
		if got, ok := plainChange(value); !ok || got != want {
			t.Errorf("%s: %+v (%v), want %+v", name, got, ok, want)
		}
		if got, ok := skimChange(value); !ok || got != want {
			t.Errorf("%s is skimmed as %+v (%v), want %+v", name, got, ok, want)
		}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := ReadChange(value); err != nil {
				t.Fatal(name, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations, want none", name, n)
		}
	}
	if got, err := ReadChange(AppendChange(nil, bareChange())); err != nil || got.Lead != bareChange().Lead {
		t.Errorf("an ID that wants care is read as %+v, %v", got, err)
	}
}

// agree holds that a value is read as by the walk, and that what is read of it once it was skimmed is what was skimmed.
func agree(t rapid.TB, value []byte) {
	t.Helper()
	want, amiss := walkChange(value)
	got, err := ReadChange(value)
	if got != want || (err == nil) != (amiss == nil) {
		t.Fatalf("%q is read as %+v (%v), want %+v (%v)", value, got, err, want, amiss)
	}
	skimmed, err := SkimChange(value)
	if got, amiss := ReadSkimmed(value); amiss == nil && (err != nil || got != skimmed || got != want) {
		t.Fatalf("%q is skimmed as %+v (%v), and read as %+v, want %+v", value, skimmed, err, got, want)
	}
}

// TestAlmostWhatHotleadWroteIsReadAsByTheWalk: whatever is done to a change at one place.
func TestAlmostWhatHotleadWroteIsReadAsByTheWalk(t *testing.T) {
	for _, c := range written() {
		value := AppendChange(nil, c)
		for i := range value {
			agree(t, value[:i])
			agree(t, slices.Delete(slices.Clone(value), i, i+1))
			for _, b := range []byte("0e-.{[\"]},:\\ \n\xe9n") {
				agree(t, slices.Insert(slices.Clone(value), i, b))
				one := slices.Clone(value)
				one[i] = b
				agree(t, one)
			}
		}
	}
}

func TestOddChangesAreReadAsByTheWalk(t *testing.T) {
	good := string(AppendChange(nil, contractChange()))
	for name, change := range map[string][2]string{
		"a member twice":     {`"model":{`, `"to":"cold","model":{`},
		"a newer member":     {`,"model":`, `,"mood":"fine","model":`},
		"another order":      {`"from":"warm","to":"hot"`, `"to":"hot","from":"warm"`},
		"a large sequence":   {`"sequence":3`, `"sequence":18446744073709551615`},
		"too large a one":    {`"sequence":3`, `"sequence":18446744073709551616`},
		"far too large":      {`"sequence":3`, `"sequence":99999999999999999999`},
		"a signed one":       {`"sequence":3`, `"sequence":-3`},
		"no whole one":       {`"sequence":3`, `"sequence":3.0`},
		"as deep as may be":  {`"cause":{`, `"cause":{"x":` + strings.Repeat("[", announcedDepth-3) + strings.Repeat("]", announcedDepth-3) + `,`},
		"too deep":           {`"cause":{`, `"cause":{"x":` + strings.Repeat("[", announcedDepth-2) + strings.Repeat("]", announcedDepth-2) + `,`},
		"too deep, in turns": {`"cause":{`, `"cause":{"x":` + strings.Repeat(`[{"":`, 31) + "1" + strings.Repeat("}]", 31) + `,`},
		"an escaped tier":    {`"to":"hot"`, `"to":"h\u006ft"`},
		"half an escape":     {`"to":"hot"`, `"to":"hot\u00"`},
		"something behind":   {`7}}}`, `7}}} {}`},
		"space behind":       {`7}}}`, "7}}}\n"},
	} {
		value := strings.Replace(good, change[0], change[1], 1)
		if value == good {
			t.Fatal(name)
		}
		t.Run(name, func(t *testing.T) { agree(t, []byte(value)) })
	}
}

func TestSkimmingTakesOnlyTheFirstPart(t *testing.T) {
	good := string(AppendChange(nil, contractChange()))
	want, err := ReadChange([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(good, `"kind"`)
	if got, err := SkimChange([]byte(head)); err != nil || got != want {
		t.Errorf("what the cause and the rest are matters: %+v, %v", got, err)
	}
	if got, err := ReadSkimmed([]byte(good)); err != nil || got != want {
		t.Errorf("read after that, it is %+v, %v", got, err)
	}
	for name, change := range map[string][2]string{"cut": {`"model":{"name"`, ``}, "said twice": {`,"model":`, `,"to":"cold","model":`}} {
		forged := []byte(strings.Replace(good, change[0], change[1], 1))
		if got, err := SkimChange(forged); err != nil || got != want {
			t.Errorf("%s: it is skimmed as %+v, %v", name, got, err)
		}
		if got, err := ReadSkimmed(forged); !errors.Is(err, ErrNoChange) || got != (Announced{}) {
			t.Errorf("%s: read after that, it is %+v, %v", name, got, err)
		}
	}
	// What is not quite as hotlead writes it is read to its end.
	spaced := strings.Replace(good, `"to":"hot"`, `"to": "hot"`, 1)
	got, err := SkimChange([]byte(spaced))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	if _, err := SkimChange([]byte(strings.TrimSuffix(spaced, "}"))); err == nil {
		t.Error("what is no JSON is taken for a change")
	}
}
