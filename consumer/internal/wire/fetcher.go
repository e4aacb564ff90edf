package wire

import (
	"context"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hotlead/hotlead/events"
)

// Fetcher reads partitions, read committed unless it was made otherwise. It belongs to one goroutine at a time.
//
// Each leader is asked on its own, and Fetch returns as soon as one of them has something. The others' long polls stay
// in flight, and the next Fetch takes up those that ask for what it wants too. So no poll is thrown away because
// another broker was quicker. They end with the context of the Fetch that began them, and with Close.
type Fetcher struct {
	cluster   *Cluster
	minBytes  int
	maxBytes  int
	isolation int8
	decoder   *decoder
	polls     []*poll
	// woken gets a token whenever a poll has ended.
	woken chan struct{}
	// turn rotates the order of partitions: a broker fills its answer in the order asked, so otherwise a partition with
	// much to read would keep those behind it waiting.
	turn    int
	fetched []Fetched
	spans   []span
	memory  memory
	// inUse are the answers that fetched is of, parts those that other readers have a part of, too.
	inUse [][]byte
	parts []*lease
}

// span is which of the decoder's records belong to a Fetched.
type span struct{ begin, end int }

// Fetched is what one Fetch found in one partition.
type Fetched struct {
	Partition
	// Records are the committed records at and after the position asked for, in order. They are valid until the next
	// Fetch, which reads into the same memory, or Close: whoever keeps Key, Value or Headers for longer copies them.
	Records []events.Record
	// Next is the position after everything seen: past aborted and control records and the gaps that compaction left,
	// so it may move without any Records.
	Next int64
	// Marker is the epoch under which the last transaction ended whose end was seen on the way to Next; its ProducerID is -1
	// where none was.
	Marker Epoch
	// Stable and High are the partition's bounds as its leader saw them, -1 where Err is set.
	Stable, High int64
	// Err says why the partition could not be read: ErrOffsetOutOfRange, ErrCorrupt, or one that is Retriable. The
	// other partitions' records are good all the same.
	Err error
}

// transit is what a long poll may take beyond the wait that the broker was asked for, before Fetch returns without it.
const transit = 20 * time.Millisecond

// longestPause is how long Fetch waits at most before it asks again after a leader that moves.
const longestPause = 100 * time.Millisecond

// Fetcher makes a Fetcher whose answers are at most about maxBytes large in all, per broker; a single record batch
// larger than that comes through. Close ends it.
func (c *Cluster) Fetcher(maxBytes int) *Fetcher {
	return &Fetcher{
		cluster: c, minBytes: 1, maxBytes: maxBytes, isolation: readCommitted, decoder: newDecoder(inflateLimit), woken: make(chan struct{}, 1),
		memory: memory{reused: c.options.Reused},
	}
}

// FetcherOfAll makes a Fetcher that reads whatever was ever written up to High: what was aborted, and what is not decided
// yet, as well.
func (c *Cluster) FetcherOfAll(maxBytes int) *Fetcher {
	f := c.Fetcher(maxBytes)
	f.isolation = readUncommitted
	return f
}

// Bound makes the answers to come at most about maxBytes large.
func (f *Fetcher) Bound(maxBytes int) { f.maxBytes = maxBytes }

// AtLeast makes brokers wait with the answers to come until there are so many bytes to read, or until the wait is over. From
// the start they answer with the first record.
func (f *Fetcher) AtLeast(minBytes int) { f.minBytes = minBytes }

// Close ends the requests in flight and waits for them. What was fetched is not valid any longer.
func (f *Fetcher) Close() {
	f.abandon(func(*poll) bool { return true })
	f.giveBack()
	f.decoder.inflater.close()
}

// Fetch waits until there is something to read at any of the positions, or for as long as wait, and returns one Fetched
// per partition about which there is something to say, in no particular order; none at all when the wait is over. A
// partition stands in from once.
//
// A leader that moves or is away is looked for within the wait; what is still amiss then is in Fetched.Err. The error is
// ctx's.
func (f *Fetcher) Fetch(ctx context.Context, from []Position, wait time.Duration) ([]Fetched, error) {
	return f.fetch(ctx, from, wait, f.poll)
}

// poller begins a poll that ends by the deadline.
type poller func(ctx context.Context, w request, deadline time.Time) *poll

func (f *Fetcher) fetch(ctx context.Context, from []Position, wait time.Duration, ask poller) ([]Fetched, error) {
	f.fetched, f.spans = f.fetched[:0], f.spans[:0]
	f.decoder.reset()
	f.giveBack()
	deadline := time.Now().Add(wait)
	for try := 0; ; try++ {
		amiss, err := f.begin(ctx, from, deadline, ask)
		if err != nil {
			return nil, err
		}
		pause := min(pauseAfter(ErrRetriable, try), longestPause)
		if amiss, err = f.wait(ctx, amiss, deadline.Add(transit), pause); err != nil {
			return nil, err
		}
		if len(f.fetched) > 0 || !time.Now().Before(deadline) {
			return f.result(amiss), nil
		}
	}
}

// giveBack gives the memory of what was fetched to what will be.
func (f *Fetcher) giveBack() {
	f.memory.give(f.inUse)
	clear(f.inUse)
	f.inUse = f.inUse[:0]
	for _, part := range f.parts {
		f.cluster.rounds.giveBack(part)
	}
	clear(f.parts)
	f.parts = f.parts[:0]
}

// Ahead begins to ask for what the next Fetch will ask for: then the answer is on its way meanwhile. What was fetched stays
// valid. It is for a reader who is behind. One who is not would be answered with the first record to come, and with all the
// others only after that.
func (f *Fetcher) Ahead(ctx context.Context, from []Position, wait time.Duration) {
	_, _ = f.begin(ctx, from, time.Now().Add(wait), f.poll) // what is amiss is the next Fetch's to tell
}

