package scorer

// Advance applies everything that time does to l up to and including to, in order and each at its exact instant, and
// appends the changes to out. One step equals many, bit for bit. A to older than the lead's clock changes nothing, and
// a lead that no event has reached stays so. A lead that an older model decided last is decided by this one (see
// Retier).
func (f *Folder) Advance(l *Lead, to Instant, out []Change) []Change {
	if l.Tier == "" {
		return out
	}
	out = f.advance(l, bounded(to), out)
	f.see(l, l.Clock)
	f.schedule(l)
	return out
}

// advance is Advance, up to scheduling. l is then the lead in hand.
func (f *Folder) advance(l *Lead, to Instant, out []Change) []Change {
	f.take(l)
	if l.ModelVersion < f.model.Version {
		return f.retier(l, to, out)
	}
	return f.pass(l, to, &reason{kind: ByTime}, out)
}

// pass lets time go by until that instant for the lead in hand. A nil reason announces nothing.
func (f *Folder) pass(l *Lead, to Instant, why *reason, out []Change) []Change {
	for l.Clock < to {
		due := f.nextFiring(l)
		if to < l.Due || due <= to && f.quiet(l, to) {
			if due <= to {
				f.fireUntil(l, to)
			}
			break
		}
		if due == Never && f.search.moves {
			if f.unscheduled && f.staysBeyond(l, to) {
				break
			}
			if at, found := f.firstOfFades(l); found {
				if l.Due = at; at > to {
					break
				}
				l.Clock = at
				out = f.settle(l, why, out)
				continue
			}
		}
		if at, found := f.firstMove(l, min(to, due-1)); found {
			l.Clock = at
			out = f.settle(l, why, out)
			continue
		}
		if due > to {
			break
		}
		f.fire(l, due)
		out = f.settle(l, why, out)
	}
	l.Clock = max(l.Clock, to)
	return out
}

// fireUntil counts what idle rules come due for the lead in hand after its clock and up to that instant, where nothing
// comes of it, or where the lead is decided anew in any case.
func (f *Folder) fireUntil(l *Lead, until Instant) {
	for due := f.nextFiring(l); due <= until; due = f.nextFiring(l) {
		f.fire(l, due)
	}
}

// nextFiring is when an idle rule comes due next, after the lead's clock; Never if none does. Firings fall on whole
// multiples of the rule's after, counted from the newest engagement, so nothing needs to be remembered of them.
func (f *Folder) nextFiring(l *Lead) Instant {
	next := Never
	if l.Engaged == 0 {
		return next
	}
	e := &f.model.engagement
	for _, i := range e.idle {
		if at := e.rules[i].firing(l); at < next && !e.rules[i].spent(l) {
			next = at
		}
	}
	if next > lastInstant {
		return Never
	}
	return next
}

// period is how long no engagement makes an idle rule fire.
func (r *rule) period() Instant { return max(1, Instant(r.after.Milliseconds())) }

// firing is when an idle rule comes due for l next, after its clock.
func (r *rule) firing(l *Lead) Instant {
	times := Instant(1)
	if passed := l.Clock - l.Engaged; passed >= 0 {
		times += passed / r.period()
	}
	if times > 1 && !r.repeat {
		return Never
	}
	return l.Engaged + times*r.period()
}

// spent is whether the rule's limit lets it count no more in the lead's life.
func (r *rule) spent(l *Lead) bool {
	if !r.limit.lifelong() {
		return false
	}
	place, there := l.counter(r.key)
	return there && !r.limit.admits(&l.Counters[place], l.Clock)
}

// fire moves the clock of the lead in hand to an instant at which idle rules come due, and counts them.
func (f *Folder) fire(l *Lead, at Instant) {
	e := &f.model.engagement
	f.hits = f.hits[:0]
	look := looker{folder: f, lead: l}
	var fires [8]int
	due := fires[:0]
	for _, i := range e.idle {
		if e.rules[i].firing(l) == at {
			due = append(due, i)
		}
	}
	l.Clock = at
	for _, i := range due {
		look.at(i)
	}
	f.count(l, at)
	f.takeCounters(l)
}
