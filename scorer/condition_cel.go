package scorer

import (
	"math"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"github.com/valyala/fastjson"
)

// celCost bounds one evaluation by CEL, in CEL's own unit, which is about one operation: some milliseconds at most.
const celCost = 100_000

// celNode is a part of a condition that CEL evaluates: regular expressions, macros, functions on texts. It sees its
// names without a map being filled first.
type celNode struct {
	program cel.Program
	names   map[string]name
}

// leaveToCEL builds a node for what is none of ours. Where conditions are looked at over stretches of time nothing in it
// may move, since CEL knows no stretches.
func (d *draft) leaveToCEL(e celast.Expr) valueNode {
	if d.what == seesStretch && d.moves(e) {
		d.wrong(d.firstMoving(e), "a value that time changes can't stand in "+construct(e)+" here",
			"use it with + - * /, comparisons, in [numbers], && || ! and ?: only")
		return &valueConst{}
	}
	part := celast.NewCheckedAST(celast.NewAST(e, d.checked.SourceInfo()), d.checked.TypeMap(), d.checked.ReferenceMap())
	program, err := d.env.PlanProgram(part, cel.CostLimit(celCost), cel.CostTracking(celWork{}), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		d.wrong(e, err.Error(), "")
		return &valueConst{}
	}
	return &celNode{program: program, names: d.names}
}

// celWork is what a call costs where CEL itself takes it for one operation, whatever its size: where it finds out only
// as it runs which of its functions is meant, since the type of what an event says is not known before.
type celWork struct{}

// CallCost is part of CEL's interface: nil leaves it to CEL.
func (celWork) CallCost(function, overload string, args []ref.Val, result ref.Val) *uint64 {
	if overload != "" && function != overloads.Size {
		return nil
	}
	work := uint64(1)
	for _, v := range append(args, result) {
		switch v := v.(type) {
		case types.String:
			work += uint64(len(v)) / 10
		case types.Bytes:
			work += uint64(len(v)) / 10
		case traits.Lister:
			// To put two lists together is one operation, however long they are.
			if n, ok := v.Size().(types.Int); ok && function != operators.Add {
				work += uint64(n)
			}
		}
	}
	return &work
}

// firstMoving is the first moving name in e, which has one.
func (d *draft) firstMoving(e celast.Expr) celast.Expr {
	for _, child := range children(e) {
		if d.moves(child) {
			return d.firstMoving(child)
		}
	}
	return e
}

// construct names what e is, for people.
func construct(e celast.Expr) string {
	if e.Kind() != celast.CallKind {
		return "a macro"
	}
	name := e.AsCall().FunctionName()
	if symbol, ok := operators.FindReverse(name); ok {
		if symbol == "" {
			return "such an expression"
		}
		return "such a " + symbol
	}
	return name + "()"
}

func (n *celNode) at(s *scene) (Value, bool) {
	out, _, err := n.program.Eval(&celView{scene: s, names: n.names})
	if err != nil {
		return Value{}, false
	}
	return scalarOfCEL(out)
}

// celView gives CEL the values of names as it asks for them.
type celView struct {
	scene *scene
	names map[string]name
	// seen are the parts of the event's data that were asked for so far. A macro asks again for each element, and a large
	// part takes long to make.
	seen map[string]any
}

// ResolveName is the value of a name; false where it is absent.
func (v *celView) ResolveName(text string) (any, bool) {
	n, ok := v.names[text]
	switch {
	case !ok:
		return nil, false
	case n.has:
		is := presence(n).at(v.scene)
		return is == yes, is != failed
	case n.kind == fromMoving:
		x, ok := movingNumber(n.slot).at(v.scene)
		if n.slot == movingIdle && ok {
			return time.Duration(math.Round(x*1000)) * time.Millisecond, true
		}
		return x, ok
	case n.kind == fromData:
		if seen, ok := v.seen[text]; ok {
			return seen, true
		}
		value, ok := v.data(n.path)
		if ok {
			if v.seen == nil {
				v.seen = map[string]any{}
			}
			v.seen[text] = value
		}
		return value, ok
	}
	leaf, _ := leafOf(n)
	value, ok := leaf.at(v.scene)
	return nativeOf(value), ok
}

// Parent is part of CEL's interface: there is none.
func (v *celView) Parent() cel.Activation { return nil }

// data is the value at a path of the event's data; an event without data has an empty object there.
func (v *celView) data(path []string) (any, bool) {
	found := v.scene.event.lookup(path)
	if found == nil {
		return map[string]any{}, len(path) == 0 && v.scene.event.event != nil
	}
	return nativeOfJSON(found)
}

// nativeOf is a scalar as CEL takes it.
func nativeOf(v Value) any {
	switch v.Kind {
	case Bool:
		return v.Number != 0
	case Number:
		return v.Number
	case String:
		return v.String
	default:
		return nil
	}
}

// nativeOfJSON is a JSON value as CEL takes it. Its texts alias the event: an evaluation does not outlive it.
func nativeOfJSON(v *fastjson.Value) (any, bool) {
	switch v.Type() {
	case fastjson.TypeObject:
		fields := map[string]any{}
		object, err := v.Object()
		if err != nil {
			return nil, false
		}
		object.Visit(func(key []byte, value *fastjson.Value) {
			if native, ok := nativeOfJSON(value); ok {
				fields[string(key)] = native
			}
		})
		return fields, true
	case fastjson.TypeArray:
		array, err := v.Array()
		if err != nil {
			return nil, false
		}
		elements := make([]any, 0, len(array))
		for _, element := range array {
			native, ok := nativeOfJSON(element)
			if !ok {
				return nil, false
			}
			elements = append(elements, native)
		}
		return elements, true
	default:
		scalar, ok := scalarOf(v)
		return nativeOf(scalar), ok
	}
}
