package scorer

import (
	"maps"
	"math"
	"slices"
)

// scope is some conditions of a model together with all that the names in them can be, while the model is checked. Its
// axes are the names. An axis is cut into cells where the conditions compare it, and the conditions are asked about each
// combination of cells that the model's own arithmetic allows. What they never are in any of them, they never are.
type scope struct {
	m      *Model
	ranges *ranges
	axes   []*axis
	byName map[string]*axis
	named  []string // texts that the conditions name
	on     string   // the event type of the rule whose condition it is; "": none, or a family
	idle   float64  // the least engagement.idle, in seconds
	nodes  int
	calls  bool // whether something in it is CEL's to evaluate
	ties   ties
}

// axis is one name.
type axis struct {
	name      string // as conditions write it
	moving    int    // slot; −1: none
	still     *stillName
	whole     extent
	constants []float64 // what it is compared with
	cells     []extent
	now       extent
}

func (r *reader) scope(m *Model) *scope {
	return &scope{m: m, ranges: r.ranges, byName: map[string]*axis{}}
}

// wide is a condition, to be asked about what its names are in the scope at the moment.
func (s *scope) wide(n boolNode) boolNode {
	s.nodes++
	switch n := n.(type) {
	case boolConst:
		return n
	case *andNode:
		return &andNode{s.wide(n.left), s.wide(n.right)}
	case *orNode:
		return &orNode{s.wide(n.left), s.wide(n.right)}
	case *notNode:
		return &notNode{s.wide(n.inner)}
	case *boolChoice:
		return &boolChoice{s.wide(n.when), s.wide(n.then), s.wide(n.otherwise)}
	case *sameTruth:
		return &sameTruth{s.wide(n.left), s.wide(n.right)}
	case *comparison:
		s.compared(n.left, n.right)
		return &comparison{s.wideNumber(n.left), s.wideNumber(n.right), n.order}
	case *numberIn:
		s.compared(n.number, nil, n.list...)
		return &numberIn{s.wideNumber(n.number), n.list}
	default:
		return s.wideLeaf(n)
	}
}

// wideLeaf is wide for conditions on values.
func (s *scope) wideLeaf(n boolNode) wideTruth {
	switch n := n.(type) {
	case hasStill:
		v := s.stillAxis(int(n))
		return func() truths { return presenceWithin(&v.now) }
	case hasMoving:
		v := s.movingAxis(int(n))
		return func() truths { return presenceWithin(&v.now) }
	case *valueTruth:
		v := s.value(n.value)
		return func() truths { return truthWithin(v) }
	case *valuesEqual:
		l, r := s.value(n.left), s.value(n.right)
		s.comparedValues(l, r)
		return func() truths { return l.equals(r, s.named) }
	case *valuesOrdered:
		l, r := s.value(n.left), s.value(n.right)
		s.comparedValues(l, r)
		return func() truths { return orderedWithin(l, r, n.order) }
	case *valueIn:
		v, list := s.value(n.value), make([]extent, len(n.list))
		for i, item := range n.list {
			list[i] = extentOf(item)
			s.named = append(s.named, list[i].texts...)
			s.comparedValues(v, &list[i])
		}
		return func() truths { return memberWithin(v, list, s.named) }
	case *numberIsValue:
		s.compared(n.number, &valueNumber{value: n.value})
		x, v := s.wideNumber(n.number), s.value(n.value)
		return func() truths { return isWithin(x.over(nil, nil, nil), v) }
	case *textTest:
		text, part := s.value(n.text), s.value(n.part)
		return func() truths { return testWithin(text, part, n.test) }
	default:
		s.calls = true
		return unknownTruth
	}
}

// wideNumber is wide for numbers.
func (s *scope) wideNumber(n numberNode) numberNode {
	s.nodes++
	switch n := n.(type) {
	case numberConst:
		return n
	case movingNumber:
		return &wideNumber{&s.movingAxis(int(n)).now}
	case *valueNumber:
		return &wideNumber{s.value(n.value)}
	case *arithmetic:
		return &arithmetic{s.wideNumber(n.left), s.wideNumber(n.right), n.op}
	case *negation:
		return &negation{s.wideNumber(n.inner)}
	case *numberChoice:
		return &numberChoice{s.wide(n.when), s.wideNumber(n.then), s.wideNumber(n.otherwise)}
	default:
		unknown := anything()
		return &wideNumber{&unknown}
	}
}

