package consumer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// decide writes the batch to Redis, whole or not at all. While the lane refolds, n stands still and the step counts.
func (l *lane) decide(soft, hard context.Context) error {
	d := l.decision()
	if l.still() {
		d.Batch, d.Step = l.ledger.Batch, l.ledger.Step+1
	} else {
		d.Batch, d.Step = l.ledger.Batch+1, 0
	}
	defer l.phase("decide")()
	if err := l.write(soft, hard, d); err != nil {
		return fmt.Errorf("deciding batch %d of lane %d: %w", d.Batch, l.number, err)
	}
	l.decided(d)
	l.tell()
	if l.batch.clock < l.nextDue {
		return nil
	}
	var err error
	if l.nextDue, err = l.store.NextDue(hard); err != nil {
		return fmt.Errorf("reading the next timer of lane %d: %w", l.number, err)
	}
	return nil
}

// write writes d, and tries again for as long as Redis says that it has not taken it (out of memory, loading, …).
func (l *lane) write(soft, hard context.Context, d *state.Decision) error {
	pause := pauses{first: 50 * time.Millisecond, now: 50 * time.Millisecond, least: 50 * time.Millisecond, most: 2 * time.Second}
	err := l.store.Decide(hard, d)
	for errors.Is(err, state.ErrRefused) {
		l.report(err)
		l.lookAtEnds(soft)
		if !pause.wait(soft) {
			return err
		}
		if err = l.store.Rearm(hard); err == nil {
			err = l.store.Decide(hard, d)
		}
	}
	if errors.Is(err, state.ErrDamaged) {
		return &Refusal{Reason: "damaged", Detail: err.Error(), Mend: "delete the lane's keys or restore them from a backup; hotlead folds again what is missing"}
	}
	return err
}

// decision is the batch as Redis is to hold it.
func (l *lane) decision() *state.Decision {
	b := &l.batch
	d := &state.Decision{
		Acknowledged: l.committed,
		Offsets:      make(map[string]int64, len(b.offsets)),
		Clock:        max(l.ledger.Clock, b.clock),
		OutputOffset: l.ledger.OutputOffset,
		Cursor:       b.walk.cursor(),
		Told:         b.told,
		ToldDone:     b.done,
		Leads:        b.writes,
		ToldFirst:    b.toldFirst,
	}
	for part, next := range b.offsets {
		d.Offsets[offsetKey(part)] = next
	}
	if len(b.out) == 0 && len(b.announced) > 0 && l.recovery == nil {
		p := beside{metadata: l.metadata(l.ledger.Batch+1, d.Clock), Offsets: maps.Clone(l.ledger.Offsets), Grouped: l.grouped}
		maps.Copy(p.Offsets, d.Offsets)
		p.place(b.announced)
	}
	b.out = append(b.out, b.announced...) // changes last: see announceUnless
	if len(b.out) > 0 && !l.still() {
		l.outbox = events.AppendOutbox(l.outbox[:0], b.out)
		d.Outbox = l.outbox
	}
	if l.recovery != nil {
		d.Recovery = l.recovery.encode()
	}
	return d
}

// decided brings what the lane holds in memory to what Redis now holds.
func (l *lane) decided(d *state.Decision) {
	l.ledger.Batch, l.ledger.Step = d.Batch, d.Step
	for key, next := range d.Offsets {
		l.ledger.Offsets[key] = next
	}
	l.ledger.Clock, l.ledger.Outbox, l.ledger.Recovery, l.ledger.Cursor = d.Clock, d.Outbox, d.Recovery, d.Cursor
	l.walk = l.batch.walk
	for i := range d.Leads {
		if i%inHand == 0 {
			l.leads.Expect(l.batch.hashes[i:min(i+inHand, len(d.Leads))])
		}
		w := &d.Leads[i]
		l.leads.Put(l.batch.hashes[i], w.ID, w.Blob)
		l.nextDue = min(l.nextDue, w.Due)
		if w.Tier != w.TierWas {
			l.tally(w.TierWas, -1)
			l.tally(w.Tier, 1)
		}
	}
}

// tally counts a lead in or out of a tier.
func (l *lane) tally(tier string, by int64) {
	if tier == "" {
		return
	}
	l.ledger.Counts[tier] += by
	l.Metrics.leads.WithLabelValues(tier).Add(float64(by))
}

