package events

import (
	"unicode/utf16"
	"unicode/utf8"
)

// hex is the value of a hexadecimal digit, -1 where c is none.
func hex(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}

// unescape is the text of the inside of a valid JSON string. Half a surrogate pair becomes U+FFFD, as encoding/json has
// it, and makes whole false: such a text is not what was meant, so it must not name anything.
func unescape(raw string) (text string, whole bool) {
	b, whole := make([]byte, 0, len(raw)), true
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			b = append(b, raw[i])
			i++
			continue
		}
		if raw[i+1] != 'u' {
			b = append(b, unescaped(raw[i+1]))
			i += 2
			continue
		}
		r := unit(raw[i:])
		i += 6
		if utf16.IsSurrogate(r) {
			pair := utf16.DecodeRune(r, unit(raw[i:]))
			if pair != utf8.RuneError {
				i += 6
			} else {
				whole = false
			}
			r = pair
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b), whole
}

// unescaped is the character that a backslash and c stand for.
func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// unit is the UTF-16 code unit of the \uXXXX that s begins with, -1 where it begins with none.
func unit(s string) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return -1
	}
	return hex(s[2])<<12 | hex(s[3])<<8 | hex(s[4])<<4 | hex(s[5])
}

// printable is whether s is UTF-8 without control characters: U+0000 to U+001F and U+007F to U+009F, which CloudEvents
// forbids in attributes, and which have no business in an ID that people read.
func printable(s string) bool {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < ' ' || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || r <= 0x9f {
			return false
		}
		i += n
	}
	return true
}
