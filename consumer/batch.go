package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// batch is what is in hand between fetch and announce. Its slices are reused from batch to batch.
type batch struct {
	// offsets are the next positions of the partitions that moved.
	offsets map[wire.Partition]int64
	inputs  []input
	leads   []working
	index   leadIndex
	changes []scorer.Change
	// writes are the leads that the batch changes, as Redis is to hold them, and hashes those of their IDs.
	writes []state.LeadWrite
	hashes []uint32
	// toldFirst tells, of leads that a refold changes, what was announced of them before.
	toldFirst []state.ToldWrite
	// caused are, for each of changes, the timestamp of the record that caused it; 0: time or a model did.
	caused []scorer.Instant
	// out is what the batch announces, records the memory of those that tell of its changes.
	out     []events.OutRecord
	records events.ChangeRecords
	counted counted
	told    []state.ToldWrite
	// done are the told leads that this batch has reconciled.
	done []string
	// due is how many timers the batch fires.
	due int
	// walk is where the walk under a new model stands after this batch.
	walk walk
	// clock is the lane's clock when the batch is folded; newest the newest timestamp among its records.
	clock, newest scorer.Instant
	// phases of the batch on the wall clock.
	begun time.Time
}

// input is one event to fold.
type input struct {
	event scorer.Event
	// record is one of what was fetched, which stays until all of that is folded; topic is where its topic's events are
	// counted.
	record *events.Record
	topic  int32
	// next is the index of the next event of the same lead, none where there is none.
	next int32
}

// none is the index of no input.
const none = -1

// working is a lead of a batch. It is decoded only while its events are folded, so that a batch of very many leads takes
// no more memory for them than their blobs, and each lead's events find it where the processor has it at hand.
type working struct {
	id   string
	hash uint32 // of id
	// blob is what Redis holds of it, and once it is folded what Redis is to hold; nil for a new one.
	blob []byte
	// first and last are the indexes of its first and last event in the batch.
	first, last int32
	// asked is whether time, or a new model, asks for it; fired, whether its timer did.
	asked, fired bool
}

func (b *batch) reset(now time.Time, clock scorer.Instant) {
	if b.offsets == nil {
		b.offsets = map[wire.Partition]int64{}
	}
	b.index.clear()
	clear(b.offsets)
	clear(b.inputs)
	clear(b.changes)
	clear(b.out)
	b.inputs, b.changes, b.caused, b.out = b.inputs[:0], b.changes[:0], b.caused[:0], b.out[:0]
	b.leads, b.told, b.done = b.leads[:0], b.told[:0], b.done[:0]
	b.writes, b.hashes, b.toldFirst = b.writes[:0], b.hashes[:0], b.toldFirst[:0]
	b.begun, b.clock, b.newest = now, clock, 0
	b.counted.clear()
}

// begin empties the batch for the next one.
func (l *lane) begin() {
	l.Metrics.timersDue.Sub(float64(l.batch.due))
	l.batch.due = 0
	l.batch.reset(l.now(), l.ledger.Clock)
	l.batch.walk = l.walk
}

// want adds a lead to the batch.
func (l *lane) want(id string) *working {
	b := &l.batch
	hash := l.leads.Hash(id)
	i, ok := b.index.find(hash, func(i int) bool { return b.leads[i].id == id })
	if !ok {
		b.leads = append(b.leads, working{id: b.index.name(id), hash: hash, first: none})
	}
	return &b.leads[i]
}

// add makes the newest of the batch's inputs one of w's events.
func (b *batch) add(w *working) {
	newest := int32(len(b.inputs) - 1)
	b.inputs[newest].next = none
	if w.first == none {
		w.first = newest
	} else {
		b.inputs[w.last].next = newest
	}
	w.last = newest
}

// fetch takes the next records in hand, decodes them, and adds the leads that the batch needs. It waits no longer than
// until the next timer or the next bare commit is due.
func (l *lane) fetch(soft context.Context) error {
	l.begin()
	if !l.pending() {
		if !sleep(soft, l.rest()) {
			return nil
		}
		fetched, err := l.fetcher.Fetch(soft, l.positions(nil), l.patience())
		if err != nil {
			return nil // soft ended: nothing is in hand
		}
		l.fetched = fetched
	}
	b := &l.batch
	b.begun = l.now()
	if err := l.takeIn(nil); err != nil {
		return err
	}
	if l.caughtUp {
		b.clock = max(b.clock, scorer.InstantOf(b.begun))
	} else {
		b.clock = max(b.clock, b.newest)
		l.fetchAhead(soft, nil)
	}
	return nil
}

// beat is how often a lane that keeps up begins a batch at most. Where events come one by one and without end, batches as
// fast as they can be made would each hold an event or two, and keep Kafka, Redis and us so busy that all of them took
// longer for it. After a quiet time an event is never held up.
const beat = 4 * time.Millisecond