// announce tells the world what the batch decided, and moves the committed position with it. A batch with nothing to announce
// tells nothing.
func (l *lane) announce(hard context.Context) error {
	if len(l.ledger.Outbox) == 0 || l.still() {
		return l.commitBareWhenDue(hard)
	}
	defer l.phase("announce")()
	if err := l.commit(hard, l.batch.out); err != nil {
		return fmt.Errorf("announcing batch %d of lane %d: %w", l.ledger.Batch, l.number, err)
	}
	now := scorer.InstantOf(l.now())
	for i := range l.batch.moved {
		c := &l.batch.moved[i]
		if c.kind == scorer.TierChanged {
			l.Metrics.changes.WithLabelValues(c.from, c.to, string(c.cause)).Inc()
		}
		if c.by > 0 {
			l.Metrics.eventToChange.Observe(now.Sub(c.by).Seconds())
		}
	}
	return l.commitBareWhenDue(hard)
}

// commit tells the world of records and of where the lane is, both or neither: the position stands beside the changes, where they
// are all that there is and one record batch; else it is the group's offsets, with batch n and the clock as metadata, in a
// transaction with the records.
func (l *lane) commit(ctx context.Context, records []events.OutRecord) error {
	// A transaction that is not through by then has been given up by its coordinator.
	ctx, cancel := context.WithTimeout(ctx, transactionTimeout)
	defer cancel()
	var (
		done wire.Committed
		err  error
	)
	// A take-over goes by the group's offsets, so the first thing that is announced after one brings them up. And a coordinator
	// forgets who has been at rest for long, and gives an heir another producer ID, which fences nothing of ours: so it is asked
	// from time to time, as a transaction does.
	whole := carriesPosition(records) && l.now().Sub(l.groupedAt) < wholeFor && l.producer.Whole(records)
	if whole {
		done, err = l.producer.Write(ctx, records)
	} else {
		done, err = l.producer.Commit(ctx, wire.Transaction{
			Records: records,
			Group:   l.Group, Generation: l.generation.ID, Member: l.generation.Member,
			Offsets: l.offsets(), Metadata: l.metadata(l.ledger.Batch, l.ledger.Clock).String(),
		})
	}
	if err != nil {
		l.Metrics.transactions.WithLabelValues("failed").Inc()
		if errors.Is(err, wire.ErrTooLarge) {
			return &Refusal{
				Reason: "too_large", Detail: "the broker refuses a record for its size: " + err.Error(),
				Mend: fmt.Sprintf("raise max.message.bytes of %s above that of the input topics (`hotlead topics check` says by how much)", l.Topics.DeadLetters),
			}
		}
		return err
	}
	l.Metrics.transactions.WithLabelValues("committed").Inc()
	if base, ok := done.Base[l.output]; ok {
		l.ledger.OutputOffset = base
	}
	l.committed = l.ledger.Batch
	if !whole {
		l.grouped, l.groupedAt = l.ledger.Batch, l.now()
	}
	return nil
}

// offsets are those that the group is to have: up to there the world has been told everything.
func (l *lane) offsets() []wire.Position {
	told := l.ledger.Offsets
	if l.recovery != nil && l.recovery.Phase == phaseResend {
		told = l.recovery.From // what lies beyond may be lost still
	}
	offsets := make([]wire.Position, 0, len(l.inputs))
	for _, part := range l.inputs {
		offsets = append(offsets, wire.Position{Partition: part, Offset: told[offsetKey(part)]})
	}
	return offsets
}

// metadata is what goes along with the lane's offsets once it has announced a batch.
func (l *lane) metadata(batch uint64, clock scorer.Instant) metadata {
	return metadata{Batch: batch, Clock: clock, Output: l.ledger.OutputOffset, Prefix: l.Store.Prefix()}
}

// commitBareWhenDue brings the group's offsets up if they were not for a while, so that lag tools see the truth.
func (l *lane) commitBareWhenDue(hard context.Context) error {
	if l.now().Sub(l.groupedAt) < bareCommitAfter {
		return nil
	}
	return l.commitBare(hard)
}

// commitBare commits the offsets alone, if the group's are behind.
func (l *lane) commitBare(hard context.Context) error {
	if l.grouped == l.ledger.Batch || l.recovery != nil {
		return nil
	}
	if err := l.commit(hard, nil); err != nil {
		return fmt.Errorf("bringing the group's offsets of lane %d up to batch %d: %w", l.number, l.ledger.Batch, err)
	}
	return nil
}
