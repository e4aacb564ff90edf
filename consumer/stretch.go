package consumer

import (
	"context"
	"time"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/scorer"
)

const (
	// stretchRecords and stretchBytes bound a stretch, whatever a fetch brought: compressed, a stranger's records are many
	// more and larger than the fetch was. Much shorter stretches cost more than they save: a busy lead is decoded and
	// encoded in each.
	stretchRecords = 25_000
	stretchBytes   = 8 << 20
	// batchRecords bounds a batch. The more events one covers, the fewer writes a busy lead costs.
	batchRecords = 100_000
	// scatteredRecords is how many events tell that they are scattered over leads.
	scatteredRecords = 20_000
	// heldShares bounds what a batch holds of its leads and changes, in what its lane fetches at a time.
	heldShares = 4
	// batchFor is for how long a batch takes more in, so that what it changes is told of while the lane is behind, too.
	batchFor = time.Second
	// moreWait is how long a batch that has begun waits for more of what is there already.
	moreWait = 100 * time.Millisecond
)

// stretch is a part of a batch: what is taken in, loaded and folded at a time. Of what is behind it the batch keeps the
// outcome alone, so that the memory of what was fetched can be used for what comes.
type stretch struct {
	number int32
	inputs []input
	// following are, for each of inputs, the index of the next event of the same lead, none where there is none; for as
	// many of them as have been given to their leads.
	following []int32
	// most is how many inputs a stretch of the batch had at most.
	most int
	// turn are the stretch's leads, by their indexes in the batch.
	turn    []int32
	touched uint32 // of what touching has read, so that it does
}

// clear empties the stretch for the first one of the next batch. What it had no use for since is not held any longer.
func (s *stretch) clear() {
	s.next()
	clear(s.inputs[:s.most])
	s.most, s.number = 0, 1
}

// next empties the stretch for the next one of the batch.
func (s *stretch) next() {
	s.most = max(s.most, len(s.inputs))
	s.inputs, s.following, s.turn = s.inputs[:0], s.following[:0], s.turn[:0]
	s.number++
}

// foldStretches loads and folds the stretch in hand, and those that belong to the same batch, up to the offsets of until
// (nil: all). While the lane is behind it fetches more of them.
func (l *lane) foldStretches(soft, hard context.Context, until map[string]int64) error {
	for {
		l.step(l.number, Fetched)
		last, loaded := l.endsBatch(soft), l.phase("load")
		if last {
			if err := l.loadAsked(hard); err != nil {
				return err
			}
		}
		if err := l.loadLeads(hard); err != nil {
			return err
		}
		loaded()
		l.step(l.number, Loaded)
		if err := l.fold(); err != nil {
			return err
		}
		l.step(l.number, Folded)
		if last {
			return nil
		}
		if err := l.takeMore(soft, until); err != nil {
			return err
		}
	}
}

// endsBatch is whether the stretch in hand is the last of its batch.
func (l *lane) endsBatch(soft context.Context) bool {
	b := &l.batch
	if soft.Err() != nil || l.full() {
		return true
	}
	// What is passed on as it was fetched, and a step of a walk, do not wait for another fetch.
	return !l.pending() && (b.over || l.caughtUp || b.passedOn > 0 || l.walk.underWay())
}

// full is whether the batch has grown as large, or taken as long, as one may, or as there is a use in: where nearly every
// event is about another lead, a larger one takes memory and saves no write.
func (l *lane) full() bool {
	b := &l.batch
	const (
		lead   = 256 // bytes that a lead takes beside its blob, about
		copies = 3   // of what is announced: the records, the outbox, and what goes to Kafka
	)
	held := l.encoded.held + copies*b.records.Len() + b.passedOn + lead*len(b.leads)
	scattered := b.taken >= scatteredRecords && 4*len(b.leads) > 3*b.taken
	return b.taken >= batchRecords || held >= heldShares*l.share || scattered || l.now().Sub(b.begun) >= batchFor
}