// rest is how long the lane waits until it fetches again.
func (l *lane) rest() time.Duration {
	if !l.caughtUp || l.walk.underWay() {
		return 0
	}
	// The clock may have been set back since.
	return min(max(beat-l.now().Sub(l.worked), 0), beat)
}

// fetchAhead asks for what comes after the batch in hand, to be under way while that is folded and announced; with until
// as positions has it.
func (l *lane) fetchAhead(soft context.Context, until map[string]int64) {
	if l.pending() {
		return
	}
	if at := l.positions(until); len(at) > 0 {
		l.fetcher.Ahead(soft, at, idleWait)
	}
}

// pending is whether records of the last fetch wait for the next batch.
func (l *lane) pending() bool { return oldest(l.fetched) != nil }

// positions are where the lane reads on after the batch in hand; with until, only in the partitions that have not come that
// far.
func (l *lane) positions(until map[string]int64) []wire.Position {
	at := make([]wire.Position, 0, len(l.inputs))
	for _, part := range l.inputs {
		next := l.reached(part)
		if until == nil || next < until[offsetKey(part)] {
			at = append(at, wire.Position{Partition: part, Offset: next})
		}
	}
	return at
}

// patience is how long a fetch may wait.
func (l *lane) patience() time.Duration {
	wait := idleWait
	if l.walk.underWay() {
		return 0
	}
	if l.committed < l.ledger.Batch {
		wait = min(wait, bareCommitAfter-l.now().Sub(l.committedAt))
	}
	if now := scorer.InstantOf(l.now()); l.caughtUp && l.nextDue < now.Add(wait) {
		wait = l.nextDue.Sub(now)
	}
	return max(wait, 0)
}

// A batch takes no more than this, whatever a fetch brought: compressed, a stranger's records are many more and larger
// than the fetch was.
const (
	batchRecords = 32_000
	batchBytes   = 8 << 20
)

// takeIn decodes what was fetched, oldest record first over all partitions, up to the offsets of until (nil: all), as
// much as makes a batch; the rest waits for the next.
func (l *lane) takeIn(until map[string]int64) error {
	l.ailing = nil
	for i := range l.fetched {
		f := &l.fetched[i]
		if f.Err != nil {
			if err := l.unread(f); err != nil {
				return err
			}
			continue
		}
		if end, ok := until[offsetKey(f.Partition)]; ok && f.Next > end {
			f.Records = before(f.Records, end)
			f.Next = end
		}
		l.ends[f.Partition] = f.Stable
	}
	for records, size := 0, 0; records < batchRecords && size < batchBytes; records++ {
		f := oldest(l.fetched)
		if f == nil {
			break
		}
		r := &f.Records[0]
		f.Records = f.Records[1:]
		size += len(r.Key) + len(r.Value)
		if err := l.takeRecord(r, l.countedAt(f.Topic)); err != nil {
			return err
		}
	}
	for i := range l.fetched {
		f := &l.fetched[i]
		switch {
		case f.Err != nil:
		case len(f.Records) > 0:
			l.batch.offsets[f.Partition] = f.Records[0].Offset
		default:
			l.batch.offsets[f.Partition] = f.Next
		}
	}
	l.caughtUp = !l.pending() && l.atEnd()
	l.observeRecords()
	return nil
}

// unread is what to do about a partition that could not be read.
func (l *lane) unread(f *wire.Fetched) error {
	err := fmt.Errorf("reading %s[%d]: %w", f.Topic, f.Partition.Partition, f.Err)
	switch {
	case wire.Retriable(f.Err):
		l.ailing = err
		return nil
	case errors.Is(f.Err, wire.ErrCorrupt):
		return &Refusal{
			Reason: "corrupt", Detail: err.Error(),
			Mend: "have the records up to the end of that batch deleted (kafka-delete-records), then " + rebuildMend,
		}
	}
	return err
}

// atEnd is whether the batch in hand reaches the end of every partition, as far as is known.
func (l *lane) atEnd() bool {
	for _, part := range l.inputs {
		if l.reached(part) < l.ends[part] {
			return false
		}
	}
	return true
}

// reached is the lane's position in a partition, the batch in hand included.
func (l *lane) reached(part wire.Partition) int64 {
	if next, ok := l.batch.offsets[part]; ok {
		return next
	}
	return l.ledger.Offsets[offsetKey(part)]
}

// before are the records below offset end.
func before(records []events.Record, end int64) []events.Record {
	n := len(records)
	for n > 0 && records[n-1].Offset >= end {
		n--
	}
	return records[:n]
}

// oldest is the partition whose first unread record has the lowest timestamp; nil when all are read.
func oldest(fetched []wire.Fetched) *wire.Fetched {
	var first *wire.Fetched
	for i := range fetched {
		f := &fetched[i]
		if f.Err == nil && len(f.Records) > 0 && (first == nil || f.Records[0].Time < first.Records[0].Time) {
			first = f
		}
	}
	return first
}

