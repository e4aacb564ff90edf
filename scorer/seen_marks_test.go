package scorer

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// TestAMarkIsFoundWhereItIsFirst holds both ways of looking for a mark against a plain walk, for all lengths around
// those at which they take other steps, and wherever the marks begin in memory.
func TestAMarkIsFoundWhereItIsFirst(t *testing.T) {
	// Marks that differ from the one asked for by a single bit, or by one in the lowest place, are those that could be
	// mistaken for it.
	mark := rapid.SampledFrom([]uint16{0, 1, 2, 0x00ff, 0x0100, 0x7fff, 0x8000, 0x8001, 0xfeff, 0xffff})
	rapid.Check(t, func(t *rapid.T) {
		asked := mark.Draw(t, "asked")
		memory := make([]byte, rapid.IntRange(0, 15).Draw(t, "begins"), 512)
		begins, want := len(memory), -1
		n := rapid.IntRange(0, 110).Draw(t, "marks")
		often := rapid.IntRange(0, 99).Draw(t, "often")
		for i := range n {
			m := mark.Filter(func(m uint16) bool { return m != asked }).Draw(t, "other")
			if rapid.IntRange(0, 99).Draw(t, "is") < often/10 {
				m = asked
			}
			if m == asked && want < 0 {
				want = i
			}
			memory = binary.LittleEndian.AppendUint16(memory, m)
		}
		marks := memory[begins:]
		// What lies behind them is the mark, too: it must not be found.
		copy(memory[len(memory):cap(memory)], binary.LittleEndian.AppendUint16(nil, asked))
		if got := findMark(marks, asked); got != want {
			t.Fatalf("findMark found %x among % x at %d, not %d", asked, marks, got, want)
		}
		if got := nextMark(marks, asked); got != want {
			t.Fatalf("nextMark found %x among % x at %d, not %d", asked, marks, got, want)
		}
	})
}
