package consumer

import (
	"errors"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// dueAtOnce bounds how many timers one batch fires.
const dueAtOnce = 2000

// fold makes new leads and changes of the batch's events and of time. It touches memory alone.
func (l *lane) fold() {
	b := &l.batch
	defer l.phase("fold")()
	if l.recovery == nil {
		l.Metrics.batchEvents.Observe(float64(len(b.inputs)))
	}
	for i := range b.inputs {
		l.foldEvent(&b.inputs[i])
	}
	for i := range b.leads {
		if w := &b.leads[i]; w.asked {
			l.foldTime(w)
		}
	}
	for rule, times := range l.folder.Unevaluable() {
		l.Metrics.unevaluable.WithLabelValues(rule).Add(float64(times))
	}
}

// foldEvent folds one event into its lead. What only the model can refuse becomes a dead letter here.
func (l *lane) foldEvent(in *input) {
	b := &l.batch
	w := &b.leads[in.lead]
	n := len(b.changes)
	changes, result, err := l.folder.Apply(&w.lead, &in.event, b.changes)
	switch {
	case err != nil:
		l.buryUnscored(in.record, err)
		return
	case result.Duplicate:
		l.count(in.record, duplicate)
		if l.recovery == nil {
			l.Metrics.duplicates.Inc()
		}
		return
	}
	l.count(in.record, scored)
	if result.Late && l.recovery == nil {
		l.Metrics.late.Inc()
	}
	if result.Forgot && l.recovery == nil {
		l.Metrics.forgotten.Inc()
	}
	b.changes = changes
	w.touched = true
	for range changes[n:] {
		b.caused = append(b.caused, in.record.Time)
	}
}

// buryUnscored makes a dead letter of an event that the model refused.
func (l *lane) buryUnscored(r *events.Record, err error) {
	refusal := &scorer.Refusal{Reason: "refused", Detail: "the model refused the event"}
	errors.As(err, &refusal) // always: Apply has no other error
	l.buryRefused(r, refusal)
}

// foldTime does to a lead what time, or a new model, does.
func (l *lane) foldTime(w *working) {
	b := &l.batch
	n := len(b.changes)
	if w.lead.ModelVersion != l.model.Version {
		b.changes = l.folder.Retier(&w.lead, max(b.clock, w.lead.Clock), b.changes)
	}
	b.changes = l.folder.Advance(&w.lead, b.clock, b.changes)
	w.touched = true
	for range b.changes[n:] {
		b.caused = append(b.caused, 0)
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
	for i := range b.changes {
		r := events.ChangeRecord(l.Topics.TierChanges, l.number, &b.changes[i])
		r.Time = scorer.InstantOf(b.begun)
		b.out = append(b.out, r)
	}
	return b.out
}