// value is the extent of a value, which follows the axis that it is of.
func (s *scope) value(n valueNode) *extent {
	s.nodes++
	switch n := n.(type) {
	case *valueConst:
		e := extentOf(n.value)
		s.named = append(s.named, e.texts...)
		return &e
	case stillValue:
		return &s.stillAxis(int(n)).now
	case stillText:
		return &s.stillAxis(int(n)).now
	case *dataValue:
		return &s.axis(dotted(append([]string{"data"}, n.path...)), func(a *axis) { a.whole = free() }).now
	case eventSource:
		return &s.axis("source", func(a *axis) { a.whole = someText() }).now
	case eventType:
		return &s.axis("type", func(a *axis) {
			a.whole = someText()
			if s.on != "" {
				a.whole = oneOfTexts(s.on)
			}
		}).now
	case *celNode:
		// What it answers is not known, but on what it depends.
		for _, text := range slices.Sorted(maps.Keys(n.names)) {
			switch named := n.names[text]; named.kind {
			case fromMoving:
				s.movingAxis(named.slot)
			case fromStill:
				s.stillAxis(named.slot)
			}
		}
	}
	s.calls = true
	unknown := anything()
	return &unknown
}

// free is what a profile attribute or a part of an event's data can be.
func free() extent {
	e := anything()
	e.free, e.others = false, true
	return e
}

func someText() extent {
	e := oneOfTexts()
	e.others = true
	return e
}

// axis is the axis of that name; a new one is set up by make.
func (s *scope) axis(name string, make func(*axis)) *axis {
	if a, known := s.byName[name]; known {
		return a
	}
	a := &axis{name: name, moving: -1}
	make(a)
	a.now = a.whole
	s.axes, s.byName[name] = append(s.axes, a), a
	return a
}

func (s *scope) movingAxis(slot int) *axis {
	name := "score"
	switch {
	case slot == movingEngagement:
		name = "engagement.score"
	case slot == movingIdle:
		name = "engagement.idle"
	case slot >= movingGroups:
		name = "engagement.groups." + s.m.engagement.groups[slot-movingGroups].name
	}
	return s.axis(name, func(a *axis) {
		a.moving = slot
		switch {
		case slot == movingScore:
			a.whole = s.ranges.score.extent()
		case slot == movingEngagement:
			a.whole = s.ranges.engagement.extent()
		case slot == movingIdle:
			a.whole = numbersFrom(s.idle, float64(lastInstant)/1000)
			a.whole.absent = s.idle == 0 // an idle rule fires for the engaged alone
		default:
			a.whole = s.ranges.groups[slot-movingGroups].extent()
		}
	})
}

func (s *scope) stillAxis(slot int) *axis {
	return s.stillAxisOf(&s.m.stills[slot])
}

func (s *scope) stillAxisOf(still *stillName) *axis {
	return s.axis(still.text(), func(a *axis) {
		a.still = still
		a.whole = s.ranges.still(s.m, still)
	})
}

// text is the name as conditions write it.
func (n *stillName) text() string {
	switch n.kind {
	case stillProfile:
		return dotted([]string{"profile", n.name})
	case stillRating:
		return dotted([]string{"qualification", "ratings", n.name})
	}
	for text, known := range leadNames() {
		if known.kind == fromStill && known.still == n.kind {
			return text
		}
	}
	return ""
}

// compared notes that the names in left and right are compared with the numbers in both, and with those.
func (s *scope) compared(left, right numberNode, with ...float64) {
	var axes []*axis
	var look func(numberNode)
	look = func(n numberNode) {
		switch n := n.(type) {
		case numberConst:
			with = append(with, float64(n))
		case movingNumber:
			axes = append(axes, s.movingAxis(int(n)))
		case *valueNumber:
			v := s.value(n.value)
			if a := s.axisOf(v); a != nil {
				axes = append(axes, a)
			} else if v.single() && v.hasNumber() {
				with = append(with, v.lo)
			}
		case *arithmetic:
			look(n.left)
			look(n.right)
		case *negation:
			look(n.inner)
		case *numberChoice:
			look(n.then)
			look(n.otherwise)
		}
	}
	look(left)
	look(right)
	for _, a := range axes {
		a.constants = append(a.constants, with...)
	}
}

