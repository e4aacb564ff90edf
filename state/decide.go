package state

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"

	"github.com/hotlead/hotlead/scorer"
	"github.com/redis/go-redis/v9"
)

// Decide writes a batch in one transaction, provided that the ledger is still as this Lane last wrote it. Behind the
// transaction, in the same write, goes the watch that the next one needs. Its errors: ErrOvertaken, ErrFenced,
// ErrUnknown, ErrRefused, ErrDamaged.
func (l *Lane) Decide(ctx context.Context, d *Decision) error {
	if err := l.decide(ctx, d); err != nil {
		return fmt.Errorf("decide batch %d of lane %d: %w", d.Batch, l.p, err)
	}
	return nil
}

func (l *Lane) decide(ctx context.Context, d *Decision) error {
	if l.unarmed != nil {
		return fmt.Errorf("%w before it was sent: %w", ErrRefused, l.unarmed)
	}
	if err := compare(l.held, l.seen, l.held.owner); err != nil {
		l.unarmed = errUnclaimed
		return err
	}
	w := &l.write
	w.begin(ctx)
	l.queueLeads(ctx, d.Leads)
	l.queueTimers(ctx, d.Leads)
	l.queueTiers(ctx, d.Leads)
	l.queueTold(ctx, d)
	moved := l.recount()
	l.queueLedger(ctx, d, moved)
	if err := l.commit(ctx, watched{batch: d.Batch, step: d.Step, owner: l.held.owner}); err != nil {
		return err
	}
	maps.Copy(l.counts, moved)
	l.hadOutbox, l.hadRecovery = len(d.Outbox) > 0, len(d.Recovery) > 0
	return nil
}

const (
	// manyAtOnce is how many leads of one bucket in one batch are many.
	manyAtOnce = 64
	// noLead is a field of a bucket that names no lead, since no lead has an empty ID.
	noLead = ""
)

// long is longer than what Redis keeps in a list (hash-max-listpack-value: 64 bytes, unless configured).
const long = "no lead: it has Redis make a table of this hash at once, and goes in the same transaction"

// queueLeads writes the leads, one command a bucket. Redis keeps a hash of few and short values as a list: what many leads
// that come at once would each look through, all those before them, up to 512 a bucket, which takes Redis more time
// than all else that it does with them. A value that is long, for as long as the command runs, has it make a table at
// once.
func (l *Lane) queueLeads(ctx context.Context, leads []LeadWrite) {
	w := &l.write
	w.texts.begin(len(leads))
	order := w.order.byBucket(len(leads), l.buckets, func(i int) string { return leads[i].ID })
	for b := range l.buckets {
		members := order.of(b)
		if len(members) == 0 {
			continue
		}
		args := append(w.args(), "hset", &l.bucketKeys[b])
		many := len(members) >= manyAtOnce && !l.tables[b]
		if many {
			l.tables[b] = true
			args = append(args, noLead, long)
		}
		for _, i := range members {
			id, blob := w.texts.of(&leads[i])
			args = append(args, id, blob)
		}
		w.queue(ctx, args)
		if many {
			w.queue(ctx, append(w.args(), "hdel", &l.bucketKeys[b], noLead))
		}
	}
}

func (l *Lane) queueTimers(ctx context.Context, leads []LeadWrite) {
	w := &l.write
	args := append(w.args(), "zadd", l.keys.timers)
	bare := len(args)
	for i := range leads {
		if lead := &leads[i]; lead.Due != lead.DueWas && lead.Due != scorer.Never {
			args = append(args, (*int64)(&lead.Due), &lead.ID)
		}
	}
	w.queueBeyond(ctx, args, bare)
	args = append(w.args(), "zrem", l.keys.timers)
	for i := range leads {
		if lead := &leads[i]; lead.Due != lead.DueWas && lead.Due == scorer.Never {
			args = append(args, &lead.ID)
		}
	}
	w.queueBeyond(ctx, args, bare)
}

