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
const toldAtOnce = 20_000

// readTold reads what the world was told: the last change of each lead since the output offset that the ledger remembers
// goes before what was kept while refolding. All but the last of these leads are noted in told; the last are reconciled at
// once, in the first batch that counts again: one beyond every batch that Kafka knows of.
func (l *lane) readTold(soft, hard context.Context) error {
	last := map[string]scorer.Told{}
	end := l.ledger.OutputOffset
	err := l.scan(soft, l.output, end, func(r *events.Record) error {
		end = r.Offset + 1
		told, id, ok := l.toldBy(r)
		if !ok {
			l.log.Warn("a record of the output that hotlead did not write; passed over", "topic", r.Topic, "offset", r.Offset)
			return nil
		}
		last[id] = told
		if len(last) < l.toldAtOnce {
			return nil
		}
		l.begin()
		for id, told := range last {
			l.batch.told = append(l.batch.told, state.ToldWrite{ID: id, Value: appendTold(told)})
		}
		clear(last)
		defer l.step(l.number, Recovered)
		return l.decide(soft, hard)
	})
	if err != nil {
		return fmt.Errorf("reading what was announced in lane %d: %w", l.number, err)
	}
	next := *l.recovery
	next.Phase = phaseReconcile
	l.recovery = &next
	l.ledger.Batch = max(l.ledger.Batch, next.Batch)
	l.ledger.OutputOffset = end // or each take-over would read all of it, until the next change
	return l.correct(soft, hard, next, last)
}

// reconcile is one batch of leads of which something was told. With the last of them the recovery is over.
func (l *lane) reconcile(soft, hard context.Context) error {
	values, more, err := l.store.Told(hard, l.toldAtOnce)
	if err != nil {
		return fmt.Errorf("reading what was told of the leads of lane %d: %w", l.number, err)
	}
	told := make(map[string]scorer.Told, len(values))
	for id, value := range values {
		if told[id], err = readTold(value); err != nil {
			return fmt.Errorf("lane %d: %w", l.number, err)
		}
	}
	r := *l.recovery
	if !more {
		l.recovery = nil
	}
	if err := l.correct(soft, hard, r, told); err != nil {
		return err
	}
	if l.recovery == nil {
		l.log.Info("the lane is whole again", "batch", l.ledger.Batch)
	}
	return nil
}

// correct is one batch of leads of which something was told: each takes over the sequence that the world knows, and where
// the world knows another tier, one corrective change is announced. Where that makes more changes than a batch may hold,
// which is rare, the other leads stay in told, and the recovery goes on.
func (l *lane) correct(soft, hard context.Context, r recovery, told map[string]scorer.Told) error {
	b := &l.batch
	l.begin()
	for id := range told {
		l.want(id)
	}
	if err := l.loadLeads(hard); err != nil {
		return err
	}
	for i := range b.leads {
		w := &b.leads[i]
		known := told[w.id]
		if b.records.Len() > l.share {
			b.told = append(b.told, state.ToldWrite{ID: w.id, Value: appendTold(known)})
			l.recovery = &r
			continue
		}
		b.done = append(b.done, w.id)
		was, err := l.decode(w)
		if err != nil {
			return err
		}
		own := l.folder.Told(&l.lead)
		switch {
		case known == own && l.lead.ModelVersion == l.model.Version:
			continue // it is where the world knows it: most are
		case r.Lost && known.Sequence == own.Sequence && known.Tier == own.Tier:
			continue // it was not lost after all
		}
		known.Behind = r.Blind || r.Lost
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
	if len(l.ledger.Outbox) == 0 {
		return nil // what comes next, or that nothing does, brings the group's offsets up
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
