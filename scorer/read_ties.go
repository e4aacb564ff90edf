package scorer

// ties are the axes of a scope that have to do with each other; nil where the conditions don't name them.
type ties struct {
	fit, grade, engagement, score          *axis
	rated, complete, total, floor, ceiling *axis
}

func (s *scope) findTies() {
	s.ties = ties{
		fit: s.byName["fit.score"], grade: s.byName["fit.grade"], engagement: s.byName["engagement.score"], score: s.byName["score"],
		rated: s.byName["qualification.rated"], complete: s.byName["qualification.complete"], total: s.byName["qualification.total"],
		floor: s.byName["qualification.floor"], ceiling: s.byName["qualification.ceiling"],
	}
}

// tie narrows what the axes are at the moment by what they have to do with each other, and reports whether they can be
// so at the same time.
func (s *scope) tie() bool {
	return s.tieScores() && s.tieRatings()
}

// numbersNow is what a name is at the moment, where it is an axis; else all that it can be.
func (a *axis) numbersNow(otherwise interval) interval {
	if a == nil {
		return otherwise
	}
	return interval{a.now.lo, a.now.hi}
}

// narrow leaves of an axis what is in i, and reports whether anything is left.
func (a *axis) narrow(i interval) bool {
	if a == nil {
		return !i.empty()
	}
	i = i.meet(interval{a.now.lo, a.now.hi})
	a.now.lo, a.now.hi = i.lo, i.hi
	return !i.empty()
}

// tieScores: a grade begins at its bound, and the score is of engagement and fit.
func (s *scope) tieScores() bool {
	t := &s.ties
	fit := t.fit.numbersNow(s.ranges.fit)
	if t.grade != nil && s.ranges.graded && len(t.grade.now.texts) == 1 {
		for i := range s.m.fit.grades {
			if s.m.fit.grades[i].name == t.grade.now.texts[0] {
				fit = fit.meet(s.m.fit.scores(i))
			}
		}
	}
	return t.fit.narrow(fit) && t.score.narrow(t.engagement.numbersNow(s.ranges.engagement).plus(fit).loose())
}

// tiedByRated is how many of the names whose ties go through qualification.rated are in the scope.
func (s *scope) tiedByRated() int {
	n, t := 0, &s.ties
	for _, a := range []*axis{t.rated, t.complete, t.total, t.floor, t.ceiling} {
		if a != nil && s.ranges.scaled && len(s.m.qualification.criteria) < cellsMost {
			n++
		}
	}
	return n
}

// tieRatings: the total is of what was rated, and floor and ceiling are of the total and of what was not.
func (s *scope) tieRatings() bool {
	t, q := &s.ties, &s.m.qualification
	if t.rated == nil || !s.ranges.scaled || t.rated.now.lo != t.rated.now.hi {
		return true
	}
	n, k := float64(len(q.criteria)), t.rated.now.lo
	if t.complete != nil && t.complete.now.yes != t.complete.now.no && t.complete.now.yes != (k == n && n > 0) {
		return false
	}
	low, high := (n-k)*q.min, (n-k)*q.max
	total := interval{k * q.min, k * q.max}.loose()
	total = total.meet(t.total.numbersNow(everyNumber()))
	total = total.meet(t.floor.numbersNow(everyNumber()).plus(interval{-low, -low}).loose())
	total = total.meet(t.ceiling.numbersNow(everyNumber()).plus(interval{-high, -high}).loose())
	return t.total.narrow(total) && t.floor.narrow(total.plus(interval{low, low}).loose()) &&
		t.ceiling.narrow(total.plus(interval{high, high}).loose())
}
