package events

import (
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/hotlead/hotlead/scorer"
)

// appendString appends s as a JSON string, as encoding/json has it: what means something to HTML or to JavaScript is
// escaped too, so that the text may stand in a page, and what is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	return append(appendInner(append(b, '"'), s), '"')
}

// appendInner appends the inside of the JSON string s.
func appendInner(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	from := 0 // where what is not yet appended begins
	for i := 0; i < len(s); {
		if isPlain(s[i]) {
			i++
			continue
		}
		c, n := rune(s[i]), 1
		if c >= utf8.RuneSelf {
			c, n = utf8.DecodeRuneInString(s[i:])
		}
		replaced := ""
		switch {
		case c == utf8.RuneError && n == 1:
			replaced = `\ufffd`
		case c == '\u2028':
			replaced = `\u2028`
		case c == '\u2029':
			replaced = `\u2029`
		case c == '"':
			replaced = `\"`
		case c == '\\':
			replaced = `\\`
		case c == '\b':
			replaced = `\b`
		case c == '\f':
			replaced = `\f`
		case c == '\n':
			replaced = `\n`
		case c == '\r':
			replaced = `\r`
		case c == '\t':
			replaced = `\t`
		case c < ' ' || c == '<' || c == '>' || c == '&':
			b = append(append(b, s[from:i]...), '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
			from = i + n
		}
		if replaced != "" {
			b = append(append(b, s[from:i]...), replaced...)
			from = i + n
		}
		i += n
	}
	return append(b, s[from:]...)
}

// isPlain is whether c, as nearly all do, stands for itself in a string.
func isPlain(c byte) bool {
	return c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
}

// appendNumber appends f in the shortest form that reads back to the same number, with an exponent only where it is
// very small or very large (as encoding/json and JavaScript have it). JSON has no infinities: they become null.
func appendNumber(b []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(b, "null"...)
	}
	if f == 0 { // -0 too
		return append(b, '0')
	}
	if size := math.Abs(f); size >= 1e-6 && size < 1e21 {
		if n, ok := decimals(f); ok {
			return appendDecimals(b, n)
		}
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	if n := len(b); n >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' { // e-09 is e-9
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}

// decimalGrid is how many of the last of ten decimals make 1: scores are rounded to them.
const decimalGrid = 10_000_000_000

// decimals is f as a number of ten decimals, counted by the last of them, if it is one of at most 15 digits. No two
// numbers of so few digits are the same float64, so these digits are the shortest that tell f.
func decimals(f float64) (int64, bool) {
	n := math.RoundToEven(f * decimalGrid)
	return int64(n), math.Abs(n) < 1e15 && n/decimalGrid == f
}

// appendDecimals appends n of the last of ten decimals, which is not 0.
func appendDecimals(b []byte, n int64) []byte {
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendInt(b, n/decimalGrid, 10)
	if n %= decimalGrid; n == 0 {
		return b
	}
	for b = append(b, '.'); n > 0; n = n % (decimalGrid / 10) * 10 {
		b = append(b, '0'+byte(n/(decimalGrid/10)))
	}
	return b
}

// The members below begin with a comma, all but the first of an object.

// appendMember appends the member name, which holds nothing to escape, unless text is empty.
func appendMember(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":`...)
	return appendString(b, text)
}

// appendTimeMember appends the member name unless t is 0, which is no time.
func appendTimeMember(b []byte, name string, t scorer.Instant) []byte {
	if t == 0 {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":"`...)
	return append(appendTime(b, t), '"')
}

// appendStanding appends the members engagement, fit, qualification.
func appendStanding(b []byte, s *scorer.Standing) []byte {
	b = appendNumber(append(b, `,"engagement":{"score":`...), s.Engagement)
	b = append(b, `,"groups":{`...)
	for i, g := range s.Groups {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNumber(append(appendString(b, g.Name), ':'), g.Points)
	}
	b = appendNumber(append(b, `}},"fit":{"score":`...), s.Fit)
	b = appendMember(b, "grade", s.Grade)
	b = appendNumber(append(b, `},"qualification":{"total":`...), s.Total)
	b = strconv.AppendInt(append(b, `,"rated":`...), int64(s.Rated), 10)
	b = strconv.AppendBool(append(b, `,"complete":`...), s.Complete)
	b = append(b, `,"ratings":{`...)
	for i, r := range s.Ratings {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNumber(append(appendString(b, r.Criterion), ':'), r.Value)
	}
	b = appendMember(append(b, '}'), "disposition", s.Disposition)
	return append(b, '}')
}

// appendContributions appends the member contributions.
func appendContributions(b []byte, contributions []scorer.Points) []byte {
	b = append(b, `,"contributions":[`...)
	for i, c := range contributions {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(b, `{"rule":`...), c.Name)
		b = append(appendNumber(append(b, `,"points":`...), c.Points), '}')
	}
	return append(b, ']')
}

// appendModel appends the member model.
func appendModel(b []byte, m scorer.ModelName) []byte {
	b = appendString(append(b, `,"model":{"name":`...), m.Name)
	b = strconv.AppendInt(append(b, `,"version":`...), int64(m.Version), 10)
	return append(b, '}')
}
