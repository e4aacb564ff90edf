package scorer

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"
)

// Seen is one event that was folded: the 64-bit hash of its source and ID, and the lead's clock at that fold.
type Seen struct {
	Hash uint64
	At   Instant
}

// SeenEvents are the events that a lead has folded, oldest first. They are held as they are stored, so that a lead with
// thousands of them is loaded, asked and stored without any of them being taken in hand: what was loaded stays as it is,
// and what comes is held apart.
//
// The columns of the events, one behind the other, are what AppendColumns writes and Hold takes:
//
//	marks  the lowest two bytes of each hash, little-endian
//	rests  the other six bytes of each, little-endian
//	gaps   by how many milliseconds each but the first is newer than the one before, as a uvarint; it wraps around
//
// They are a part of what is stored of a lead: other columns would be another version of it.
type SeenEvents struct {
	oldest, newest Instant
	held           seenColumns // never written: its memory is another's
	added          seenColumns
}

// Len is how many they are.
func (s *SeenEvents) Len() int { return s.held.len() + s.added.len() }

// Span is when the oldest and the newest was folded; 0 where there are none.
func (s *SeenEvents) Span() (oldest, newest Instant) {
	if s.Len() == 0 {
		return 0, 0
	}
	return s.oldest, s.newest
}

// Events are all of them, oldest first. They must not change meanwhile.
func (s *SeenEvents) Events() iter.Seq[Seen] {
	return func(yield func(Seen) bool) {
		at, first := s.oldest, true
		for _, c := range []seenColumns{s.held, s.added} { // copies, whose gaps are taken one by one
			for i := range c.len() {
				if !first {
					at += c.takeGap()
				}
				if first = false; !yield(Seen{Hash: c.hash(i), At: at}) {
					return
				}
			}
		}
	}
}

// Equal is whether both are the same events, however they are held.
func (s SeenEvents) Equal(other SeenEvents) bool {
	return slices.Equal(slices.Collect(s.Events()), slices.Collect(other.Events()))
}

// Add adds an event that was folded after all others.
func (s *SeenEvents) Add(e Seen) {
	if s.Len() == 0 {
		s.Clear()
		s.oldest = e.At
	} else {
		s.added.gaps = binary.AppendUvarint(s.added.gaps, uint64(e.At-s.newest))
	}
	s.newest = e.At
	s.added.marks = binary.LittleEndian.AppendUint16(s.added.marks, uint16(e.Hash))
	s.added.rests = binary.LittleEndian.AppendUint32(s.added.rests, uint32(e.Hash>>16))
	s.added.rests = binary.LittleEndian.AppendUint16(s.added.rests, uint16(e.Hash>>48))
}

// Clear drops all, and keeps the memory for the next.
func (s *SeenEvents) Clear() {
	*s = SeenEvents{added: s.added.emptied()}
}

// AppendColumns appends the columns of all events to b.
func (s *SeenEvents) AppendColumns(b []byte) []byte {
	h, a := &s.held, &s.added
	b = append(append(b, h.marks[markBytes*h.gone:]...), a.marks[markBytes*a.gone:]...)
	b = append(append(b, h.rests[restBytes*h.gone:]...), a.rests[restBytes*a.gone:]...)
	return append(append(b, h.gaps[h.goneGaps:]...), a.gaps[a.goneGaps:]...)
}

// Hold makes s the n events, of which there is at least one, of these columns, which must not change as long as s is in
// use. It reports whether they can be: if not, s is empty.
func (s *SeenEvents) Hold(n int, oldest, newest Instant, columns []byte) bool {
	s.Clear()
	if n < 1 || n > len(columns)/(markBytes+restBytes) {
		return false
	}
	rests := columns[markBytes*n:]
	gaps := rests[restBytes*n:]
	if !holdsUvarints(gaps, n-1) {
		return false
	}
	s.oldest, s.newest = oldest, newest
	s.held = seenColumns{marks: columns[: markBytes*n : markBytes*n], rests: rests[: restBytes*n : restBytes*n], gaps: gaps}
	return true
}

// Detach copies what is held of another's memory, so that it may change.
func (s *SeenEvents) Detach() {
	h, a := &s.held, &s.added
	s.added = seenColumns{
		marks: append(append([]byte(nil), h.marks[markBytes*h.gone:]...), a.marks[markBytes*a.gone:]...),
		rests: append(append([]byte(nil), h.rests[restBytes*h.gone:]...), a.rests[restBytes*a.gone:]...),
		gaps:  append(append([]byte(nil), h.gaps[h.goneGaps:]...), a.gaps[a.goneGaps:]...),
	}
	s.held = seenColumns{}
}

