package scorer

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// maxNumber bounds every number of a model.
const maxNumber = 1e9

// maxNameLength bounds the names of a model, in bytes.
const maxNameLength = 64

// plainWord is what the names of models, rules, tiers, stages, grades and routes look like.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*$`)

// fields are the entries of one mapping of the file. A fields of nothing has none, and whatever is asked of it is
// absent, so that a mistake is told once.
type fields struct {
	r      *reader
	node   *yamlNode // nil: there is no such mapping
	what   string    // for people: `rule "demo"`
	values map[string]*yamlNode
}

// fields reads the mapping at n. what says whose it is.
func (r *reader) fields(n *yamlNode, what string, known ...string) *fields {
	f := &fields{r: r, what: what, values: map[string]*yamlNode{}}
	if n == nil {
		return f
	}
	if n.kind != yamlMapping {
		r.fail(n.place, "known keys: "+orNone(known), "%s must be a mapping, not %s", what, n.kind)
		return f
	}
	f.node = n
	for _, pair := range n.pairs {
		key := pair.key.text
		switch {
		case !slices.Contains(known, key):
			mend := didYouMean(key, known)
			if mend == "" {
				mend = "known: " + orNone(known)
			}
			r.fail(pair.key.place, mend, "unknown key %s", strconv.Quote(key))
		case f.values[key] != nil:
			r.fail(pair.key.place, "keep one", "the key %s stands here twice", strconv.Quote(key))
		default:
			f.values[key] = pair.value
		}
	}
	return f
}

// get is the value of a key; nil where it is absent.
func (f *fields) get(key string) *yamlNode { return f.values[key] }

// require reports keys that are missing.
func (f *fields) require(keys ...string) {
	if f.node == nil {
		return
	}
	for _, key := range keys {
		if f.get(key) == nil {
			f.r.fail(f.node.place, "add "+key+":", "%s has no %s", f.what, key)
		}
	}
}

// forbid reports keys that can't stand here.
func (f *fields) forbid(because string, keys ...string) {
	for _, key := range keys {
		if n := f.get(key); n != nil {
			f.r.fail(f.keyPlace(key), "leave it out", "%s has no %s", because, key)
		}
	}
}

// keyPlace is where a key stands.
func (f *fields) keyPlace(key string) place {
	for _, pair := range f.node.pairs {
		if pair.key.text == key {
			return pair.key.place
		}
	}
	return f.node.place
}

// text is a text of the file; "" where it is absent.
func (f *fields) text(key string) string {
	n := f.get(key)
	if n == nil {
		return ""
	}
	return f.r.textOf(n, key)
}

// textOf is the text at n; a number or a bool is one as well.
func (r *reader) textOf(n *yamlNode, what string) string {
	switch n.kind {
	case yamlText, yamlNumber, yamlBool:
		return n.text
	}
	r.fail(n.place, "", "%s must be a text, not %s", what, n.kind)
	return ""
}

// word is a name of letters, digits, and - _ . + in it.
func (f *fields) word(key, what string) string {
	n := f.get(key)
	if n == nil {
		return ""
	}
	return f.r.wordOf(n, what)
}

// wordOf is the name at n.
func (r *reader) wordOf(n *yamlNode, what string) string {
	text := r.textOf(n, what)
	if text != "" && (!plainWord.MatchString(text) || len(text) > maxNameLength) || text == "" && n.kind == yamlText {
		r.fail(n.place, "use letters (a to z), digits, - and _, at most "+strconv.Itoa(maxNameLength),
			"%s can't be %s", what, strconv.Quote(text))
	}
	return text
}

// identifierOf is the name at n, which conditions write after a dot.
func (r *reader) identifierOf(n *yamlNode, what string) string {
	if !isIdentifier(n.text) || len(n.text) > maxNameLength {
		r.fail(n.place, "use letters, digits and _, since conditions name it", "%s can't be called %s", what, strconv.Quote(n.text))
	}
	return n.text
}

// number is a number from min to max; where it is absent or wrong, fallback.
func (f *fields) number(key string, min, max, fallback float64) float64 {
	n := f.get(key)
	if n == nil {
		return fallback
	}
	if v, ok := f.r.numberOf(n, key, min, max); ok {
		return v
	}
	return fallback
}

