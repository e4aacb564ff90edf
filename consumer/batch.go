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

// batch is what is in hand between fetch and announce, what one decide covers. Its slices are reused from batch to batch.
type batch struct {
	stretch
	// offsets are the next positions of the partitions that moved.
	offsets map[wire.Partition]int64
	leads   []working
	index   leadIndex
	// writes are the leads that the batch changes, as Redis is to hold them, and hashes those of their IDs.
	writes []state.LeadWrite
	hashes []uint32
	// toldFirst tells, of leads that a refold changes, what was announced of them before.
	toldFirst []state.ToldWrite
	// out is what is sent on as it was fetched, forwards and dead letters, passedOn its size; announced are the records that
	// tell of the batch's changes, records their memory. Once the batch is to be decided they stand behind the others in out.
	out, announced []events.OutRecord
	passedOn       int
	records        events.ChangeRecords
	// changes are those of the lead in hand, and caused, for each of them, the timestamp of the record that caused it; 0:
	// time or a model did.
	changes []scorer.Change
	caused  []scorer.Instant
	// moved are the changes that the batch announces.
	moved   []moved
	counted counted
	// taken is how many records the batch has taken in.
	taken int
	// over is whether nothing more can be fetched for this batch.
	over bool
	told []state.ToldWrite
	// done are the told leads that this batch has reconciled.
	done []string
	// due is how many timers the batch fires.
	due int
	// walk is where the walk under a new model stands after this batch.
	walk walk
	// clock is the lane's clock when the batch is folded; newest the newest timestamp among its records.
	clock, newest scorer.Instant
	// begun is when the batch began by the wall clock, took what its phases have taken since.
	begun time.Time
	took  map[string]time.Duration
}

// moved is what is counted of a change once it is announced.
type moved struct {
	kind     scorer.ChangeKind
	from, to string
	cause    scorer.CauseKind
	// by is the timestamp of the record that caused it; 0: time or a model did.
	by scorer.Instant
}

// input is one event to fold. What folding it reads stands close together, between what touch reads: topic and the event's
// qualification.
type input struct {
	topic int32          // where its topic's events are counted
	hash  uint32         // of its lead's ID
	at    scorer.Instant // its record's timestamp
	event scorer.Event
	// record is one of what was fetched, which stays until all of that is folded.
	record *events.Record
}

// none is the index of no input.
const none = -1

// working is a lead of a batch. It is decoded only while its events are folded, so that a batch of very many leads takes
// no more memory for them than their blobs, and each lead's events find it where the processor has it at hand.
type working struct {
	id   string
	hash uint32 // of id
	// asked is whether time, or a new model, asks for it; fired, whether its timer did.
	asked, fired bool
	// blob is what Redis holds of it, and once it is folded what Redis is to hold; nil for a new one.
	blob []byte
	// first and last are the indexes of its first and last event in the stretch.
	first, last int32
	// write is the index of what the batch writes of it, none while that is nothing.
	write int32
	// turn is the last stretch that it was a part of.
	turn int32
}

func (b *batch) reset(now time.Time, clock scorer.Instant) {
	if b.offsets == nil {
		b.offsets, b.took = map[wire.Partition]int64{}, map[string]time.Duration{}
	}
	b.index.clear()
	b.stretch.clear()
	clear(b.offsets)
	clear(b.took)
	clear(b.out)
	clear(b.announced)
	clear(b.moved)
	clear(b.changes)
	b.changes, b.caused = b.changes[:0], b.caused[:0]
	b.out, b.announced, b.moved, b.passedOn = b.out[:0], b.announced[:0], b.moved[:0], 0
	b.leads, b.told, b.done = b.leads[:0], b.told[:0], b.done[:0]
	b.writes, b.hashes, b.toldFirst = b.writes[:0], b.hashes[:0], b.toldFirst[:0]
	b.begun, b.clock, b.newest = now, clock, 0
	b.taken, b.over = 0, false
	b.records.Clear()
	b.counted.clear()
}

// begin empties the batch for the next one.
func (l *lane) begin() {
	for phase, took := range l.batch.took {
		l.Metrics.batchSeconds.WithLabelValues(phase).Observe(took.Seconds())
	}
	l.Metrics.timersDue.Sub(float64(l.batch.due))
	l.batch.due = 0
	l.batch.reset(l.now(), l.ledger.Clock)
	l.batch.walk = l.walk
	l.encoded.clear()
}

