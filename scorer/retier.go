package scorer

// Retier puts the Folder's model in force for l at that instant (or at the lead's clock, if that is later): tier and
// stage are decided anew, and changes have cause ByModel. Idle rules that come due until then fire on the way.
func (f *Folder) Retier(l *Lead, at Instant, out []Change) []Change {
	if l.Tier == "" {
		return out
	}
	f.take(l)
	out = f.retier(l, bounded(at), out)
	f.schedule(l)
	return out
}

// adopt lets the lead's counters go on under the model's kinds of decay. Where an older model's rule of that ID kept a sum
// and this one's keeps marks, or the other way round, what is left would otherwise be lost, or come to life again with a
// later model. A second time it does nothing.
//
// A sum becomes one mark of its worth at the newest event that counted; marks become a sum, each as of its own time. The
// marks of a rolling limit stay, since it looks at their times alone.
func (f *Folder) adopt(l *Lead) {
	e := &f.model.engagement
	for i := range l.Counters {
		c := &l.Counters[i]
		at, known := e.byKey[c.Rule]
		if !known {
			continue // kept, should the rule come back
		}
		r := &e.rules[at]
		// Ref is set by the decays that keep a sum, and by them alone.
		switch marks := r.decaying().span() > 0; {
		case marks && c.Ref != 0:
			c.intoMarks()
		case !marks && c.Ref == 0 && len(c.Marks) > 0:
			c.intoSum(r)
		}
	}
}

// intoMarks makes of a sum one mark of its worth at its time. The marks that are there are a rolling limit's, and part of
// the sum.
func (c *Counter) intoMarks() {
	for i := range c.Marks {
		c.Marks[i].Weight = 0
	}
	if newest := len(c.Marks) - 1; newest >= 0 && c.Marks[newest].At == c.Ref {
		c.Marks[newest].Weight = c.Sum
	} else {
		c.mark(c.Ref, c.Sum)
	}
	c.Sum, c.Ref = 0, 0
}

// intoSum makes of marks the sum that r's decay keeps.
func (c *Counter) intoSum(r *rule) {
	for _, m := range c.Marks {
		r.decaying().count(c, m.At, m.Weight)
	}
	if r.limit.memory() == 0 {
		c.Marks = c.Marks[:0]
	}
}

// retier is Retier of the lead in hand, up to scheduling.
func (f *Folder) retier(l *Lead, at Instant, out []Change) []Change {
	f.adopt(l)
	f.fireUntil(l, at)
	l.Clock = max(l.Clock, at)
	l.ModelVersion = f.model.Version
	return f.settle(l, &reason{kind: ByModel}, out)
}
