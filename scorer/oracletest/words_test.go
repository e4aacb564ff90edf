package oracletest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"text/scanner"
	"time"
)

// words is a condition or expression, ready to be asked: its value where those names have those values, and false where
// it has none, because a name is absent or of a type that can't be used so. Numbers are float64, durations too, in
// milliseconds.
type words func(value func(name string) (any, bool)) (any, bool)

// holds is whether a condition holds; whether it can be said is the second answer. No words at all always hold.
func (w words) holds(value func(string) (any, bool)) (holds, known bool) {
	if w == nil {
		return true, true
	}
	v, known := w(value)
	holds, isBool := v.(bool)
	return holds && known, known && isBool
}

// parse reads the part of CEL that drawn models use.
func parse(text string) words {
	p := &parser{}
	p.scan.Init(strings.NewReader(text))
	p.scan.Mode = scanner.ScanIdents | scanner.ScanFloats | scanner.ScanStrings
	p.scan.Error = func(_ *scanner.Scanner, message string) { panic(text + ": " + message) }
	p.next()
	w := p.choice()
	if p.tok != scanner.EOF {
		panic(fmt.Sprintf("%s: what is %q?", text, p.text))
	}
	return w
}

type parser struct {
	scan scanner.Scanner
	tok  rune
	text string
}

func (p *parser) next() {
	p.tok = p.scan.Scan()
	p.text = p.scan.TokenText()
	for _, pair := range []string{"&&", "||", ">=", "<=", "==", "!="} {
		if p.text == pair[:1] && p.scan.Peek() == rune(pair[1]) {
			p.scan.Scan()
			p.text = pair
		}
	}
}

// take steps over a token if it is next.
func (p *parser) take(text string) bool {
	if p.text != text || p.tok == scanner.String {
		return false
	}
	p.next()
	return true
}

func (p *parser) want(text string) {
	if !p.take(text) {
		panic(fmt.Sprintf("want %q, have %q", text, p.text))
	}
}

func (p *parser) choice() words {
	asked := p.either()
	if !p.take("?") {
		return asked
	}
	then := p.choice()
	p.want(":")
	other := p.choice()
	return func(value func(string) (any, bool)) (any, bool) {
		holds, known := asked.holds(value)
		switch {
		case !known:
			return nil, false
		case holds:
			return then(value)
		default:
			return other(value)
		}
	}
}

func (p *parser) either() words {
	w := p.both()
	for p.take("||") {
		w = decided(w, p.both(), true)
	}
	return w
}

func (p *parser) both() words {
	w := p.relation()
	for p.take("&&") {
		w = decided(w, p.relation(), false)
	}
	return w
}

// decided is a || b (by true) or a && b (by false): one side that says so decides, whether the other can be said or not.
func decided(a, b words, by bool) words {
	return func(value func(string) (any, bool)) (any, bool) {
		x, knownX := a.holds(value)
		y, knownY := b.holds(value)
		if knownX && x == by || knownY && y == by {
			return by, true
		}
		return !by, knownX && knownY
	}
}

func (p *parser) relation() words {
	a := p.sum()
	for _, op := range []string{">=", "<=", "==", "!=", ">", "<"} {
		if p.take(op) {
			return compared(op, a, p.sum())
		}
	}
	if !p.take("in") {
		return a
	}
	var items []words
	p.want("[")
	for !p.take("]") {
		items = append(items, p.sum())
		p.take(",")
	}
	return func(value func(string) (any, bool)) (any, bool) {
		v, known := a(value)
		return known && slices.ContainsFunc(items, func(w words) bool { item, _ := w(value); return item == v }), known
	}
}

func compared(op string, a, b words) words {
	return func(value func(string) (any, bool)) (any, bool) {
		v, knownV := a(value)
		w, knownW := b(value)
		if !knownV || !knownW {
			return nil, false
		}
		switch op {
		case "==":
			return v == w, true
		case "!=":
			return v != w, true
		}
		x, number := v.(float64)
		y, too := w.(float64)
		if !number || !too {
			return nil, false
		}
		return op == ">=" && x >= y || op == "<=" && x <= y || op == ">" && x > y || op == "<" && x < y, true
	}
}

func (p *parser) sum() words {
	w := p.product()
	for {
		switch {
		case p.take("+"):
			w = reckoned(w, p.product(), func(x, y float64) float64 { return x + y })
		case p.take("-"):
			w = reckoned(w, p.product(), func(x, y float64) float64 { return x - y })
		default:
			return w
		}
	}
}

func (p *parser) product() words {
	w := p.single()
	for {
		switch {
		case p.take("*"):
			w = reckoned(w, p.single(), func(x, y float64) float64 { return x * y })
		case p.take("/"):
			w = reckoned(w, p.single(), func(x, y float64) float64 { return x / y })
		default:
			return w
		}
	}
}

func reckoned(a, b words, do func(x, y float64) float64) words {
	return func(value func(string) (any, bool)) (any, bool) {
		v, knownV := a(value)
		w, knownW := b(value)
		x, number := v.(float64)
		y, too := w.(float64)
		return do(x, y), knownV && knownW && number && too
	}
}

func (p *parser) single() words {
	text, tok := p.text, p.tok
	p.next()
	switch {
	case text == "!":
		of := p.single()
		return func(value func(string) (any, bool)) (any, bool) {
			holds, known := of.holds(value)
			return !holds, known
		}
	case text == "-":
		return reckoned(constant(0.), p.single(), func(x, y float64) float64 { return x - y })
	case text == "(":
		w := p.choice()
		p.want(")")
		return w
	case tok == scanner.String:
		word, err := strconv.Unquote(text)
		if err != nil {
			panic(err)
		}
		return constant(word)
	case tok == scanner.Ident:
		return p.name(text)
	default:
		number, err := strconv.ParseFloat(text, 64)
		if err != nil {
			panic(err)
		}
		return constant(number)
	}
}

func constant(v any) words {
	return func(func(string) (any, bool)) (any, bool) { return v, true }
}

// name reads a dotted name, or a call: duration("5s"), has(data.x), data.url.startsWith("/p").
func (p *parser) name(text string) words {
	for p.take(".") {
		text += "." + p.text
		p.next()
	}
	if !p.take("(") {
		return func(value func(string) (any, bool)) (any, bool) { return value(text) }
	}
	if text == "has" {
		of := p.choice()
		p.want(")")
		return func(value func(string) (any, bool)) (any, bool) {
			_, there := of(value)
			return there, true
		}
	}
	argument := p.text
	p.next()
	p.want(")")
	word, err := strconv.Unquote(argument)
	if err != nil {
		panic(err)
	}
	if text == "duration" {
		d, err := time.ParseDuration(word)
		if err != nil {
			panic(err)
		}
		return constant(float64(d.Milliseconds()))
	}
	of, what, _ := cutLast(text, ".")
	return func(value func(string) (any, bool)) (any, bool) {
		v, known := value(of)
		s, isText := v.(string)
		if !known || !isText {
			return nil, false
		}
		return map[string]func(string, string) bool{
			"startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix, "contains": strings.Contains,
		}[what](s, word), true
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
