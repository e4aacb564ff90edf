package scorer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
)

// Bounds of one condition or expression, so that no model file can take long to compile or to evaluate.
const (
	maxConditionLength = 4096
	maxConditionNodes  = 2000
	maxConditionDepth  = 64
)

// language compiles the conditions and expressions of one model.
type language struct {
	words *vocabulary
	env   *cel.Env
	parts map[*condition][]part // of the conditions compiled so far
}

// part is one of the conditions that a condition joins by &&, or all of it: what it is, and where it stands.
type part struct {
	root          boolNode
	text          string
	offset, width int
}

// newLanguage is the language of a model with these words.
func newLanguage(words *vocabulary) (*language, error) {
	env, err := cel.NewEnv(
		ext.Strings(),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxConditionLength),
		cel.ParserRecursionLimit(maxConditionDepth),
		cel.ParserErrorRecoveryLimit(4),
		cel.ExpressionNodeLimit(maxConditionNodes),
		cel.ExpressionNestingDepthLimit(4*maxConditionDepth),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals()),
	)
	if err != nil {
		return nil, fmt.Errorf("preparing the language of conditions: %w", err)
	}
	return &language{words: words, env: env, parts: map[*condition][]part{}}, nil
}

// mistake is what is wrong with a condition, offset characters into its text.
type mistake struct {
	offset, width int
	message, mend string
}

// condition compiles a `when`.
func (l *language) condition(text string, what sight) (*condition, []mistake) {
	d := l.draft(text, what)
	if len(d.mistakes) > 0 {
		return nil, d.mistakes
	}
	root := d.checked.Expr()
	if kind := d.kindOf(root); kind != types.BoolKind && kind != types.DynKind {
		d.wrong(root, "a condition must be true or false, and this is "+describe(kind), "compare it with something")
		return nil, d.mistakes
	}
	l.words.reads.note(what, d.names)
	c := &condition{root: d.truth(root), moving: d.moves(root)}
	l.parts[c] = d.parts(c.root, root)
	return c, d.mistakes
}

// parts are what the condition n, built of e, joins by &&.
func (d *draft) parts(n boolNode, e celast.Expr) []part {
	var all []part
	var joints []int // where each && begins
	var split func(n boolNode, e celast.Expr)
	split = func(n boolNode, e celast.Expr) {
		if and, ok := n.(*andNode); ok {
			at, _ := d.ast.SourceInfo().GetOffsetRange(e.ID())
			split(and.left, e.AsCall().Args()[0])
			joints = append(joints, int(at.Start))
			split(and.right, e.AsCall().Args()[1])
			return
		}
		start := d.start(e)
		all = append(all, part{root: n, offset: start, width: wordAt(d.text, start)})
	}
	split(n, e)
	text, from := []rune(d.text), 0
	for i := range all {
		to := len(text)
		if i < len(joints) {
			to = min(max(joints[i], from), len(text))
		}
		all[i].text = balanced(string(text[from:to]))
		from = min(to+len("&&"), len(text))
	}
	return all
}

// balanced is text without the parentheses around it that end or begin elsewhere, and without line breaks.
func balanced(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for surplus := strings.Count(text, "(") - strings.Count(text, ")"); surplus != 0; {
		before := text
		if surplus > 0 {
			text, surplus = strings.TrimPrefix(text, "("), surplus-1
		} else {
			text, surplus = strings.TrimSuffix(text, ")"), surplus+1
		}
		if text = strings.TrimSpace(text); text == before {
			break
		}
	}
	return text
}

// expression compiles a `points` or `rank`.
func (l *language) expression(text string, what sight) (*expression, []mistake) {
	d := l.draft(text, what)
	if len(d.mistakes) > 0 {
		return nil, d.mistakes
	}
	root := d.checked.Expr()
	if kind := d.kindOf(root); !isNumeric(kind) && kind != types.DynKind {
		d.wrong(root, "this must be a number, and it is "+describe(kind), "")
		return nil, d.mistakes
	}
	l.words.reads.note(what, d.names)
	e := &expression{root: d.comparand(root)}
	return e, d.mistakes
}

