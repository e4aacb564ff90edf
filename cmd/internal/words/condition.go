package words

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/hotlead/hotlead/scorer"
)

// speaker says what conditions and expressions mean. What it has no words for stays as the model writes it, in code.
type speaker struct {
	env    *cel.Env
	labels map[string]string // of criteria, by name
	source *ast.SourceInfo   // of the condition in hand
}

// newSpeaker speaks of a model whose criteria have these labels.
func newSpeaker(labels map[string]string) (*speaker, error) {
	env, err := cel.NewEnv(cel.EnableMacroCallTracking())
	if err != nil {
		return nil, fmt.Errorf("making the reader of conditions: %w", err)
	}
	return &speaker{env: env, labels: labels}, nil
}

// condition says what a condition asks for.
func (s *speaker) condition(text string) string {
	root := s.parse(text)
	if root == nil {
		return code(text)
	}
	said, _ := s.clause(root)
	return said
}

// worth says how many points an expression gives.
func (s *speaker) worth(text string) string {
	if root := s.parse(text); root != nil {
		return s.choices(root)
	}
	return "as many points as " + code(text)
}

// choices says what a chain of a ? 1 : b ? 2 : 3 gives.
func (s *speaker) choices(e ast.Expr) string {
	var parts []string
	for isCall(e, operators.Conditional) {
		args := e.AsCall().Args()
		said, _ := s.clause(args[0])
		parts = append(parts, s.amount(args[1])+" if "+said)
		e = args[2]
	}
	if len(parts) == 0 {
		return s.amount(e)
	}
	return strings.Join(append(parts, "else "+s.amount(e)), "; ")
}

// amount says how many points a part of an expression gives.
func (s *speaker) amount(e ast.Expr) string {
	if value, ok := literalNumber(e); ok {
		return points(value)
	}
	if path, has := pathOf(e); path != nil && !has {
		return "as many points as " + s.name(path)
	}
	if isCall(e, operators.Subtract) { // 0.0 - engagement.score
		args := e.AsCall().Args()
		path, has := pathOf(args[1])
		if value, ok := literalNumber(args[0]); ok && value == 0 && path != nil && !has {
			return "minus as many points as " + s.name(path)
		}
	}
	return "as many points as " + s.unsaid(e)
}

func (s *speaker) parse(text string) ast.Expr {
	parsed, issues := s.env.Parse(text)
	if issues.Err() != nil {
		return nil
	}
	s.source = parsed.NativeRep().SourceInfo()
	return parsed.NativeRep().Expr()
}

// joint is what holds a clause together, which says where it needs brackets.
type joint uint8

const (
	single joint = iota
	byAnd
	byOr
)

// clause says what a part of a condition asks for.
func (s *speaker) clause(e ast.Expr) (string, joint) {
	if e.Kind() == ast.CallKind {
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.LogicalAnd:
			return s.joined(e, operators.LogicalAnd, "and", byAnd), byAnd
		case operators.LogicalOr:
			return s.joined(e, operators.LogicalOr, "or", byOr), byOr
		case operators.LogicalNot:
			return s.negated(call.Args()[0])
		}
		if said, ok := s.test(call, true); ok {
			return said, single
		}
	}
	if said, ok := s.truth(e, true); ok {
		return said, single
	}
	return s.unsaid(e), single
}

// joined says all the parts that one operator joins.
func (s *speaker) joined(e ast.Expr, operator, word string, as joint) string {
	var parts []string
	var collect func(ast.Expr)
	collect = func(e ast.Expr) {
		if isCall(e, operator) {
			for _, arg := range e.AsCall().Args() {
				collect(arg)
			}
			return
		}
		said, joint := s.clause(e)
		if joint != single && joint != as {
			said = "(" + said + ")"
		}
		parts = append(parts, said)
	}
	collect(e)
	return strings.Join(parts, ", "+word+" ")
}

// negated says that a part must not hold.
func (s *speaker) negated(e ast.Expr) (string, joint) {
	if e.Kind() == ast.CallKind {
		if said, ok := s.test(e.AsCall(), false); ok {
			return said, single
		}
	}
	if said, ok := s.truth(e, false); ok {
		return said, single
	}
	if said, joint := s.clause(e); joint != single {
		return "not (" + said + ")", single
	}
	return "not " + s.unsaid(e), single
}

// truth says a name that is true or false by itself, and has(name).
func (s *speaker) truth(e ast.Expr, holds bool) (string, bool) {
	path, has := pathOf(e)
	switch {
	case path == nil:
		return "", false
	case has && holds:
		return s.name(path) + " is known", true
	case has:
		return s.name(path) + " is not known", true
	case strings.Join(path, ".") == "qualification.complete" && holds:
		return "all criteria are rated", true
	case strings.Join(path, ".") == "qualification.complete":
		return "not all criteria are rated", true
	case holds:
		return s.name(path) + " is true", true
	default:
		return s.name(path) + " is not true", true
	}
}

