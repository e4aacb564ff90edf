package scorer

import (
	"math"
	"slices"
)

// weightMost bounds what one event can weigh, so that no sum ever overflows.
const weightMost = 1e12

// decaying is the rule's decay, never nil.
func (r *rule) decaying() decay {
	if r.decay == nil {
		return noDecay{}
	}
	return r.decay
}

// tally counts an event of that time in c, unless the rule's limit forbids it. now is the lead's clock, not older than
// at. It reports whether the event counted.
func (r *rule) tally(c *Counter, at Instant, weight float64, now Instant) bool {
	if !r.limit.admits(c, at) {
		return false
	}
	weight = min(max(weight, -weightMost), weightMost)
	d := r.decaying()
	d.count(c, at, weight)
	if c.Count < math.MaxUint32 {
		c.Count++
	}
	span, memory := d.span(), r.limit.memory()
	if span == 0 && memory == 0 && len(c.Marks) == 0 {
		return true // most keep no marks
	}
	if span == 0 && memory > 0 {
		c.mark(at, weight)
	}
	c.forget(now - max(span, memory))
	most := marksMost
	if memory > 0 {
		most += 2 * r.limit.count
	}
	c.merge(span, most)
	return true
}

// counter is the place of the rule's counter in l, and whether it is there.
func (l *Lead) counter(key Key) (int, bool) {
	// Leads have few counters: a plain walk is quicker than a search.
	for i := range l.Counters {
		if l.Counters[i].Rule >= key {
			return i, l.Counters[i].Rule == key
		}
	}
	return len(l.Counters), false
}

// count counts an event of that time by rule r of l's engagement, unless it happened before the newest reset or the
// rule's limit forbids it. It reports whether the event counted.
func (l *Lead) count(r *rule, at Instant, weight float64) bool {
	if at < l.Reset {
		return false
	}
	place, there := l.counter(r.key)
	if !there {
		l.Counters = slices.Insert(l.Counters, place, Counter{Rule: r.key})
	}
	return r.tally(&l.Counters[place], at, weight, l.Clock)
}

// reset empties what the rules counted up to and including that instant; what is older and arrives later will not
// count. A reset older than the newest one does nothing. What counted before it still fills its rule's limit: a limit is
// about how often something counts, not about what is left of it.
//
// A reset that arrives late finds events after it counted already. Where a counter has marks of them, they survive: with
// a linear decay or steps, and with a rolling limit, as far as that remembers (its per and a week back from the lead's
// clock, and no more than 64 marks and twice its count). Elsewhere, that is with a half-life or no decay and no rolling
// limit, all there is is one sum over events before and after, which can't be parted: it is emptied whole, so events
// after the reset that were folded before it are lost to the score. What is folded from then on counts as ever.
func (e *engagement) reset(l *Lead, at Instant) {
	if at < l.Reset {
		return
	}
	l.Reset = at
	kept := 0
	for i := range l.Counters {
		if e.restart(&l.Counters[i], at) {
			// Swapped, not copied: no two counters may share the memory of their marks.
			l.Counters[kept], l.Counters[i] = l.Counters[i], l.Counters[kept]
			kept++
		}
	}
	l.Counters = l.Counters[:kept]
}

// restart makes c what it is without the events up to and including that instant, and reports whether anything is left
// to remember. What a limit admitted before the reset still fills it: of one without per the count goes on, and of a
// rolling one the marks stay, with no weight.
func (e *engagement) restart(c *Counter, at Instant) bool {
	i, known := e.byKey[c.Rule]
	if !known {
		return false
	}
	r := &e.rules[i]
	emptied := 0
	if r.limit.memory() > 0 {
		emptied = placeOf(c.Marks, at)
		for m := range c.Marks[:emptied] {
			c.Marks[m].Weight = 0
		}
	} else {
		c.forget(at)
	}
	c.Sum, c.Ref = 0, 0
	left := c.Marks[emptied:]
	if !r.limit.lifelong() {
		c.Count = uint32(len(left))
	}
	if d := r.decaying(); d.span() == 0 {
		for _, m := range left {
			d.count(c, m.At, m.Weight)
		}
	}
	return c.Count > 0 || len(c.Marks) > 0
}
