package scorer

import "unicode"

// within is where the character at offset of a text stands in the file. It reads the text as it is written along with
// what it means, past quotes, escapes, line breaks and indentation.
func (r *reader) within(n *yamlNode, offset int) place {
	w := r.walkFrom(n)
	for i, c := range []rune(n.text) {
		if i == offset {
			break
		}
		if !w.pass(c) {
			return n.place
		}
	}
	if value := []rune(n.text); offset < len(value) && !unicode.IsSpace(value[offset]) {
		w.skipSpace()
		w.skipBreaks()
	}
	if w.line > len(r.lines) { // past the end of the file: the end of the text is shown
		return n.place
	}
	return place{w.line, w.column, 1}
}

// walk is a position in the file, on the way through a scalar.
type walk struct {
	lines        [][]rune
	line, column int // from 1
	quote        rune
}

// walkFrom is the position of the first character of a scalar's text.
func (r *reader) walkFrom(n *yamlNode) *walk {
	w := &walk{lines: r.lines, line: n.place.line, column: n.place.column}
	switch first := w.peek(); first {
	case '\'', '"':
		w.quote = first
		w.column++
	case '|', '>':
		w.line, w.column = w.line+1, 1
	}
	return w
}

// peek is the character here; a line ends in '\n', the file in 0.
func (w *walk) peek() rune {
	switch {
	case w.line > len(w.lines):
		return 0
	case w.column > len(w.lines[w.line-1]):
		return '\n'
	default:
		return w.lines[w.line-1][w.column-1]
	}
}

// step goes to the next character.
func (w *walk) step() {
	if w.peek() == '\n' {
		w.line, w.column = w.line+1, 1
		return
	}
	w.column++
}

// skipSpace goes past spaces and line breaks.
func (w *walk) skipSpace() {
	for unicode.IsSpace(w.peek()) {
		w.step()
	}
}

// skipBreaks goes past escaped line breaks, which stand for nothing.
func (w *walk) skipBreaks() {
	for w.quote == '"' && w.peek() == '\\' && w.column == len(w.lines[w.line-1]) {
		w.step()
		w.skipSpace()
	}
}

// pass goes past the writing of c; false where it is not what stands here.
func (w *walk) pass(c rune) bool {
	w.skipBreaks()
	if unicode.IsSpace(c) && w.peek() != '\\' {
		// A folded line break stands for one space. What is left of it is skipped before the next character.
		if unicode.IsSpace(w.peek()) {
			w.step()
		}
		return true
	}
	w.skipSpace()
	w.skipBreaks()
	at := w.peek()
	switch {
	case w.quote == '"' && at == '\\':
		w.step()
		escape := w.peek()
		for range 1 + map[rune]int{'x': 2, 'u': 4, 'U': 8}[escape] {
			w.step()
		}
		return true
	case w.quote == '\'' && at == '\'':
		w.step()
	case at != c:
		return false
	}
	w.step()
	return true
}
