package events

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Nearly all members of an object come as programs write them: a name and a text in printable ASCII without escapes, or
// a whole number, with one space or none behind colon and comma. What is here reads rows of such members, twice as fast
// as the scanner's walk, above all because it holds its place in a register. Whatever is not quite such a member is left
// to the walk, which is also who says what is wrong with it.

// plainAttributes reads the next attributes, as far as they are plain texts or data that is an object, each for the first
// time, and stops behind the last. It reports whether there were any.
func (e *envelope) plainAttributes(s *scanner) (found bool) {
	b := s.b
	for i := s.i; ; {
		a, colon := plainAttribute(b, i)
		if colon < 0 || e.set&(1<<a) != 0 {
			return found
		}
		begin := plainValue(b, colon)
		switch {
		case begin < 0:
			return found
		case a == attrData && b[begin] == '{':
			e.set |= 1 << a
			s.i = begin
			e.readData(s)
		case a != attrData && b[begin] == '"':
			end, known := begin+1+usualTime, false
			if a == attrTime {
				e.at, known = s.before.minute.reads(b, begin+1)
			}
			if !known {
				end = plainText(b, begin+1)
			}
			if end < 0 {
				return found
			}
			e.set |= 1 << a
			e.text[a] = token{raw: alias(b[begin+1 : end]), class: present}
			s.i = end + 1
		default:
			return found
		}
		found = true
		if i = plainNext(b, s.i); i < 0 {
			return found
		}
	}
}

// plainMembers does the same with members of the data. Their names are first taken to be those of the event before.
func (e *envelope) plainMembers(s *scanner) (found bool) {
	b := s.b
	for i := s.i; ; {
		name := &s.before.names[s.member%len(s.before.names)]
		if !name.standsAt(b, i) && !name.learn(b, i) {
			return found
		}
		isAccount := name.account
		if i = plainValue(b, i+name.length); i < 0 {
			return found
		}
		end := 0
		if b[i] == '"' {
			if end = plainText(b, i+1) + 1; end == 0 {
				return found
			}
			if isAccount {
				e.account = token{raw: alias(b[i+1 : end-1]), class: present}
				e.accountCount++
			}
		} else if end = plainNumber(b, i); end < 0 || isAccount {
			return found
		}
		s.member++
		s.i, found = end, true
		if i = plainNext(b, end); i < 0 {
			return found
		}
	}
}

// before is what is remembered of the event before, since the next is mostly alike.
type before struct {
	names  memberNames
	minute minute
}

// memberNames are the names of the first members that the data of the event before had, or of later ones in their
// places: events of one kind mostly come one after the other, or have the same members.
type memberNames [8]memberName

// memberName is a member's name with its quotes and the colon, of which the first 16 bytes, where it is no longer, are
// known again by two words.
type memberName struct {
	first, last         uint64
	firstMask, lastMask uint64 // of the bytes that belong to it
	length              int    // without the colon
	short, account      bool
}

// standsAt is whether the name stands at i.
func (n *memberName) standsAt(b []byte, i int) bool {
	if !n.short || i+16 > len(b) {
		return false
	}
	w := (*[16]byte)(b[i:])
	return (binary.LittleEndian.Uint64(w[:])^n.first)&n.firstMask|(binary.LittleEndian.Uint64(w[8:])^n.last)&n.lastMask == 0
}

// learn makes n the name that stands at i. It reports whether there is a plain one.
func (n *memberName) learn(b []byte, i int) bool {
	if i >= len(b) || b[i] != '"' {
		return false
	}
	end := plainText(b, i+1) + 1
	if end == 0 || end >= len(b) || b[end] != ':' {
		return false
	}
	*n = memberName{length: end - i, account: string(b[i:end]) == `"account_id"`}
	if size := end + 1 - i; size <= 16 && i+16 <= len(b) {
		n.short = true
		n.first, n.last = binary.LittleEndian.Uint64(b[i:]), binary.LittleEndian.Uint64(b[i+8:])
		n.firstMask = math.MaxUint64 >> (64 - 8*min(size, 8))
		n.lastMask = 1<<(8*max(size-8, 0)) - 1
	}
	return true
}