// queueTiers moves the leads between the tiers' indexes and counts.
func (l *Lane) queueTiers(ctx context.Context, leads []LeadWrite) {
	w := &l.write
	w.tiers.gather(leads)
	for t := range w.tiers.all {
		tier := &w.tiers.all[t]
		key := l.keys.tier(tier.name)
		args := append(w.args(), "zadd", key)
		bare := len(args)
		for _, i := range tier.enter {
			args = append(args, rankOf(&leads[i]), &leads[i].ID)
		}
		w.queueBeyond(ctx, args, bare)
		args = append(w.args(), "zrem", key)
		for _, i := range tier.leave {
			args = append(args, &leads[i].ID)
		}
		w.queueBeyond(ctx, args, bare)
	}
}

// rankOf is the lead's score in an index. Redis refuses NaN, and would do so in the midst of the transaction, which it
// does not roll back.
func rankOf(lead *LeadWrite) any {
	if math.IsNaN(lead.Rank) {
		return "-inf"
	}
	return &lead.Rank
}

// recount is the new counts of the tiers that the batch moves leads in or out of.
func (l *Lane) recount() map[string]int64 {
	moved := make(map[string]int64, len(l.write.tiers.all))
	for t := range l.write.tiers.all {
		if tier := &l.write.tiers.all[t]; tier.delta != 0 {
			moved[tier.name] = l.counts[tier.name] + tier.delta
		}
	}
	return moved
}

func (l *Lane) queueTold(ctx context.Context, d *Decision) {
	w := &l.write
	for i := range d.ToldFirst {
		w.queue(ctx, append(w.args(), "hsetnx", l.keys.told, &d.ToldFirst[i].ID, d.ToldFirst[i].Value))
	}
	args := append(w.args(), "hset", l.keys.told)
	bare := len(args)
	for i := range d.Told {
		args = append(args, &d.Told[i].ID, d.Told[i].Value)
	}
	w.queueBeyond(ctx, args, bare)
	args = append(w.args(), "hdel", l.keys.told)
	for i := range d.ToldDone {
		args = append(args, &d.ToldDone[i])
	}
	w.queueBeyond(ctx, args, bare)
}

func (l *Lane) queueLedger(ctx context.Context, d *Decision, counts map[string]int64) {
	w := &l.write
	args := append(w.args(), "hset", l.keys.ledger, fieldBatch, d.Batch, fieldStep, d.Step,
		fieldAcknowledged, d.Acknowledged, fieldClock, int64(d.Clock), fieldOutput, d.OutputOffset, fieldCursor, d.Cursor)
	for partition, offset := range d.Offsets {
		args = append(args, prefixOffset+partition, offset)
	}
	// The counts are written whole, not added to: a Redis that loaded a torn append-only file may keep the half of a
	// transaction in it, and run that half when it loads the file once more.
	for tier, n := range counts {
		args = append(args, prefixCount+tier, n)
	}
	if len(d.Outbox) > 0 {
		args = append(args, fieldOutbox, d.Outbox)
	}
	if len(d.Recovery) > 0 {
		args = append(args, fieldRecovery, d.Recovery)
	}
	if m := d.Model; m != nil {
		args = append(args, fieldModelName, m.Name, fieldModelVersion, m.Version, fieldModelText, m.Text, fieldModelSince, int64(m.Since))
	}
	w.queue(ctx, args)
	args = append(w.args(), "hdel", l.keys.ledger)
	bare := len(args)
	if l.hadOutbox && len(d.Outbox) == 0 {
		args = append(args, fieldOutbox)
	}
	if l.hadRecovery && len(d.Recovery) == 0 {
		args = append(args, fieldRecovery)
	}
	w.queueBeyond(ctx, args, bare)
}

