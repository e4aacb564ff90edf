package scorer

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a model file as YAML, so that no file takes long to read.
const (
	maxModelText  = 256 << 10 // bytes
	maxModelDepth = 16        // of nesting within one line
	maxModelKeys  = 10_000    // the parser takes time by the square of how many a mapping has
)

// decimalNumber is a number as people write it.
var decimalNumber = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// yamlKind is what stands at a place of the file.
type yamlKind uint8

const (
	yamlNull yamlKind = iota
	yamlMapping
	yamlSequence
	yamlText
	yamlNumber
	yamlBool
)

// String names the kind for people.
func (k yamlKind) String() string {
	return [...]string{"nothing", "a mapping", "a list", "a text", "a number", "true or false"}[k]
}

// yamlNode is a part of the file, with its place.
type yamlNode struct {
	kind yamlKind
	text string // of a scalar, without quotes and escapes
	// number is a number's value; plainDecimal is false where it is written in another way (hexadecimal, .inf).
	number       float64
	plainDecimal bool
	place        place
	pairs        []yamlPair
	items        []*yamlNode
}

// yamlPair is one entry of a mapping.
type yamlPair struct{ key, value *yamlNode }

// place is where something stands: from 1, in characters, and how many of them.
type place struct{ line, column, width int }

// parseYAML reads text strictly: one document, no anchors, aliases, tags, merges or directives. nil where a mistake was
// reported.
func (r *reader) parseYAML() *yamlNode {
	if !r.plausible() {
		return nil
	}
	tokens := lexer.Tokenize(r.text)
	if !r.allowed(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			r.failYAML(r.placeOf(syntax.GetToken()), syntax.GetMessage())
		} else {
			r.fail(place{1, 1, 1}, "", "the file is no YAML: %v", err)
		}
		return nil
	}
	var bodies []ast.Node
	for _, document := range file.Docs {
		if document.Body != nil {
			bodies = append(bodies, document.Body)
		}
	}
	switch len(bodies) {
	case 0:
		r.fail(place{1, 1, 1}, "begin with name: and version:", "the file is empty")
		return nil
	case 1:
		return r.convert(bodies[0])
	default:
		r.fail(r.placeOf(bodies[1].GetToken()), "put it in a file of its own", "a second document begins here; a model is one")
		return nil
	}
}

// plausible is whether the text can be a model file at all.
func (r *reader) plausible() bool {
	if len(r.text) > maxModelText {
		r.fail(place{line: 1, column: 1}, "", "the file has %d bytes; a model has at most %d", len(r.text), maxModelText)
		return false
	}
	for i, line := range r.lines {
		for at, c := range line {
			if c == utf8.RuneError || c < ' ' && c != '\t' || c == 0x7f {
				r.fail(place{i + 1, at + 1, 1}, "save the file as plain UTF-8 text", "a character that can't stand in a model")
				return false
			}
		}
	}
	return true
}

// allowed finds what YAML has and a model may not, before the parser meets it.
func (r *reader) allowed(tokens token.Tokens) bool {
	open, entries, line, keys := 0, 0, 0, 0
	for _, t := range tokens {
		switch t.Type {
		case token.InvalidType:
			r.failYAML(r.placeOf(t), invalidMessage(t))
			return false
		case token.MappingStartType, token.SequenceStartType:
			open++
		case token.MappingEndType, token.SequenceEndType:
			open--
		case token.MappingValueType:
			keys++
			if r.gluedColon(t) { // what follows can be read all the same
				r.fail(r.placeOf(t), "write key: value, or put the whole text into quotes", "there is no space behind this colon")
			}
		case token.SequenceEntryType:
			if t.Position.Line != line {
				entries, line = 0, t.Position.Line
			}
			entries++
		}
		var wrong, mend string
		switch what := refused(t.Type); {
		case t.Type == token.AnchorType && strings.HasPrefix(strings.TrimSpace(string(r.lines[r.placeOf(t).line-1])), "&&"):
			wrong, mend = "this line begins no further right than its key", "indent what goes on a condition deeper than its key"
		case what != "":
			wrong, mend = what+" can't stand in a model", "quote it if it is meant as text"
		case open > maxModelDepth || entries > maxModelDepth || t.Position.IndentNum > 8*maxModelDepth:
			wrong = "the file is nested too deeply"
		case keys > maxModelKeys:
			wrong = "the file has more than " + strconv.Itoa(maxModelKeys) + " keys"
		default:
			continue
		}
		r.fail(r.placeOf(t), mend, "%s", wrong)
		return false
	}
	return true
}

