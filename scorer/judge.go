package scorer

// Outcome says what a rule made of an event, or of the passing of time.
type Outcome uint8

// The outcomes.
const (
	// Counted: the rule counts it. Of a fit rule: it holds now, or holds no longer.
	Counted Outcome = iota
	// NotMet: the rule's condition does not hold.
	NotMet
	// Unevaluable: the rule's condition or its points can't be evaluated.
	Unevaluable
	// OverLimit: the rule's limit is reached.
	OverLimit
	// BeforeReset: it happened before the newest reset of the engagement.
	BeforeReset
	// Resets: the rule puts the engagement back to 0.
	Resets
)

// Judgement is what one rule makes of an event, or of the passing of time.
type Judgement struct {
	Rule    string
	Outcome Outcome
	// Worth is by how many points what the rule has counted rises or falls, as of the lead's clock: an event that is late
	// has lost some already. Share is by how many the rule's share of the score does: Worth, as far as its max lets it.
	Worth, Share float64
}

// Judged is what an event, or the passing of time, will do to a lead, and rule by rule how.
type Judged struct {
	// Duplicate: the event was folded before, so it does nothing. Refused: the event can't be scored, and why. There is
	// nothing else to say then.
	Duplicate bool
	Refused   *Refusal
	// Before is how the lead stands just before, at the instant at which it takes effect.
	Before Standing
	// Engagement are the rules that the event's type, or the time without engagement, calls for.
	Engagement []Judgement
	// Fit are the fit rules that change with the event, and those that it leaves unevaluable.
	Fit []Judgement
}

// Judge says what Apply of e will make of l, without doing it. It is for showing, and far slower than Apply.
func (f *Folder) Judge(l *Lead, e *Event) Judged {
	if l.hasSeen(e.identity()) {
		return Judged{Duplicate: true}
	}
	if e.Qualification != nil {
		if refusal := f.refusal(l, e.Qualification); refusal != nil {
			return Judged{Refused: refusal}
		}
	}
	var copied Lead
	l.copyInto(&copied)
	l = &copied
	at := bounded(e.Time)
	f.reach(l, at, nil)
	f.takeCounters(l)
	f.see(l, l.Clock)
	j := Judged{Before: f.standing(l)}
	if e.Qualification == nil {
		j.Engagement = f.judge(l, e, at, f.model.engagement.calledBy(e.Type))
	} else if len(e.Qualification.Attributes) > 0 {
		j.Fit = f.judgeProfile(l, e, at)
	}
	return j
}

// JudgeIdle says what the idle rules that come due for l next, up to and including that instant, will do then, and when
// that is. found is false where none comes due.
func (f *Folder) JudgeIdle(l *Lead, to Instant) (due Instant, j Judged, found bool) {
	if l.Tier == "" {
		return 0, Judged{}, false
	}
	f.take(l)
	if due = f.nextFiring(l); due > bounded(to) {
		return 0, Judged{}, false
	}
	var copied Lead
	l.copyInto(&copied)
	l = &copied
	f.pass(l, due-1, nil, nil)
	var rules []int
	for _, i := range f.model.engagement.idle {
		if f.model.engagement.rules[i].firing(l) == due {
			rules = append(rules, i)
		}
	}
	l.Clock = due
	f.see(l, due)
	j.Before = f.standing(l)
	j.Engagement = f.judge(l, nil, due, rules)
	return due, j, true
}

// calledBy are the rules that an engagement event of that type calls for.
func (e *engagement) calledBy(typ string) []int {
	rules := append([]int(nil), e.byType[typ]...)
	for end, c := range typ {
		if c == '.' {
			rules = append(rules, e.families[typ[:end+1]]...)
		}
	}
	return rules
}

// judge counts an event of that time (none: the passing of time) into l, which is the lead in hand and the caller's own
// copy, as far as these rules let it, and says what each made of it.
func (f *Folder) judge(l *Lead, e *Event, at Instant, rules []int) []Judgement {
	m := &f.model.engagement
	look := looker{folder: f, lead: l, event: e}
	all, weights := make([]Judgement, len(rules)), make([]float64, len(rules))
	for n, i := range rules {
		all[n], weights[n] = f.ask(&look, i)
	}
	f.scene.event.clear()
	for _, j := range all {
		if j.Outcome == Resets {
			m.reset(l, at)
		}
	}
	for n, i := range rules {
		r, j := &m.rules[i], &all[n]
		if j.Outcome != Counted {
			continue
		}
		before := l.sumOf(r)
		if !l.count(r, at, weights[n]) {
			j.Outcome = OverLimit
			if at < l.Reset {
				j.Outcome = BeforeReset
			}
			continue
		}
		after := l.sumOf(r)
		j.Worth, j.Share = round(r.each()*(after-before)), round(r.share(after)-r.share(before))
	}
	return all
}

// ask asks rule i whether it counts, and with what weight. What can't be evaluated is not counted as such: that is for
// folds.
func (f *Folder) ask(look *looker, i int) (Judgement, float64) {
	r := &f.model.engagement.rules[i]
	j := Judgement{Rule: r.id}
	f.hits = f.hits[:0]
	switch {
	case look.at(i) > 0:
		f.unevaluable[i]--
		j.Outcome = Unevaluable
	case len(f.hits) == 0:
		j.Outcome = NotMet
	case r.reset:
		j.Outcome = Resets
		return j, f.hits[0].weight
	default:
		return j, f.hits[0].weight
	}
	return j, 0
}

// sumOf is the sum of weights that is left at l's clock of what r has counted.
func (l *Lead) sumOf(r *rule) float64 {
	place, there := l.counter(r.key)
	if !there {
		return 0
	}
	return r.decaying().look(&l.Counters[place], l.Clock).sum()
}

// judgeProfile lets l, which is the lead in hand and the caller's own copy, learn e's attributes, and says which fit
// rules change.
func (f *Folder) judgeProfile(l *Lead, e *Event, at Instant) []Judgement {
	rules := f.model.fit.rules
	held := make([]bool, len(rules))
	for i := range rules {
		holds, err := rules[i].when.holds(&f.scene)
		held[i] = holds && err == nil
	}
	l.learn(e, at, &f.slab)
	f.takeStill(l)
	var all []Judgement
	for i := range rules {
		j := Judgement{Rule: rules[i].id, Share: -rules[i].points}
		holds, err := rules[i].when.holds(&f.scene)
		switch {
		case err != nil && !held[i]:
			j.Outcome, j.Share = Unevaluable, 0
		case holds && !held[i]:
			j.Share = rules[i].points
		case holds == held[i]:
			continue
		}
		j.Worth = j.Share
		all = append(all, j)
	}
	return all
}
