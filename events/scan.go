package events

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// scanner reads a JSON text (RFC 8259, in UTF-8) strictly and once, and copies nothing. Whoever calls it walks the
// text:
//
//	for more := s.enter(); more; more = s.more() {
//		name := s.name()
//		s.value() // or text, or enter
//	}
//
// The first mistake stops it: it then stands at the end, reads nothing but empty tokens, and every walk ends.
type scanner struct {
	b     []byte
	i     int
	depth int // how many objects and arrays may still be opened
	fault fault
	at    int // where the fault is

	// Of plainAttributes and plainMembers alone: what is known of the event before, and how many members were read.
	before *before
	member int
}

// fault is what is wrong with a text.
type fault uint8

const (
	noFault fault = iota
	syntaxFault
	encodingFault // not UTF-8
	depthFault
)

func (s *scanner) fail(f fault) {
	if s.fault == noFault {
		s.fault, s.at = f, s.i
	}
	s.i = len(s.b)
}

// token is a string as it stands in the text, between its quotes.
type token struct {
	raw   string // aliases the text
	class class
}

// class says what a token holds.
type class uint8

const (
	// present tells an empty string from none.
	present class = 1 << iota
	// escaped: there are backslashes, so the text is not raw but unescape(raw).
	escaped
	// unusual: there are bytes other than printable ASCII, so there may be control characters.
	unusual
)

// text is what the token says; it is copied only if it is escaped.
func (t token) text() string {
	if t.class&escaped == 0 {
		return t.raw
	}
	text, _ := unescape(t.raw)
	return text
}

func (s *scanner) space() {
	for s.i < len(s.b) && s.b[s.i] <= ' ' {
		switch s.b[s.i] {
		case ' ', '\n', '\r', '\t':
			s.i++
		default:
			return
		}
	}
}

// peek is the byte that comes next, 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// enter opens the object or array that begins here and is whether it holds anything.
func (s *scanner) enter() bool {
	if s.depth == 0 {
		s.fail(depthFault)
		return false
	}
	end := s.b[s.i] + 2 // in ASCII the closing brackets stand two after the opening ones
	s.depth--
	s.i++
	s.space()
	if s.peek() == end {
		s.depth++
		s.i++
		return false
	}
	return true
}

// more steps over the comma to the next member of an object, or out of it. For an array there is another.
func (s *scanner) more() bool { return s.moreUntil('}') }

func (s *scanner) moreUntil(end byte) bool {
	s.space()
	switch s.peek() {
	case ',':
		s.i++
		s.space()
		return true
	case end:
		s.depth++
		s.i++
	default:
		s.fail(syntaxFault)
	}
	return false
}

// name reads a member's name and colon; its value comes next.
func (s *scanner) name() token {
	if s.peek() != '"' {
		s.fail(syntaxFault)
		return token{}
	}
	name := s.str()
	s.space()
	if s.peek() != ':' {
		s.fail(syntaxFault)
		return token{}
	}
	s.i++
	s.space()
	return name
}

// value reads over a value of any kind.
func (s *scanner) value() {
	switch c := s.peek(); c {
	case '"':
		s.str()
	case '{':
		for more := s.enter(); more; more = s.more() {
			s.name()
			s.value()
		}
	case '[':
		for more := s.enter(); more; more = s.moreUntil(']') {
			s.value()
		}
	case 't':
		s.literal("true")
	case 'f':
		s.literal("false")
	case 'n':
		s.literal("null")
	default:
		s.number()
	}
}

// end reads what may follow the text's one value, which is nothing but space.
func (s *scanner) end() {
	s.space()
	if s.i < len(s.b) {
		s.fail(syntaxFault)
	}
}

func (s *scanner) literal(text string) {
	if len(s.b)-s.i < len(text) || string(s.b[s.i:s.i+len(text)]) != text {
		s.fail(syntaxFault)
		return
	}
	s.i += len(text)
}

// number reads over a number: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
func (s *scanner) number() {
	if s.peek() == '-' {
		s.i++
	}
	if s.peek() == '0' {
		s.i++
	} else {
		s.digits()
	}
	if s.peek() == '.' {
		s.i++
		s.digits()
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c = s.peek(); c == '+' || c == '-' {
			s.i++
		}
		s.digits()
	}
}

// digits reads over one digit or more.
func (s *scanner) digits() {
	i := s.i
	for i < len(s.b) && s.b[i]-'0' <= 9 {
		i++
	}
	if i == s.i {
		s.fail(syntaxFault)
		return
	}
	s.i = i
}

// str reads the string whose opening quote is next.
func (s *scanner) str() token {
	b, start := s.b, s.i+1
	found := present
	for i := start; ; {
		for i+8 <= len(b) {
			if at := special(binary.LittleEndian.Uint64(b[i:])); at != 0 {
				i += bits.TrailingZeros64(at) >> 3
				break
			}
			i += 8
		}
		for i < len(b) && b[i] >= ' ' && b[i] < 0x7f && b[i] != '"' && b[i] != '\\' {
			i++ // the last few bytes of the text
		}
		if i < len(b) && b[i] == '"' {
			s.i = i + 1
			return token{raw: alias(b[start:i]), class: found}
		}
		n, class := s.oddity(i)
		if n == 0 {
			return token{}
		}
		found |= class
		i += n
	}
}

// oddity reads what is not plain at i inside of a string: how long it is and what it makes of the string, or 0 where no
// string has it.
func (s *scanner) oddity(i int) (n int, found class) {
	s.i = i
	c := s.peek()
	switch {
	case c == '\\':
		if n = escapeLen(s.b[i:]); n == 0 {
			s.fail(syntaxFault)
		}
		return n, escaped
	case c < ' ': // or the end
		s.fail(syntaxFault)
		return 0, 0
	case c < utf8.RuneSelf:
		return 1, unusual
	}
	r, n := utf8.DecodeRune(s.b[i:])
	if r == utf8.RuneError && n == 1 {
		s.fail(encodingFault)
		return 0, 0
	}
	return n, unusual
}

// special finds, in eight bytes of a string, what is not printable ASCII, a quote or a backslash: the lowest bit that it
// sets is the highest of the first such byte. Each term has the high bit of a byte set where the byte is below ' ' or a
// quote (which, unlike its neighbours, is below 33 once its second bit is flipped), is a backslash, is 0x7f, is above
// that. (Bit Twiddling Hacks, "Determine if a word has a byte less than n". A borrow or a carry can set bits wrongly, but
// only above the byte that it comes from, which is one that is looked for.)
func special(w uint64) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	return ((w ^ 2*ones - 33*ones) | (w ^ '\\'*ones - ones) | (w + ones) | w) & highs
}

// escapeLen is the length of the escape that b begins with, 0 where it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) >= 6 && hex(b[2]) >= 0 && hex(b[3]) >= 0 && hex(b[4]) >= 0 && hex(b[5]) >= 0 {
			return 6
		}
	}
	return 0
}
