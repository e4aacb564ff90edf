package scorer

import (
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Building: the checked expression becomes nodes of ours as far as they go, which for the conditions of tiers must be
// as far as anything moves. The rest is left to CEL (celNode).

// kindOf is the type of e as CEL found it.
func (d *draft) kindOf(e celast.Expr) types.Kind { return d.checked.GetType(e.ID()).Kind() }

func isNumeric(kind types.Kind) bool {
	return kind == types.DoubleKind || kind == types.IntKind || kind == types.UintKind
}

// isText is whether a value of this type can turn out to be a text.
func isText(kind types.Kind) bool { return kind == types.StringKind || kind == types.DynKind }

// moves is whether a moving name occurs in e.
func (d *draft) moves(e celast.Expr) bool {
	if e.Kind() == celast.IdentKind {
		n, ok := d.names[e.AsIdent()]
		return ok && n.kind == fromMoving && !n.has
	}
	for _, child := range children(e) {
		if d.moves(child) {
			return true
		}
	}
	return false
}

// truth builds a condition.
func (d *draft) truth(e celast.Expr) boolNode {
	switch e.Kind() {
	case celast.LiteralKind:
		if v, ok := e.AsLiteral().(types.Bool); ok {
			return boolConst(truthOf(bool(v)))
		}
	case celast.IdentKind:
		if n, ok := d.names[e.AsIdent()]; ok {
			if n.has {
				return presence(n)
			}
			if leaf, ok := leafOf(n); ok {
				return &valueTruth{value: leaf}
			}
		}
	case celast.CallKind:
		if node := d.truthOfCall(e.AsCall()); node != nil {
			return node
		}
	}
	return &valueTruth{value: d.leaveToCEL(e), moving: d.moves(e)}
}

// presence builds has(…).
func presence(n name) boolNode {
	switch n.kind {
	case fromMoving:
		return hasMoving(n.slot)
	case fromData:
		return &hasData{path: n.path}
	default:
		if n.still == stillProfile || n.still == stillRating {
			return hasStill(n.slot)
		}
		return boolConst(yes)
	}
}

// truthOfCall builds a condition that is an operator or function; nil where it is none of ours.
func (d *draft) truthOfCall(call celast.CallExpr) boolNode {
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalAnd:
		return &andNode{d.truth(args[0]), d.truth(args[1])}
	case operators.LogicalOr:
		return &orNode{d.truth(args[0]), d.truth(args[1])}
	case operators.LogicalNot:
		return &notNode{d.truth(args[0])}
	case operators.Conditional:
		return &boolChoice{d.truth(args[0]), d.truth(args[1]), d.truth(args[2])}
	case operators.Equals:
		return d.equality(args[0], args[1])
	case operators.NotEquals:
		if same := d.equality(args[0], args[1]); same != nil {
			return &notNode{same}
		}
	case operators.Less:
		return d.ordering(args[0], args[1], less)
	case operators.LessEquals:
		return d.ordering(args[0], args[1], lessOrEqual)
	case operators.Greater:
		return d.ordering(args[0], args[1], greater)
	case operators.GreaterEquals:
		return d.ordering(args[0], args[1], greaterOrEqual)
	case operators.In:
		return d.membership(args[0], args[1])
	case "startsWith", "endsWith", "contains":
		if call.IsMemberFunction() && len(args) == 1 {
			return d.textTest(name, call.Target(), args[0])
		}
	}
	return nil
}

// equality builds left == right.
func (d *draft) equality(left, right celast.Expr) boolNode {
	l, r := d.kindOf(left), d.kindOf(right)
	switch {
	case isNumeric(l) && isNumeric(r) || l == types.DurationKind && r == types.DurationKind:
		return &comparison{d.comparand(left), d.comparand(right), equal}
	case l == types.BoolKind && r == types.BoolKind:
		return &sameTruth{d.truth(left), d.truth(right)}
	case l == types.DynKind && isNumeric(r):
		left, right = right, left
		fallthrough
	case isNumeric(l) && r == types.DynKind:
		if value, ok := d.value(right); ok {
			return &numberIsValue{d.comparand(left), value}
		}
		return nil
	}
	lv, lok := d.value(left)
	rv, rok := d.value(right)
	if lok && rok && (d.isScalar(left) || d.isScalar(right)) {
		return &valuesEqual{lv, rv}
	}
	return nil
}

// isScalar is whether e is no object or array, whatever the event.
func (d *draft) isScalar(e celast.Expr) bool {
	switch d.kindOf(e) {
	case types.StringKind, types.BoolKind, types.NullTypeKind:
		return true
	}
	if e.Kind() != celast.IdentKind {
		return false
	}
	n, ok := d.names[e.AsIdent()]
	return ok && n.kind == fromStill
}

// ordering builds left < right and its like.
func (d *draft) ordering(left, right celast.Expr, by order) boolNode {
	l, r := d.kindOf(left), d.kindOf(right)
	switch {
	case l == types.DurationKind && r == types.DurationKind,
		isNumeric(l) && (isNumeric(r) || r == types.DynKind), l == types.DynKind && isNumeric(r):
		return &comparison{d.comparand(left), d.comparand(right), by}
	case isText(l) && isText(r), l == types.BoolKind && r == types.BoolKind:
		lv, lok := d.value(left)
		rv, rok := d.value(right)
		if lok && rok {
			return &valuesOrdered{lv, rv, by}
		}
	}
	return nil
}