// draft is one condition on its way from text to nodes.
type draft struct {
	*language
	what     sight
	text     string
	ast      *celast.AST
	env      *cel.Env // with the names that occur
	checked  *celast.AST
	names    map[string]name
	starts   map[int64]int // where a name begins, by the ID of its expression
	build    celast.ExprFactory
	mistakes []mistake
}

// draft parses and checks text. Names become plain identifiers, and whole numbers become doubles where they meet one.
func (l *language) draft(text string, what sight) *draft {
	d := &draft{language: l, what: what, text: text, names: map[string]name{}, starts: map[int64]int{}, build: celast.NewExprFactory()}
	if utf8.RuneCountInString(text) > maxConditionLength {
		d.mistakes = append(d.mistakes, mistake{0, 1, "the condition is longer than " + strconv.Itoa(maxConditionLength) + " characters", "split it"})
		return d
	}
	parsed, issues := l.env.Parse(text)
	if d.report(issues); len(d.mistakes) > 0 {
		if known := slips(text); len(known) > 0 {
			d.mistakes = known
		} else {
			d.mistakes = d.mistakes[:1] // the rest follow from it
		}
		return d
	}
	d.ast = parsed.NativeRep()
	d.resolve(d.ast.Expr(), nil)
	d.checkTexts(d.ast.Expr())
	if len(d.mistakes) > 0 {
		return d
	}
	d.relax(d.ast.Expr())
	d.toDouble(d.ast.Expr())
	variables := make([]cel.EnvOption, 0, len(d.names))
	for _, n := range d.names {
		variables = append(variables, cel.Variable(n.text, n.celType))
	}
	var err error
	if d.env, err = l.env.Extend(variables...); err != nil {
		d.wrong(d.ast.Expr(), err.Error(), "")
		return d
	}
	checked, issues := d.env.Check(parsed)
	if d.report(issues); len(d.mistakes) == 0 {
		d.checked = checked.NativeRep()
	}
	return d
}

// report takes over the mistakes that CEL found.
func (d *draft) report(issues *cel.Issues) {
	for _, issue := range issues.Errors() {
		offset := lineOffset(d.text, issue.Location.Line()) + issue.Location.Column()
		message, mend := readable(issue.Message)
		if dashed := d.dashed(offset + 1); dashed != "" && strings.HasPrefix(message, "- ") {
			mend = dashMend(dashed)
		}
		d.mistakes = append(d.mistakes, mistake{max(0, offset), wordAt(d.text, offset), message, mend})
	}
}

// wrong records a mistake at e.
func (d *draft) wrong(e celast.Expr, message, mend string) {
	start := d.start(e)
	d.mistakes = append(d.mistakes, mistake{start, wordAt(d.text, start), message, mend})
}

// start is where e begins.
func (d *draft) start(e celast.Expr) int {
	e = leftmost(e)
	if start, ok := d.starts[e.ID()]; ok {
		return start
	}
	at, _ := d.ast.SourceInfo().GetOffsetRange(e.ID())
	return int(at.Start)
}

// leftmost is the expression whose first character is that of e.
func leftmost(e celast.Expr) celast.Expr {
	for {
		switch e.Kind() {
		case celast.SelectKind:
			e = e.AsSelect().Operand()
		case celast.CallKind:
			call := e.AsCall()
			_, infix := operators.FindReverseBinaryOperator(call.FunctionName())
			switch {
			case call.IsMemberFunction():
				e = call.Target()
			case infix || call.FunctionName() == operators.Conditional || call.FunctionName() == operators.Index:
				e = call.Args()[0]
			default:
				return e
			}
		default:
			return e
		}
	}
}

// lineOffset is how many characters of text stand before its line (from 1).
func lineOffset(text string, line int) int {
	offset := 0
	for ; line > 1; line-- {
		before, after, ok := strings.Cut(text, "\n")
		if !ok {
			break
		}
		offset += utf8.RuneCountInString(before) + 1
		text = after
	}
	return offset
}

