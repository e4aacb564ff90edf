package scorer

import "math"

// expression is a compiled `points` or `rank`.
type expression struct {
	root numberNode
	// text is the expression as the model writes it.
	text string
}

// number is the expression's value in s, always finite, or errUnevaluable.
func (e *expression) number(s *scene) (float64, error) {
	v, ok := e.root.at(s)
	if !ok || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, errUnevaluable
	}
	return v, nil
}
