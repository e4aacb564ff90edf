package scorer

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxModelErrors bounds how many mistakes of one file are told.
const maxModelErrors = 100

// ReadModel reads a model file. file is its name, for the errors. All mistakes are told at once, as ModelErrors.
func ReadModel(file string, text []byte) (*Model, error) {
	r := newReader(file, text)
	r.judge = r.checkConditions
	return r.read(text)
}

// newReader is a reader of that file that takes a model for right if its parts are.
func newReader(file string, text []byte) *reader {
	clean := strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n")
	r := &reader{file: file, text: clean, words: &vocabulary{lead: leadNames()}, places: map[*condition]*yamlNode{}, judge: func(*Model) {}}
	if len(text) <= maxModelText {
		for line := range strings.SplitSeq(clean, "\n") {
			r.lines = append(r.lines, []rune(line))
		}
	}
	return r
}

// read reads the file. text is it as it came.
func (r *reader) read(text []byte) (*Model, error) {
	model := &Model{Text: bytes.Clone(text)}
	if root := r.parseYAML(); root != nil {
		if err := r.readModel(root, model); err != nil {
			return nil, fmt.Errorf("reading the model %s: %w", r.file, err)
		}
	}
	if len(r.errs) > 0 {
		return nil, r.sorted()
	}
	return model, nil
}

// reader reads one model file and collects its mistakes.
type reader struct {
	file     string
	text     string // with \n alone at the ends of lines
	lines    [][]rune
	errs     ModelErrors
	words    *vocabulary
	language *language
	decays   []decay // of the groups, in their order

	judge func(*Model) // looks at the model as a whole

	// faults is how many mistakes there are besides those of conditions, doubts what follows from them, places where
	// conditions stand.
	faults int
	doubts doubts
	ranges *ranges
	places map[*condition]*yamlNode
	whens  []*yamlNode // of the tiers
	work   int         // nodes that the checks of conditions may still look at
}

// fail records a mistake.
func (r *reader) fail(at place, mend, format string, args ...any) {
	r.faults++
	r.record(at, mend, format, args...)
}

func (r *reader) record(at place, mend, format string, args ...any) {
	if len(r.errs) > 10*maxModelErrors {
		return // more than anybody reads
	}
	message := fmt.Sprintf(format, args...)
	r.errs = append(r.errs, ModelError{
		File: r.file, Line: at.line, Column: at.column, Message: message, Mend: mend, Source: r.excerpt(at),
	})
}

// sorted are the mistakes in the order of the file, each once.
func (r *reader) sorted() ModelErrors {
	slices.SortStableFunc(r.errs, func(a, b ModelError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	errs := slices.Compact(r.errs)
	if len(errs) <= maxModelErrors {
		return errs
	}
	more := ModelError{File: r.file, Line: errs[maxModelErrors].Line, Column: errs[maxModelErrors].Column,
		Message: strconv.Itoa(len(errs)-maxModelErrors) + " more mistakes from here on"}
	return append(errs[:maxModelErrors:maxModelErrors], more)
}

// excerpt shows the line of a mistake with carets below it, long lines cut to what is around it.
func (r *reader) excerpt(at place) string {
	if at.width == 0 {
		return ""
	}
	const before, around = 80, 120
	line := r.lines[at.line-1]
	from := 0
	if len(line) > around {
		from = max(0, at.column-1-before)
	}
	shown := slices.Clone(line[min(from, len(line)):min(from+around, len(line))])
	lead := slices.Clone(shown[:min(at.column-1-from, len(shown))])
	for i, c := range lead {
		if c != '\t' { // a tab below a tab keeps the carets in place
			lead[i] = ' '
		}
	}
	if from > 0 {
		shown[0] = '…'
	}
	if from+around < len(line) {
		shown[len(shown)-1] = '…'
	}
	width := max(1, min(at.width, len(shown)-len(lead)))
	number := strconv.Itoa(at.line)
	return fmt.Sprintf("%5s | %s\n%5s | %s%s", number, string(shown), "", string(lead), strings.Repeat("^", width))
}

// readModel reads the whole file: the names first, since conditions anywhere may use them. Its error is no mistake of
// the file.
func (r *reader) readModel(root *yamlNode, m *Model) error {
	f := r.fields(root, "a model", "name", "version", "engagement", "fit", "qualification", "tiers", "stages", "rank")
	misspelled := r.faults > 0 // any section that seems to be absent may be there
	f.require("name", "version", "tiers")
	m.Name = f.word("name", "a model's name")
	m.Version = f.whole("version", 1, 1<<31-1)
	var engagement, fit *fields
	r.doubts.engagement = r.faulty(func() {
		engagement = r.fields(f.get("engagement"), "engagement", "min", "max", "groups", "rules")
	}) || misspelled && engagement.node == nil
	r.readGroups(engagement, m)
	r.doubts.fit = r.faulty(func() {
		fit = r.fields(f.get("fit"), "fit", "max", "rules", "grades")
		r.readGrades(fit, m)
	}) || misspelled && fit.node == nil
	r.doubts.qualification = r.faulty(func() { r.readQualification(f, m) }) || misspelled && f.get("qualification") == nil
	r.words.tiers = r.namesOf(f.get("tiers"))
	r.words.stages = r.namesOf(f.get("stages"))

	var err error
	if r.language, err = newLanguage(r.words); err != nil {
		return err
	}
	r.readEngagement(engagement, m)
	r.doubts.fit = r.faulty(func() { r.readFit(fit, m) }) || r.doubts.fit
	r.checkRuleIDs(engagement, fit)
	r.readTiers(f, m)
	r.readStages(f, m)
	if n := f.get("rank"); n != nil {
		m.rank = r.expression(n, seesLead)
	}
	m.stills, m.reads = r.words.stills, r.words.reads
	r.judge(m)
	return nil
}

// faulty is whether read finds mistakes, besides those of conditions.
func (r *reader) faulty(read func()) bool {
	before := r.faults
	read()
	return r.faults > before
}

// condition compiles the condition at n; nil where there is none or it is wrong.
func (r *reader) condition(n *yamlNode, what sight) *condition {
	text, ok := r.source(n, "a condition")
	if !ok {
		return nil
	}
	c, mistakes := r.language.condition(text, what)
	if len(mistakes) > 0 {
		r.failIn(n, mistakes)
		return nil
	}
	c.text = text
	r.places[c] = n
	return c
}

// expression compiles the expression at n; nil where it is wrong.
func (r *reader) expression(n *yamlNode, what sight) *expression {
	text, ok := r.source(n, "an expression")
	if !ok {
		return nil
	}
	e, mistakes := r.language.expression(text, what)
	r.failIn(n, mistakes)
	if e != nil {
		e.text = text
	}
	return e
}

// source is the text of a condition or expression, which YAML may have taken for a number or a bool.
func (r *reader) source(n *yamlNode, what string) (string, bool) {
	switch {
	case n == nil:
		return "", false
	case n.kind == yamlNull || n.kind == yamlMapping || n.kind == yamlSequence:
		r.fail(n.place, "write it in quotes", "%s is a text, not %s", what, n.kind)
		return "", false
	case strings.TrimSpace(n.text) == "":
		r.fail(n.place, "leave the key out if there is none", "%s is empty", what)
		return "", false
	default:
		return n.text, true
	}
}

// failIn records mistakes of the condition at n, each where it stands in the file.
func (r *reader) failIn(n *yamlNode, mistakes []mistake) {
	for _, m := range mistakes {
		at := r.within(n, m.offset)
		at.width = m.width
		r.record(at, m.mend, "%s", m.message)
	}
}
