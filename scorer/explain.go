package scorer

import (
	"cmp"
	"math"
	"slices"
)

// Explain is everything computed of l at an instant not older than its clock (else: at its clock), as time alone will
// have moved it by then. l stays as it is.
func (f *Folder) Explain(l *Lead, at Instant) Standing {
	if at = bounded(at); at > l.Clock && l.Tier != "" {
		l.copyInto(&f.spare)
		l = &f.spare
		f.take(l)
		f.pass(l, at, nil, nil)
	} else {
		f.take(l)
	}
	f.see(l, l.Clock)
	return f.standing(l)
}

// Rank orders leads within a tier, highest first: the model's rank, by default (and where the model's can't be
// evaluated) the score and, between equal scores, the qualification total: score + total/1,000,000.
func (f *Folder) Rank(l *Lead) float64 {
	f.take(l)
	f.see(l, l.Clock)
	return f.rank()
}

func (f *Folder) rank() float64 {
	if f.model.rank != nil {
		rank, err := f.model.rank.number(&f.scene)
		if err == nil {
			return rank
		}
		f.unevaluable[f.rankPlace()]++
	}
	return f.scene.moving[movingScore] + float64(f.asked.total/1e6)
}

// Route is the route of the lead's disposition where the model names one, else of its tier.
func (f *Folder) Route(l *Lead) string {
	if route, named := f.model.qualification.routes[l.Disposition]; named && l.Disposition != "" {
		return route
	}
	if i := f.tierOf(l.Tier); i < len(f.model.tiers) {
		return f.model.tiers[i].route
	}
	return ""
}

// complete fills in all of a change of the lead in hand, which is seen at its clock.
func (f *Folder) complete(l *Lead, why *reason, c Change) Change {
	c.Lead, c.Account, c.Stage = l.ID, l.Account, l.Stage
	c.Sequence, c.At = l.Sequence, l.Clock
	c.Route = f.Route(l)
	c.Cause = f.cause(why)
	if why.event != nil {
		c.Traceparent = f.slab.clone(why.event.Traceparent)
	}
	c.Standing = f.standing(l)
	c.Model = ModelName{Name: f.model.Name, Version: f.model.Version}
	return c
}

// standing is the standing of the lead in hand, which is seen at its clock.
func (f *Folder) standing(l *Lead) Standing {
	m := f.model
	s := Standing{
		At:         l.Clock,
		Score:      f.points(movingScore),
		Engagement: f.points(movingEngagement),
		Fit:        f.fit.score, Grade: f.fit.grade,
		Total: f.asked.total, Rated: f.asked.rated, Complete: f.asked.complete,
		Floor: f.asked.floor, Ceiling: f.asked.ceiling,
		Disposition:   l.Disposition,
		Contributions: f.contributions(l),
		Route:         f.Route(l),
		Rank:          f.rank(),
	}
	if len(m.engagement.groups) > 0 {
		s.Groups = f.slab.room(len(m.engagement.groups))[:len(m.engagement.groups)]
		for i := range s.Groups {
			s.Groups[i] = Points{Name: m.engagement.groups[i].name, Points: f.points(movingGroups + i)}
		}
	}
	for i := range m.qualification.criteria {
		c := &m.qualification.criteria[i]
		if at, rated := l.rating(c.key); rated {
			s.Ratings = append(s.Ratings, CriterionRating{Criterion: c.name, Value: l.Ratings[at].Value})
		}
	}
	return s
}

// contributions are the rules that give the lead in hand points now, largest magnitude first, ties by rule ID.
func (f *Folder) contributions(l *Lead) []Points {
	all := f.slab.room(len(f.active) + len(f.model.fit.rules))
	for _, a := range f.active {
		r := &f.model.engagement.rules[a.rule]
		if p := round(r.share(r.decaying().look(&l.Counters[a.counter], l.Clock).sum())); p != 0 {
			all = append(all, Points{Name: r.id, Points: p})
		}
	}
	for i := range f.model.fit.rules {
		r := &f.model.fit.rules[i]
		if holds, err := r.when.holds(&f.scene); err == nil && holds && r.points != 0 {
			all = append(all, Points{Name: r.id, Points: r.points})
		}
	}
	slices.SortFunc(all, func(a, b Points) int {
		return cmp.Or(cmp.Compare(math.Abs(b.Points), math.Abs(a.Points)), cmp.Compare(a.Name, b.Name))
	})
	if len(all) == 0 {
		return nil
	}
	return all
}