// gluedColon is whether t, the colon behind a key, is one that YAML takes for a letter, as in [b:1], and the lexer, within braces, for the end
// of a key. Behind a quoted key no space is needed.
func (r *reader) gluedColon(t *token.Token) bool {
	if t.Prev != nil && (t.Prev.Type == token.DoubleQuoteType || t.Prev.Type == token.SingleQuoteType) {
		return false
	}
	at := r.placeOf(t)
	behind := r.lines[at.line-1][at.column-1:]
	return len(behind) > 1 && behind[0] == ':' && !strings.ContainsRune(" \t,[]{}", behind[1])
}

// refused names what YAML has and a model may not; "" for the rest.
func refused(t token.Type) string {
	switch t {
	case token.AnchorType:
		return "an anchor (&)"
	case token.AliasType:
		return "an alias (*)"
	case token.TagType:
		return "a tag (!)"
	case token.MergeKeyType:
		return "a merge (<<)"
	case token.DirectiveType:
		return "a directive (%)"
	case token.MappingKeyType:
		return "a complex key (?)"
	default:
		return ""
	}
}

// invalidMessage is what the lexer found wrong with a token.
func invalidMessage(t *token.Token) string {
	if t.Error != "" {
		return t.Error
	}
	return "this is no YAML"
}

// placeOf is where a token stands. The end of the file counts as the end of its last line.
func (r *reader) placeOf(t *token.Token) place {
	p := place{max(1, t.Position.Line), max(1, t.Position.Column), 1}
	if p.line > len(r.lines) {
		p.line = len(r.lines)
		p.column = len(r.lines[p.line-1]) + 1
	}
	first, _, _ := strings.Cut(strings.TrimSpace(t.Origin), "\n")
	rest := len(r.lines[p.line-1]) + 1 - p.column
	p.width = max(1, min(utf8.RuneCountInString(strings.TrimSpace(first)), rest))
	return p
}

// convert makes our nodes of the parser's; nil where a mistake was reported.
func (r *reader) convert(n ast.Node) *yamlNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		out := &yamlNode{kind: yamlMapping, place: r.placeOf(n.GetToken())}
		for _, pair := range n.Values {
			r.convertPair(out, pair)
		}
		if len(out.pairs) > 0 && !n.IsFlowStyle {
			out.place = out.pairs[0].key.place
		}
		return out
	case *ast.MappingValueNode:
		out := &yamlNode{kind: yamlMapping}
		r.convertPair(out, n)
		out.place = out.pairs[0].key.place
		return out
	case *ast.SequenceNode:
		out := &yamlNode{kind: yamlSequence, place: r.placeOf(n.GetToken())}
		for _, item := range n.Values {
			out.items = append(out.items, r.convert(item))
		}
		return out
	case *ast.LiteralNode:
		return &yamlNode{kind: yamlText, text: n.Value.Value, place: r.placeOf(n.GetToken())}
	default:
		return r.convertScalar(n)
	}
}

// convertPair adds one entry to a mapping.
func (r *reader) convertPair(to *yamlNode, pair *ast.MappingValueNode) {
	key := &yamlNode{kind: yamlText, text: pair.Key.GetToken().Value, place: r.placeOf(pair.Key.GetToken())}
	value := r.convert(pair.Value)
	if value.kind == yamlNull {
		value.place = key.place // where there is nothing, the key is what can be shown
	}
	to.pairs = append(to.pairs, yamlPair{key, value})
}

// convertScalar makes a scalar.
func (r *reader) convertScalar(n ast.Node) *yamlNode {
	t := n.GetToken()
	out := &yamlNode{kind: yamlText, text: t.Value, place: r.placeOf(t)}
	switch n.(type) {
	case *ast.NullNode:
		out.kind = yamlNull
	case *ast.BoolNode:
		out.kind = yamlBool
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		out.kind = yamlNumber
		r.readNumber(out)
	case *ast.StringNode:
		// The parser takes 1e3 for a text.
		if t.Type == token.StringType && decimalNumber.MatchString(t.Value) {
			out.kind = yamlNumber
			r.readNumber(out)
		}
	default:
		r.fail(out.place, "", "this can't stand in a model")
	}
	return out
}

// readNumber sets the number of a scalar that looks like one.
func (r *reader) readNumber(n *yamlNode) {
	if decimalNumber.MatchString(n.text) {
		v, err := strconv.ParseFloat(n.text, 64)
		n.number, n.plainDecimal = v, err == nil
	}
}
