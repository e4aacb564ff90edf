package scorer

import "errors"

// errUnevaluable is what a condition or expression answers where a value that it needs is absent or of the wrong type.
// It is one value, so that answering it costs nothing.
var errUnevaluable = errors.New("a value that the condition needs is absent or of another type")

// condition is a compiled `when`.
type condition struct {
	root boolNode
	// moving is whether a moving name occurs.
	moving bool
	// text is the condition as the model writes it.
	text string
}

// holds is whether the condition is true in s, or errUnevaluable.
func (c *condition) holds(s *scene) (bool, error) {
	switch c.root.at(s) {
	case yes:
		return true, nil
	case no:
		return false, nil
	default:
		return false, errUnevaluable
	}
}

// within is what is known of the condition while the moving names range over [lo, hi] (both ends included, each on its
// own) and all else is as in s. It is never wrong, and it is exact where lo equals hi; in between it may say maybe where
// a closer look would know. A condition that can't be evaluated counts as one that does not hold.
func (c *condition) within(lo, hi []float64, s *scene) verdict {
	switch outcomes := c.root.over(lo, hi, s); {
	case outcomes == canYes:
		return always
	case outcomes&canYes == 0:
		return never
	default:
		return maybe
	}
}

// moves is whether time alone can change the condition.
func (c *condition) moves() bool { return c.moving }
