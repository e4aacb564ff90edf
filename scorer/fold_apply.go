package scorer

import "strings"

// Apply folds e into l and appends to out the changes that it, and the time until it, made, in their order. The error is
// a *Refusal where the event can't be scored (unknown_criterion, rating_out_of_range, profile_too_large); l is then as it
// was.
func (f *Folder) Apply(l *Lead, e *Event, out []Change) ([]Change, Result, error) {
	identity := e.identity()
	if l.hasSeen(identity) {
		return out, Result{Duplicate: true}, nil
	}
	if e.Qualification != nil {
		if refusal := f.refusal(l, e.Qualification); refusal != nil {
			return out, Result{}, refusal
		}
	}
	at := bounded(e.Time)
	rests := e.Qualification == nil && l.Tier != "" && l.ModelVersion == f.model.Version
	out = f.reach(l, at, out)
	result := Result{Late: at < l.Clock}

	f.match(l, e, &result)
	l.FirstSeen, l.LastSeen = min(l.FirstSeen, at), max(l.LastSeen, at)
	if e.Qualification == nil {
		l.Engaged = max(l.Engaged, at)
	}
	f.count(l, at)
	l.learn(e, at, &f.slab)
	if e.Qualification != nil {
		f.takeStill(l)
		if len(e.Qualification.Attributes) > 0 {
			result.Unevaluable += f.noteFit()
		}
	}
	if !(rests && f.onlyAdded(l)) && !f.stays(l) {
		f.takeCounters(l)
		out = f.settle(l, &reason{kind: ByEvent, event: e}, out)
		f.schedule(l)
	}
	result.Forgot = l.remember(identity)
	return out, result, nil
}

// reach brings l to the time of an event: a new lead begins there, in the model's last tier; one that an older model
// decided last is decided by this one; and time does what it does until then. l is then the lead in hand, but for its
// counters (see takeCounters), which most events need not see.
func (f *Folder) reach(l *Lead, at Instant, out []Change) []Change {
	if l.Tier == "" {
		l.Clock = max(l.Clock, at)
		l.FirstSeen, l.Since = at, l.Clock
		f.begin(l)
		f.takeStill(l)
		return out
	}
	if l.ModelVersion >= f.model.Version && (at <= l.Clock || at < l.Due && at < f.nextFiring(l)) {
		f.takeStill(l)
		l.Clock = max(l.Clock, at)
		return out
	}
	return f.advance(l, at, out)
}

// begin puts l in the model's last tier.
func (f *Folder) begin(l *Lead) {
	l.Tier = f.model.tiers[len(f.model.tiers)-1].name
	l.ModelVersion = f.model.Version
}

// match finds the rules that an engagement event counts for. Their conditions see the lead as it is just before.
func (f *Folder) match(l *Lead, e *Event, result *Result) {
	f.hits = f.hits[:0]
	if e.Qualification != nil {
		return
	}
	look := looker{folder: f, lead: l, event: e}
	m := &f.model.engagement
	for _, i := range f.types.find(e.Type) {
		result.Unevaluable += look.at(i)
	}
	if len(m.families) == 0 {
		return
	}
	for end := 0; ; {
		dot := strings.IndexByte(e.Type[end:], '.')
		if dot < 0 {
			return
		}
		end += dot + 1
		for _, i := range m.families[e.Type[:end]] {
			result.Unevaluable += look.at(i)
		}
	}
}

// looker asks rules whether an event (none: the passing of time) counts for the lead in hand. Its moving values are
// worked out when the first rule asks for them.
type looker struct {
	folder *Folder
	lead   *Lead
	event  *Event
	ready  bool
}

// at asks rule i, and notes a hit. It returns 1 if the rule can't be evaluated, else 0.
func (k *looker) at(i int) int {
	f, r := k.folder, &k.folder.model.engagement.rules[i]
	weight := 1.0
	if r.when != nil || r.worth != nil {
		if !k.ready {
			f.takeCounters(k.lead)
			f.see(k.lead, k.lead.Clock)
			f.scene.event.set(k.event)
			k.ready = true
		}
		if r.when != nil {
			holds, err := r.when.holds(&f.scene)
			if err != nil {
				f.unevaluable[i]++
				return 1
			}
			if !holds {
				return 0
			}
		}
		if r.worth != nil {
			var err error
			if weight, err = r.worth.number(&f.scene); err != nil {
				f.unevaluable[i]++
				return 1
			}
		}
	}
	f.hits = append(f.hits, hit{rule: i, weight: weight})
	return 0
}

// count folds the hits into l as of that time: resets first, so that the resetting event's own points count. Its counters
// are then to be taken anew.
func (f *Folder) count(l *Lead, at Instant) {
	f.scene.event.clear()
	if len(f.hits) == 0 {
		return
	}
	e := &f.model.engagement
	for _, h := range f.hits {
		if e.rules[h.rule].reset {
			e.reset(l, at)
		}
	}
	for _, h := range f.hits {
		// A rule of 0 points counts as well: a newer version of the model may give it some.
		if r := &e.rules[h.rule]; !r.reset {
			l.count(r, at, h.weight)
		}
	}
}

// noteFit counts the fit rules that can't be evaluated for the lead in hand.
func (f *Folder) noteFit() int {
	n := 0
	for i := range f.model.fit.rules {
		if _, err := f.model.fit.rules[i].when.holds(&f.scene); err != nil {
			f.unevaluable[f.fitPlace(i)]++
			n++
		}
	}
	return n
}
