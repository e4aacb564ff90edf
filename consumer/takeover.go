package consumer

import (
	"bytes"
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

// takeOver makes the lane ours, in an order that matters: first the fence, which keeps out whatever the previous owner still
// has on its way; then what Kafka and Redis hold, which nobody but a zombie's late write to Redis can change
// any more; then our name in the ledger, if it is still as it was read, which stops that as well; then whatever the
// table of found.go says.
func (l *lane) takeOver(soft, hard context.Context) error {
	if err := l.store.Reset(); err != nil {
		return fmt.Errorf("dropping the connection to Redis: %w", err)
	}
	epoch, err := l.fence(soft)
	if err != nil {
		return fmt.Errorf("fencing the previous owner: %w", err)
	}
	f, err := l.find(soft)
	if err != nil {
		return err
	}
	if err := l.decideHanging(soft, &f, &epoch); err != nil {
		return fmt.Errorf("deciding what hangs in Kafka: %w", err)
	}
	todo, refusal := judge(f, l.RebuildFromRetained)
	if refusal != nil {
		return refusal
	}
	l.Metrics.takeOvers.WithLabelValues(todo.String()).Inc()
	l.log.Info("taking the lane over", "found", todo.String(), "epoch", epoch.Epoch)
	ledger, err := l.ledgerFor(f, todo)
	if err != nil {
		return err
	}
	ledger.Owner = state.Owner{ProducerID: epoch.ProducerID, Epoch: epoch.Epoch}
	if err := l.store.Claim(hard, f.ledger, ledger); err != nil {
		return fmt.Errorf("writing our name into the ledger: %w", err)
	}
	if err := l.hold(hard, ledger, f); err != nil {
		return err
	}
	if err := l.settle(soft, hard, f, todo); err != nil {
		return err
	}
	l.warm = true
	return nil
}

// fence settles the previous owner's transaction and keeps out what it has on its way, also without one. Where a transaction
// hangs in the output, nothing gets there without one until that is decided, and how is not known yet: decideHanging then
// fences the rest.
func (l *lane) fence(ctx context.Context) (wire.Epoch, error) {
	epoch, err := l.producer.Init(ctx)
	if err != nil {
		return wire.Epoch{}, err
	}
	output, err := boundsOf(ctx, l.cluster, l.output)
	if err != nil {
		return wire.Epoch{}, err
	}
	if hangs, err := l.hangs(ctx, output); hangs || err != nil {
		return epoch, err
	}
	return l.producer.Fence(ctx, l.output)
}

// find reads what stands in Kafka and in Redis.
func (l *lane) find(ctx context.Context) (found, error) {
	var f found
	committed, err := l.cluster.Committed(ctx, l.Group, l.inputs)
	if err != nil {
		return f, fmt.Errorf("reading the committed position: %w", err)
	}
	if f.committed, err = readPosition(committed, l.Store.Prefix()); err != nil {
		return f, l.foreign(err)
	}
	bounds, err := l.cluster.Bounds(ctx, append([]wire.Partition{l.output}, l.inputs...))
	if err != nil {
		return f, fmt.Errorf("reading the bounds of the lane's partitions: %w", err)
	}
	f.output = bounds[l.output]
	if f.hangs, err = l.hangs(ctx, f.output); err != nil {
		return f, err
	}
	grouped := f.committed
	if grouped != nil {
		f.grouped = grouped.Batch
		if f.committed, err = l.newest(ctx, grouped); err != nil {
			return f, err
		}
	}
	delete(bounds, l.output)
	f.bounds = bounds
	l.observeBounds(f)
	f.ledger, err = l.store.Read(ctx)
	switch {
	case errors.Is(err, state.ErrNoLedger):
		f.ledger = nil
	case errors.Is(err, state.ErrNewer), errors.Is(err, state.ErrDamaged):
		return f, &Refusal{Reason: "format", Detail: err.Error(), Mend: "run the version of hotlead that wrote it, or restore Redis from a backup"}
	case err != nil:
		return f, fmt.Errorf("reading the ledger: %w", err)
	}
	if f.lostGrouped() {
		f.committed = grouped
	}
	if f.committed == nil {
		if f.highest, f.announced, err = l.highest(ctx, f.ledger); err != nil {
			return f, err
		}
		f.announced = f.announced || f.output.Start > 0
	}
	return f, nil
}

// foreign refuses offsets that can't be trusted.
func (l *lane) foreign(err error) *Refusal {
	if errors.Is(err, errOtherPrefix) {
		return &Refusal{Reason: "shared", Detail: err.Error(), Mend: "give this service the redis.prefix that its group began with, or a kafka.group and a topic of tier changes of its own"}
	}
	return &Refusal{
		Reason: "foreign_offsets", Detail: err.Error(),
		Mend: fmt.Sprintf("delete the offsets of group %s (`kafka-consumer-groups --delete-offsets`); hotlead then goes on from Redis and from what it announced", l.Group),
	}
}

// mismatch refuses a ledger that belongs to another service, or to other lanes.
func (l *lane) mismatch(ledger *state.Ledger) *Refusal {
	switch {
	case ledger.Lanes != l.lanes:
		return &Refusal{
			Reason: "lanes",
			Detail: fmt.Sprintf("its state was made for %d lanes, and %s has %d partitions, so leads would be looked for in other lanes", ledger.Lanes, l.Topics.Inbox, l.lanes),
			Mend:   fmt.Sprintf("make %s anew with %d partitions, or choose another redis.prefix and kafka.group to score everything again", l.Topics.Inbox, ledger.Lanes),
		}
	case ledger.Group != l.Group, ledger.Output != l.Topics.TierChanges:
		return &Refusal{
			Reason: "shared",
			Detail: fmt.Sprintf("the state under the prefix %q belongs to group %s, which announces to %s; this is group %s, which announces to %s", l.Store.Prefix(), ledger.Group, ledger.Output, l.Group, l.Topics.TierChanges),
			Mend:   "give this service a redis.prefix of its own",
		}
	}
	return nil
}

// ledgerFor is the ledger with which the lane goes on.
func (l *lane) ledgerFor(f found, todo action) (*state.Ledger, error) {
	if f.ledger == nil {
		return l.newLedger(f, todo)
	}
	if refusal := l.mismatch(f.ledger); refusal != nil {
		return nil, refusal
	}
	ledger := *f.ledger
	ledger.Offsets = maps.Clone(f.ledger.Offsets)
	ledger.Counts = maps.Clone(f.ledger.Counts)
	for part, b := range f.bounds {
		next, ok := ledger.Offsets[offsetKey(part)]
		if !ok || next < b.Start || next > b.High { // new, or given up by --rebuild=from-retained
			ledger.Offsets[offsetKey(part)] = b.Start
		}
	}
	ledger.Outbox = notAhead(ledger.Outbox, scorer.InstantOf(l.now()))
	if todo == refold || todo == recoverOn && refolding(f.ledger) {
		ledger.Outbox = nil // it was announced: n is behind the committed position
		ledger.Recovery = refoldTo(f, f.committed).encode()
		ledger.Batch = max(ledger.Batch, f.highest)
	}
	if todo == refold {
		ledger.Step = 0
	}
	if r, err := readRecovery(ledger.Recovery); todo == recoverOn && err == nil && r.Phase == phaseResend {
		r.retained(f.bounds)
		ledger.Recovery = r.encode()
	}
	return &ledger, l.putInForce(&ledger)
}

// notAhead is the outbox with no timestamp later than now: one that was decided by a clock that ran ahead, and has been
// set right since, is refused by brokers for as long as it was ahead. Our name and these timestamps go into the ledger
// together, and before they are announced, so that a later probe looks for the records where they are.
func notAhead(outbox []byte, now scorer.Instant) []byte {
	records, err := events.ReadOutbox(outbox)
	if err != nil {
		return outbox // announcing it says what is wrong with it
	}
	ahead := false
	for i := range records {
		if records[i].Time > now {
			ahead, records[i].Time = true, now
		}
	}
	if !ahead {
		return outbox
	}
	return events.AppendOutbox(nil, records)
}

// newLedger is the ledger of a lane that has none: of one that begins, or of one whose Redis lost everything.
func (l *lane) newLedger(f found, todo action) (*state.Ledger, error) {
	ledger := &state.Ledger{
		Format: state.LedgerFormat, Batch: 1, OutputOffset: -1, Cursor: -1, Buckets: state.DefaultBuckets, Lanes: l.lanes, Group: l.Group, Output: l.Topics.TierChanges,
		Offsets: map[string]int64{}, Counts: map[string]int64{},
		Model: state.ModelInForce{Name: l.Model.Name, Version: l.Model.Version, Text: l.Model.Text, Since: scorer.InstantOf(l.now())},
	}
	for part, b := range f.bounds {
		ledger.Offsets[offsetKey(part)] = b.Start
	}
	for _, t := range l.Model.Tiers() {
		ledger.Counts[t.Name] = 0 // names the indexes that Claim clears of what was left there
	}
	if todo == rebuild {
		ledger.Batch = f.highest
		ledger.Model.Since = 0 // It was in force before, nobody knows since when.
		ledger.Recovery = refoldTo(f, f.committed).encode()
	}
	return ledger, nil
}

// putInForce puts the configured model in force if it is newer than the lane's. An older one is not: a rolling
// deployment must not flap a lead.
func (l *lane) putInForce(ledger *state.Ledger) error {
	own, configured := ledger.Model, l.Model
	switch {
	case configured.Version > own.Version:
		ledger.Model = state.ModelInForce{Name: configured.Name, Version: configured.Version, Text: configured.Text, Since: scorer.InstantOf(l.now())}
		ledger.Cursor = 0
		l.log.Info("a new model is in force", "model", configured.Name, "version", configured.Version, "was", own.Version)
	case configured.Version < own.Version:
		l.log.Warn("the lane runs a newer model than the configured one", "in_force", own.Version, "configured", configured.Version)
	case !bytes.Equal(configured.Text, own.Text):
		return &Refusal{
			Reason: "model",
			Detail: fmt.Sprintf("the configured model %s is version %d, and so is the lane's %s, with another text", configured.Name, configured.Version, own.Name),
			Mend:   fmt.Sprintf("give the configured model version %d", own.Version+1),
		}
	}
	return nil
}

// hold takes what was found into memory.
func (l *lane) hold(ctx context.Context, ledger *state.Ledger, f found) error {
	l.forgetCounts()
	l.ledger, l.recovery, l.walk = ledger, nil, walk{bucket: ledger.Cursor, buckets: ledger.Buckets}
	if len(ledger.Recovery) > 0 {
		r, err := readRecovery(ledger.Recovery)
		if err != nil {
			return &Refusal{Reason: "format", Detail: err.Error(), Mend: "run the version of hotlead that wrote it"}
		}
		l.recovery = &r
	}
	l.model = l.Model
	if ledger.Model.Version != l.Model.Version {
		m, err := scorer.ReadModel("the lane's model", ledger.Model.Text)
		if err != nil {
			return &Refusal{
				Reason: "model", Detail: "the lane's own model can't be read by this version of hotlead: " + err.Error(),
				Mend: fmt.Sprintf("configure a model of version %d", ledger.Model.Version+1),
			}
		}
		l.model = m
	}
	l.folder = l.model.Folder()
	if l.Limits.ProfileBytes > 0 {
		l.folder.ProfileBytes = l.Limits.ProfileBytes
	}
	l.tiers = l.tiers[:0]
	for _, t := range l.model.Tiers() {
		l.tiers = append(l.tiers, tier{name: t.Name, indexed: t.Indexed})
	}
	l.emptyMemory()
	if f.ledger == nil { // then Claim has emptied the lane
		l.leads.HoldAll()
		l.filling = walk{}
	}
	l.fetched = nil
	l.caughtUp, l.ailing, l.ends = false, nil, map[wire.Partition]int64{}
	for part, b := range f.bounds {
		l.ends[part] = b.Stable
	}
	l.committed, l.grouped, l.groupedAt = 0, f.grouped, time.Time{}
	if f.committed != nil {
		l.committed = f.committed.Batch
	}
	for tier, n := range ledger.Counts {
		l.Metrics.leads.WithLabelValues(tier).Add(float64(n))
	}
	l.begin()
	l.observeRecords()
	var err error
	if l.nextDue, err = l.store.NextDue(ctx); err != nil {
		return fmt.Errorf("reading the first timer: %w", err)
	}
	return nil
}

// settle does what the table says, once the lane is ours.
func (l *lane) settle(soft, hard context.Context, f found, todo action) error {
	switch todo {
	case begin:
		return l.commitBare(hard)
	case refold, rebuild:
		l.Metrics.rollbacks.Inc()
		l.log.Warn("Redis lost writes: folding again what was lost; nothing is announced twice", "found", todo.String(), "batch", l.ledger.Batch, "committed", l.committed)
	case probe:
		l.log.Warn("the group has no committed position (its offsets expired, or were deleted): going on from Redis and from what was announced")
		return l.probe(hard, f)
	case retell:
		return l.retell(soft, hard, f)
	case reannounce:
		return l.announceOutbox(hard, f)
	case recoverOn:
		if !refolding(l.ledger) && l.ledger.Batch > l.committed {
			return l.announceOutbox(hard, f)
		}
	case resume:
	}
	return nil
}

// announceOutbox announces the outbox of batch n, byte for byte as it was decided; it may be empty.
func (l *lane) announceOutbox(hard context.Context, f found) error {
	records, err := events.ReadOutbox(l.ledger.Outbox)
	if err != nil {
		return &Refusal{Reason: "format", Detail: "the outbox can't be read: " + err.Error(), Mend: "run the version of hotlead that wrote it"}
	}
	if records, err = l.withoutTold(hard, f, records); err != nil {
		return fmt.Errorf("looking for the outbox of batch %d in Kafka: %w", l.ledger.Batch, err)
	}
	if err := l.commit(hard, records); err != nil {
		return fmt.Errorf("announcing the outbox of batch %d: %w", l.ledger.Batch, err)
	}
	return nil
}