// membership builds left in [a, b, c] where the list is of literals.
func (d *draft) membership(left, right celast.Expr) boolNode {
	if right.Kind() != celast.ListKind {
		return nil
	}
	var values []Value
	var all []float64
	for _, element := range right.AsList().Elements() {
		if element.Kind() != celast.LiteralKind {
			return nil
		}
		v, ok := scalarOfCEL(element.AsLiteral())
		if !ok {
			return nil
		}
		values = append(values, v)
		if v.Kind == Number {
			all = append(all, v.Number)
		}
	}
	if isNumeric(d.kindOf(left)) && len(all) == len(values) {
		return &numberIn{d.comparand(left), all}
	}
	if value, ok := d.value(left); ok {
		return &valueIn{value, values}
	}
	return nil
}

// textTest builds text.startsWith(part) and its like.
func (d *draft) textTest(function string, text, part celast.Expr) boolNode {
	t, tok := d.value(text)
	p, pok := d.value(part)
	if !tok || !pok || !isText(d.kindOf(text)) || !isText(d.kindOf(part)) {
		return nil
	}
	switch function {
	case "startsWith":
		return &textTest{t, p, strings.HasPrefix}
	case "endsWith":
		return &textTest{t, p, strings.HasSuffix}
	default:
		return &textTest{t, p, strings.Contains}
	}
}

// number builds a number; nil where it is none of ours.
func (d *draft) number(e celast.Expr) numberNode {
	switch e.Kind() {
	case celast.LiteralKind:
		if v, ok := e.AsLiteral().(types.Double); ok {
			return d.literal(float64(v))
		}
	case celast.IdentKind:
		n, ok := d.names[e.AsIdent()]
		if !ok || n.has {
			return nil
		}
		if n.kind == fromMoving {
			return movingNumber(n.slot)
		}
		if leaf, ok := leafOf(n); ok {
			return &valueNumber{value: leaf}
		}
	case celast.CallKind:
		if duration, ok := durationOf(e); ok {
			return d.literal(duration.Seconds())
		}
		return d.numberOfCall(e)
	}
	return nil
}

// literal builds a number that stands in the text.
func (d *draft) literal(v float64) numberNode {
	if d.what == seesStretch {
		d.words.reads.thresholds = with(d.words.reads.thresholds, v)
	}
	return numberConst(v)
}

// numberOfCall builds a number that is an operation; nil where it is none of ours.
func (d *draft) numberOfCall(e celast.Expr) numberNode {
	args := e.AsCall().Args()
	switch e.AsCall().FunctionName() {
	case operators.Add:
		return d.arithmetic(args, plus)
	case operators.Subtract:
		return d.arithmetic(args, minus)
	case operators.Multiply:
		return d.arithmetic(args, times)
	case operators.Divide:
		return d.arithmetic(args, dividedBy)
	case operators.Negate:
		if d.kindOf(args[0]) == types.DoubleKind {
			return &negation{d.comparand(args[0])}
		}
	case operators.Conditional:
		if d.kindOf(args[1]) == types.DoubleKind && d.kindOf(args[2]) == types.DoubleKind {
			return &numberChoice{d.truth(args[0]), d.comparand(args[1]), d.comparand(args[2])}
		}
	}
	return nil
}

// arithmetic builds left + right and its like, of doubles and of what only an event tells, which must be one then.
func (d *draft) arithmetic(args []celast.Expr, op operator) numberNode {
	for _, arg := range args {
		switch d.kindOf(arg) {
		case types.DoubleKind:
		case types.DynKind:
			if d.number(arg) == nil {
				return nil // CEL may know it as a whole number
			}
		default:
			return nil
		}
	}
	return &arithmetic{d.comparand(args[0]), d.comparand(args[1]), op}
}

// comparand builds a number, by CEL where it is none of ours.
func (d *draft) comparand(e celast.Expr) numberNode {
	if node := d.number(e); node != nil {
		return node
	}
	return &valueNumber{value: d.leaveToCEL(e), moving: d.moves(e)}
}

// value builds a value that does not move; false where it moves or can't be one.
func (d *draft) value(e celast.Expr) (valueNode, bool) {
	switch e.Kind() {
	case celast.LiteralKind:
		v, ok := scalarOfCEL(e.AsLiteral())
		return &valueConst{v}, ok
	case celast.IdentKind:
		if n, ok := d.names[e.AsIdent()]; ok && !n.has {
			return leafOf(n)
		}
	}
	if d.moves(e) {
		return nil, false
	}
	return d.leaveToCEL(e), true
}

// leafOf is the node of a name that does not move.
func leafOf(n name) (valueNode, bool) {
	switch n.kind {
	case fromMoving:
		return nil, false
	case fromData:
		return &dataValue{n.path}, true
	case fromSource:
		return eventSource{}, true
	case fromType:
		return eventType{}, true
	}
	switch n.still {
	case stillStage, stillFitGrade, stillDisposition:
		return stillText(n.slot), true
	default:
		return stillValue(n.slot), true
	}
}

// scalarOfCEL is a scalar of CEL's as conditions see it; false for what is none.
func scalarOfCEL(v ref.Val) (Value, bool) {
	switch v := v.(type) {
	case types.Double:
		return Value{Kind: Number, Number: float64(v)}, true
	case types.Int:
		return Value{Kind: Number, Number: float64(v)}, true
	case types.Uint:
		return Value{Kind: Number, Number: float64(v)}, true
	case types.String:
		return Value{Kind: String, String: string(v)}, true
	case types.Bool:
		if v {
			return Value{Kind: Bool, Number: 1}, true
		}
		return Value{Kind: Bool}, true
	case types.Duration:
		return Value{Kind: Number, Number: v.Seconds()}, true
	case types.Null:
		return Value{Kind: Null}, true
	default:
		return Value{}, false
	}
}
