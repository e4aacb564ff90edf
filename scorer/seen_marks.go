package scorer

import (
	"encoding/binary"
	"math/bits"
)

// findMark is the place of the first of these marks that is this one; −1 where none is. Most events are new, and busy
// leads have seen thousands, so the marks are compared four at a time, and 32 at a stretch.
func findMark(marks []byte, mark uint16) int {
	const ones, highs = 0x0001_0001_0001_0001, 0x8000_8000_8000_8000
	all := ones * uint64(mark)
	// The high bit of a mark becomes set where it is the one, and above the first such mark perhaps elsewhere (Bit
	// Twiddling Hacks, "Determine if a word has a zero byte").
	equal := func(word uint64) uint64 {
		differ := word ^ all
		return (differ - ones) &^ differ
	}
	i := 0
	for left := marks; len(left) >= 64; i, left = i+64, left[64:] {
		w := (*[64]byte)(left)
		if (equal(binary.LittleEndian.Uint64(w[0:]))|equal(binary.LittleEndian.Uint64(w[8:]))|
			equal(binary.LittleEndian.Uint64(w[16:]))|equal(binary.LittleEndian.Uint64(w[24:]))|
			equal(binary.LittleEndian.Uint64(w[32:]))|equal(binary.LittleEndian.Uint64(w[40:]))|
			equal(binary.LittleEndian.Uint64(w[48:]))|equal(binary.LittleEndian.Uint64(w[56:])))&highs != 0 {
			break
		}
	}
	for ; i+8 <= len(marks); i += 8 {
		if found := equal(binary.LittleEndian.Uint64(marks[i:])) & highs; found != 0 {
			return (i + bits.TrailingZeros64(found)/8) / markBytes
		}
	}
	for ; i < len(marks); i += markBytes {
		if binary.LittleEndian.Uint16(marks[i:]) == mark {
			return i / markBytes
		}
	}
	return -1
}