// comparedValues notes that two values are compared.
func (s *scope) comparedValues(l, r *extent) {
	for _, pair := range [...][2]*extent{{l, r}, {r, l}} {
		if a := s.axisOf(pair[0]); a != nil && s.axisOf(pair[1]) == nil && pair[1].single() && pair[1].hasNumber() {
			a.constants = append(a.constants, pair[1].lo)
		}
	}
}

// axisOf is the axis whose present extent that is; nil for that of a literal.
func (s *scope) axisOf(now *extent) *axis {
	for _, a := range s.axes {
		if &a.now == now {
			return a
		}
	}
	return nil
}

// cellsMost bounds into how many cells one axis is cut.
const cellsMost = 64

// cut cuts the axes into cells, as long as there are no more than most combinations of them: the axes of few cells
// first, those that are too many stay whole.
func (s *scope) cut(most int) {
	if s.findTies(); s.tiedByRated() > 1 && s.ties.rated == nil {
		s.ties.rated = s.stillAxisOf(&stillName{kind: stillRated})
	}
	for _, a := range s.axes {
		a.cells = s.cellsOf(a)
	}
	byCells := slices.Clone(s.axes)
	slices.SortStableFunc(byCells, func(a, b *axis) int { return len(a.cells) - len(b.cells) })
	for _, a := range byCells {
		if len(a.cells) > cellsMost || len(a.cells) > most {
			a.cells = []extent{s.whole(a)}
		}
		most /= len(a.cells)
	}
}

// whole is all that an axis can be, with the texts that have become known by now.
func (s *scope) whole(a *axis) extent {
	e := a.whole
	if e.others {
		e.texts = append(slices.Clone(e.texts), s.named...)
	}
	return e
}

// cellsOf cuts one axis: at the numbers that it is compared with, and into its texts.
func (s *scope) cellsOf(a *axis) []extent {
	all := s.whole(a)
	var cells []extent
	if a.still != nil && a.still.kind == stillRated {
		for k := range len(s.m.qualification.criteria) + 1 {
			cells = append(cells, numbersFrom(float64(k), float64(k)))
		}
		return cells
	}
	add := func(is bool, set func(*extent)) {
		if is {
			e := nothingAt()
			set(&e)
			cells = append(cells, e)
		}
	}
	add(all.absent, func(e *extent) { e.absent = true })
	add(all.no, func(e *extent) { e.no = true })
	add(all.yes, func(e *extent) { e.yes = true })
	add(all.rest, func(e *extent) { e.rest = true })
	add(all.others, func(e *extent) { e.others = true })
	add(all.free, func(e *extent) { e.free = true })
	slices.Sort(all.texts)
	for _, text := range slices.Compact(all.texts) {
		cells = append(cells, oneOfTexts(text))
	}
	for _, piece := range pieces(all.lo, all.hi, a.constants) {
		cells = append(cells, piece.extent())
	}
	return cells
}

// pieces cuts the numbers from lo to hi at the constants, each of which is a piece of its own.
func pieces(lo, hi float64, constants []float64) []interval {
	var all []interval
	constants = slices.Clone(constants)
	slices.Sort(constants)
	for _, c := range slices.Compact(constants) {
		if c += 0; c < lo || c > hi || c != c || math.IsInf(c, 0) {
			continue
		}
		if below := math.Nextafter(c, math.Inf(-1)); lo <= below {
			all = append(all, interval{lo, below})
		}
		all = append(all, interval{c, c})
		lo = math.Nextafter(c, math.Inf(1))
	}
	if lo <= hi {
		all = append(all, interval{lo, hi})
	}
	return all
}

// each shows every combination of cells that can be, until show says false. It reports whether there was one at all.
func (s *scope) each(show func() bool) (found bool) {
	chosen := make([]int, len(s.axes))
	for {
		for i, a := range s.axes {
			a.now = a.cells[chosen[i]]
		}
		if s.tie() {
			found = true
			if !show() {
				return true
			}
		}
		i := 0
		for ; i < len(chosen); i++ {
			if chosen[i]++; chosen[i] < len(s.axes[i].cells) {
				break
			}
			chosen[i] = 0
		}
		if i == len(chosen) {
			return found
		}
	}
}