// comparisons are said so, and so where they must not hold, and turned round so.
var comparisons = map[string]struct{ said, unsaid, turned string }{
	operators.GreaterEquals: {"is at least", "is below", operators.LessEquals},
	operators.Greater:       {"is above", "is at most", operators.Less},
	operators.LessEquals:    {"is at most", "is above", operators.GreaterEquals},
	operators.Less:          {"is below", "is at least", operators.Greater},
	operators.Equals:        {"is", "is not", operators.Equals},
	operators.NotEquals:     {"is not", "is", operators.NotEquals},
}

// test says a comparison, membership or test of a text.
func (s *speaker) test(call ast.CallExpr, holds bool) (string, bool) {
	if call.IsMemberFunction() {
		return s.textTest(call, holds)
	}
	args := call.Args()
	if len(args) != 2 {
		return "", false
	}
	if call.FunctionName() == operators.In {
		return s.membership(args[0], args[1], holds)
	}
	how, known := comparisons[call.FunctionName()]
	if !known {
		return "", false
	}
	left, right := args[0], args[1]
	if left.Kind() == ast.LiteralKind && right.Kind() != ast.LiteralKind {
		left, right, how = right, left, comparisons[how.turned]
	}
	word := how.said
	if !holds {
		word = how.unsaid
	}
	path, has := pathOf(left)
	if path == nil || has {
		return "", false
	}
	if value, ok := literalText(right); ok && value == "" {
		return s.emptiness(path, word == "is")
	}
	value, ok := s.value(right)
	if !ok {
		return "", false
	}
	if isStanding(path) {
		value = strings.Trim(value, "“”")
	}
	return s.name(path) + " " + word + " " + value, true
}

// emptiness says that a text is "" or is not.
func (s *speaker) emptiness(path []string, empty bool) (string, bool) {
	said := map[string][2]string{
		"qualification.disposition": {"there is no disposition yet", "there is a disposition"},
		"stage":                     {"no stage is reached yet", "a stage is reached"},
	}[strings.Join(path, ".")]
	switch {
	case said[0] == "" && empty:
		return s.name(path) + " is empty", true
	case said[0] == "":
		return s.name(path) + " is not empty", true
	case empty:
		return said[0], true
	default:
		return said[1], true
	}
}

// membership says name in [a, b, c].
func (s *speaker) membership(left, right ast.Expr, holds bool) (string, bool) {
	if text, ok := literalText(left); ok { // "vip" in data.tags
		path, has := pathOf(right)
		switch {
		case path == nil || has:
			return "", false
		case holds:
			return s.name(path) + " has “" + text + "” in it", true
		default:
			return s.name(path) + " does not have “" + text + "” in it", true
		}
	}
	path, has := pathOf(left)
	if path == nil || has || right.Kind() != ast.ListKind || len(right.AsList().Elements()) == 0 {
		return "", false
	}
	var values []string
	for _, element := range right.AsList().Elements() {
		value, ok := s.value(element)
		if !ok {
			return "", false
		}
		if isStanding(path) {
			value = strings.Trim(value, "“”")
		}
		values = append(values, value)
	}
	if holds {
		return s.name(path) + " is " + list(values, "or"), true
	}
	if len(values) == 1 {
		return s.name(path) + " is not " + values[0], true
	}
	return s.name(path) + " is neither " + list(values, "nor"), true
}

// textTest says text.startsWith(part) and its like.
func (s *speaker) textTest(call ast.CallExpr, holds bool) (string, bool) {
	said, known := map[string][2]string{
		"startsWith": {"starts with", "does not start with"},
		"endsWith":   {"ends with", "does not end with"},
		"contains":   {"contains", "does not contain"},
	}[call.FunctionName()]
	if !known || len(call.Args()) != 1 {
		return "", false
	}
	path, has := pathOf(call.Target())
	value, ok := literalText(call.Args()[0])
	if path == nil || has || !ok {
		return "", false
	}
	word := said[0]
	if !holds {
		word = said[1]
	}
	return s.name(path) + " " + word + " “" + value + "”", true
}

// value says what a name is compared with.
func (s *speaker) value(e ast.Expr) (string, bool) {
	if n, ok := literalNumber(e); ok {
		return number(n), true
	}
	if text, ok := literalText(e); ok {
		return "“" + text + "”", true
	}
	if e.Kind() == ast.LiteralKind {
		if v, ok := e.AsLiteral().(types.Bool); ok {
			return fmt.Sprint(bool(v)), true
		}
		return "", false
	}
	if isCall(e, "duration") && len(e.AsCall().Args()) == 1 {
		if text, ok := literalText(e.AsCall().Args()[0]); ok {
			return duration(text), true
		}
	}
	if isCall(e, operators.Conditional) {
		return s.choice(e.AsCall().Args())
	}
	if path, has := pathOf(e); path != nil && !has {
		return s.name(path), true
	}
	return "", false
}

