package scorer

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// risingNowhere is a Folder that works everything out after each event.
func (m *Model) risingNowhere() *Folder {
	f := m.Folder()
	clear(f.rising)
	return f
}

// anyRising is whether leads of some tier and stage are kept by a high value alone.
func (f *Folder) anyRising() bool {
	for _, rising := range f.rising {
		if rising {
			return true
		}
	}
	return false
}

// TestWhatOnlyAddsIsWorkedOutToTheSame folds histories with the short cut for what only adds and without: leads come to the
// same, bring the same changes, and none is due later than what time does to it next.
func TestWhatOnlyAddsIsWorkedOutToTheSame(t *testing.T) {
	skipped := 0
	rapid.Check(t, func(t *rapid.T) {
		drawn := plainModels(t)
		drawn.idle = 0
		for i := range drawn.rules {
			if r := &drawn.rules[i]; r.on == "idle" {
				*r = plainRule{id: r.id, on: "a0", points: r.points}
			} else if rapid.IntRange(0, 2).Draw(t, "more points") > 0 {
				r.points, r.linear, r.steps = math.Abs(r.points), 0, nil
			}
		}
		model := read(t, drawn)
		one, other := model.Folder(), model.risingNowhere()
		if rapid.Bool().Draw(t, "unscheduled") {
			one.Unscheduled()
		}
		a, b := &Lead{}, &Lead{}
		a.Clear("lead")
		b.Clear("lead")
		var outA, outB []Change
		for i, h := range histories(t, 15) {
			outA, outB = apply(t, one, a, h.event(i), outA), apply(t, other, b, h.event(i), outB)
			if one.onlyAdded(a) {
				skipped++
			}
			at, _, moves := other.NextChange(b)
			if moves && a.Due > at {
				t.Fatalf("due at %d, but at %d it moves, of\n%s", a.Due, at, drawn.yaml())
			}
			due := b.Due
			b.Due = a.Due
			sameLead(t, a, b)
			b.Due = due
		}
		end := a.Clock + Instant(rapid.IntRange(0, 20_000).Draw(t, "end"))
		outA, outB = one.Advance(a, end, outA), other.Advance(b, end, outB)
		if !reflect.DeepEqual(outA, outB) {
			t.Fatalf("changes\n%+v\nwant\n%+v\nof\n%s", outA, outB, drawn.yaml())
		}
	})
	if skipped == 0 {
		t.Error("nothing ever only added")
	}
}

// TestWhatWasAddedIsMoreThanTheError holds that what is left of a sum is no less for an event, to the bit.
func TestWhatWasAddedIsMoreThanTheError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &rule{decay: halfLife(time.Duration(rapid.Int64Range(1, 1e13).Draw(t, "life")) * time.Millisecond), points: 1, max: math.Inf(1)}
		f, l := &Folder{}, &Lead{}
		ages := func(what string) Instant { return Instant(rapid.Int64Range(0, 1e14).Draw(t, what)) }
		l.Clock = ages("clock") + 1
		before := Counter{Sum: rapid.Float64Range(-2e9, 2e9).Draw(t, "sum"), Ref: l.Clock}
		event := max(1, l.Clock+ages("then")-ages("late"))
		l.Clock = max(l.Clock, event)
		l.Counters = []Counter{before}
		l.count(r, event, 1)
		if !f.adds(l, r) {
			return // not certain
		}
		for range 20 {
			at := l.Clock + ages("later")>>rapid.IntRange(0, 40).Draw(t, "sooner")
			was, is := r.share(r.decay.look(&before, at).sum()), r.share(r.decay.look(&l.Counters[0], at).sum())
			if is < was {
				t.Fatalf("%v is left at %d, and without the event %v", is, at, was)
			}
		}
	})
}

// risingModel is a model with a tier above, and rules that do and that don't only add.
const risingModel = `
name: rising
version: 1
engagement:
  min: -100
  max: 1000
  groups:
    acts: {decay: {half_life: 7d}}
  rules:
    - {id: page, group: acts, on: page.viewed, points: 10}
    - {id: bonus, on: bonus, points: 0}
    - {id: unsubscribed, group: acts, on: email.unsubscribed, points: -20}
    - {id: spent, on: spent, points: data.points}
    - {id: read, on: read, points: 5, decay: {linear: 90d}}
    - {id: out, on: out, reset: engagement}
fit:
  rules:
    - {id: rival, when: 'profile.rival == true', points: -100}
tiers:
  - {name: hot, when: 'score >= 30'}
  - {name: cold}
`

