package scorer

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestSearchIsBounded counts the looks of searches that are made to be hard.
func TestSearchIsBounded(t *testing.T) {
	twin := func(points ...float64) string {
		var b strings.Builder
		for i, p := range points {
			fmt.Fprintf(&b, "    - {id: r%d, on: x, points: %v, decay: {half_life: %dd}}\n", i, p, 7+7*(i/2))
		}
		return "name: hard\nversion: 1\nengagement:\n  min: -1000\n  rules:\n" + b.String() + "tiers:\n"
	}
	for _, c := range []struct {
		name, model string
		looks       int
	}{
		{"merit and penalty that cancel", twin(10, -10, 5, -5) +
			"  - {name: hot, when: 'engagement.score > 0'}\n  - {name: cold}\n", 200},
		{"a threshold that is only ever approached", twin(10, 20, 5) +
			"  - {name: hot, when: 'engagement.score >= 0'}\n  - {name: warm, when: 'engagement.score < 0'}\n  - {name: cold}\n", 200},
		// 100·2^(−t/7) − 100·2^(−t/14) is −25 at its lowest.
		{"a valley that touches the threshold", twin(100, 0, -100, 0) +
			"  - {name: hot, when: 'engagement.score >= -25'}\n  - {name: cold}\n", 5000},
		{"a valley a hair above it", twin(100, 0, -100, 0) +
			"  - {name: hot, when: 'engagement.score >= -25.000001'}\n  - {name: cold}\n", 500},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tell(t, c.model)
			s.does(0, "x")
			s.folder.take(&s.lead)
			_, told := s.folder.lookAhead(&s.lead, lastInstant, goesOn, looksMost)
			if s.folder.search.looks > c.looks || s.folder.search.grain > 0 || told == open {
				t.Errorf("%d looks to grain %d, want at most %d", s.folder.search.looks, s.folder.search.grain, c.looks)
			}
		})
	}
}

// TestSearchGoesOnCoarsely is about conditions that bounds can't decide: the search still ends, and still finds, to the
// day, what it looks for.
func TestSearchGoesOnCoarsely(t *testing.T) {
	s := tell(t, `
name: twins
version: 1
engagement:
  groups:
    a: {decay: {half_life: 30d}}
    b: {decay: {half_life: 30d}}
  rules:
    - {id: left, group: a, on: x, points: 10}
    - {id: right, group: b, on: x, points: 10}
tiers:
  - {name: hot, when: 'engagement.groups.a > engagement.groups.b || engagement.idle > duration("500d")'}
  - {name: cold}
`)
	s.does(0, "x")
	at, to, ok := s.folder.NextChange(&s.lead)
	if late := at.Sub(t0) - 500*day; !ok || to != "hot" || late < 0 || late > day {
		t.Errorf("NextChange = T+%v %v %v, want T+500d, within a day", at.Sub(t0), to, ok)
	}
	s.folder.Schedule(&s.lead)
	if s.lead.Due <= s.lead.Clock || s.lead.Due > t0.Add(500*day+day) {
		t.Errorf("due at T+%v", s.lead.Due.Sub(t0))
	}
}

func TestScheduleKeepsADueThatIsSafe(t *testing.T) {
	s := tell(t, hotFromEight)
	s.does(0, "page.viewed")
	s.folder.Schedule(&s.lead)
	first := s.lead.Due
	s.does(time.Hour, "page.viewed") // hot for longer now
	s.folder.Schedule(&s.lead)
	if s.lead.Due != first {
		t.Errorf("due moved from %v to %v for nothing", first, s.lead.Due)
	}
	s.advance(first.Sub(t0)) // the timer fires early
	s.folder.Schedule(&s.lead)
	if at, _, _ := s.folder.NextChange(&s.lead); s.lead.Due != at || at <= first {
		t.Errorf("due at %v, next change at %v", s.lead.Due, at)
	}
	s.lead.Due = Never // a Due that is not safe is found out
	s.folder.Schedule(&s.lead)
	if at, _, _ := s.folder.NextChange(&s.lead); s.lead.Due != at {
		t.Errorf("due at %v, next change at %v", s.lead.Due, at)
	}
}

// A timer fires at the very instant at which its lead moves, and so may an event come.
func TestALeadMovesAtTheInstantAtWhichItIsDue(t *testing.T) {
	for by, come := range map[string]func(*story, Instant) []Change{
		"timer": func(s *story, due Instant) []Change { return s.advance(due.Sub(t0)) },
		"event": func(s *story, due Instant) []Change { return s.does(due.Sub(t0), "nothing.that.scores") },
	} {
		t.Run(by, func(t *testing.T) {
			s := tell(t, hotFromEight)
			s.does(0, "page.viewed")
			due := s.lead.Due
			if out := s.advance((due - 1).Sub(t0)); len(out) != 0 || s.lead.Due != due {
				t.Fatalf("announced before it was due: %+v; now due at %v", out, s.lead.Due)
			}
			if out := come(s, due); len(out) != 1 || out[0].At != due || out[0].Cause.Kind != ByTime {
				t.Errorf("announced %+v, want one change by time at %v", out, due)
			}
		})
	}
}

func TestExp2Neg(t *testing.T) {
	for x := 0.0; x < 60; x += 0.00917 {
		want, got := math.Exp2(-x), exp2Neg(x)
		if math.Abs(got-want) > 4e-16*want {
			t.Fatalf("2^-%v = %v, want %v", x, got, want)
		}
	}
	for k := range 900 { // whole powers are exact
		if want, _ := new(big.Float).SetMantExp(big.NewFloat(1), -k).Float64(); exp2Neg(float64(k)) != want {
			t.Fatalf("2^-%d = %v", k, exp2Neg(float64(k)))
		}
	}
	if exp2Neg(-1) != 1 || exp2Neg(1e300) != 0 || exp2Neg(math.Inf(1)) != 0 {
		t.Error("out of range")
	}
}

