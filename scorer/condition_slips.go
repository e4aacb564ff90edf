package scorer

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// slips finds in a condition that is no CEL what people write by habit from elsewhere: =, and, curly quotes, 30d. Each has
// its mend. What is within texts is left alone.
func slips(text string) []mistake {
	s := &slipFinder{text: []rune(text)}
	for s.at < len(s.text) {
		s.next()
	}
	return s.found
}

// slipFinder walks over a condition word by word.
type slipFinder struct {
	text   []rune
	at     int
	depth  int  // of parentheses, brackets and braces
	number bool // whether the word before was a number
	found  []mistake
}

func (s *slipFinder) slip(from, to int, mend string) {
	what := string(s.text[from:to])
	if unicode.IsLetter(s.text[from]) {
		what = strconv.Quote(what)
	}
	s.found = append(s.found, mistake{from, to - from, what + " can't stand here", mend})
}

// next walks over one word, number, text or sign.
func (s *slipFinder) next() {
	c := s.text[s.at]
	number := s.number
	if !unicode.IsSpace(c) || c == '\u00a0' {
		s.number = false
	}
	switch {
	case c == '"' || c == '\'':
		s.quoted(c)
	case c == '_' || unicode.IsLetter(c):
		s.word(number)
	case '0' <= c && c <= '9':
		s.digits()
	case strings.ContainsRune("=<>!&|", c):
		s.operator()
	default:
		s.sign(c)
	}
}

// over is the end of the run from at on of what is.
func (s *slipFinder) over(at int, is func(rune) bool) int {
	for at < len(s.text) && is(s.text[at]) {
		at++
	}
	return at
}

func (s *slipFinder) spaces(at int) int { return s.over(at, unicode.IsSpace) }

func isDigit(c rune) bool { return '0' <= c && c <= '9' }

func isWordRune(c rune) bool { return c == '_' || unicode.IsLetter(c) || isDigit(c) }

// quoted walks over a text.
func (s *slipFinder) quoted(quote rune) {
	raw := s.at > 0 && (s.text[s.at-1] == 'r' || s.text[s.at-1] == 'R')
	end := []rune{quote}
	if rest := s.text[s.at:]; len(rest) > 2 && rest[1] == quote && rest[2] == quote {
		end = []rune{quote, quote, quote}
	}
	for i := s.at + len(end); i < len(s.text); i++ {
		switch {
		case s.text[i] == '\\' && !raw:
			i++
		case i+len(end) <= len(s.text) && slices.Equal(s.text[i:i+len(end)], end):
			s.at = i + len(end)
			return
		}
	}
	s.found = append(s.found, mistake{s.at, len(s.text) - s.at, "this text does not end", "close it with " + string(end)})
	s.at = len(s.text)
}

// wordMend is the mend of a word that is none of CEL's; "" of any other.
func wordMend(word string) string {
	switch strings.ToLower(word) {
	case "and":
		return "write &&"
	case "or":
		return "write ||"
	case "not":
		return "write ! before what must not hold: !(score > 70)"
	case "is", "equals":
		return "write =="
	case "like":
		return `write data.url.startsWith("/a"), or endsWith, contains or matches`
	case "between":
		return "write both bounds: score >= 5 && score <= 10"
	case "if", "then", "else", "when", "where":
		return "leave it out, or write condition ? this : that"
	default:
		return ""
	}
}

// word walks over a word. after says that it stands behind a number.
func (s *slipFinder) word(after bool) {
	from := s.at
	s.at = s.over(from, isWordRune)
	word, next := string(s.text[from:s.at]), s.spaces(s.at)
	switch {
	case from > 0 && s.text[from-1] == '.' || next < len(s.text) && s.text[next] == '.':
	case word == "in" && next < len(s.text) && s.text[next] == '(' && s.listed(next):
		s.slip(next, next+1, `a list stands in square brackets: in ["a", "b"]`)
	case after && slices.Contains([]string{"point", "points", "percent"}, word):
		s.slip(from, s.at, "write the number alone")
	default:
		if mend := wordMend(word); mend != "" {
			s.slip(from, s.at, mend)
		}
	}
}

// listed is whether the parenthesis that opens there holds several things.
func (s *slipFinder) listed(open int) bool {
	inner := &slipFinder{text: s.text[open+1:]}
	for inner.at < len(inner.text) && inner.depth >= 0 {
		if inner.depth == 0 && inner.text[inner.at] == ',' {
			return true
		}
		inner.next()
	}
	return false
}

