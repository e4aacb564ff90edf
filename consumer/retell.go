package consumer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// Kafka may lose a transaction that it has acknowledged: a coordinator that moves, or restarts, may call it complete
// without having written its markers. What it wrote then hangs undecided, until the next marker of our producer decides
// it one way or the other. Redis is whole meanwhile, and knows all that the world should have been told.

// hangs is whether something stands undecided in the lane's output. Nobody but us writes there, and Init has settled
// what we left open.
func (l *lane) hangs(ctx context.Context, output wire.Bounds) (bool, error) {
	if output.Stable >= output.High {
		return false, nil
	}
	// Somebody may write there all the same, and just have: what was there at the first look is stable at the second.
	again, err := boundsOf(ctx, l.cluster, l.output)
	return again.Stable < output.High, err
}

// decideHanging decides whatever of ours hangs undecided in Kafka, before anything else is written that would. What is
// thrown away and ought to be there, retell announces once more.
func (l *lane) decideHanging(ctx context.Context, f *found, epoch *wire.Epoch) (err error) {
	switch f.hanging() {
	case keep:
		if *epoch, err = l.producer.Keep(ctx, l.writes(), l.Group); err != nil {
			return err
		}
		l.Metrics.lostTransactions.Inc()
		l.log.Warn("Kafka has left a transaction undecided: it is committed now", "committed", f.committed.Batch)
		f.hangs = false
	case discard:
		if *epoch, err = l.producer.Discard(ctx, l.writes(), l.Group); err != nil {
			return err
		}
	default:
		if !l.producer.Fenced(l.output) {
			return errors.New("what hung in the output as it was to be fenced is decided: taking over anew")
		}
		return nil
	}
	bounds, err := boundsOf(ctx, l.cluster, l.output)
	if err != nil {
		return err
	}
	if stable := bounds.Stable; stable < f.output.High {
		return &Refusal{
			Reason: "hanging",
			Detail: fmt.Sprintf("a transaction hangs undecided in %s[%d] at offset %d, and is not of this group's present producer: no reader gets past it", l.output.Topic, l.output.Partition, stable),
			Mend:   fmt.Sprintf("have it aborted: kafka-transactions.sh --bootstrap-server BROKER abort --topic %s --partition %d --start-offset %d", l.output.Topic, l.output.Partition, stable),
		}
	}
	*epoch, err = l.producer.Fence(ctx, l.output)
	return err
}

// writes are the partitions that the lane may write to.
func (l *lane) writes() []wire.Partition {
	writes := []wire.Partition{l.output, {Topic: l.Topics.DeadLetters, Partition: l.number % l.deadLetters}}
	for p := range l.lanes {
		writes = append(writes, wire.Partition{Topic: l.Topics.Inbox, Partition: p})
	}
	return writes
}