// TestFadingNeverRises holds what the search relies on: from one millisecond to the next, gains never rise and losses
// never fall, to the bit.
func TestFadingNeverRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := time.Duration(rapid.Int64Range(1, math.MaxInt64/2).Draw(t, "length"))
		d := rapid.SampledFrom([]decay{
			halfLife(length), linear(length), noDecay{},
			steps([]step{{length / 3, 1}, {length / 2, 0.9}, {length, 0.25}}),
		}).Draw(t, "decay")
		var c Counter
		for range rapid.IntRange(1, 5).Draw(t, "events") {
			d.count(&c, t0-Instant(rapid.Int64Range(0, 1e9).Draw(t, "ago")), rapid.Float64Range(-100, 100).Draw(t, "weight"))
		}
		at := t0 + Instant(rapid.Int64Range(0, length.Milliseconds()+10).Draw(t, "at"))
		before := d.look(&c, at)
		for i := range Instant(100) {
			after := d.look(&c, at+i)
			if after.gain > before.gain || after.loss < before.loss || after.gain < 0 || after.loss > 0 {
				t.Fatalf("%+v, then %+v", before, after)
			}
			before = after
		}
	})
}

// TestBoundsHold draws leads and stretches, and looks for instants that are out of bounds.
func TestBoundsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := plainModels(t)
		if rapid.Bool().Draw(t, "crowded") { // where caps begin and cease to hold
			m.min, m.max = float64(rapid.IntRange(-30, 5).Draw(t, "least")), float64(rapid.IntRange(6, 30).Draw(t, "most"))
			for i := range m.rules {
				m.rules[i].points *= 4
				m.rules[i].max = float64(rapid.IntRange(1, 40).Draw(t, "cap"))
			}
		}
		f, l := read(t, m).Folder(), &Lead{ID: "lead"}
		for i, h := range histories(t, 12) {
			apply(t, f, l, h.event(i), nil)
		}
		f.take(l)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		a, b := f.search.point(0), f.search.point(1)
		for range 30 {
			width := Instant(1) << random.IntN(15)
			from := l.Clock + Instant(random.Int64N(8000))
			f.fill(a, l, from)
			f.fill(b, l, from+width)
			f.boundPlain(l, a, b, nil)
			checkBounds(t, f, l, random, "plain")
			f.boundTight(a, b)
			checkBounds(t, f, l, random, "tight")
			then := *l
			then.Clock = from
			for bounds, rough := range map[string]float64{"fades": closely, "rough fades": roughly} {
				if f.gatherFades(&then, rough) {
					f.fill(a, l, from)
					f.boundFades(&then, from+width)
					checkBounds(t, f, l, random, bounds)
				}
			}
		}
	})
}

// checkBounds looks at instants between the first two scratch points.
func checkBounds(t *rapid.T, f *Folder, l *Lead, random *rand.Rand, bounds string) {
	a, b := f.search.point(0).at, f.search.point(1).at
	for range 20 {
		at := a + Instant(random.Int64N(int64(b-a+1)))
		f.see(l, at)
		for i, v := range f.scene.moving {
			if v < f.search.found.lo[i] || v > f.search.found.hi[i] {
				t.Fatalf("%s: slot %d is %v after %d of %d ms, out of [%v, %v]",
					bounds, i, v, at-a, b-a, f.search.found.lo[i], f.search.found.hi[i])
			}
		}
	}
}

// TestBoundsKnowThatCapsHold is about a share, or a group, that a cap holds for a while and that falls then, beside a
// penalty that fades all the time: the sum rises first.
func TestBoundsKnowThatCapsHold(t *testing.T) {
	for name, capped := range map[string]string{
		"by the rule's max":  "{}\n  rules:\n    - {id: a, group: web, on: x, points: 100, max: 60, decay: {half_life: 4s}}\n",
		"by the group's max": "{max: 60}\n  rules:\n    - {id: a, group: web, on: x, points: 100, decay: {half_life: 4s}}\n",
		"linear":             "{}\n  rules:\n    - {id: a, group: web, on: x, points: 100, max: 60, decay: {linear: 8s}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t, "name: test\nversion: 1\nengagement:\n  groups:\n    web: "+capped+
				"    - {id: b, on: x, points: -20, decay: {half_life: 20s}}\n"+
				"tiers:\n  - {name: hot, when: 'engagement.score >= 41'}\n  - {name: cold}\n")
			s.does(0, "x")
			f := s.folder
			f.take(&s.lead)
			a, b := f.search.point(0), f.search.point(1)
			f.fill(a, &s.lead, t0)
			f.fill(b, &s.lead, t0+4000)
			f.boundPlain(&s.lead, a, b, nil)
			f.boundTight(a, b)
			for at := t0; at <= t0+4000; at++ {
				f.see(&s.lead, at)
				if v := f.scene.moving[movingEngagement]; v > f.search.found.hi[movingEngagement] || v < f.search.found.lo[movingEngagement] {
					t.Fatalf("%v after %d ms, out of [%v, %v]", v, at-t0, f.search.found.lo[movingEngagement], f.search.found.hi[movingEngagement])
				}
			}
			if out := s.advance(4 * time.Second); len(out) != 2 || out[0].To != "hot" || out[1].To != "cold" {
				t.Errorf("announced %+v", out)
			}
		})
	}
}