// choice says a ? b : c where something is compared with it, as 70 (60 while the lead is hot).
func (s *speaker) choice(args []ast.Expr) (string, bool) {
	then, ok := s.value(args[1])
	otherwise, alsoOK := s.value(args[2])
	if !ok || !alsoOK {
		return "", false
	}
	said, _ := s.clause(args[0])
	if path, _ := pathOf(subject(args[0])); len(path) == 1 && path[0] == "tier" {
		return otherwise + " (" + then + " while " + said + ")", true
	}
	return otherwise + " (" + then + " if " + said + ")", true
}

// subject is what a test speaks of: its first part.
func subject(e ast.Expr) ast.Expr {
	if e.Kind() == ast.CallKind && len(e.AsCall().Args()) > 0 && !e.AsCall().IsMemberFunction() {
		return e.AsCall().Args()[0]
	}
	return e
}

// unsaid is a part that there are no words for, as code.
func (s *speaker) unsaid(e ast.Expr) string {
	text, err := cel.ExprToString(e, s.source)
	if err != nil {
		return "a condition of its own"
	}
	return code(text)
}

// isStanding is whether a name is one of the model's own words: a tier, a stage, a grade, a disposition.
func isStanding(path []string) bool {
	return slices.Contains([]string{"tier", "stage", "fit.grade", "qualification.disposition"}, strings.Join(path, "."))
}

// name says a name of conditions.
func (s *speaker) name(path []string) string {
	said, known := map[string]string{
		"score":                     "the score",
		"engagement.score":          "the engagement",
		"engagement.idle":           "the time without engagement",
		"fit.score":                 "the fit",
		"fit.grade":                 "the fit's grade",
		"qualification.total":       "the total of the ratings",
		"qualification.rated":       "the number of rated criteria",
		"qualification.complete":    "all criteria being rated",
		"qualification.floor":       "the lowest total still possible",
		"qualification.ceiling":     "the highest total still possible",
		"qualification.disposition": "the disposition",
		"tier":                      "the lead",
		"stage":                     "the stage",
		"source":                    "the event's source",
		"type":                      "the event's type",
	}[strings.Join(path, ".")]
	switch rest := path[min(2, len(path)):]; {
	case known:
		return said
	case path[0] == "data" && len(path) > 1:
		return "the event's " + strings.Join(path[1:], ".")
	case path[0] == "profile" && len(path) > 1:
		return "the lead's " + plainWord(strings.Join(path[1:], "."))
	case len(rest) == 1 && path[1] == "groups":
		return "the points of the group " + rest[0]
	case len(rest) == 1 && path[1] == "ratings":
		if label := s.labels[rest[0]]; label != "" {
			return "the rating of " + label
		}
		return "the rating of " + rest[0]
	default:
		return code(strings.Join(path, "."))
	}
}

// plainWord is an attribute's name as a word: email_kind is email kind.
func plainWord(name string) string { return strings.ReplaceAll(name, "_", " ") }

// pathOf is the path that e spells, and whether has(…) asks for it; nil where it is none.
func pathOf(e ast.Expr) (path []string, has bool) {
	for {
		switch e.Kind() {
		case ast.IdentKind:
			path = append(path, e.AsIdent())
			slices.Reverse(path)
			return path, has
		case ast.SelectKind:
			has = has || e.AsSelect().IsTestOnly()
			path, e = append(path, e.AsSelect().FieldName()), e.AsSelect().Operand()
		case ast.CallKind:
			if !isCall(e, operators.Index) {
				return nil, false
			}
			key, ok := literalText(e.AsCall().Args()[1])
			if !ok {
				return nil, false
			}
			path, e = append(path, key), e.AsCall().Args()[0]
		default:
			return nil, false
		}
	}
}

func isCall(e ast.Expr, function string) bool {
	return e.Kind() == ast.CallKind && e.AsCall().FunctionName() == function
}

func literalText(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, ok := e.AsLiteral().(types.String)
	return string(text), ok
}

func literalNumber(e ast.Expr) (float64, bool) {
	if e.Kind() != ast.LiteralKind {
		return 0, false
	}
	switch v := e.AsLiteral().(type) {
	case types.Double:
		return float64(v), true
	case types.Int:
		return float64(v), true
	case types.Uint:
		return float64(v), true
	default:
		return 0, false
	}
}

// duration says a duration as models write it: 30d is 30 days.
func duration(text string) string {
	d, err := scorer.ParseDuration(text)
	if err != nil {
		return code(text)
	}
	return span(d)
}
