package consumer

import (
	"context"
	"fmt"

	"github.com/hotlead/hotlead/state"
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
			continue // a new one: the lane holds all that there are
		}
		l.missing, l.missingAt = append(l.missing, w.id), append(l.missingAt, i)
	}
	err := l.store.Load(ctx, l.missing, func(i int, blob []byte) { b.leads[l.missingAt[i]].blob = blob })
	if err != nil {
		return fmt.Errorf("loading %d leads of lane %d: %w", len(l.missing), l.number, err)
	}
	return nil
}

const (
	// fillAtOnce is about how many leads are read into memory before a batch: so few that events hardly wait.
	fillAtOnce = 200
	// leastLead is what a lead takes in memory at least, about.
	leastLead = 128
)

// emptyMemory lets go of the leads in memory. If all of the lane's may fit, they are read again, a few at a time.
func (l *lane) emptyMemory() {
	l.leads, l.filling = state.NewLeads(l.memory), walk{}
	if l.ledger == nil {
		return
	}
	if l.ledger.Leads()*leastLead <= l.memory {
		l.filling.buckets = l.ledger.Buckets
	}
}

// fill reads the next few leads into memory while the lane keeps up, until all are there, or there is no room for more. Once
// they are, Redis is not asked for leads any more, nor whether one is new.
func (l *lane) fill(ctx context.Context) error {
	if !l.filling.underWay() || !l.keepsUp() {
		return nil
	}
	room := true
	next, err := l.store.Walk(ctx, l.filling.bucket, l.filling.at, fillAtOnce, func(id string, blob []byte) {
		room = room && l.leads.Fill(l.leads.Hash(id), id, blob)
	})
	if err != nil {
		return fmt.Errorf("reading the leads of lane %d into memory: %w", l.number, err)
	}
	if l.filling.at = next; next == 0 {
		l.filling.bucket++
	}
	switch {
	case !room:
		l.filling = walk{}
	case !l.filling.underWay():
		l.leads.HoldAll()
	}
	return nil
}