// wordAt is how many characters the dotted word or the quoted text at offset takes; 1 where there is none.
func wordAt(text string, offset int) int {
	rest := []rune(text)
	rest = rest[min(max(0, offset), len(rest)):]
	if len(rest) > 0 && (rest[0] == '"' || rest[0] == '\'') {
		return 2 + max(0, slices.Index(rest[1:], rest[0]))
	}
	width := slices.IndexFunc(rest, func(c rune) bool { return c != '.' && !isIdentifier("_"+string(c)) })
	if width < 0 {
		width = len(rest)
	}
	return max(1, width)
}

// readable turns CEL's words into ours where CEL's are of its making.
func readable(message string) (text, mend string) {
	if before, after, ok := strings.Cut(strings.TrimSuffix(message, ")"), " (did you mean "); ok {
		message, mend = before, "did you mean "+strings.ReplaceAll(after, "'", `"`)
	}
	if rest, ok := strings.CutPrefix(message, "Syntax error: "); ok {
		rest, _, _ = strings.Cut(rest, " expecting ")
		if sign, ok := strings.CutPrefix(rest, "token recognition error at: "); ok {
			rest = "unexpected " + sign
		}
		return strings.NewReplacer("mismatched input", "unexpected", "extraneous input", "unexpected",
			"no viable alternative at input", "unexpected", "'<EOF>'", "end of the condition").Replace(rest), mend
	}
	if rest, ok := strings.CutPrefix(message, "found no matching overload for '"); ok {
		function, arguments, _ := strings.Cut(rest, "' applied to '")
		if symbol, ok := operators.FindReverse(function); ok && symbol != "" {
			function = symbol
		}
		words := strings.NewReplacer(".(", " and ", ", ", " and ", "(", "", ")", "", "'", "",
			"double", "number", "int", "whole number", "string", "text", "dyn", "anything")
		switch arguments = words.Replace(arguments); arguments {
		case "duration and number", "duration and text", "duration and whole number":
			mend = `write durations as duration("30d")`
		case "number and text", "whole number and text":
			mend = "compare a number with a number, without quotes"
		case "text and number", "text and whole number":
			mend = `compare a text with a text, in quotes: "A"`
		}
		return function + " does not work on " + arguments, mend
	}
	if message == "expected type 'bool' but found 'string'" {
		return "this is a text, and true or false must stand here", `say again what is compared: fit.grade == "A" || fit.grade == "B", or fit.grade in ["A", "B"]`
	}
	if rest, ok := strings.CutPrefix(message, "undeclared reference to "); ok {
		switch strings.Trim(rest, "'") {
		case "len":
			mend = "write size()"
		case "not", "NOT", "Not":
			mend = wordMend("not")
		}
		return "there is no function or variable " + strings.ReplaceAll(rest, "'", `"`), mend
	}
	if message == "invalid matches argument" {
		return "this is no regular expression", "its syntax is RE2's"
	}
	return message, mend
}

// describe names a type for people.
func describe(kind types.Kind) string {
	switch kind {
	case types.DoubleKind, types.IntKind, types.UintKind:
		return "a number"
	case types.StringKind:
		return "a text"
	case types.BoolKind:
		return "true or false"
	case types.DurationKind:
		return "a duration"
	case types.ListKind:
		return "a list"
	default:
		return "something else"
	}
}

// resolve turns every name below e into one identifier, so that CEL and the nodes need not know how names are made.
// locals are the variables of the macros around e.
func (d *draft) resolve(e celast.Expr, locals []string) {
	if d.resolveName(e, locals) {
		return
	}
	switch e.Kind() {
	case celast.SelectKind:
		d.resolve(e.AsSelect().Operand(), locals)
	case celast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			d.resolve(call.Target(), locals)
		}
		for _, arg := range call.Args() {
			d.resolve(arg, locals)
		}
		switch called := call.FunctionName(); called {
		case "duration":
			d.readDuration(call)
		case "replace", "join", "format":
			d.wrong(e, called+" can't be used: of two long texts it makes one that no memory holds", "compare the texts as they are")
		}
	case celast.ListKind:
		for _, element := range e.AsList().Elements() {
			d.resolve(element, locals)
		}
	case celast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			d.resolve(entry.AsMapEntry().Key(), locals)
			d.resolve(entry.AsMapEntry().Value(), locals)
		}
	case celast.ComprehensionKind:
		d.resolveMacro(e, locals)
	}
}

