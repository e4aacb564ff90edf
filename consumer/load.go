package consumer

import (
	"context"
	"fmt"
)

// loadAsked adds the leads whose timers are due, and the next few of a walk under a new model, to the stretch in hand.
func (l *lane) loadAsked(ctx context.Context) error {
	b := &l.batch
	if b.clock >= l.nextDue {
		due := 0
		err := l.store.Due(ctx, b.clock, dueAtOnce, func(id string) {
			w := l.want(id)
			w.asked, w.fired = true, true
			due++
		})
		if err != nil {
			return fmt.Errorf("reading the timers of lane %d: %w", l.number, err)
		}
		l.Metrics.timersDue.Add(float64(due))
		b.due = due
	}
	return l.walkOn(ctx)
}

// loadLeads brings what Redis holds of the stretch's leads into memory. Of those that the batch has folded already it has
// what Redis will hold.
func (l *lane) loadLeads(ctx context.Context) error {
	b := &l.batch
	l.wanted, l.wantedAt = l.wanted[:0], l.wantedAt[:0]
	for _, i := range b.turn {
		if w := &b.leads[i]; w.blob == nil {
			l.wanted, l.wantedAt = append(l.wanted, w.hash), append(l.wantedAt, i)
		}
	}
	l.leads.Fetch(l.wanted)
	l.missing, l.missingAt = l.missing[:0], l.missingAt[:0]
	for _, i := range l.wantedAt {
		w := &b.leads[i]
		if blob, ok := l.leads.Get(w.hash, w.id); ok {
			w.blob = blob
			continue
		}
		if l.leads.Lack(w.hash) {
			continue // a new one: the lane began empty, and holds all since
		}
		l.missing, l.missingAt = append(l.missing, w.id), append(l.missingAt, i)
	}
	err := l.store.Load(ctx, l.missing, func(i int, blob []byte) { b.leads[l.missingAt[i]].blob = blob })
	if err != nil {
		return fmt.Errorf("loading %d leads of lane %d: %w", len(l.missing), l.number, err)
	}
	return nil
}