// The first eight bytes of attributes' names, with the quote before and as much as there is room for of what follows.
const (
	headSpecversion = '"' | 's'<<8 | 'p'<<16 | 'e'<<24 | 'c'<<32 | 'v'<<40 | 'e'<<48 | 'r'<<56
	headSource      = '"' | 's'<<8 | 'o'<<16 | 'u'<<24 | 'r'<<32 | 'c'<<40 | 'e'<<48 | '"'<<56
	headSubject     = '"' | 's'<<8 | 'u'<<16 | 'b'<<24 | 'j'<<32 | 'e'<<40 | 'c'<<48 | 't'<<56
	headContentType = '"' | 'd'<<8 | 'a'<<16 | 't'<<24 | 'a'<<32 | 'c'<<40 | 'o'<<48 | 'n'<<56
	headTraceparent = '"' | 't'<<8 | 'r'<<16 | 'a'<<24 | 'c'<<32 | 'e'<<40 | 'p'<<48 | 'a'<<56
	headType        = '"' | 't'<<8 | 'y'<<16 | 'p'<<24 | 'e'<<32 | '"'<<40 // six bytes, like the next two
	headData        = '"' | 'd'<<8 | 'a'<<16 | 't'<<24 | 'a'<<32 | '"'<<40
	headTime        = '"' | 't'<<8 | 'i'<<16 | 'm'<<24 | 'e'<<32 | '"'<<40
	headID          = '"' | 'i'<<8 | 'd'<<16 | '"'<<24 // four
)

// plainAttribute is the attribute whose name stands at i, and where its colon does; -1 where no such name is.
func plainAttribute(b []byte, i int) (a attribute, colon int) {
	if i+len(`"datacontenttype":`) > len(b) {
		return 0, -1
	}
	b = b[i : i+len(`"datacontenttype":`)]
	head, length := binary.LittleEndian.Uint64(b), 0
	switch head {
	case headSource:
		a, length = attrSource, len(`"source"`)
	case headSubject:
		if b[8] == '"' {
			a, length = attrSubject, len(`"subject"`)
		}
	case headSpecversion:
		if string(b[8:13]) == `sion"` {
			a, length = attrSpecversion, len(`"specversion"`)
		}
	case headContentType:
		if string(b[8:17]) == `tenttype"` {
			a, length = attrContentType, len(`"datacontenttype"`)
		}
	case headTraceparent:
		if string(b[8:13]) == `rent"` {
			a, length = attrTraceparent, len(`"traceparent"`)
		}
	default:
		switch {
		case head<<16 == headType<<16&math.MaxUint64:
			a, length = attrType, len(`"type"`)
		case head<<16 == headTime<<16&math.MaxUint64:
			a, length = attrTime, len(`"time"`)
		case head<<16 == headData<<16&math.MaxUint64:
			a, length = attrData, len(`"data"`)
		case uint32(head) == headID:
			a, length = attrID, len(`"id"`)
		}
	}
	if length == 0 || b[length] != ':' {
		return 0, -1
	}
	return a, i + length
}

// plainValue is where the value begins that follows the colon at i; -1: b ends before.
func plainValue(b []byte, i int) int {
	if i++; i < len(b) && b[i] == ' ' {
		i++
	}
	if i >= len(b) {
		return -1
	}
	return i
}

// plainNext is where the next member begins behind a value that ends before i; -1: there is none, or b ends before.
func plainNext(b []byte, i int) int {
	if i >= len(b) || b[i] != ',' {
		return -1
	}
	return plainValue(b, i)
}

// plainText is where the quote stands that ends the text which begins at i; -1: the text is not plain.
func plainText(b []byte, i int) int {
	for i+8 <= len(b) {
		if at := special(binary.LittleEndian.Uint64(b[i : i+8])); at != 0 {
			if i += bits.TrailingZeros64(at) >> 3; b[i] != '"' {
				return -1
			}
			return i
		}
		i += 8
	}
	if len(b) < 8 {
		return -1
	}
	// The last few bytes of b, and zeros, of which special finds the first.
	rest := binary.LittleEndian.Uint64(b[len(b)-8:]) >> (8 * (i + 8 - len(b)))
	if i += bits.TrailingZeros64(special(rest)) >> 3; i >= len(b) || b[i] != '"' {
		return -1
	}
	return i
}

// plainNumber is where the whole number ends that begins at i; -1: there is none, or it goes on as another number.
func plainNumber(b []byte, i int) int {
	if b[i] < '1' || b[i] > '9' {
		return -1
	}
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i >= len(b) || b[i] != ',' && b[i] != '}' {
		return -1
	}
	return i
}