// want adds a lead to the stretch in hand.
func (l *lane) want(id string) *working { return l.batch.want(id, l.leads.Hash(id)) }

func (b *batch) want(id string, hash uint32) *working {
	i, ok := b.index.find(hash, func(i int) bool { return b.leads[i].id == id })
	if !ok {
		b.leads = append(b.leads, working{id: b.index.name(id), hash: hash, first: none, write: none})
	}
	w := &b.leads[i]
	if w.turn != b.number {
		w.turn = b.number
		b.turn = append(b.turn, int32(i))
	}
	return w
}

// add makes input i one of w's events.
func (b *batch) add(w *working, i int32) {
	if w.first == none {
		w.first = i
	} else {
		b.following[w.last] = i
	}
	w.last = i
}

// fetch takes the first stretch of the next batch in hand. It waits no longer than until the next timer or the next bare
// commit is due.
func (l *lane) fetch(soft context.Context) error {
	l.begin()
	if l.pending() {
		return l.takeStretch(nil)
	}
	fetched, err := l.ask(soft)
	if err != nil {
		return nil // soft ended: nothing is in hand
	}
	l.batch.begun = l.now()
	return l.takeFetched(soft, fetched, nil)
}

// ask fetches what comes next: together with other lanes of the process if this one keeps up as they do.
func (l *lane) ask(soft context.Context) ([]wire.Fetched, error) {
	if !l.keepsUp() {
		return l.fetcher.Fetch(soft, l.positions(nil), l.patience())
	}
	return l.fetcher.Together(soft, l.positions(nil), l.rest(), beat, l.patience())
}

// keepsUp is whether nothing but events to come, and time, gives the lane something to do.
func (l *lane) keepsUp() bool { return l.caughtUp && !l.walk.underWay() }

// beat is how often a lane that keeps up begins a batch at most. Where events come one by one and without end, batches as
// fast as they can be made would each hold an event or two, and keep Kafka, Redis and us so busy that all of them took
// longer for it. After a quiet time an event is never held up.
const beat = 3 * time.Millisecond

// rest is how long a lane that keeps up waits until it fetches again.
func (l *lane) rest() time.Duration {
	// The clock may have been set back since.
	return min(max(beat-l.now().Sub(l.worked), 0), beat)
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
	if l.filling.underWay() {
		wait = min(wait, beat)
	}
	if l.grouped < l.ledger.Batch {
		wait = min(wait, bareCommitAfter-l.now().Sub(l.groupedAt))
	}
	if now := scorer.InstantOf(l.now()); l.caughtUp && l.nextDue < now.Add(wait) {
		wait = l.nextDue.Sub(now)
	}
	return max(wait, 0)
}

// takeIn decodes what was fetched, oldest record first over all partitions, up to the offsets of until (nil: all), and no
// more than most records.
func (l *lane) takeIn(until map[string]int64, most int) error {
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
	b := &l.batch
	for records, size := 0, 0; records < most && size < stretchBytes; records++ {
		f := oldest(l.fetched)
		if f == nil {
			break
		}
		r := &f.Records[0]
		f.Records = f.Records[1:]
		size += len(r.Key) + len(r.Value)
		b.taken++
		if err := l.takeRecord(r, l.countedAt(f.Topic)); err != nil {
			return err
		}
		b.wantEach(inHand)
	}
	b.wantEach(1)
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
	b.inputs = append(b.inputs, input{record: r, at: r.Time, topic: topic})
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
		b.passOn(forward)
		b.inputs = b.inputs[:len(b.inputs)-1]
		return nil
	}
	in.hash = l.leads.Hash(in.event.Lead)
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
	l.batch.passOn(letter)
}

// passOn has a record announced that is as it was fetched.
func (b *batch) passOn(r events.OutRecord) {
	b.out = append(b.out, r)
	b.passedOn += len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		b.passedOn += len(h.Key) + len(h.Value)
	}
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

// phase measures one phase of a batch, or of a part of it: call what it returns at the phase's end.
func (l *lane) phase(name string) func() {
	begun := l.now()
	return func() {
		ended := l.now()
		l.batch.took[name] += ended.Sub(begun)
		l.span.phase(name, begun, ended)
	}
}
