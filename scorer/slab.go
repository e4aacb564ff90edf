package scorer

import (
	"strings"
	"unsafe"
)

// slab hands out small pieces of larger ones, so that what a change, or a new lead, keeps costs no memory of its own to
// set aside. A piece is written once and never reused: it lasts as long as anybody refers to it, and with it the rest of
// what it was cut from.
type slab struct {
	text   []byte
	points []Points
}

const (
	slabText   = 4 << 10 // bytes
	slabPoints = 256
	// slabMost is the longest text that is cut from a larger piece.
	slabMost = 256
)

// clone is strings.Clone.
func (s *slab) clone(text string) string {
	if len(text) == 0 || len(text) > slabMost {
		return strings.Clone(text)
	}
	if cap(s.text)-len(s.text) < len(text) {
		s.text = make([]byte, 0, slabText)
	}
	from := len(s.text)
	s.text = append(s.text, text...)
	return unsafe.String(&s.text[from], len(text))
}

// room is no points, with room for that many.
func (s *slab) room(most int) []Points {
	if most > slabPoints {
		return make([]Points, 0, most)
	}
	if len(s.points) < most {
		s.points = make([]Points, slabPoints)
	}
	cut := s.points[:0:most]
	s.points = s.points[most:]
	return cut
}