// digits walks over a number.
func (s *slipFinder) digits() {
	from := s.at
	end := s.over(from, isDigit)
	whole := end
	for end+1 < len(s.text) && s.text[end] == '.' && isDigit(s.text[end+1]) {
		end = s.over(end+1, isDigit)
	}
	if strings.Count(string(s.text[from:end]), ".") > 1 {
		s.slip(from, end, "write the number without dots between its thousands")
	}
	s.at, s.number = end, true
	unit := s.over(end, unicode.IsLetter)
	switch {
	case slices.Contains([]string{"ms", "s", "m", "h", "d", "w"}, string(s.text[end:unit])):
		written := strconv.Quote(string(s.text[from:unit]))
		if !strings.HasSuffix(strings.TrimRightFunc(string(s.text[:from]), unicode.IsSpace), "duration(") {
			written = "duration(" + written + ")"
		}
		s.slip(from, unit, "write "+written)
		s.at = unit
	case unit > end: // 1e3, 0x1F, 5u
		s.at = s.over(end, isWordRune)
	case end < len(s.text) && s.text[end] == '%' && s.ends(end+1):
		s.slip(end, end+1, "write the number alone")
		s.at = end + 1
	case end == whole && s.depth == 0 && end < len(s.text) && s.text[end] == ',' && s.over(end+1, isDigit) == end+4:
		s.slip(end, end+1, "write the number without a comma between its thousands")
		s.at = end + 4
	}
}

// ends is whether an operand can't follow at that place, so that a % before it is no operator.
func (s *slipFinder) ends(at int) bool {
	next := s.spaces(at)
	return next == len(s.text) || strings.ContainsRune(")]&|?:,<>=", s.text[next])
}

// operatorMend is the mend of an operator that there is not; "" of any other.
func operatorMend(operator string) string {
	switch operator {
	case "=":
		return "write == to compare"
	case "===":
		return "write =="
	case "=>", ">==":
		return "write >="
	case "=<", "<==":
		return "write <="
	case "<>", "!==", "=!":
		return "write !="
	case "&":
		return "write &&"
	case "|":
		return "write ||"
	default:
		return ""
	}
}

// operator walks over an operator. A ! at its end belongs to what follows.
func (s *slipFinder) operator() {
	from := s.at
	s.at = s.over(from, func(c rune) bool { return strings.ContainsRune("=<>!&|", c) })
	for s.at > from+1 && s.text[s.at-1] == '!' && operatorMend(string(s.text[from:s.at])) == "" {
		s.at--
	}
	operator := string(s.text[from:s.at])
	if mend := operatorMend(operator); mend != "" {
		s.slip(from, s.at, mend)
		return
	}
	next := s.spaces(s.at)
	if operator != "&&" && operator != "||" || next >= len(s.text) || !strings.ContainsRune("=<>", s.text[next]) {
		return
	}
	end := s.over(next, func(c rune) bool { return strings.ContainsRune("=<>", c) })
	s.slip(next, end, "say again what is compared: score >= 5 && score <= 10")
	s.at = end
}

// sign walks over any other character.
func (s *slipFinder) sign(c rune) {
	from := s.at
	s.at++
	switch c {
	case '/':
		if s.at < len(s.text) && s.text[s.at] == '/' { // a comment
			s.at = s.over(s.at, func(c rune) bool { return c != '\n' })
		}
	case '(', '[', '{':
		s.depth++
	case ')', ']', '}':
		s.depth--
	case '≥':
		s.slip(from, s.at, "write >=")
	case '≤':
		s.slip(from, s.at, "write <=")
	case '≠':
		s.slip(from, s.at, "write !=")
	case '−', '–':
		s.slip(from, s.at, "write -")
	case '\u00a0':
		s.found = append(s.found, mistake{from, 1, "a no-break space can't stand here", "write a plain one"})
	case ';':
		s.slip(from, s.at, "leave it out")
	case '#':
		s.slip(from, s.at, "write // before a comment")
		s.at = s.over(s.at, func(c rune) bool { return c != '\n' })
	case '“', '”', '„', '‘', '’', '‚', '«', '»', '`':
		s.slip(from, s.at, `put texts into straight quotes: "a"`)
		end := s.over(s.at, func(c rune) bool { return !strings.ContainsRune("“”‘’«»`", c) })
		s.at = min(end+1, len(s.text))
	}
}

func dashMend(dashed string) string {
	return "- is minus; a name with a dash stands in brackets: " + dashed
}

// dashed is the name below data or profile that has a dash, as it must be written, of which the word at that place is taken
// for another; "" where there is none.
func (d *draft) dashed(at int) string {
	text := []rune(d.text)
	inName := func(c rune) bool { return c == '-' || c == '.' || isWordRune(c) }
	if at < 2 || at > len(text) || text[at-1] != '-' || !isWordRune(text[at-2]) {
		return ""
	}
	from, to := at, at
	for from > 0 && inName(text[from-1]) {
		from--
	}
	for to < len(text) && inName(text[to]) {
		to++
	}
	root, name, ok := strings.Cut(string(text[from:to]), ".")
	if !ok || root != "data" && root != "profile" {
		return ""
	}
	return dotted([]string{root, name})
}
