package scorer

import (
	"slices"
	"strconv"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// CEL keeps whole numbers and doubles apart: `score / 2` and `qualification.total == 20` are type errors to it. All
// numbers of a lead are doubles, so a whole number in a condition is read as a double, unless it meets something that
// is a whole number for CEL (size(…), an index).

// relax turns whole numbers below e into doubles where operators have them meet a double.
func (d *draft) relax(e celast.Expr) {
	if e.Kind() == celast.CallKind && e.AsCall().FunctionName() == operators.In && isWhole(e.AsCall().Args()[0]) {
		return // size(data.tags) in [1, 2]
	}
	for _, child := range children(e) {
		d.relax(child)
	}
	switch e.Kind() {
	case celast.ListKind:
		for _, element := range e.AsList().Elements() {
			d.toDouble(element)
		}
	case celast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.In:
			d.toDouble(call.Args()[0])
		case operators.Add, operators.Subtract, operators.Multiply, operators.Divide,
			operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
			operators.Equals, operators.NotEquals, operators.Conditional:
			sides := call.Args()[len(call.Args())-2:]
			if !isWhole(sides[0]) && !isWhole(sides[1]) {
				d.toDouble(sides[0])
				d.toDouble(sides[1])
			}
		}
	}
}

// toDouble makes e a double where it is a whole number by its literals alone.
func (d *draft) toDouble(e celast.Expr) {
	switch e.Kind() {
	case celast.LiteralKind:
		if n, ok := e.AsLiteral().(types.Int); ok {
			e.SetKindCase(d.build.NewLiteral(e.ID(), types.Double(n)))
		}
	case celast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.Negate:
			d.toDouble(call.Args()[0])
		case operators.Conditional:
			d.toDouble(call.Args()[1])
			d.toDouble(call.Args()[2])
		}
	}
}

// isWhole is whether e is a whole number for CEL and must stay one.
func isWhole(e celast.Expr) bool {
	if e.Kind() != celast.CallKind {
		return false
	}
	call := e.AsCall()
	switch name := call.FunctionName(); name {
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		return isWhole(call.Args()[0]) || isWhole(call.Args()[1])
	case operators.Conditional:
		return isWhole(call.Args()[1]) || isWhole(call.Args()[2])
	case operators.Negate:
		return isWhole(call.Args()[0])
	case operators.Modulo:
		return true
	default:
		return slices.Contains([]string{"size", "int", "uint", "indexOf", "lastIndexOf", "getFullYear", "getMonth", "getDate",
			"getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds"}, name)
	}
}

// children are the expressions directly below e.
func children(e celast.Expr) []celast.Expr {
	switch e.Kind() {
	case celast.SelectKind:
		return []celast.Expr{e.AsSelect().Operand()}
	case celast.CallKind:
		call := e.AsCall()
		if call.IsMemberFunction() {
			return append([]celast.Expr{call.Target()}, call.Args()...)
		}
		return call.Args()
	case celast.ListKind:
		return e.AsList().Elements()
	case celast.MapKind:
		var all []celast.Expr
		for _, entry := range e.AsMap().Entries() {
			all = append(all, entry.AsMapEntry().Key(), entry.AsMapEntry().Value())
		}
		return all
	case celast.ComprehensionKind:
		macro := e.AsComprehension()
		return []celast.Expr{macro.IterRange(), macro.AccuInit(), macro.LoopCondition(), macro.LoopStep(), macro.Result()}
	default:
		return nil
	}
}

// checkTexts finds comparisons with a text that the name can never be: tier == "hott"; and those that would go by the
// alphabet: fit.grade >= "B", which holds for a C.
func (d *draft) checkTexts(e celast.Expr) {
	for _, child := range children(e) {
		d.checkTexts(child)
	}
	if e.Kind() != celast.CallKind {
		return
	}
	call := e.AsCall()
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals:
		d.checkText(call.Args()[0], call.Args()[1])
		d.checkText(call.Args()[1], call.Args()[0])
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		d.checkOrder(call.Args()[0])
		d.checkOrder(call.Args()[1])
	case operators.In:
		if list := call.Args()[1]; list.Kind() == celast.ListKind {
			for _, element := range list.AsList().Elements() {
				d.checkText(call.Args()[0], element)
			}
		}
	}
}

// checkText finds a literal that subject, if it is a name with known texts, can never be.
func (d *draft) checkText(subject, literal celast.Expr) {
	if subject.Kind() != celast.IdentKind || literal.Kind() != celast.LiteralKind {
		return
	}
	text, ok := literal.AsLiteral().(types.String)
	n, known := d.names[subject.AsIdent()]
	if !ok || !known || n.kind != fromStill || n.has {
		return
	}
	what, texts := d.words.texts(n.still)
	if what == "" || slices.Contains(texts, string(text)) {
		return
	}
	mend := didYouMean(string(text), texts)
	if mend == "" {
		mend = "known: " + orNone(slices.DeleteFunc(slices.Clone(texts), func(t string) bool { return t == "" }))
	}
	d.wrong(literal, "there is no "+what+" "+strconv.Quote(string(text)), mend)
}

// checkOrder finds a name with known texts where it is compared by the alphabet.
func (d *draft) checkOrder(subject celast.Expr) {
	if subject.Kind() != celast.IdentKind {
		return
	}
	n, known := d.names[subject.AsIdent()]
	if !known || n.kind != fromStill || n.has {
		return
	}
	what, texts := d.words.texts(n.still)
	if what == "" {
		return
	}
	texts = slices.DeleteFunc(slices.Clone(texts), func(t string) bool { return t == "" })
	d.wrong(subject, n.text+" would be compared by the alphabet", "say which: "+n.text+` in ["`+strings.Join(texts[:min(len(texts), 2)], `", "`)+`"]`)
}
