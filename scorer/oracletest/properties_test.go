package oracletest

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/hotlead/hotlead/scorer"
)

// units are how many milliseconds drawn durations and gaps are multiples of. The oracle looks at every one of them.
func units(t *rapid.T) int64 { return rapid.SampledFrom([]int64{1, 1, 1, 1, 7}).Draw(t, "unit") }

// TestEveryFoldIsAsTheOracleSays tells the same story to both: events in order, late and again, time that passes, and
// a new model. After each step the lead stands where the oracle says, and in the end all changes are those of the
// oracle, each at its millisecond.
//
// Limits, conditions on the lead and idle rules depend on the order of arrival. Both sides are therefore told the
// events in the same order, and the oracle asks every window of a limit that contains the event.
func TestEveryFoldIsAsTheOracleSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := units(t)
		first, second := models(t, unit)
		p := newPair(t, first, second)
		history := histories(t, unit, 14)
		renewal := rapid.IntRange(0, 2*len(history)).Draw(t, "a new model before event")
		for i := range history {
			if i == renewal {
				p.renew(rapid.Bool().Draw(t, "at once"), p.oracle.clock+int64(rapid.IntRange(0, 30).Draw(t, "after"))*unit)
				p.agree()
			}
			p.apply(&history[i])
			p.agree()
			if rapid.IntRange(0, 3).Draw(t, "stop") == 0 {
				p.advance(p.oracle.clock + int64(rapid.IntRange(0, 60).Draw(t, "for"))*unit)
				p.agree()
			}
		}
		p.advance(p.oracle.clock + int64(rapid.IntRange(0, 500).Draw(t, "in the end"))*unit)
		p.agree()
		p.agreeChanges()
	})
}

// TestOneStepIsManySteps lets the same time go by at once, in steps, and in steps that are looked at and scheduled in
// between: the lead and its changes are the same to the bit.
func TestOneStepIsManySteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := units(t)
		text, _ := models(t, unit)
		one := newPair(t, text)
		many := one.twin()
		for _, e := range histories(t, unit, 10) {
			// Also one that will be refused, or is a duplicate, finds the lead at its time.
			one.told = one.folder.Advance(&one.lead, scorer.Instant(e.at), one.told)
			for many.lead.Clock < one.lead.Clock {
				stop := min(many.lead.Clock+scorer.Instant(rapid.Int64Range(1, 40*unit).Draw(t, "stop")), one.lead.Clock)
				many.told = many.folder.Advance(&many.lead, stop, many.told)
				many.folder.Explain(&many.lead, stop+scorer.Instant(rapid.Int64Range(0, 100*unit).Draw(t, "look")))
				many.folder.NextChange(&many.lead)
			}
			for _, p := range []*pair{one, many} {
				p.note("%+v", e)
				p.told, _, _ = p.folder.Apply(&p.lead, e.forScorer(t), p.told)
			}
		}
		end := one.lead.Clock + scorer.Instant(1000*unit)
		one.told = one.folder.Advance(&one.lead, end, one.told)
		for many.lead.Clock < end && many.lead.Tier != "" {
			step := scorer.Instant(rapid.Int64Range(1, 500*unit).Draw(t, "step"))
			many.told = many.folder.Advance(&many.lead, min(end, many.lead.Clock+step), many.told)
		}
		one.lead.Due, many.lead.Due = 0, 0 // a lower bound, which may be reached in other ways
		if a, b := fmt.Sprintf("%+v", one.lead), fmt.Sprintf("%+v", many.lead); a != b {
			one.fatalf("one step\n%s\nmany\n%s", a, b)
		}
		if a, b := fmt.Sprintf("%+v", one.told), fmt.Sprintf("%+v", many.told); a != b {
			one.fatalf("one step\n%s\nmany\n%s", a, b)
		}
	})
}

// TestNextChangeIsTheFirstMillisecond holds NextChange, for mixtures of decays, signs and idle rules, against a look at
// every millisecond; and that the lead is not due later than what time does first.
func TestNextChangeIsTheFirstMillisecond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := units(t)
		text, _ := models(t, unit)
		p := newPair(t, text)
		for _, e := range histories(t, unit, 8) {
			p.apply(&e)
		}
		at, to, ok := p.folder.NextChange(&p.lead)
		p.note("NextChange says %d %s %v; the lead is due at %d", int64(at)-start, to, ok, int64(p.lead.Due)-start)
		end, told := p.oracle.clock+500*unit, len(p.oracle.told)
		if ok {
			end = min(end, int64(at))
		}
		p.oracle.advance(end)
		for _, c := range p.oracle.told[told:] {
			if int64(p.lead.Due) > c.at {
				p.fatalf("due too late for %v", c)
			}
			if c.stage {
				continue
			}
			if !ok || c.at != int64(at) || c.to != to {
				p.fatalf("the oracle says %v", c)
			}
			return
		}
		if ok && end == int64(at) {
			p.fatalf("the oracle sees nothing until then")
		}
	})
}