// result is all that was fetched, with its records: only now, as the slice that holds them has stopped growing.
func (f *Fetcher) result(amiss []Fetched) []Fetched {
	for i, s := range f.spans {
		f.fetched[i].Records = f.decoder.records[s.begin:s.end:s.end]
	}
	return append(f.fetched, amiss...)
}

// begin sees to it that there is a poll in flight for each of the leaders, and none besides. amiss are the partitions
// that have no leader just now.
func (f *Fetcher) begin(ctx context.Context, from []Position, deadline time.Time, ask poller) (amiss []Fetched, err error) {
	wanted, amiss, err := f.byLeader(ctx, from)
	if err != nil {
		return nil, err
	}
	f.abandon(func(p *poll) bool { return p.ctx.Err() != nil || !slices.ContainsFunc(wanted, p.asks) })
	begun := false
	for _, w := range wanted {
		if !slices.ContainsFunc(f.polls, func(p *poll) bool { return p.asks(w) }) {
			if !begun {
				f.turn++
				begun = true
			}
			f.polls = append(f.polls, ask(ctx, w, deadline))
		}
	}
	return amiss, nil
}

// wait waits until a poll has brought something, or until the time is up: at the end, or, once there is no hope of more
// without asking again, after a pause.
func (f *Fetcher) wait(ctx context.Context, amiss []Fetched, end time.Time, pause time.Duration) ([]Fetched, error) {
	timer := time.NewTimer(time.Until(end))
	defer timer.Stop()
	for pausing := false; ; {
		amiss = append(amiss, f.collect()...)
		if len(f.fetched) > 0 {
			return amiss, nil
		}
		if !pausing && (len(amiss) > 0 || len(f.polls) == 0) {
			pausing = true
			timer.Reset(min(pause, time.Until(end)))
		}
		select {
		case <-f.woken:
		case <-timer.C:
			return amiss, ctx.Err()
		case <-ctx.Done():
			f.abandon(func(*poll) bool { return true })
			return nil, ctx.Err()
		}
	}
}

// byLeader groups the positions by the broker that leads them.
func (f *Fetcher) byLeader(ctx context.Context, from []Position) (wanted []request, amiss []Fetched, err error) {
	partitions := make([]Partition, len(from))
	for i, p := range from {
		partitions[i] = p.Partition
	}
	leaders, err := f.cluster.leaders(ctx, partitions)
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	for i, p := range from {
		switch {
		case err != nil:
			amiss = append(amiss, p.unreadable(err))
		case leaders[i] == anyBroker:
			amiss = append(amiss, p.unreadable(answered(int16(kafka.UnknownTopicOrPartition))))
		default:
			at := slices.IndexFunc(wanted, func(r request) bool { return r.leader == leaders[i] })
			if at < 0 {
				at = len(wanted)
				wanted = append(wanted, request{leader: leaders[i]})
			}
			wanted[at].from = append(wanted[at].from, p)
		}
	}
	return wanted, amiss, nil
}

func (p Position) unreadable(err error) Fetched {
	return Fetched{Partition: p.Partition, Next: p.Offset, Marker: Epoch{ProducerID: noProducer}, Stable: -1, High: -1, Err: p.at(err)}
}

// collect takes in the polls that have ended.
func (f *Fetcher) collect() (amiss []Fetched) {
	f.polls = slices.DeleteFunc(f.polls, func(p *poll) bool {
		select {
		case <-p.done:
		default:
			return false
		}
		p.cancel()
		amiss = append(amiss, f.take(p)...)
		return true
	})
	return amiss
}

// take turns a poll's answer into what is fetched and what is amiss.
func (f *Fetcher) take(p *poll) (amiss []Fetched) {
	err := p.err
	if err == nil {
		err = p.answer.err
	}
	if err != nil {
		f.cluster.forgetLeaders(topicsOfPositions(p.from)...)
		for _, at := range p.from {
			amiss = append(amiss, at.unreadable(err))
		}
		return amiss
	}
	if p.shared == nil {
		f.inUse = append(f.inUse, p.answer.bytes)
	} else if p.answer.lease != nil {
		f.parts = append(f.parts, p.answer.lease)
	}
	for i := range p.answer.partitions {
		a := &p.answer.partitions[i]
		at := slices.IndexFunc(p.from, a.at)
		if at < 0 {
			continue
		}
		switch from := p.from[at]; {
		case a.err == nil:
			f.takePartition(from, a)
		case Retriable(a.err):
			f.cluster.forgetLeaders(from.Topic)
			amiss = append(amiss, from.unreadable(a.err))
		default:
			f.add(from.unreadable(a.err), span{})
		}
	}
	return amiss
}

func (f *Fetcher) takePartition(from Position, a *partitionAnswer) {
	begin := len(f.decoder.records)
	next, err := f.decoder.decode(from, a.batches, a.aborted)
	switch {
	case err != nil:
		f.add(from.unreadable(err), span{})
	case next > from.Offset:
		f.add(Fetched{Partition: from.Partition, Next: next, Marker: f.decoder.marker, Stable: a.stable, High: a.high}, span{begin, len(f.decoder.records)})
	}
}

func (f *Fetcher) add(fetched Fetched, records span) {
	f.fetched = append(f.fetched, fetched)
	f.spans = append(f.spans, records)
}

func topicsOfPositions(from []Position) []string {
	partitions := make([]Partition, len(from))
	for i, p := range from {
		partitions[i] = p.Partition
	}
	return topicsOf(partitions)
}