// takeMore takes the next stretch of the batch in hand: of what was fetched, or else of what is fetched now. Whatever is
// amiss there is left to the next batch.
func (l *lane) takeMore(soft context.Context, until map[string]int64) error {
	l.batch.stretch.next()
	if l.pending() {
		return l.takeStretch(until)
	}
	at := l.positions(until)
	if len(at) == 0 || l.batch.passedOn > 0 { // what the fold refused is passed on as it was fetched
		l.batch.over = true
		return nil
	}
	fetched, err := l.fetcher.Fetch(soft, at, moreWait)
	if err != nil || !sound(fetched) {
		l.fetched, l.batch.over = nil, true
		return nil // err is soft's
	}
	return l.takeFetched(soft, fetched, until)
}

// takeFetched takes the first stretch of what was just fetched.
func (l *lane) takeFetched(soft context.Context, fetched []wire.Fetched, until map[string]int64) error {
	l.fetched = fetched
	if err := l.takeStretch(until); err != nil {
		return err
	}
	l.fetchAhead(soft, until)
	return nil
}

// sound is whether something was fetched, and nothing is amiss with it.
func sound(fetched []wire.Fetched) bool {
	for i := range fetched {
		if fetched[i].Err != nil {
			return false
		}
	}
	return len(fetched) > 0
}

// takeStretch takes the next stretch of what was fetched, and moves the lane's clock on.
func (l *lane) takeStretch(until map[string]int64) error {
	if err := l.takeIn(until, l.stretchRecords); err != nil {
		return err
	}
	b := &l.batch
	if l.caughtUp && l.recovery == nil {
		b.clock = max(b.clock, scorer.InstantOf(b.begun))
	} else {
		b.clock = max(b.clock, b.newest)
	}
	if until != nil && !l.pending() && len(l.positions(until)) == 0 {
		b.clock = max(b.clock, l.recovery.Clock) // all that a refold folds is in hand
	}
	return nil
}

// fetchAhead asks for what comes after what was fetched, to be under way while that is folded and announced; with until as
// positions has it.
func (l *lane) fetchAhead(soft context.Context, until map[string]int64) {
	behind := false
	at := make([]wire.Position, 0, len(l.inputs))
	for _, part := range l.inputs {
		next := l.fetchedTo(part)
		if until != nil && next >= until[offsetKey(part)] {
			continue
		}
		behind = behind || until != nil || next < l.ends[part]
		at = append(at, wire.Position{Partition: part, Offset: next})
	}
	if behind {
		l.fetcher.Ahead(soft, at, idleWait)
	}
}

// fetchedTo is the lane's position in a partition, all that was fetched included.
func (l *lane) fetchedTo(part wire.Partition) int64 {
	for i := range l.fetched {
		if f := &l.fetched[i]; f.Partition == part && f.Err == nil {
			return f.Next
		}
	}
	return l.reached(part)
}

// inHand is how many events or leads are touched before the first of them is used: of places that are read with nothing to
// do in between, a processor awaits a dozen at a time.
const inHand = 16

// wantEach gives the newest inputs to their leads, if there are as many as least.
func (b *batch) wantEach(least int) {
	from := len(b.following)
	if len(b.inputs)-from < least {
		return
	}
	newest := b.inputs[from:]
	b.index.reserve(len(newest))
	for i := range newest {
		b.touched += b.index.at(newest[i].hash).round
	}
	for i := range newest {
		if e := b.index.at(newest[i].hash); e.round == b.index.round {
			w := &b.leads[e.lead]
			b.touched += uint32(w.turn)
			if w.id != "" {
				b.touched += uint32(w.id[0])
			}
		}
	}
	for i := range newest {
		b.following = append(b.following, none)
		b.add(b.want(newest[i].event.Lead, newest[i].hash), int32(from+i))
	}
}

// touch brings what folding these leads reads near the processor.
func (b *batch) touch(turn []int32) {
	const line = 64 // bytes that a processor reads at once
	for _, at := range turn {
		w := &b.leads[at]
		if w.write != none {
			b.touched += uint32(b.writes[w.write].DueWas)
		}
		for i := 0; i < min(len(w.blob), 4*line); i += line { // of a busy lead the rest is read in one go
			b.touched += uint32(w.blob[i])
		}
		for i := w.first; i != none; i = b.following[i] {
			in := &b.inputs[i]
			b.touched += uint32(in.topic)
			if account := in.event.Account; account != "" {
				b.touched += uint32(account[0])
			}
			if in.event.Qualification != nil {
				b.touched++
			}
		}
	}
}