// look arms the lane's watch and reads what it watches. The empty transaction before it drops a watch that is still
// there, and shows that this user may run one: without MULTI the commands of a batch would each take effect by itself.
func (l *Lane) look(ctx context.Context) error {
	conn, err := l.open(ctx)
	if err != nil {
		l.unarmed = err
		return err
	}
	multi, exec := redis.NewStatusCmd(ctx, "multi"), redis.NewCmd(ctx, "exec")
	watch, see := l.armingCmds(ctx)
	pipe := conn.Pipeline()
	_ = pipe.BatchProcess(ctx, multi, exec, watch, see)
	_, _ = pipe.Exec(ctx) // each command's own error says more
	for _, cmd := range []redis.Cmder{multi, exec} {
		if err := cmd.Err(); err != nil && !errors.Is(err, redis.Nil) { // nil: the watch was broken
			l.unarmed = refusedIfAnswer(err)
			return l.unarmed
		}
	}
	l.arm(watch, see)
	return l.unarmed
}

// Check is nil while the ledger is as this Lane last wrote it. Decide shows the same, but for as long as there is nothing to
// decide nobody would notice that Redis has lost what it held. Its errors: ErrOvertaken, ErrFenced, ErrRefused, ErrDamaged.
func (l *Lane) Check(ctx context.Context) error {
	if err := l.check(ctx); err != nil {
		return fmt.Errorf("check the ledger of lane %d: %w", l.p, err)
	}
	return nil
}

func (l *Lane) check(ctx context.Context) error {
	if l.unarmed != nil {
		return l.unarmed
	}
	err := l.look(ctx)
	if err == nil {
		err = compare(l.held, l.seen, l.held.owner)
	}
	if err != nil {
		l.unarmed = errUnclaimed
	}
	return err
}

func (l *Lane) armingCmds(ctx context.Context) (watch *redis.StatusCmd, see *redis.SliceCmd) {
	return redis.NewStatusCmd(ctx, "watch", l.keys.ledger),
		redis.NewSliceCmd(ctx, "hmget", l.keys.ledger, fieldBatch, fieldStep, fieldOwner)
}

// arm takes the answers of armingCmds.
func (l *Lane) arm(watch *redis.StatusCmd, see *redis.SliceCmd) {
	l.unarmed = nil
	for _, cmd := range []redis.Cmder{watch, see} {
		if err := cmd.Err(); err != nil {
			l.unarmed = refusedIfAnswer(err)
			return
		}
	}
	l.seen, l.unarmed = parseWatched(see.Val())
}

func refusedIfAnswer(err error) error {
	err = damagedIfWrongType(err)
	if isAnswer(err) && !errors.Is(err, ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return err
}

// commit sends the transaction that was queued, and the next watch behind it, in one write; after is the ledger as the
// transaction leaves it.
func (l *Lane) commit(ctx context.Context, after watched) error {
	w := &l.write
	defer w.end()
	exec := redis.NewCmd(ctx, "exec")
	watch, see := l.armingCmds(ctx)
	pipe := l.conn.Pipeline()
	_ = pipe.BatchProcess(ctx, w.cmds...)
	_ = pipe.BatchProcess(ctx, exec, watch, see)
	_, _ = pipe.Exec(ctx) // each command's own error says more
	err := exec.Err()
	switch {
	case err == nil:
		l.held = after
		l.arm(watch, see)
		return damageOf(exec.Val())
	case errors.Is(err, redis.Nil):
		l.arm(watch, see)
		return l.overtaken(after.owner)
	case isAnswer(err) && w.refused():
		l.unarmed = fmt.Errorf("the batch before was refused: %w", err)
		return fmt.Errorf("%w: %w", ErrRefused, w.firstErr(err))
	default:
		l.unarmed = errUnclaimed
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
}

// overtaken says by whom, after EXEC found the watch broken.
func (l *Lane) overtaken(me Owner) error {
	defer func() { l.unarmed = errUnclaimed }()
	if l.unarmed == nil {
		if err := compare(l.held, l.seen, me); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: a write came between the look and the transaction", ErrOvertaken)
}

// damageOf finds the commands that failed inside a transaction that took effect: Redis goes on after them. That
// happens where a key is of another type.
func damageOf(answer any) error {
	answers, _ := answer.([]any)
	for _, a := range answers {
		if err, ok := a.(error); ok {
			return fmt.Errorf("%w: a command within the batch failed: %w", ErrDamaged, err)
		}
	}
	return nil
}