// TestWhatDoesNotOnlyAddIsWorkedOut takes a lead into a tier above, where another event like it is known to leave it, and
// then brings what is not.
func TestWhatDoesNotOnlyAddIsWorkedOut(t *testing.T) {
	folder := modelOf(t, risingModel).Folder()
	event := func(i int, what string) *Event {
		return &Event{Source: "test", ID: fmt.Sprint(i), Type: what, Time: t0 + Instant(i)}
	}
	for name, e := range map[string]Event{
		"a penalty":     {Type: "email.unsubscribed"},
		"an expression": {Type: "spent", Data: []byte(`{"points": -20}`)},
		"a reset":       {Type: "out"},
		"a rating":      {Type: "qualified", Qualification: &Qualification{Attributes: []Attribute{{Name: "rival", Value: Value{Kind: Bool, Number: 1}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			l := &Lead{}
			l.Clear("lead")
			for i := range 4 {
				if _, _, err := folder.Apply(l, event(i, "page.viewed"), nil); err != nil {
					t.Fatal(err)
				}
			}
			if l.Tier != "hot" || !folder.onlyAdded(l) {
				t.Fatalf("the lead is %s, and known to stay: %v", l.Tier, folder.onlyAdded(l))
			}
			e.Source, e.ID, e.Time = "test", "5", t0+5
			out, _, err := folder.Apply(l, &e, nil)
			if err != nil || l.Tier != "cold" || len(out) != 1 {
				t.Errorf("the lead is %s, by changes %+v (%v)", l.Tier, out, err)
			}
		})
	}
}

// A newer model may move a lead sooner than its Due tells, which an older one worked out.
func TestADueOfAnOlderModelIsWorkedOutAnew(t *testing.T) {
	const text = `
name: newer
version: %d
engagement: {rules: [{id: page, on: page.viewed, points: 10%s}]}
tiers:
  - {name: hot, when: 'score >= 10'}
  - {name: cold}
`
	older, newer := modelOf(t, fmt.Sprintf(text, 1, "")).Folder(), modelOf(t, fmt.Sprintf(text, 2, ", decay: {half_life: 7d}")).Folder()
	l := &Lead{}
	l.Clear("lead")
	for i, f := range []*Folder{older, older, newer} {
		if _, _, err := f.Apply(l, &Event{ID: fmt.Sprint(i), Type: "page.viewed", Time: t0 + Instant(i)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if at, _, moves := newer.NextChange(l); !moves || l.Due > at {
		t.Errorf("due at %d, but at %d it moves (%v)", l.Due, at, moves)
	}
}

// A lead begins in the last tier, which needs not hold.
func TestABeginningInATierAboveIsWorkedOut(t *testing.T) {
	m := modelOf(t, `
name: below
version: 1
engagement: {rules: [{id: page, on: page.viewed, points: 10}]}
tiers:
  - {name: quiet, when: 'score < 50'}
  - {name: busy}
`)
	f, l := m.Folder(), &Lead{}
	l.Clear("lead")
	if !f.anyRising() {
		t.Error("no tier is kept by a high score alone")
	}
	out, _, err := f.Apply(l, &Event{ID: "1", Type: "page.viewed", Time: t0}, nil)
	if err != nil || l.Tier != "quiet" || len(out) != 1 {
		t.Errorf("the lead is %s, by changes %+v (%v)", l.Tier, out, err)
	}
}

// TestOnlyWhereAHighValueKeepsALead holds where what only adds needs no look.
func TestOnlyWhereAHighValueKeepsALead(t *testing.T) {
	for when, want := range map[string]bool{
		"score >= 70":                                            true,
		"score > 70":                                             true,
		"engagement.groups.acts >= 70":                           true,
		"score >= (tier == 'hot' ? 50 : 70)":                     true,
		"score >= 70 && engagement.score >= 10":                  false,
		"score >= 70 || score <= 10":                             false,
		"score >= 70 && score <= 90":                             false,
		"score >= 70 && engagement.idle < duration('1h')":        false,
		"score >= 70 && profile.title != 'student'":              false,
		"score >= 70 || engagement.score >= 60":                  false,
		"engagement.groups.acts >= 70 && 100 / (score - 70) > 0": false,
	} {
		m := unjudged(t, fmt.Sprintf(`
name: high
version: 1
engagement:
  groups: {acts: {decay: {half_life: 7d}}}
  rules: [{id: page, on: page.viewed, points: 10, group: acts}]
tiers:
  - {name: hot, when: %q}
  - {name: cold}
`, when))
		if got := m.Folder().anyRising(); got != want {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
}

func TestATierThatTheModelDoesNotHaveIsNotRising(t *testing.T) {
	l := &Lead{ID: "lead", Tier: "gone", ModelVersion: 1, Clock: t0, Due: Never}
	out, _, err := modelOf(t, risingModel).Folder().Apply(l, &Event{ID: "1", Type: "page.viewed", Time: t0}, nil)
	if err != nil || l.Tier != "cold" || len(out) != 1 {
		t.Errorf("the lead is %s, by changes %+v (%v)", l.Tier, out, err)
	}
}