// has is whether the event of that hash is among them.
func (s *SeenEvents) has(hash uint64) bool { return s.held.has(hash) || s.added.has(hash) }

// drop drops the oldest, of which there is one.
func (s *SeenEvents) drop() {
	c := &s.held
	if c.len() == 0 {
		c = &s.added
	}
	c.gone++
	switch {
	case c.len() > 0:
		s.oldest += c.takeGap()
	case s.added.len() > 0: // the gap to the first of the next
		s.oldest += s.added.takeGap()
	}
	s.added.shrink()
}

// copyInto makes dst a copy of s that shares no memory with it that either may change.
func (s *SeenEvents) copyInto(dst *SeenEvents) {
	added := dst.added
	*dst = *s
	dst.added = seenColumns{
		marks: append(added.marks[:0], s.added.marks...), rests: append(added.rests[:0], s.added.rests...),
		gaps: append(added.gaps[:0], s.added.gaps...), gone: s.added.gone, goneGaps: s.added.goneGaps,
	}
}

// The bytes of a hash that are its mark, and those that are not.
const (
	markBytes = 2
	restBytes = 6
)

// seenColumns are columns of events of which those at the front may be gone already.
type seenColumns struct {
	marks, rests, gaps []byte
	gone               int // events
	goneGaps           int // bytes
}

func (c *seenColumns) len() int { return len(c.marks)/markBytes - c.gone }

// hash is that of an event, counted from the first that is not gone.
func (c *seenColumns) hash(i int) uint64 {
	i += c.gone
	mark, rest := c.marks[markBytes*i:][:markBytes], c.rests[restBytes*i:][:restBytes]
	return uint64(binary.LittleEndian.Uint16(mark)) | uint64(binary.LittleEndian.Uint32(rest))<<16 |
		uint64(binary.LittleEndian.Uint16(rest[4:]))<<48
}

// has is whether the event of that hash is among them: the rest of a hash is looked at only where its mark is the same.
func (c *seenColumns) has(hash uint64) bool {
	marks := c.marks[markBytes*c.gone:]
	for i := 0; i < len(marks)/markBytes; i++ {
		next := nextMark(marks[markBytes*i:], uint16(hash))
		if next < 0 {
			return false
		}
		if i += next; c.hash(i) == hash {
			return true
		}
	}
	return false
}

// takeGap takes the first gap away.
func (c *seenColumns) takeGap() Instant {
	var gap uint64
	for shift := 0; ; shift += 7 {
		b := c.gaps[c.goneGaps]
		c.goneGaps++
		gap |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return Instant(gap)
		}
	}
}

func (c *seenColumns) emptied() seenColumns {
	return seenColumns{marks: c.marks[:0], rests: c.rests[:0], gaps: c.gaps[:0]}
}

// shrink gives the memory of what is gone back to what is to come, once that is the greater part.
func (c *seenColumns) shrink() {
	if c.gone <= c.len() {
		return
	}
	c.marks = append(c.marks[:0], c.marks[markBytes*c.gone:]...)
	c.rests = append(c.rests[:0], c.rests[restBytes*c.gone:]...)
	c.gaps = append(c.gaps[:0], c.gaps[c.goneGaps:]...)
	c.gone, c.goneGaps = 0, 0
}

// holdsUvarints is whether b is n uvarints, as long as they may be.
func holdsUvarints(b []byte, n int) bool {
	const highs = 0x8080808080808080
	if len(b) > 0 && b[len(b)-1] >= 0x80 {
		return false
	}
	for ; len(b) >= 32; b = b[32:] {
		w := (*[32]byte)(b) // four words, the high bits of each moved to a place of their own
		n -= bits.OnesCount64(^binary.LittleEndian.Uint64(w[0:])&highs | (^binary.LittleEndian.Uint64(w[8:])&highs)>>1 |
			(^binary.LittleEndian.Uint64(w[16:])&highs)>>2 | (^binary.LittleEndian.Uint64(w[24:])&highs)>>3)
	}
	for _, c := range b {
		if c < 0x80 {
			n--
		}
	}
	return n == 0
}
