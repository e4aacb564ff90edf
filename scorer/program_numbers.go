package scorer

import "math"

// pointAt is the stretch in which a number is v throughout.
func pointAt(v float64) numbers {
	if math.IsNaN(v) {
		return numbers{lo: math.Inf(1), hi: math.Inf(-1), nan: true, point: true}
	}
	return numbers{lo: v, hi: v, point: true}
}

// anyNumber is every number; with it go whatever a and b could be besides.
func anyNumber(a, b numbers) numbers {
	return numbers{lo: math.Inf(-1), hi: math.Inf(1), nan: true, fail: a.fail || b.fail}
}

// nothing is a number that can't be evaluated throughout.
func nothing() numbers {
	return numbers{lo: math.Inf(1), hi: math.Inf(-1), fail: true, point: true}
}

// empty is whether there is no number that n can be, not-a-number aside.
func (n numbers) empty() bool { return n.lo > n.hi }

// value is the number of a point.
func (n numbers) value() float64 {
	if n.nan {
		return math.NaN()
	}
	return n.lo
}

// union is whatever a or b can be.
func (n numbers) union(b numbers) numbers {
	return numbers{lo: math.Min(n.lo, b.lo), hi: math.Max(n.hi, b.hi), nan: n.nan || b.nan, fail: n.fail || b.fail}
}

// has is whether n can be v, which is finite.
func (n numbers) has(v float64) bool { return n.lo <= v && v <= n.hi }

// numberConst is a literal.
type numberConst float64

func (n numberConst) at(*scene) (float64, bool)             { return float64(n), true }
func (n numberConst) over(_, _ []float64, _ *scene) numbers { return pointAt(float64(n)) }

// movingNumber is a moving name, by its slot.
type movingNumber int

// Adding zero turns minus zero into zero, so that equal bounds are one value to the bit.
func (n movingNumber) at(s *scene) (float64, bool) {
	v := s.moving[n] + 0
	return v, v == v
}

func (n movingNumber) over(lo, hi []float64, _ *scene) numbers {
	l, h := lo[n]+0, hi[n]+0
	switch {
	case l == h:
		return numbers{lo: l, hi: h, point: true}
	case l < h:
		return numbers{lo: l, hi: h}
	case l != l && h != h:
		return nothing()
	default:
		return anyNumber(numbers{fail: true}, numbers{})
	}
}

// valueNumber is a value used as a number. It may be moving, and then nothing is known of a stretch.
type valueNumber struct {
	value  valueNode
	moving bool
}

func (n *valueNumber) at(s *scene) (float64, bool) {
	v, ok := n.value.at(s)
	return v.Number, ok && v.Kind == Number
}

func (n *valueNumber) over(_, _ []float64, s *scene) numbers {
	if n.moving {
		return anyNumber(numbers{fail: true}, numbers{})
	}
	v, ok := n.at(s)
	if !ok {
		return nothing()
	}
	return pointAt(v)
}

// operator is an arithmetic operator.
type operator uint8

const (
	plus operator = iota
	minus
	times
	dividedBy
)

// of is the operation on two numbers, as IEEE 754 has it.
func (o operator) of(a, b float64) float64 {
	switch o {
	case plus:
		return a + b
	case minus:
		return a - b
	case times:
		return a * b
	default:
		return a / b
	}
}

// arithmetic is left + right and its like.
type arithmetic struct {
	left, right numberNode
	op          operator
}

func (n *arithmetic) at(s *scene) (float64, bool) {
	l, ok := n.left.at(s)
	if !ok {
		return 0, false
	}
	r, ok := n.right.at(s)
	return n.op.of(l, r), ok
}

// Rounding is monotone: the rounded result of the ends bounds the rounded results of everything between them, so no
// margin is needed.
func (n *arithmetic) over(lo, hi []float64, s *scene) numbers {
	l, r := n.left.over(lo, hi, s), n.right.over(lo, hi, s)
	if l.point && r.point {
		if l.fail || r.fail {
			return nothing()
		}
		return pointAt(n.op.of(l.value(), r.value()))
	}
	out := numbers{lo: math.Inf(1), hi: math.Inf(-1), nan: l.nan || r.nan, fail: l.fail || r.fail}
	if l.empty() || r.empty() {
		return out
	}
	if n.op.undefined(l, r) {
		return anyNumber(l, r)
	}
	for _, corner := range [...]float64{n.op.of(l.lo, r.lo), n.op.of(l.lo, r.hi), n.op.of(l.hi, r.lo), n.op.of(l.hi, r.hi)} {
		out.lo, out.hi = math.Min(out.lo, corner), math.Max(out.hi, corner)
	}
	return out
}

// undefined is whether somewhere in l × r the operation jumps or gives not-a-number: ∞ − ∞, 0 · ∞, ∞ / ∞, x / 0.
func (o operator) undefined(l, r numbers) bool {
	lInf, rInf := math.IsInf(l.lo, 0) || math.IsInf(l.hi, 0), math.IsInf(r.lo, 0) || math.IsInf(r.hi, 0)
	switch o {
	case plus, minus:
		return lInf && rInf
	case times:
		return lInf && r.has(0) || rInf && l.has(0)
	default:
		return r.has(0) || lInf && rInf
	}
}

