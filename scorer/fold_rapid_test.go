package scorer

import (
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// happening is one event of a drawn history.
type happening struct {
	eventType string
	at        Instant
}

// histories draws events over some seconds, up to late of them late.
func histories(t *rapid.T, most int) []happening {
	var all []happening
	at := t0
	for range rapid.IntRange(1, most).Draw(t, "events") {
		at += Instant(rapid.IntRange(0, 4000).Draw(t, "then"))
		h := happening{eventType: fmt.Sprint("a", rapid.IntRange(0, 3).Draw(t, "type")), at: at}
		if rapid.IntRange(0, 4).Draw(t, "late") == 0 {
			h.at -= Instant(rapid.IntRange(1, 6000).Draw(t, "by"))
		}
		all = append(all, h)
	}
	return all
}

func (h happening) event(i int) *Event {
	return &Event{Lead: "lead", Source: "rapid", ID: fmt.Sprint(i), Type: h.eventType, Time: h.at}
}

func apply(t *rapid.T, f *Folder, l *Lead, e *Event, out []Change) []Change {
	out, _, err := f.Apply(l, e, out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// read reads a model that may have conditions that never hold, which are no mistake here.
func read(t *rapid.T, m *plainModel) *Model {
	return unjudged(t, m.yaml())
}

// TestFoldIsWhatTheOracleSays holds every change, at its millisecond, against the oracle.
func TestFoldIsWhatTheOracleSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := plainModels(t)
		if rapid.IntRange(0, 3).Draw(t, "resets") == 0 {
			m.rules = append(m.rules, plainRule{id: "out", on: "a3", reset: true})
		}
		f, o := read(t, m).Folder(), &oracle{model: m}
		l := &Lead{ID: "lead"}
		var out []Change
		for i, h := range histories(t, 8) {
			if h.eventType == "a3" {
				h.at = max(h.at, o.clock) // what a late reset does to sums is another story
			}
			out = apply(t, f, l, h.event(i), out)
			o.apply(h.eventType, h.at)
			got := f.Explain(l, l.Clock).Engagement
			if _, want := o.score(o.clock); math.Abs(got-want) > 1e-9*max(1, math.Abs(want)) {
				t.Fatalf("engagement %v, the oracle says %v", got, want)
			}
		}
		end := l.Clock + Instant(rapid.IntRange(0, 20_000).Draw(t, "end"))
		out = f.Advance(l, end, out)
		o.advance(end)
		var got []told
		for _, c := range out {
			got = append(got, told{c.Kind, c.At, c.From, c.To, c.Stage, c.Cause.Kind})
		}
		if !reflect.DeepEqual(got, o.told) {
			t.Fatalf("changes\n%v\nthe oracle says\n%v\nof\n%s", got, o.told, m.yaml())
		}
		checkChain(t, out)
	})
}

// checkChain holds the promise that a lead's changes form a chain.
func checkChain(t *rapid.T, out []Change) {
	tier, stage, moved := "cold", "", Instant(0)
	for i, c := range out {
		if c.Previous != moved {
			t.Fatalf("change %d says that the one before was at %v, and it was at %v", i, c.Previous, moved)
		}
		if c.Sequence != uint64(i+1) || c.From != tier || i > 0 && c.At < out[i-1].At {
			t.Fatalf("change %d breaks the chain: %+v", i, c)
		}
		switch c.Kind {
		case TierChanged:
			if c.To == c.From || c.Stage != stage {
				t.Fatalf("no move: %+v", c)
			}
			moved = c.At
		case StageReached:
			if c.To != c.From || c.Stage == stage {
				t.Fatalf("no new stage: %+v", c)
			}
		}
		tier, stage = c.To, c.Stage
	}
}

func TestOneStepEqualsMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := read(t, plainModels(t))
		f, whole := m.Folder(), m.Folder() // whole makes the one step
		if rapid.Bool().Draw(t, "unscheduled") {
			whole.Unscheduled()
		}
		one, many := &Lead{ID: "lead"}, &Lead{ID: "lead"}
		var outOne, outMany []Change
		for i, h := range histories(t, 8) {
			for range rapid.IntRange(0, 3).Draw(t, "stops") {
				stop := many.Clock + Instant(rapid.IntRange(0, 3000).Draw(t, "stop"))
				if stop <= h.at {
					outMany = f.Advance(many, stop, outMany)
				}
			}
			if rapid.Bool().Draw(t, "copied") { // a lead that was stored in between is the same lead
				var stored Lead
				many.copyInto(&stored)
				many = &stored
			}
			f.Schedule(many)
			outMany = apply(t, f, many, h.event(i), outMany)
			outOne = apply(t, whole, one, h.event(i), outOne)
		}
		end := one.Clock + 60_000
		outOne = whole.Advance(one, end, outOne)
		for many.Clock < end {
			outMany = f.Advance(many, min(end, many.Clock+Instant(rapid.IntRange(1, 20_000).Draw(t, "step"))), outMany)
		}
		one.Due, many.Due = 0, 0
		if fmt.Sprint(*one) != fmt.Sprint(*many) {
			t.Fatalf("one step\n%+v\nmany\n%+v", *one, *many)
		}
		if !reflect.DeepEqual(outOne, outMany) {
			t.Fatalf("one step\n%+v\nmany\n%+v", outOne, outMany)
		}
	})
}

func TestHalfLifeDoesNotKnowTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &plainModel{max: 1e6, hot: 1e5, warm: 1e4, rules: []plainRule{
			{id: "visit", on: "a0", points: 10, halfLife: time.Duration(rapid.IntRange(1, 1e9).Draw(t, "life")) * time.Millisecond},
			{id: "form", on: "a1", points: 7, group: "web", halfLife: 7 * day},
		}}
		f := read(t, m).Folder()
		history := histories(t, 20)
		fold := func(history []happening) *Lead {
			l := &Lead{ID: "lead"}
			for i, h := range history {
				apply(t, f, l, h.event(i), nil)
			}
			return l
		}
		a, b := fold(history), fold(rapid.Permutation(history).Draw(t, "order"))
		at := max(a.Clock, b.Clock) + Instant(rapid.IntRange(0, 1e9).Draw(t, "later"))
		x, y := f.Explain(a, at), f.Explain(b, at)
		if math.Abs(x.Score-y.Score) > 1e-9*math.Abs(x.Score)+1e-10 {
			t.Fatalf("%v in one order, %v in another", x.Score, y.Score)
		}
	})
}

// TestNextChangeIsTheFirst holds NextChange against a look at every millisecond.
func TestNextChangeIsTheFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := plainModels(t)
		f, o, l := read(t, m).Folder(), &oracle{model: m}, &Lead{ID: "lead"}
		for i, h := range histories(t, 6) {
			apply(t, f, l, h.event(i), nil)
			o.apply(h.eventType, h.at)
		}
		at, to, ok := f.NextChange(l)
		f.Schedule(l)
		end := l.Clock + 25_000
		if ok {
			end = min(end, at)
		}
		o.told = nil
		o.advance(end)
		for _, c := range o.told {
			if l.Due > c.At {
				t.Fatalf("due at %d, but at %d comes %+v", l.Due, c.At, c)
			}
			if c.Kind != TierChanged {
				continue
			}
			if !ok || c.At != at || c.To != to {
				t.Fatalf("NextChange says %v %v %v, the oracle %+v, of\n%s", at, to, ok, c, m.yaml())
			}
			return
		}
		if ok && end == at {
			t.Fatalf("NextChange says %v at %v, the oracle nothing, of\n%s", to, at, m.yaml())
		}
	})
}

// TestDueIsNeverLate folds and schedules in turn, and looks at each stretch between two events whether time did
// something before the lead was due.
func TestDueIsNeverLate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := read(t, plainModels(t)).Folder()
		unscheduled := rapid.Bool().Draw(t, "unscheduled")
		if unscheduled {
			f.Unscheduled()
		}
		l := &Lead{}
		l.Clear("lead")
		for i, h := range histories(t, 12) {
			if l.Clock < h.at && l.Tier != "" {
				due := l.Due
				l.Due = 0 // so that it is not relied on
				if out := f.Advance(l, h.at, nil); len(out) > 0 && out[0].At < due {
					t.Fatalf("due at %d, but at %d came %+v", due, out[0].At, out[0])
				}
				l.Due = max(due, l.Clock)
			}
			apply(t, f, l, h.event(i), nil)
			if l.Due <= l.Clock && !unscheduled {
				t.Fatalf("due at %d, the clock shows %d", l.Due, l.Clock)
			}
		}
	})
}
