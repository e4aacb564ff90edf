package scorer

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestLimitIsItsDefinition counts events in any order and asks, for each, every window there is.
func TestLimitIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		per := Instant(rapid.IntRange(1, 20).Draw(t, "per"))
		r := &rule{points: 1, max: 1e9, limit: limit{
			count: rapid.IntRange(1, 4).Draw(t, "count"), per: time.Duration(per) * time.Millisecond,
		}}
		c, now := &Counter{}, t0
		var counted []Instant
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			at := t0 + Instant(rapid.IntRange(0, 60).Draw(t, "at"))
			now = max(now, at)
			fits := true
			for start := at - per + 1; start <= at; start++ {
				held := 1
				for _, other := range counted {
					if other >= start && other < start+per {
						held++
					}
				}
				fits = fits && held <= r.limit.count
			}
			if got := r.tally(c, at, 1, now); got != fits {
				t.Fatalf("an event at %d beside %v: counted %v, want %v", at-t0, counted, got, fits)
			}
			if fits {
				counted = append(counted, at)
			}
		}
		slices.Sort(counted)
		if int(c.Count) != len(counted) || c.Sum != float64(len(counted)) {
			t.Fatalf("counter %+v, want %d", c, len(counted))
		}
	})
}

func TestEventsExactlyPerApartBothCount(t *testing.T) {
	s := tell(t, engagementModel("    - {id: visit, on: page.viewed, points: 1, limit: {count: 1, per: 1d}}\n"))
	s.does(0, "page.viewed")
	s.does(day-time.Millisecond, "page.viewed")
	s.scores(day, 1)
	s.does(day, "page.viewed")
	s.scores(day, 2)
	s.does(-day, "page.viewed") // late, and far enough from the others
	s.scores(day, 3)
	s.does(-day+time.Millisecond, "page.viewed")
	s.scores(day, 3)
}

func TestIdentityKeepsSourceAndIDApart(t *testing.T) {
	if IdentityOf("ab", "c") == IdentityOf("a", "bc") {
		t.Error("two events share an identity")
	}
	if got, want := (&Event{Source: "ab", ID: "c"}).identity(), IdentityOf("ab", "c"); got != want {
		t.Errorf("worked out it is %d, want %d", got, want)
	}
	if got := (&Event{Source: "ab", ID: "c", Identity: 7}).identity(); got != 7 {
		t.Errorf("given it is %d, want 7", got)
	}
}
