package scorer

import "math"

// ranges are what the values of a model's leads can be, whatever happens to them: by its bounds, caps, grades and scale.
// How many points the rules of the day can give is left out of account: rules come and go, and a file that has only some
// of them yet is no mistake.
type ranges struct {
	engagement, fit, score interval
	groups                 []interval
	scaled                 bool // whether the scale of ratings is known
	graded                 bool // whether the grades are
}

// doubts are the parts of a model with mistakes that leave open what its values can be. What follows from such a mistake
// is none of its own.
type doubts struct {
	engagement, fit, qualification bool
}

// interval is the numbers from lo to hi.
type interval struct{ lo, hi float64 }

func everyNumber() interval { return interval{math.Inf(-1), math.Inf(1)} }

func (i interval) extent() extent { return numbersFrom(i.lo, i.hi) }

func (i interval) empty() bool { return i.lo > i.hi }

func (i interval) meet(b interval) interval { return interval{max(i.lo, b.lo), min(i.hi, b.hi)} }

func (i interval) plus(b interval) interval { return interval{i.lo + b.lo, i.hi + b.hi} }

// loose is the interval with what rounding may add to it.
func (i interval) loose() interval {
	return interval{i.lo - 1e-9*max(1, math.Abs(i.lo)), i.hi + 1e-9*max(1, math.Abs(i.hi))}
}

// round is the interval of what is rounded: rounding never makes the lower of two numbers the higher.
func (i interval) round() interval { return interval{round(i.lo), round(i.hi)} }

// rangesOf works out the ranges of m, by the arithmetic of compose and judgeFit: nothing in it falls when one of its terms
// rises, so the bounds hold to the bit.
func rangesOf(m *Model, d doubts) *ranges {
	r := &ranges{
		engagement: interval{m.engagement.min, m.engagement.max}, fit: interval{math.Inf(-1), m.fit.max},
		scaled: !d.qualification && m.qualification.min < m.qualification.max, graded: !d.fit,
	}
	if d.engagement {
		r.engagement = everyNumber()
	}
	if d.fit {
		r.fit = everyNumber()
	}
	r.fit = r.fit.round()
	r.score = r.engagement.plus(r.fit).round()
	r.engagement = r.engagement.round()
	for _, g := range m.engagement.groups {
		r.groups = append(r.groups, interval{-g.max, g.max}.round())
	}
	return r
}

// still is what one of a lead's still values can be. A lead that an older version of the model moved last may be in a
// tier or at a stage that this one does not have.
func (r *ranges) still(m *Model, s *stillName) extent {
	q := &m.qualification
	n := float64(len(q.criteria))
	switch s.kind {
	case stillFitScore:
		return r.fit.extent()
	case stillFitGrade:
		return r.grades(m)
	case stillProfile:
		e := free()
		e.rest = false
		return e
	case stillTotal:
		return r.rated(q, interval{min(0, n*q.min), max(0, n*q.max)})
	case stillRated:
		return numbersFrom(0, n)
	case stillComplete:
		e := nothingAt()
		e.no, e.yes = true, n > 0
		return e
	case stillFloor:
		return r.rated(q, interval{n * q.min, n * q.max})
	case stillCeiling:
		return r.rated(q, interval{n * q.min, n * q.max})
	case stillRating:
		e := r.rated(q, interval{q.min, q.max})
		e.absent = true
		return e
	case stillDisposition:
		return oneOfTexts(append([]string{""}, dispositions()...)...)
	case stillTier, stillStage:
		e := someText()
		for i := range m.tiers {
			if s.kind == stillTier {
				e.texts = append(e.texts, m.tiers[i].name)
			}
		}
		for i := range m.stages {
			if s.kind == stillStage {
				e.texts = append(e.texts, m.stages[i].name)
			}
		}
		if s.kind == stillStage {
			e.texts = append(e.texts, "")
		}
		return e
	default:
		return anything()
	}
}

// rated is an interval of ratings and their sums: ratings are taken to be of the model's scale. Where its bounds are no
// decimals of a score, a sum of many may be beside their product.
func (r *ranges) rated(q *qualification, i interval) extent {
	switch {
	case !r.scaled:
		return everyNumber().extent()
	case round(q.min) != q.min || round(q.max) != q.max:
		return i.loose().extent()
	default:
		return i.round().extent()
	}
}

func (r *ranges) grades(m *Model) extent {
	switch {
	case !r.graded:
		return anything()
	case len(m.fit.grades) == 0:
		return oneOfTexts("")
	}
	e := oneOfTexts()
	for i := range m.fit.grades {
		if !m.fit.scores(i).meet(r.fit).empty() {
			e.texts = append(e.texts, m.fit.grades[i].name)
		}
	}
	return e
}

// scores are the fit scores of the grade at that place.
func (m *fit) scores(grade int) interval {
	i := everyNumber()
	if grade < len(m.grades)-1 {
		i.lo = m.grades[grade].bound
	}
	if grade > 0 {
		i.hi = math.Nextafter(m.grades[grade-1].bound, math.Inf(-1))
	}
	return i
}
