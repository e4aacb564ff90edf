package scorer

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestMergedMarksMoveLittle counts many events and holds the merged marks against all of them: no event's worth is
// shifted by more than a 64th of the decay's length.
func TestMergedMarksMoveLittle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := time.Duration(rapid.IntRange(1, 1e6).Draw(t, "length")) * time.Millisecond
		r := &rule{points: 1, max: 1e9, decay: linear(length)}
		c, now := &Counter{}, t0
		var all []Instant
		for range rapid.IntRange(1, 400).Draw(t, "events") {
			now += Instant(rapid.Int64Range(0, 1+length.Milliseconds()/60).Draw(t, "then"))
			r.tally(c, now, 1, now)
			all = append(all, now)
			if len(c.Marks) > marksMost {
				t.Fatalf("%d marks", len(c.Marks))
			}
		}
		at := now + Instant(rapid.Int64Range(0, length.Milliseconds()).Draw(t, "later"))
		shift := Instant(length.Milliseconds()/64) + 1
		least, most := 0.0, 0.0
		for _, t := range all {
			least += keptLinear(length, at-t+shift)
			most += keptLinear(length, at-t-shift)
		}
		if got := r.decay.look(c, at).gain; got < least-1e-6 || got > most+1e-6 {
			t.Fatalf("%v left, want %v to %v", got, least, most)
		}
	})
}

func keptLinear(length time.Duration, age Instant) float64 {
	return min(1, max(0, 1-float64(age)/float64(length.Milliseconds())))
}

func TestLimitKeepsFewMarks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &rule{points: 1, max: 1e9, decay: halfLife(time.Hour), limit: limit{count: rapid.IntRange(1, 40).Draw(t, "count"), per: time.Second}}
		c, now := &Counter{}, t0
		for range 500 {
			now += Instant(rapid.Int64Range(0, 100).Draw(t, "then"))
			r.tally(c, now, 1, now)
		}
		if most := marksMost + 2*r.limit.count; len(c.Marks) > most {
			t.Fatalf("%d marks, want at most %d", len(c.Marks), most)
		}
	})
}

func TestMergedMarksStayInTheMiddle(t *testing.T) {
	const length = 3200 * time.Second
	cell := Instant(length.Milliseconds() / 32)
	r := &rule{points: 1, max: 1e9, decay: linear(length)}
	c, start := &Counter{}, t0/cell*cell
	for range 1000 {
		r.tally(c, start, 1, start)
	}
	for range 100 {
		r.tally(c, start+cell-1, 1, start+cell-1)
	}
	at := start + cell
	exact := 1000*keptLinear(length, cell) + 100*keptLinear(length, 1)
	if got := r.decay.look(c, at).gain; got < exact-1100./64 || got > exact+1100./64 {
		t.Errorf("%v left of %v: moved by more than a 64th", got, exact)
	}
}