// numberOf is the number at n, from min to max.
func (r *reader) numberOf(n *yamlNode, what string, min, max float64) (v float64, ok bool) {
	switch {
	case n.kind != yamlNumber:
		r.fail(n.place, "", "%s must be a number, not %s", what, n.kind)
	case !n.plainDecimal:
		r.fail(n.place, "write it like 10, -2.5 or 1e3", "%s must be a plain decimal number", what)
	case n.number < min || n.number > max || math.Abs(n.number) > maxNumber:
		r.fail(n.place, "", "%s must be %s", what, rangeOf(min, max))
	default:
		return n.number, true
	}
	return 0, false
}

// rangeOf says for people what a number must be.
func rangeOf(min, max float64) string {
	lowest, highest := strconv.FormatFloat(min, 'g', -1, 64), strconv.FormatFloat(max, 'g', -1, 64)
	switch {
	case min == math.SmallestNonzeroFloat64:
		return "above 0"
	case max >= maxNumber && min <= -maxNumber:
		return "at most a billion"
	case max >= maxNumber:
		return lowest + " or more"
	default:
		return lowest + " to " + highest
	}
}

// whole is a whole number from min to max; 0 where it is absent or wrong.
func (f *fields) whole(key string, min, max int) int {
	n := f.get(key)
	if n == nil {
		return 0
	}
	if n.kind != yamlNumber || !n.plainDecimal || n.number != math.Trunc(n.number) || n.number < float64(min) || n.number > float64(max) {
		bounds := strconv.Itoa(min) + " or more"
		if max < 1<<31-1 {
			bounds = strconv.Itoa(min) + " to " + strconv.Itoa(max)
		}
		f.r.fail(n.place, "", "%s must be a whole number, %s", key, bounds)
		return 0
	}
	return int(n.number)
}

// flag is true or false; false where it is absent.
func (f *fields) flag(key string) bool {
	n := f.get(key)
	if n == nil {
		return false
	}
	if n.kind != yamlBool {
		f.r.fail(n.place, "", "%s must be true or false", key)
	}
	return n.text == "true"
}

// duration is a duration of at least a millisecond; 0 where it is absent or wrong.
func (f *fields) duration(key string) time.Duration {
	n := f.get(key)
	if n == nil {
		return 0
	}
	const mend = "write it like 90m, 12h, 30d or 2w"
	if n.kind != yamlText {
		f.r.fail(n.place, mend, "%s must be a duration, not %s", key, n.kind)
		return 0
	}
	d, err := ParseDuration(n.text)
	switch {
	case err != nil:
		f.r.fail(n.place, mend, "%s: %v", key, err)
		return 0
	case d < time.Millisecond || d%time.Millisecond != 0:
		f.r.fail(n.place, mend, "%s must be one or more whole milliseconds", key)
		return 0
	}
	return d
}

// list is the items of a list of at most most; none where it is absent or wrong.
func (f *fields) list(key string, most int) []*yamlNode {
	n := f.get(key)
	if n == nil {
		return nil
	}
	if n.kind != yamlSequence {
		f.r.fail(n.place, "begin each item with a dash", "%s must be a list, not %s", key, n.kind)
		return nil
	}
	if len(n.items) > most {
		f.r.fail(n.items[most].place, "", "%s has %d items; at most %d can be", key, len(n.items), most)
		return n.items[:most]
	}
	return n.items
}

// entries are the entries of a mapping with free keys, at most most; duplicate keys are reported and left out.
func (f *fields) entries(key string, most int) []yamlPair {
	n := f.get(key)
	if n == nil {
		return nil
	}
	if n.kind != yamlMapping {
		f.r.fail(n.place, "write key: value, one for each", "%s must be a mapping, not %s", key, n.kind)
		return nil
	}
	var pairs []yamlPair
	seen := map[string]bool{}
	for _, pair := range n.pairs {
		if seen[pair.key.text] {
			f.r.fail(pair.key.place, "keep one", "the key %s stands here twice", strconv.Quote(pair.key.text))
			continue
		}
		seen[pair.key.text] = true
		pairs = append(pairs, pair)
	}
	if len(pairs) > most {
		f.r.fail(pairs[most].key.place, "", "%s has %d entries; at most %d can be", key, len(pairs), most)
		return pairs[:most]
	}
	return pairs
}
