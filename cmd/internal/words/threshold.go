package words

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/hotlead/hotlead/scorer"
)

// Threshold is a bound that a tier's condition asks of a number: hot asks that the score be 70 at least.
type Threshold struct {
	Tier string
	// Of is the name that the condition compares, such as score or engagement.score.
	Of string
	// Value is the bound for a lead that stands in the tier asked for.
	Value float64
}

// Thresholds are the bounds from below that stand plainly in the conditions of a model's tiers, from the top, for a lead
// that is in the tier named current: a bound that depends on where a lead is (tier == "hot" ? 60.0 : 70.0) is the one for
// it. What else a condition asks is not told.
func Thresholds(m scorer.Description, current string) ([]Threshold, error) {
	s, err := speakerOf(m)
	if err != nil {
		return nil, err
	}
	var all []Threshold
	for _, t := range m.Tiers {
		if t.When == "" {
			continue
		}
		if root := s.parse(t.When); root != nil {
			all = append(all, bounds(root, t.Name, current)...)
		}
	}
	return all, nil
}

// bounds are the thresholds of a condition, whose parts are joined by && and ||.
func bounds(e ast.Expr, tier, current string) []Threshold {
	if e.Kind() != ast.CallKind {
		return nil
	}
	call := e.AsCall()
	args := call.Args()
	var name, bound int
	switch call.FunctionName() {
	case operators.LogicalAnd, operators.LogicalOr:
		return append(bounds(args[0], tier, current), bounds(args[1], tier, current)...)
	case operators.GreaterEquals, operators.Greater:
		name, bound = 0, 1
	case operators.LessEquals, operators.Less:
		name, bound = 1, 0
	default:
		return nil
	}
	path, has := pathOf(args[name])
	value, ok := boundOf(args[bound], current)
	if path == nil || has || !ok {
		return nil
	}
	return []Threshold{{Tier: tier, Of: dotted(path), Value: value}}
}

// boundOf is the number that e is for a lead of that tier.
func boundOf(e ast.Expr, current string) (float64, bool) {
	if !isCall(e, operators.Conditional) {
		return literalNumber(e)
	}
	args := e.AsCall().Args()
	holds, ok := inTier(args[0], current)
	switch {
	case !ok:
		return 0, false
	case holds:
		return boundOf(args[1], current)
	default:
		return boundOf(args[2], current)
	}
}

// inTier is whether a condition on the tier alone holds for a lead of that tier.
func inTier(e ast.Expr, current string) (holds, ok bool) {
	if e.Kind() != ast.CallKind {
		return false, false
	}
	args := e.AsCall().Args()
	if len(args) != 2 {
		return false, false
	}
	if path, _ := pathOf(args[0]); dotted(path) != "tier" {
		return false, false
	}
	switch e.AsCall().FunctionName() {
	case operators.Equals:
		name, ok := literalText(args[1])
		return name == current, ok
	case operators.NotEquals:
		name, ok := literalText(args[1])
		return name != current, ok
	case operators.In:
		if args[1].Kind() != ast.ListKind {
			return false, false
		}
		return slices.ContainsFunc(args[1].AsList().Elements(), func(e ast.Expr) bool {
			name, _ := literalText(e)
			return name == current
		}), true
	}
	return false, false
}

// dotted is a path as conditions write it.
func dotted(path []string) string { return strings.Join(path, ".") }