// negation is -inner.
type negation struct{ inner numberNode }

func (n *negation) at(s *scene) (float64, bool) {
	v, ok := n.inner.at(s)
	return -v, ok
}

func (n *negation) over(lo, hi []float64, s *scene) numbers {
	v := n.inner.over(lo, hi, s)
	v.lo, v.hi = -v.hi, -v.lo
	return v
}

// numberChoice is when ? then : otherwise, of numbers.
type numberChoice struct {
	when            boolNode
	then, otherwise numberNode
}

func (n *numberChoice) at(s *scene) (float64, bool) {
	switch n.when.at(s) {
	case yes:
		return n.then.at(s)
	case no:
		return n.otherwise.at(s)
	default:
		return 0, false
	}
}

func (n *numberChoice) over(lo, hi []float64, s *scene) numbers {
	switch when := n.when.over(lo, hi, s); when {
	case canYes:
		return n.then.over(lo, hi, s)
	case canNo:
		return n.otherwise.over(lo, hi, s)
	case canFail:
		return nothing()
	default:
		out := numbers{lo: math.Inf(1), hi: math.Inf(-1), fail: when&canFail != 0}
		if when&canYes != 0 {
			out = out.union(n.then.over(lo, hi, s))
		}
		if when&canNo != 0 {
			out = out.union(n.otherwise.over(lo, hi, s))
		}
		return out
	}
}

// order is a comparison of numbers.
type order uint8

const (
	less order = iota
	lessOrEqual
	greater
	greaterOrEqual
	equal
	unequal
)

// of compares a and b. Not-a-number equals nothing and is neither above nor below anything.
func (o order) of(a, b float64) truth {
	switch o {
	case less:
		return truthOf(a < b)
	case lessOrEqual:
		return truthOf(a <= b)
	case greater:
		return truthOf(a > b)
	case greaterOrEqual:
		return truthOf(a >= b)
	case equal:
		return truthOf(a == b)
	default:
		return truthOf(a != b)
	}
}

// comparison is left < right and its like, of numbers.
type comparison struct {
	left, right numberNode
	order       order
}

func (n *comparison) at(s *scene) truth {
	l, ok := n.left.at(s)
	if !ok {
		return failed
	}
	r, ok := n.right.at(s)
	if !ok {
		return failed
	}
	return n.order.of(l, r)
}

func (n *comparison) over(lo, hi []float64, s *scene) truths {
	return n.order.over(n.left.over(lo, hi, s), n.right.over(lo, hi, s))
}

// over is how numbers from l and r can compare.
func (o order) over(l, r numbers) truths {
	switch {
	case l.point && l.fail || r.point && r.fail:
		return canFail
	case l.point && r.point:
		return o.of(l.value(), r.value()).set()
	}
	var outcomes truths
	if l.fail || r.fail {
		outcomes |= canFail
	}
	if l.nan || r.nan {
		outcomes |= o.of(math.NaN(), 0).set()
	}
	if l.empty() || r.empty() {
		return outcomes
	}
	if l.lo < r.hi {
		outcomes |= o.of(0, 1).set()
	}
	if l.hi > r.lo {
		outcomes |= o.of(1, 0).set()
	}
	if l.lo <= r.hi && r.lo <= l.hi {
		outcomes |= o.of(0, 0).set()
	}
	return outcomes
}

// numberIsValue is number == value, where only the event tells the value's type: another type is unequal, no failure.
type numberIsValue struct {
	number numberNode
	value  valueNode
}

func (n *numberIsValue) at(s *scene) truth {
	x, ok := n.number.at(s)
	if !ok {
		return failed
	}
	v, ok := n.value.at(s)
	if !ok {
		return failed
	}
	return truthOf(v.Kind == Number && v.Number == x)
}

func (n *numberIsValue) over(lo, hi []float64, s *scene) truths {
	v, ok := n.value.at(s)
	if !ok {
		return canFail
	}
	if v.Kind != Number {
		return numberIn{n.number, nil}.over(lo, hi, s)
	}
	return equal.over(n.number.over(lo, hi, s), pointAt(v.Number))
}

// numberIn is number in [1, 2, 3].
type numberIn struct {
	number numberNode
	list   []float64
}

func (n numberIn) at(s *scene) truth {
	x, ok := n.number.at(s)
	if !ok {
		return failed
	}
	for _, v := range n.list {
		if v == x {
			return yes
		}
	}
	return no
}

func (n numberIn) over(lo, hi []float64, s *scene) truths {
	x := n.number.over(lo, hi, s)
	var outcomes truths
	if x.fail {
		outcomes |= canFail
	}
	if x.nan {
		outcomes |= canNo
	}
	if x.empty() {
		return outcomes
	}
	for _, v := range n.list {
		if !x.has(v) {
			continue
		}
		outcomes |= canYes
		if x.lo == x.hi {
			return outcomes
		}
	}
	return outcomes | canNo
}