// clockSkew is how far a sender's clock may be ahead of ours.
const clockSkew = 5 * time.Minute

// takeRecord makes one record an event of this batch, a forward to its own lane, or a dead letter.
func (l *lane) takeRecord(r *events.Record, topic int32) error {
	b := &l.batch
	now := scorer.InstantOf(b.begun)
	if r.Time > now.Add(clockSkew) { // a sender can write any timestamp; it must not put a lead or the lane into the future
		r.Time = now
		l.Metrics.future.Inc()
	}
	b.inputs = append(b.inputs, input{record: r, topic: topic})
	in := &b.inputs[len(b.inputs)-1]
	info, err := l.decoder.Decode(r, &in.event)
	if err != nil {
		b.inputs = b.inputs[:len(b.inputs)-1]
		return l.bury(r, topic, err)
	}
	if in.event.Time > now.Add(2*clockSkew) {
		// Its record has no timestamp, or headers such as those of a forward, which any sender can write.
		in.event.Time, info.FutureTime = now, true
	}
	if info.FutureTime {
		l.Metrics.future.Inc()
	}
	if lane := events.Lane(in.event.Lead, l.lanes); lane != l.number {
		l.count(topic, forwarded)
		forward := events.Forward(r, in.event.Lead)
		forward.Topic, forward.Partition, forward.Time = l.Topics.Inbox, lane, scorer.InstantOf(b.begun)
		b.out = append(b.out, forward)
		b.inputs = b.inputs[:len(b.inputs)-1]
		return nil
	}
	b.add(l.want(in.event.Lead))
	b.newest = max(b.newest, min(r.Time, now))
	return nil
}

// bury makes a dead letter of a record that can't be scored.
func (l *lane) bury(r *events.Record, topic int32, err error) error {
	var refusal *scorer.Refusal
	if !errors.As(err, &refusal) {
		return fmt.Errorf("decoding %s[%d] at %d: %w", r.Topic, r.Partition, r.Offset, err)
	}
	l.buryRefused(r, topic, refusal)
	return nil
}

func (l *lane) buryRefused(r *events.Record, topic int32, refusal *scorer.Refusal) {
	l.count(topic, deadLetter)
	if l.recovery == nil {
		l.Metrics.deadLetters.WithLabelValues(refusal.Reason).Inc()
	}
	letter := events.DeadLetter(r, refusal)
	letter.Topic, letter.Partition = l.Topics.DeadLetters, l.number%l.deadLetters
	letter.Time = scorer.InstantOf(l.batch.begun)
	l.batch.out = append(l.batch.out, letter)
}

// somethingToDo is whether the batch in hand, or time, asks for a fold. Where nothing was fetched but positions moved
// (control records, aborted transactions), they go along with the next batch that has something.
func (l *lane) somethingToDo() bool {
	b := &l.batch
	if len(b.inputs) > 0 || len(b.out) > 0 || l.walk.underWay() || b.clock >= l.nextDue {
		return true
	}
	for part, next := range b.offsets {
		if next > l.ledger.Offsets[offsetKey(part)] {
			return true
		}
	}
	return false
}

// load brings the leads of the batch into memory: those of its events, those whose timers are due, and the next few of
// a walk under a new model.
func (l *lane) load(ctx context.Context) error {
	b := &l.batch
	defer l.phase("load")()
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
	if err := l.walkOn(ctx); err != nil {
		return err
	}
	return l.loadLeads(ctx)
}

// loadLeads brings what Redis holds of the leads that the batch wants into memory.
func (l *lane) loadLeads(ctx context.Context) error {
	b := &l.batch
	l.wanted, l.missing, l.missingAt = l.wanted[:0], l.missing[:0], l.missingAt[:0]
	for i := range b.leads {
		l.wanted = append(l.wanted, b.leads[i].hash)
	}
	l.leads.Fetch(l.wanted)
	for i := range b.leads {
		w := &b.leads[i]
		if w.blob != nil {
			continue
		}
		if blob, ok := l.leads.Get(w.hash, w.id); ok {
			w.blob = blob
			continue
		}
		l.missing, l.missingAt = append(l.missing, w.id), append(l.missingAt, int32(i))
	}
	err := l.store.Load(ctx, l.missing, func(i int, blob []byte) { b.leads[l.missingAt[i]].blob = blob })
	if err != nil {
		return fmt.Errorf("loading %d leads of lane %d: %w", len(l.missing), l.number, err)
	}
	return nil
}

// phase measures one phase of a batch: call what it returns at the phase's end.
func (l *lane) phase(name string) func() {
	begun := l.now()
	return func() {
		ended := l.now()
		l.Metrics.batchSeconds.WithLabelValues(name).Observe(ended.Sub(begun).Seconds())
		l.span.phase(name, begun, ended)
	}
}
