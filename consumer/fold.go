package consumer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// dueAtOnce bounds how many timers one batch fires.
const dueAtOnce = 8000

// fold makes new leads and changes of the stretch's events and of time, one lead after the other: leads know nothing of
// each other, and the changes of each keep their order. It touches memory alone.
func (l *lane) fold() error {
	b := &l.batch
	defer l.phase("fold")()
	for n, i := range b.turn {
		if n%inHand == 0 {
			b.touch(b.turn[n:min(n+inHand, len(b.turn))])
		}
		if err := l.foldLead(&b.leads[i]); err != nil {
			return err
		}
	}
	for rule, times := range l.folder.Unevaluable() {
		l.Metrics.unevaluable.WithLabelValues(rule).Add(float64(times))
	}
	if l.span != nil {
		for i := range b.inputs {
			l.span.link(b.inputs[i].event.Traceparent)
		}
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
	for i := w.first; i != none; i = l.batch.following[i] {
		if l.foldEvent(&l.batch.inputs[i]) {
			touched = true
		}
	}
	w.first = none
	if w.asked {
		l.foldTime()
		touched = true
	}
	l.announceChanges()
	if touched {
		l.written(w, was)
	}
	return nil
}

// standing is what is known of a lead before the batch folds it: what was announced of it, and what Redis holds.
type standing struct {
	told    scorer.Told
	due     scorer.Instant
	tier    tier
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
	was := standing{told: l.folder.Told(&l.lead), due: l.lead.Due, tier: l.tierOf(l.lead.Tier), version: l.lead.ModelVersion}
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
		b.caused = append(b.caused, in.at)
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
	if l.silent() && lead.Sequence != was.told.Sequence {
		b.toldFirst = append(b.toldFirst, state.ToldWrite{ID: w.id, Value: appendTold(was.told)})
	}
	tier := l.tierOf(lead.Tier)
	write := state.LeadWrite{
		ID:  w.id,
		Due: lead.Due, DueWas: was.due,
		Tier: tier.name, TierWas: was.tier.name,
		Indexed: tier.indexed,
		// A tier of an older model may have been indexed by other rules: taken out wherever it may stand.
		IndexedWas: was.tier.name != "" && (was.version != lead.ModelVersion || was.tier.indexed),
	}
	if write.Indexed {
		write.Rank = l.folder.Rank(lead)
	}
	l.blob = state.AppendLead(l.blob[:0], lead)
	var before []byte
	if w.write != none {
		before = w.blob
	}
	w.blob = l.encoded.put(l.blob, before) // from here on what of the lead aliased before is not valid
	write.Blob = w.blob
	b.write(w, write)
}

// tierOf is the tier of that name, which may be one of an older model's. The name is good for longer than the lead's blob.
func (l *lane) tierOf(name string) tier {
	for i := range l.tiers {
		if l.tiers[i].name == name {
			return l.tiers[i]
		}
	}
	return tier{name: strings.Clone(name)}
}

// write adds a lead to what the batch writes, or, where it is there already, what has become of it since.
func (b *batch) write(w *working, write state.LeadWrite) {
	if w.write == none {
		w.write = int32(len(b.writes))
		b.writes, b.hashes = append(b.writes, write), append(b.hashes, w.hash)
		return
	}
	before := &b.writes[w.write]
	if !w.fired {
		write.DueWas = before.DueWas
	}
	write.TierWas, write.IndexedWas = before.TierWas, before.IndexedWas
	*before = write
}

// announceChanges has the changes of the lead in hand announced with the batch, but not while the lane catches up with what
// the world was told. It comes before the lead is written, since changes alias what that was decoded from. Their timestamps
// are those of the batch, not of what they tell of: Kafka's retention and compaction go by them, and a replayed year must
// not be deleted, or compacted away, as it is written.
func (l *lane) announceChanges() {
	b := &l.batch
	for i := range b.changes {
		if l.silent() {
			break
		}
		c := &b.changes[i]
		r := b.records.Of(l.Topics.TierChanges, l.number, c)
		r.Time = scorer.InstantOf(b.begun)
		b.announced = append(b.announced, r)
		b.moved = append(b.moved, moved{kind: c.Kind, from: l.tierOf(c.From).name, to: l.tierOf(c.To).name, cause: c.Cause.Kind, by: b.caused[i]})
		l.span.link(c.Traceparent)
	}
	clear(b.changes)
	b.changes, b.caused = b.changes[:0], b.caused[:0]
}
