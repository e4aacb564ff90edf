package scorer

import "strings"

// boolConst is true or false.
type boolConst truth

func (n boolConst) at(*scene) truth                      { return truth(n) }
func (n boolConst) over(_, _ []float64, _ *scene) truths { return truth(n).set() }

// truthOf is the truth of a Go bool.
func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// andNode is left && right.
type andNode struct{ left, right boolNode }

func (n *andNode) at(s *scene) truth {
	l := n.left.at(s)
	if l == no {
		return no
	}
	r := n.right.at(s)
	if r == no {
		return no
	}
	if l == failed {
		return failed
	}
	return r
}

func (n *andNode) over(lo, hi []float64, s *scene) truths {
	l := n.left.over(lo, hi, s)
	if l == canNo {
		return canNo
	}
	return allOf(l, n.right.over(lo, hi, s))
}

// allOf are the outcomes of a conjunction of two conditions with these outcomes.
func allOf(l, r truths) truths {
	both := (l|r)&canNo | l&r&canYes
	if l&canFail != 0 && r&(canYes|canFail) != 0 || r&canFail != 0 && l&(canYes|canFail) != 0 {
		both |= canFail
	}
	return both
}

// not is the outcomes of a negation.
func (t truths) not() truths { return t&canFail | t&canNo<<1 | t&canYes>>1 }

// orNode is left || right.
type orNode struct{ left, right boolNode }

func (n *orNode) at(s *scene) truth {
	l := n.left.at(s)
	if l == yes {
		return yes
	}
	r := n.right.at(s)
	if r == yes {
		return yes
	}
	if l == failed {
		return failed
	}
	return r
}

func (n *orNode) over(lo, hi []float64, s *scene) truths {
	l := n.left.over(lo, hi, s)
	if l == canYes {
		return canYes
	}
	return allOf(l.not(), n.right.over(lo, hi, s).not()).not()
}

// notNode is !inner.
type notNode struct{ inner boolNode }

func (n *notNode) at(s *scene) truth {
	switch n.inner.at(s) {
	case yes:
		return no
	case no:
		return yes
	default:
		return failed
	}
}

func (n *notNode) over(lo, hi []float64, s *scene) truths { return n.inner.over(lo, hi, s).not() }

// boolChoice is when ? then : otherwise, of conditions.
type boolChoice struct{ when, then, otherwise boolNode }

func (n *boolChoice) at(s *scene) truth {
	switch n.when.at(s) {
	case yes:
		return n.then.at(s)
	case no:
		return n.otherwise.at(s)
	default:
		return failed
	}
}

func (n *boolChoice) over(lo, hi []float64, s *scene) truths {
	when := n.when.over(lo, hi, s)
	outcomes := when & canFail
	if when&canYes != 0 {
		outcomes |= n.then.over(lo, hi, s)
	}
	if when&canNo != 0 {
		outcomes |= n.otherwise.over(lo, hi, s)
	}
	return outcomes
}

// sameTruth is left == right, of conditions.
type sameTruth struct{ left, right boolNode }

func (n *sameTruth) at(s *scene) truth {
	l, r := n.left.at(s), n.right.at(s)
	if l == failed || r == failed {
		return failed
	}
	return truthOf(l == r)
}

func (n *sameTruth) over(lo, hi []float64, s *scene) truths {
	l, r := n.left.over(lo, hi, s), n.right.over(lo, hi, s)
	outcomes := (l | r) & canFail
	if l&r&(canNo|canYes) != 0 {
		outcomes |= canYes
	}
	if l&r.not()&(canNo|canYes) != 0 {
		outcomes |= canNo
	}
	return outcomes
}

// valueTruth is a value used as a condition. It may be moving, and then nothing is known of a stretch.
type valueTruth struct {
	value  valueNode
	moving bool
}

func (n *valueTruth) at(s *scene) truth {
	v, ok := n.value.at(s)
	if !ok || v.Kind != Bool {
		return failed
	}
	return truthOf(v.Number != 0)
}

func (n *valueTruth) over(_, _ []float64, s *scene) truths {
	if n.moving {
		return canNo | canYes | canFail
	}
	return n.at(s).set()
}

// valuesEqual is left == right, of values of which at most one can be composite.
type valuesEqual struct{ left, right valueNode }

func (n *valuesEqual) at(s *scene) truth {
	l, ok := n.left.at(s)
	if !ok {
		return failed
	}
	r, ok := n.right.at(s)
	if !ok {
		return failed
	}
	return truthOf(l == r)
}

func (n *valuesEqual) over(_, _ []float64, s *scene) truths { return n.at(s).set() }

// valuesOrdered is left < right and its like, of values that turn out to be of one type that has an order.
type valuesOrdered struct {
	left, right valueNode
	order       order
}

func (n *valuesOrdered) at(s *scene) truth {
	l, ok := n.left.at(s)
	if !ok {
		return failed
	}
	r, ok := n.right.at(s)
	if !ok || l.Kind != r.Kind {
		return failed
	}
	switch l.Kind {
	case Bool, Number:
		return n.order.of(l.Number, r.Number)
	case String:
		return n.order.of(float64(strings.Compare(l.String, r.String)), 0)
	default:
		return failed
	}
}

func (n *valuesOrdered) over(_, _ []float64, s *scene) truths { return n.at(s).set() }

// valueIn is value in [a, b, c].
type valueIn struct {
	value valueNode
	list  []Value
}

func (n *valueIn) at(s *scene) truth {
	v, ok := n.value.at(s)
	if !ok {
		return failed
	}
	for i := range n.list {
		if n.list[i] == v {
			return yes
		}
	}
	return no
}

func (n *valueIn) over(_, _ []float64, s *scene) truths { return n.at(s).set() }

// textTest is text.startsWith(part) and its like.
type textTest struct {
	text, part valueNode
	test       func(text, part string) bool
}

func (n *textTest) at(s *scene) truth {
	text, ok := n.text.at(s)
	if !ok || text.Kind != String {
		return failed
	}
	part, ok := n.part.at(s)
	if !ok || part.Kind != String {
		return failed
	}
	return truthOf(n.test(text.String, part.String))
}

func (n *textTest) over(_, _ []float64, s *scene) truths { return n.at(s).set() }
