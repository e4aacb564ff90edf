package scorer

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSeenEventsAreAList holds them against a plain list while events come, are forgotten, and go to storage and back.
func TestSeenEventsAreAList(t *testing.T) {
	// Few marks and few rests, so that many hashes share one of the two.
	hash := rapid.Map(rapid.SliceOfN(rapid.Uint64Range(0, 5), 2, 2), func(h []uint64) uint64 { return h[0] | h[1]<<61 | h[1]<<16 })
	rapid.Check(t, func(t *rapid.T) {
		var s, spare SeenEvents
		var want []Seen
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			default:
				e := Seen{Hash: hash.Draw(t, "hash"), At: Instant(rapid.Int64().Draw(t, "at"))}
				s.Add(e)
				want = append(want, e)
			case 6, 7:
				for range min(len(want), rapid.IntRange(1, 9).Draw(t, "forgets")) {
					s.drop()
					want = want[1:]
				}
			case 8:
				oldest, newest := s.Span()
				if columns := s.AppendColumns(nil); s.Hold(len(want), oldest, newest, columns) != (len(want) > 0) {
					t.Fatalf("of %d events are %x", len(want), columns)
				}
			case 9:
				s.copyInto(&spare)
				s, spare = spare, s
				spare.Clear()
				s.Detach()
			}
			if got := slices.Collect(s.Events()); !slices.Equal(got, want) || s.Len() != len(want) {
				t.Fatalf("%d events %v, want %v", s.Len(), got, want)
			}
			asked := hash.Draw(t, "asked")
			if is := slices.ContainsFunc(want, func(e Seen) bool { return e.Hash == asked }); s.has(asked) != is {
				t.Fatalf("%x is among %v: %v", asked, want, !is)
			}
		}
	})
}

func BenchmarkHasSeen(b *testing.B) {
	for name, n := range map[string]int{"few": 10, "many": 1000} {
		b.Run(name, func(b *testing.B) {
			var l Lead
			for i := range n {
				l.Seen.Add(Seen{Hash: uint64(i) * 0x9e3779b97f4a7c15, At: Instant(i)})
			}
			b.ReportAllocs()
			for b.Loop() {
				if l.hasSeen(0xfeed) {
					b.Fatal("it was never seen")
				}
			}
		})
	}
}