// TestNextChangeOverDays is the same where decays take hours and days, as in life. The oracle looks at every two
// minutes up to a second before the change, and at every millisecond of that second.
func TestNextChangeOverDays(t *testing.T) {
	const unit = 10 * 60 * 1000
	rapid.Check(t, func(t *rapid.T) {
		text, _ := models(t, unit)
		p := newPair(t, text)
		p.oracle.grain = 120_000
		for _, e := range histories(t, unit, 6) {
			p.note("%+v", e)
			_, _, err := p.folder.Apply(&p.lead, e.forScorer(t), nil)
			if refused := p.oracle.apply(&e).refused; refused != (err != nil) {
				p.fatalf("%v; the oracle says %v", err, refused)
			}
		}
		if p.lead.Tier != p.oracle.tier || p.lead.Stage != p.oracle.stage {
			return // so short a stay in a tier that the oracle's grain missed it
		}
		at, to, ok := p.folder.NextChange(&p.lead)
		p.note("NextChange says %d %s %v", int64(at)-start, to, ok)
		horizon, told := p.oracle.clock+250*unit, len(p.oracle.told)
		if ok {
			horizon = min(horizon, int64(at)-1000)
		}
		p.oracle.advance(horizon)
		if ok && horizon == int64(at)-1000 {
			p.oracle.grain = 1
			p.oracle.advance(int64(at))
		}
		for _, c := range p.oracle.told[told:] {
			if !c.stage && (!ok || c.at != int64(at) || c.to != to) {
				p.fatalf("the oracle says %v", c)
			}
		}
		if p.oracle.clock == int64(at) && p.oracle.tier != to {
			p.fatalf("the oracle is in %s by then", p.oracle.tier)
		}
	})
}

// TestTheOrderOfArrivalMakesNoDifference folds half-lives, fit and qualification in two orders. Limits, conditions on
// the lead, idle rules and resets do depend on the order, so there are none here.
func TestTheOrderOfArrivalMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := "name: drawn\nversion: 1\nengagement:\n  min: -50\n  groups:\n    web: {max: 30, decay: {half_life: 50ms}}\n  rules:\n"
		for i := range rapid.IntRange(1, 4).Draw(t, "rules") {
			text += fmt.Sprintf("    - {id: r%d, on: %s, group: web, points: %s}\n", i, rapid.SampledFrom([]string{"a", "a.*", "a.b"}).Draw(t, "on"),
				rapid.SampledFrom([]string{"5", "-3", "data.n", "12, max: 20", "7, decay: {half_life: 31ms}"}).Draw(t, "points"))
		}
		text += `fit: {max: 30, rules: [{id: large, when: profile.size >= 100, points: 20}, {id: boss, when: 'profile.title == "ceo"', points: -7}], grades: {A: 10, B: 0}}
qualification:
  scale: {min: 1, max: 5}
  criteria: {need: {}, budget: {}, authority: {}}
tiers:
  - {name: disqualified, when: 'qualification.disposition == "invalid"'}
  - {name: hot, when: 'score >= 20 && fit.grade == "A" || qualification.floor >= 9'}
  - {name: warm, when: 'engagement.score >= 4'}
  - {name: cold}
`
		var history []event
		for i := range rapid.IntRange(1, 15).Draw(t, "events") {
			e := happening(t, i, start)
			e.at += 100*int64(rapid.IntRange(0, 3).Draw(t, "at")) + int64(i) // no two at once: of these, the later to arrive holds
			history = append(history, e)
		}
		a := newPair(t, text)
		b := a.twin()
		for _, e := range history {
			a.apply(&e)
		}
		for _, e := range rapid.Permutation(history).Draw(t, "another order") {
			b.apply(&e)
		}
		end := max(a.oracle.clock, b.oracle.clock) + int64(rapid.IntRange(0, 100).Draw(t, "later"))
		for _, p := range []*pair{a, b} {
			p.advance(end)
			p.agree()
		}
		if a.oracle.tier == "" {
			return // all was refused
		}
		if a.lead.Tier != b.lead.Tier || a.lead.Account != b.lead.Account || a.lead.Conversion != b.lead.Conversion {
			b.fatalf("%+v\nin the other order\n%+v", a.lead, b.lead)
		}
		b.agreeStanding(a.folder.Explain(&a.lead, a.lead.Clock), b.oracle.stand())
	})
}
