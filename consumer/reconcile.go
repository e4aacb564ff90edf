package consumer

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// toldAtOnce bounds how many leads one batch of a reconcile reads or corrects.
const toldAtOnce = 5000

// readTold reads what the world was told into told: the last change of each lead since the output offset that the
// ledger remembers goes before what was kept while refolding. It ends in the first batch that counts again: one beyond
// every batch that Kafka knows of.
func (l *lane) readTold(soft, hard context.Context) error {
	b := &l.batch
	l.begin()
	last := map[string]scorer.Told{}
	flush := func() error {
		l.begin()
		for id, told := range last {
			b.told = append(b.told, state.ToldWrite{ID: id, Value: appendTold(told)})
		}
		clear(last)
		return l.decide(soft, hard)
	}
	end := l.ledger.OutputOffset
	err := l.scan(soft, l.output, end, func(r *events.Record) error {
		end = r.Offset + 1
		told, id, ok := l.toldBy(r)
		if !ok {
			l.log.Warn("a record of the output that hotlead did not write; passed over", "topic", r.Topic, "offset", r.Offset)
			return nil
		}
		last[id] = told
		if len(last) >= toldAtOnce {
			return flush()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading what was announced in lane %d: %w", l.number, err)
	}
	next := *l.recovery
	next.Phase = phaseReconcile
	l.recovery = &next
	l.ledger.Batch = max(l.ledger.Batch, next.Batch)
	l.ledger.OutputOffset = end // or each take-over would read all of it, until the next change
	return flush()
}

// reconcile is one batch of leads of which something was told: each takes over the sequence that the world knows, and
// where the world knows another tier, one corrective change is announced. When none are left the recovery is over.
func (l *lane) reconcile(soft, hard context.Context) error {
	b := &l.batch
	l.begin()
	told, err := l.store.Told(hard, toldAtOnce)
	if err != nil {
		return fmt.Errorf("reading what was told of the leads of lane %d: %w", l.number, err)
	}
	if len(told) == 0 {
		l.recovery = nil
		l.log.Info("the lane is whole again", "batch", l.ledger.Batch+1)
	}
	for id := range told {
		l.want(id)
		b.done = append(b.done, id)
	}
	if err := l.loadLeads(hard); err != nil {
		return err
	}
	for i := range b.leads {
		w := &b.leads[i]
		known, err := readTold(told[w.id])
		if err != nil {
			return fmt.Errorf("lane %d: %w", l.number, err)
		}
		was, err := l.decode(w)
		if err != nil {
			return err
		}
		own := l.folder.Told(&l.lead)
		switch {
		case known == own && l.lead.ModelVersion == l.model.Version:
			continue // it is where the world knows it: most are
		case l.recovery.Lost && known.Sequence == own.Sequence && known.Tier == own.Tier:
			continue // it was not lost after all
		}
		known.Behind = l.recovery.Blind || l.recovery.Lost
		n := len(b.changes)
		// The timers up to the committed clock have fired, so the lead has nothing to catch up with; taken further, what it
		// did before now and is still to be folded would be late. No correction is older than what it corrects.
		b.changes = l.folder.Correct(&l.lead, known, max(l.lead.Clock, known.Since), b.changes)
		for range b.changes[n:] {
			b.caused = append(b.caused, 0)
		}
		l.announceChanges()
		l.written(w, was)
	}
	if err := l.decide(soft, hard); err != nil {
		return err
	}
	return l.announce(hard)
}

// appendTold is how told keeps what was announced of a lead.
func appendTold(t scorer.Told) []byte {
	text, err := json.Marshal(t)
	if err != nil {
		panic(err) // strings and integers
	}
	return text
}

func readTold(text []byte) (scorer.Told, error) {
	var t scorer.Told
	if err := json.Unmarshal(text, &t); err != nil {
		return t, fmt.Errorf("reading what was told of a lead: %w", err)
	}
	return t, nil
}

// toldBy is what a record of the lane's output partition tells of its lead; not ok for a record that is not ours, such as
// a tombstone by which somebody had a lead's changes deleted, or a forged change of a lead that lives in another lane.
func (l *lane) toldBy(r *events.Record) (told scorer.Told, lead string, ok bool) {
	a, err := events.ReadChange(r.Value)
	if err != nil || events.Lane(a.Lead, l.lanes) != l.number {
		return scorer.Told{}, "", false
	}
	a = a.Clone() // or each lead would keep all that was fetched with it
	told = scorer.Told{Sequence: a.Sequence, Tier: a.To, Stage: a.Stage}
	if a.Kind == scorer.TierChanged {
		told.Since = a.At
	}
	return told, a.Lead, true
}
