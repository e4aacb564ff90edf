package scorer

import (
	"cmp"
	"slices"
)

// fitStanding is what a lead's profile is worth.
type fitStanding struct {
	score float64
	grade string
}

// qualificationStanding is what a lead's ratings add up to.
type qualificationStanding struct {
	total          float64
	rated          int
	complete       bool
	floor, ceiling float64
}

// takeStill works out what time does not change of l, and shows it to conditions.
func (f *Folder) takeStill(l *Lead) {
	f.calm = nil
	if len(l.Profile)+len(l.Ratings)+len(l.Disposition) == 0 {
		f.takeBlank(l)
		return
	}
	f.asked = f.model.qualification.standing(l)
	for i := range f.model.stills {
		f.scene.still[i] = f.still(l, &f.model.stills[i])
	}
	if len(l.Profile) == 0 {
		f.fit = f.blankFit
	} else {
		f.fit = f.judgeFit()
	}
	for i := range f.model.stills {
		switch f.model.stills[i].kind {
		case stillFitScore, stillFitGrade:
			f.scene.still[i] = f.still(l, &f.model.stills[i])
		}
	}
}

// prepareBlank works out what takeBlank shows.
func (f *Folder) prepareBlank() {
	blank := &Lead{}
	f.fit = f.judgeFit()
	f.asked = f.model.qualification.standing(blank)
	for i := range f.model.stills {
		f.scene.still[i] = f.still(blank, &f.model.stills[i])
	}
	f.blankFit, f.blankAsked, f.blankStill = f.fit, f.asked, slices.Clone(f.scene.still)
}

// takeBlank is takeStill of a lead of whom nothing is known but what it did, as most are: all such have the same still
// values but for their tier and stage.
func (f *Folder) takeBlank(l *Lead) {
	f.asked, f.fit = f.blankAsked, f.blankFit
	copy(f.scene.still, f.blankStill)
	f.show(stillTier, l.Tier)
	f.show(stillStage, l.Stage)
}

// still is the present value of one still name.
func (f *Folder) still(l *Lead, s *stillName) Value {
	switch s.kind {
	case stillFitScore:
		return Value{Kind: Number, Number: f.fit.score}
	case stillFitGrade:
		return Value{Kind: String, String: f.fit.grade}
	case stillProfile:
		if i, there := l.attribute(s.name); there {
			return l.Profile[i].Value
		}
	case stillTotal:
		return Value{Kind: Number, Number: f.asked.total}
	case stillRated:
		return Value{Kind: Number, Number: float64(f.asked.rated)}
	case stillComplete:
		v := Value{Kind: Bool}
		if f.asked.complete {
			v.Number = 1
		}
		return v
	case stillFloor:
		return Value{Kind: Number, Number: f.asked.floor}
	case stillCeiling:
		return Value{Kind: Number, Number: f.asked.ceiling}
	case stillRating:
		if i, there := l.rating(s.key); there {
			return Value{Kind: Number, Number: l.Ratings[i].Value}
		}
	case stillDisposition:
		return Value{Kind: String, String: l.Disposition}
	case stillTier:
		return Value{Kind: String, String: l.Tier}
	case stillStage:
		return Value{Kind: String, String: l.Stage}
	}
	return Value{}
}

// show gives the still names of one kind that value.
func (f *Folder) show(kind stillKind, value string) {
	for i := range f.model.stills {
		if f.model.stills[i].kind == kind {
			f.scene.still[i] = Value{Kind: String, String: value}
		}
	}
}

// judgeFit is the fit of the profile that the scene shows.
func (f *Folder) judgeFit() fitStanding {
	m := &f.model.fit
	score := 0.0
	for i := range m.rules {
		if holds, err := m.rules[i].when.holds(&f.scene); err == nil && holds {
			score += m.rules[i].points
		}
	}
	return fitStanding{score: round(min(score, m.max)), grade: m.grade(round(min(score, m.max)))}
}

// grade is the grade with the highest bound not above the score; below all, the lowest; "" where there are no grades.
func (m *fit) grade(score float64) string {
	if len(m.grades) == 0 {
		return ""
	}
	for i := range m.grades {
		if m.grades[i].bound <= score {
			return m.grades[i].name
		}
	}
	return m.grades[len(m.grades)-1].name
}

// standing sums up l's ratings of the model's criteria.
func (q *qualification) standing(l *Lead) qualificationStanding {
	var s qualificationStanding
	if len(q.criteria) == 0 {
		return s
	}
	for i := range l.Ratings {
		if _, known := q.byKey[l.Ratings[i].Criterion]; known {
			s.total += l.Ratings[i].Value
			s.rated++
		}
	}
	open := float64(len(q.criteria) - s.rated)
	s.total = round(s.total)
	s.floor, s.ceiling = round(s.total+float64(open*q.min)), round(s.total+float64(open*q.max))
	s.complete = s.rated == len(q.criteria)
	return s
}

// rating is the place of a criterion's rating in l, and whether it is there.
func (l *Lead) rating(criterion Key) (int, bool) {
	return slices.BinarySearchFunc(l.Ratings, criterion, func(r Rating, k Key) int { return cmp.Compare(r.Criterion, k) })
}

// attribute is the place of an attribute in l's profile, and whether it is there.
func (l *Lead) attribute(name string) (int, bool) {
	return slices.BinarySearchFunc(l.Profile, name, func(a Attribute, n string) int { return cmp.Compare(a.Name, n) })
}