// resolveMacro resolves below a macro: exists, all, filter, map.
func (d *draft) resolveMacro(e celast.Expr, locals []string) {
	macro := e.AsComprehension()
	for _, variable := range []string{macro.IterVar(), macro.IterVar2()} {
		if slices.Contains(d.words.roots(), variable) {
			d.wrong(e, "a macro's variable can't be called "+variable+": that is a name of the model", "call it x")
			return
		}
	}
	d.resolve(macro.IterRange(), locals)
	inner := append(slices.Clone(locals), macro.IterVar(), macro.IterVar2(), macro.AccuVar())
	d.resolve(macro.AccuInit(), locals)
	for _, part := range []celast.Expr{macro.LoopCondition(), macro.LoopStep(), macro.Result()} {
		d.resolve(part, inner)
	}
}

// resolveName resolves e where all of it is a name; else it says false.
func (d *draft) resolveName(e celast.Expr, locals []string) bool {
	path, has := pathOf(e)
	if path == nil || slices.Contains(locals, path[0]) || strings.HasPrefix(path[0], "@") {
		return false
	}
	if len(path) == 1 && isType(path[0]) {
		return true
	}
	n, used, wrong := d.words.resolve(path, d.what)
	if wrong != nil {
		if dashed := d.dashed(d.start(e)); dashed != "" {
			wrong.mend = dashMend(dashed)
		}
		d.wrong(e, wrong.message, wrong.mend)
		return true
	}
	if used < len(path) {
		return false
	}
	if has {
		n.text, n.has, n.celType = "has("+n.text+")", true, cel.BoolType
	}
	d.names[n.text] = n
	d.starts[e.ID()] = d.start(e)
	e.SetKindCase(d.build.NewIdent(e.ID(), n.text))
	return true
}

// isType is whether CEL knows word as a type, as in type(data.x) == string.
func isType(word string) bool {
	return slices.Contains([]string{"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "uint"}, word)
}

// pathOf is the path that e spells, and whether has(…) asks for it; nil where e is something else.
func pathOf(e celast.Expr) (path []string, has bool) {
	for {
		switch e.Kind() {
		case celast.IdentKind:
			path = append(path, e.AsIdent())
			slices.Reverse(path)
			return path, has
		case celast.SelectKind:
			sel := e.AsSelect()
			if sel.IsTestOnly() {
				if len(path) > 0 {
					return nil, false
				}
				has = true
			}
			path, e = append(path, sel.FieldName()), sel.Operand()
		case celast.CallKind:
			call := e.AsCall()
			if call.FunctionName() != operators.Index || call.Args()[1].Kind() != celast.LiteralKind {
				return nil, false
			}
			key, ok := call.Args()[1].AsLiteral().(types.String)
			if !ok {
				return nil, false
			}
			path, e = append(path, string(key)), call.Args()[0]
		default:
			return nil, false
		}
	}
}

// readDuration lets duration("30d") mean what it means elsewhere in the model.
func (d *draft) readDuration(call celast.CallExpr) {
	if len(call.Args()) != 1 || call.Args()[0].Kind() != celast.LiteralKind {
		return
	}
	literal := call.Args()[0]
	text, ok := literal.AsLiteral().(types.String)
	if !ok {
		return
	}
	duration, err := ParseDuration(string(text))
	if err != nil {
		d.wrong(literal, err.Error(), "write it like 90m, 12h, 30d or 2w")
		return
	}
	literal.SetKindCase(d.build.NewLiteral(literal.ID(), types.String(duration.String())))
}

// durationOf is the duration that e is, and whether it is one by a literal.
func durationOf(e celast.Expr) (time.Duration, bool) {
	if e.Kind() != celast.CallKind || e.AsCall().FunctionName() != "duration" || len(e.AsCall().Args()) != 1 {
		return 0, false
	}
	literal := e.AsCall().Args()[0]
	if literal.Kind() != celast.LiteralKind {
		return 0, false
	}
	text, ok := literal.AsLiteral().(types.String)
	if !ok {
		return 0, false
	}
	duration, err := time.ParseDuration(string(text))
	return duration, err == nil
}
