package consumer

import (
	"errors"
	"fmt"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// dueAtOnce bounds how many timers one batch fires.
const dueAtOnce = 2000

// fold makes new leads and changes of the batch's events and of time, one lead after the other: leads know nothing of
// each other, and the changes of each keep their order. It touches memory alone.
func (l *lane) fold() error {
	b := &l.batch
	defer l.phase("fold")()
	if l.recovery == nil {
		l.Metrics.batchEvents.Observe(float64(len(b.inputs)))
	}
	l.encoded = l.encoded[:0]
	for i := range b.leads {
		if err := l.foldLead(&b.leads[i]); err != nil {
			return err
		}
	}
	for rule, times := range l.folder.Unevaluable() {
		l.Metrics.unevaluable.WithLabelValues(rule).Add(float64(times))
	}
	return nil
}

// foldLead folds a lead's events, and then time.
func (l *lane) foldLead(w *working) error {
	was, err := l.decode(w)
	if err != nil {
		return err
	}
	touched := false
	for i := w.first; i != none; i = l.batch.inputs[i].next {
		if l.foldEvent(&l.batch.inputs[i]) {
			touched = true
		}
	}
	if w.asked {
		l.foldTime()
		touched = true
	}
	if touched {
		l.written(w, was)
	}
	return nil
}

// standing is what is known of a lead before the batch folds it: what was announced of it, and what Redis holds.
type standing struct {
	told    scorer.Told
	due     scorer.Instant
	tier    string
	version int
}

// decode makes l.lead of what Redis holds of w, or a new lead where that is nothing.
func (l *lane) decode(w *working) (standing, error) {
	if w.blob == nil {
		l.lead.Clear(w.id)
	} else if err := state.DecodeLead(w.blob, &l.lead); err != nil {
		return standing{}, fmt.Errorf("lane %d: decoding a stored lead: %w", l.number, err)
	}
	l.lead.ID = w.id
	was := standing{told: l.folder.Told(&l.lead), due: l.lead.Due, tier: l.lead.Tier, version: l.lead.ModelVersion}
	if w.fired {
		was.due = 0 // so that the timer is written anew, whatever the lead says: one that stayed would fire for ever
	}
	return was, nil
}

// foldEvent folds one event into its lead, which is in hand; false where that changes nothing. What only the model can
// refuse becomes a dead letter here.
func (l *lane) foldEvent(in *input) bool {
	b := &l.batch
	n := len(b.changes)
	changes, result, err := l.folder.Apply(&l.lead, &in.event, b.changes)
	switch {
	case err != nil:
		l.buryUnscored(in, err)
		return false
	case result.Duplicate:
		l.count(in.topic, duplicate)
		return false
	}
	l.count(in.topic, scored)
	if result.Late {
		b.counted.late++
	}
	if result.Forgot {
		b.counted.forgotten++
	}
	b.changes = changes
	for range changes[n:] {
		b.caused = append(b.caused, in.record.Time)
	}
	return true
}

// buryUnscored makes a dead letter of an event that the model refused.
func (l *lane) buryUnscored(in *input, err error) {
	refusal := &scorer.Refusal{Reason: "refused", Detail: "the model refused the event"}
	errors.As(err, &refusal) // always: Apply has no other error
	l.buryRefused(in.record, in.topic, refusal)
}

// foldTime does to the lead in hand what time, or a new model, does.
func (l *lane) foldTime() {
	b := &l.batch
	n := len(b.changes)
	if l.lead.ModelVersion != l.model.Version {
		b.changes = l.folder.Retier(&l.lead, max(b.clock, l.lead.Clock), b.changes)
	}
	b.changes = l.folder.Advance(&l.lead, b.clock, b.changes)
	for range b.changes[n:] {
		b.caused = append(b.caused, 0)
	}
}

// written adds the lead in hand to what the batch writes.
func (l *lane) written(w *working, was standing) {
	b := &l.batch
	lead := &l.lead
	from := len(l.encoded)
	l.encoded = state.AppendLead(l.encoded, lead)
	w.blob = l.encoded[from:len(l.encoded):len(l.encoded)]
	write := state.LeadWrite{
		ID: w.id, Blob: w.blob,
		Due: lead.Due, DueWas: was.due,
		Tier: lead.Tier, TierWas: was.tier,
		Indexed: l.indexed[lead.Tier],
		// A tier of an older model may have been indexed by other rules: taken out wherever it may stand.
		IndexedWas: was.tier != "" && (was.version != lead.ModelVersion || l.indexed[was.tier]),
	}
	if write.Indexed {
		write.Rank = l.folder.Rank(lead)
	}
	b.writes, b.hashes = append(b.writes, write), append(b.hashes, w.hash)
	if l.silent() && lead.Sequence != was.told.Sequence {
		b.toldFirst = append(b.toldFirst, state.ToldWrite{ID: w.id, Value: appendTold(was.told)})
	}
}

// announcements are the records that the batch's changes, forwards and dead letters become; while the lane catches up
// with what the world was told, none. Their timestamps are those of the batch, not of what they tell of: Kafka's
// retention and compaction go by them, and a replayed year must not be deleted, or compacted away, as it is written.
func (l *lane) announcements() []events.OutRecord {
	b := &l.batch
	if l.still() {
		return nil
	}
	if l.silent() {
		return b.out
	}
	b.records.Clear()
	for i := range b.changes {
		r := b.records.Of(l.Topics.TierChanges, l.number, &b.changes[i])
		r.Time = scorer.InstantOf(b.begun)
		b.out = append(b.out, r)
	}
	return b.out
}