// withoutTold is the outbox without the changes and dead letters that the world has been told. That is none of them, or all,
// and then Kafka holds half of a transaction: its marker there, but not that of its offsets. A forward counts once all the same.
func (l *lane) withoutTold(ctx context.Context, f found, outbox []events.OutRecord) ([]events.OutRecord, error) {
	if f.committed == nil {
		return outbox, nil
	}
	from := map[wire.Partition]int64{} // where to look
	told := map[string]bool{}          // by identity
	for i := range outbox {
		r := &outbox[i]
		part := wire.Partition{Topic: r.Topic, Partition: r.Partition}
		_, known := from[part]
		switch {
		case part == l.output:
			from[part] = f.committed.Output
		case r.Topic != l.Topics.DeadLetters:
			continue
		case !known: // what is of one batch has one timestamp
			at, err := l.cluster.OffsetAt(ctx, part, r.Time.Add(-brokerSkew))
			if err != nil {
				return nil, err
			}
			from[part] = at
		}
		told[identity(r.Value, r.Headers)] = false
	}
	for part, at := range from {
		err := l.lookThrough(ctx, part, at, func(r *events.Record) error {
			id := identity(r.Value, r.Headers)
			if _, ours := told[id]; ours {
				told[id] = true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	kept := slices.DeleteFunc(slices.Clone(outbox), func(r events.OutRecord) bool { return told[identity(r.Value, r.Headers)] })
	if len(kept) < len(outbox) {
		l.Metrics.lostTransactions.Inc()
		l.log.Warn("Kafka holds half of a transaction: the records, not the offsets: the rest is announced now", "batch", l.ledger.Batch, "records", len(outbox)-len(kept))
	}
	return kept, nil
}

// identity tells a change or a dead letter from all others: the one by what it says, the other by where it came from, which its
// headers say.
func identity(value []byte, headers []events.Header) string {
	id := slices.Clone(value)
	for _, h := range headers {
		id = append(append(append(append(id, 0), h.Key...), 0), h.Value...)
	}
	return string(id)
}

// retell begins to tell the world what Kafka lost: it notes in told how far the world was told of each lead of which a
// change is missing. resend and reconcile do the rest.
func (l *lane) retell(soft, hard context.Context, f found) error {
	told, err := l.untold(soft, f)
	if err != nil {
		return fmt.Errorf("looking for what Kafka lost: %w", err)
	}
	l.recovery = retellFrom(f)
	l.ledger.OutputOffset = f.doubtful()
	l.begin()
	for id, known := range told {
		l.batch.told = append(l.batch.told, state.ToldWrite{ID: id, Value: appendTold(known)})
	}
	if err := l.decide(soft, hard); err != nil {
		return err
	}
	l.Metrics.lostTransactions.Inc()
	l.log.Warn("Kafka has lost a transaction that it had acknowledged, or left one undecided: what the world was not told is told now",
		"acknowledged", f.ledger.Acknowledged, "committed", f.committed.Batch, "leads", len(told))
	return nil
}

// retellFrom is a recovery that announces the forwards and dead letters once more that were decided since the committed
// position.
func retellFrom(f found) *recovery {
	r := &recovery{Phase: phaseResend, Lost: true, Batch: f.committed.Batch, Clock: f.committed.Clock,
		From: map[string]int64{}, Until: maps.Clone(f.ledger.Offsets)}
	for part := range f.bounds {
		r.From[offsetKey(part)] = f.committed.Offsets[part]
	}
	r.retained(f.bounds)
	return r
}

// retained moves From to what Kafka still holds.
func (r *recovery) retained(bounds map[wire.Partition]wire.Bounds) {
	for part, b := range bounds {
		key := offsetKey(part)
		r.From[key] = max(r.From[key], b.Start)
	}
}

// doubtful is the output offset from which on changes may be missing.
func (f found) doubtful() int64 {
	if f.hangs {
		return min(f.committed.Output, f.output.Stable)
	}
	return f.committed.Output
}

// untold is what the world was told of each lead of which Redis knows a later change, as far as the outbox and the output
// show, the latter from where on changes may be missing. What was aborted stands there too, until compaction takes it.
func (l *lane) untold(ctx context.Context, f found) (map[string]scorer.Told, error) {
	told := map[string]scorer.Told{}
	err := l.scan(ctx, l.output, f.doubtful(), func(r *events.Record) error {
		if t, id, ok := l.toldBy(r); ok {
			told[id] = t
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	newest := map[string]uint64{}
	oldest := map[string]events.Announced{}
	note := func(value []byte) {
		a, err := events.ReadChange(value)
		if err != nil || events.Lane(a.Lead, l.lanes) != l.number {
			return // not ours
		}
		a = a.Clone() // or each lead would keep all that was fetched with it
		newest[a.Lead] = max(newest[a.Lead], a.Sequence)
		if first, ok := oldest[a.Lead]; !ok || a.Sequence < first.Sequence {
			oldest[a.Lead] = a
		}
	}
	if err := scanAll(ctx, l.cluster, l.output, f.doubtful(), func(r *events.Record) error { note(r.Value); return nil }); err != nil {
		return nil, err
	}
	outbox, err := events.ReadOutbox(l.ledger.Outbox)
	if err != nil {
		return nil, &Refusal{Reason: "format", Detail: "the outbox can't be read: " + err.Error(), Mend: "run the version of hotlead that wrote it"}
	}
	for i := range outbox {
		if outbox[i].Topic == l.output.Topic {
			note(outbox[i].Value)
		}
	}
	for id, first := range oldest {
		known, ok := told[id]
		switch {
		case !ok:
			told[id] = toldBefore(&first)
		case known.Sequence >= newest[id]:
			delete(told, id)
		}
	}
	return told, nil
}

// toldBefore is what the world was told of a lead before a change. Which stage it had reached before it reached the one
// that the change tells of is not known: none, so that the one that it has now is told.
func toldBefore(a *events.Announced) scorer.Told {
	if a.Sequence == 1 {
		return scorer.Told{}
	}
	told := scorer.Told{Sequence: a.Sequence - 1, Tier: a.From}
	if a.Kind == scorer.TierChanged {
		told.Stage = a.Stage
	}
	return told
}

// resend is one batch of input that was folded and whose forwards and dead letters may be lost. They are announced once
// more: a forward counts once all the same, and a dead letter that stands there twice is better than one that is lost.
func (l *lane) resend(soft, hard context.Context) error {
	l.begin()
	next := *l.recovery
	next.From = maps.Clone(next.From)
	var at []wire.Position
	for _, part := range l.inputs {
		if key := offsetKey(part); next.From[key] < next.Until[key] {
			at = append(at, wire.Position{Partition: part, Offset: next.From[key]})
		}
	}
	if len(at) == 0 {
		next.Phase = phaseReconcile
	} else {
		if !l.pending() {
			fetched, err := l.fetcher.Fetch(soft, at, idleWait)
			if err != nil {
				return nil // soft ended: nothing is in hand
			}
			l.fetched = fetched
		}
		if err := l.takeInAgain(hard, &next); err != nil {
			return err
		}
	}
	l.recovery = &next
	if err := l.decide(soft, hard); err != nil {
		return err
	}
	return l.announce(hard)
}

// takeInAgain takes in what was folded before: the leads stay as they are, and so do the ledger's offsets.
func (l *lane) takeInAgain(hard context.Context, r *recovery) error {
	b := &l.batch
	b.begun = l.now()
	if err := l.takeIn(r.Until, batchRecords); err != nil {
		return err
	}
	l.caughtUp = false
	for part, next := range b.offsets {
		r.From[offsetKey(part)] = next
	}
	clear(b.offsets)
	if err := l.loadLeads(hard); err != nil {
		return err
	}
	for i := range b.leads {
		w := &b.leads[i]
		if _, err := l.decode(w); err != nil {
			return err
		}
		// Into a copy that nobody keeps, to see what the model refuses. What it took once is a duplicate now.
		for at := w.first; at != none; at = b.following[at] {
			if _, _, err := l.folder.Apply(&l.lead, &b.inputs[at].event, nil); err != nil {
				l.buryUnscored(&b.inputs[at], err)
			}
		}
	}
	return nil
}
