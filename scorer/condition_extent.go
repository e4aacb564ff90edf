package scorer

import (
	"math"
	"slices"
)

// extent is what a value can be. While a model is checked, its conditions are asked about many leads at once.
type extent struct {
	absent  bool
	lo, hi  float64 // numbers; none where lo is above hi
	no, yes bool
	texts   []string
	// others is any text that none of the conditions in hand names, free any text at all.
	others, free bool
	rest         bool // null, an object or an array
}

// nothingAt is an extent of no value.
func nothingAt() extent { return extent{lo: math.Inf(1), hi: math.Inf(-1)} }

// anything is the extent of a value of which nothing is known.
func anything() extent {
	return extent{absent: true, lo: math.Inf(-1), hi: math.Inf(1), no: true, yes: true, free: true, rest: true}
}

func numbersFrom(lo, hi float64) extent { return extent{lo: lo, hi: hi} }

func oneOfTexts(texts ...string) extent {
	e := nothingAt()
	e.texts = texts
	return e
}

// extentOf is the extent of one value.
func extentOf(v Value) extent {
	e := nothingAt()
	switch v.Kind {
	case Bool:
		e.no, e.yes = v.Number == 0, v.Number != 0
	case Number:
		if v.Number == v.Number {
			e.lo, e.hi = v.Number, v.Number
		}
	case String:
		e.texts = []string{v.String}
	default:
		e.rest = true
	}
	return e
}

// hasNumber and its like are whether the value can be of that type.
func (e *extent) hasNumber() bool { return e.lo <= e.hi }
func (e *extent) hasBool() bool   { return e.no || e.yes }
func (e *extent) hasText() bool   { return len(e.texts) > 0 || e.others || e.free }

// kinds is how many types the value can be of.
func (e *extent) kinds() int {
	n := 0
	for _, is := range [...]bool{e.hasNumber(), e.hasBool(), e.hasText(), e.rest} {
		if is {
			n++
		}
	}
	return n
}

// single is whether there is just one value that it can be.
func (e *extent) single() bool {
	return e.kinds() == 1 && !e.rest && !e.others && !e.free && !(e.no && e.yes) && len(e.texts) < 2 && !(e.lo < e.hi)
}

// numbers are the numbers among the values; the others fail where a number is needed.
func (e *extent) numbers() numbers {
	out := numbers{lo: e.lo, hi: e.hi, fail: e.absent || e.hasBool() || e.hasText() || e.rest}
	if !e.hasNumber() {
		return numbers{lo: math.Inf(1), hi: math.Inf(-1), fail: true, point: true}
	}
	// Zero is no point, for it may be minus zero, by which dividing is another matter.
	out.point = e.lo == e.hi && e.lo != 0 && !out.fail
	return out
}

// equals is how two values can compare, where named are the texts that the conditions in hand name.
func (e *extent) equals(b *extent, named []string) truths {
	var out truths
	if e.absent || b.absent {
		out |= canFail
	}
	if e.kinds() == 0 || b.kinds() == 0 {
		return out
	}
	if e.meets(b, named) {
		out |= canYes
		if e.single() && b.single() {
			return out
		}
	}
	return out | canNo
}

// meets is whether there is a value that both can be.
func (e *extent) meets(b *extent, named []string) bool {
	switch {
	case max(e.lo, b.lo) <= min(e.hi, b.hi), e.no && b.no, e.yes && b.yes, e.rest && b.rest:
		return true
	case e.hasText() && b.hasText() && (e.free || b.free || e.others && b.others):
		return true
	}
	return slices.ContainsFunc(e.texts, func(text string) bool {
		return slices.Contains(b.texts, text) || b.others && !slices.Contains(named, text)
	}) || e.others && slices.ContainsFunc(b.texts, func(text string) bool { return !slices.Contains(named, text) })
}

// The nodes of a condition that is asked about extents. What is around them are the condition's own nodes, and what they
// can be comes of these by over; at is never asked.

// wideTruth is a truth that follows from extents.
type wideTruth func() truths

func (n wideTruth) at(*scene) truth                      { return failed }
func (n wideTruth) over(_, _ []float64, _ *scene) truths { return n() }

// wideNumber is a value of an extent, used as a number.
type wideNumber struct{ value *extent }

func (n *wideNumber) at(*scene) (float64, bool)             { return 0, false }
func (n *wideNumber) over(_, _ []float64, _ *scene) numbers { return n.value.numbers() }

// unknownTruth is a condition of which nothing is known.
func unknownTruth() truths { return canNo | canYes | canFail }

// truthWithin is a value used as a condition.
func truthWithin(v *extent) truths {
	var out truths
	if v.no {
		out |= canNo
	}
	if v.yes {
		out |= canYes
	}
	if v.absent || v.hasNumber() || v.hasText() || v.rest || out == 0 {
		out |= canFail
	}
	return out
}

// presenceWithin is has(…) of a value.
func presenceWithin(v *extent) truths {
	var out truths
	if v.absent {
		out |= canNo
	}
	if v.kinds() > 0 {
		out |= canYes
	}
	return out
}

// memberWithin is value in [a, b, c].
func memberWithin(v *extent, list []extent, named []string) truths {
	var out truths
	if v.absent {
		out |= canFail
	}
	if v.kinds() == 0 {
		return out
	}
	for i := range list {
		switch v.equals(&list[i], named) &^ canFail {
		case canYes:
			return out | canYes
		case canYes | canNo:
			out |= canYes
		}
	}
	return out | canNo
}

// orderedWithin is left < right and its like.
func orderedWithin(l, r *extent, by order) truths {
	var out truths
	lk, rk := l.kinds(), r.kinds()
	if l.absent || r.absent || lk != 1 || rk != 1 || l.rest || r.rest {
		out |= canFail
	}
	if l.hasNumber() && r.hasNumber() {
		out |= by.over(numbers{lo: l.lo, hi: l.hi}, numbers{lo: r.lo, hi: r.hi})
	}
	if l.hasBool() && r.hasBool() || l.hasText() && r.hasText() {
		out |= canNo | canYes
	}
	if out == 0 {
		out = canFail
	}
	return out
}

// isWithin is number == value, where the value may be of any type.
func isWithin(n numbers, v *extent) truths {
	var out truths
	if n.fail || v.absent {
		out |= canFail
	}
	if n.empty() && !n.nan || v.kinds() == 0 {
		return out
	}
	if v.hasBool() || v.hasText() || v.rest {
		out |= canNo
	}
	if v.hasNumber() {
		out |= equal.over(numbers{lo: n.lo, hi: n.hi, nan: n.nan}, numbers{lo: v.lo, hi: v.hi})
	}
	return out
}

// testWithin is text.startsWith(part) and its like.
func testWithin(text, part *extent, test func(text, part string) bool) truths {
	if text.single() && part.single() && len(text.texts) == 1 && len(part.texts) == 1 && !text.absent && !part.absent {
		return truthOf(test(text.texts[0], part.texts[0])).set()
	}
	out := canFail
	if text.hasText() && part.hasText() {
		out |= canNo | canYes
	}
	return out
}
