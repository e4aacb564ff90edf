package wire

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// rounds gathers the polls of a cluster's readers that keep up. A process has a reader for each of its lanes, and to a
// broker a request costs what it costs, however little it asks for: so polls of one leader that are due at about the same
// time go together.
type rounds struct {
	cluster *Cluster

	mu sync.Mutex
	// waiting are the polls that no request has been sent for yet.
	waiting []*poll
	// due calls begin when the first of waiting is.
	due *time.Timer
	// turn rotates the order of partitions, as a Fetcher's does.
	turn int
	// free is what answers are read into.
	free sync.Pool
}

// round is a request for several polls, in flight.
type round struct {
	leader int32
	sent   time.Time
	polls  []*poll // guarded by rounds.mu
	cancel context.CancelFunc
	ended  chan struct{} // closed once nobody reads the answer any more
}

// lease is the memory of an answer that several readers have a part of. The last to give it back frees it.
type lease struct {
	bytes   []byte
	readers int // guarded by rounds.mu
}

// shared is what a poll that goes with others has beyond one that goes alone.
type shared struct {
	maxBytes int
	// From early on the poll goes along with another, at late it goes by itself, and by deadline it ends. beat is how far its
	// requests are apart at least.
	early, late, deadline time.Time
	beat                  time.Duration
	round                 *round // nil: it waits for one
	ended                 bool
}

// Together is Fetch for a reader that keeps up, and is one of several of its cluster: it asks after rest, or up to half a
// beat before that if another of them does, and then no more often than once in a beat until something is there.
// A reader that is behind would be held up by it.
func (f *Fetcher) Together(ctx context.Context, from []Position, rest, beat, wait time.Duration) ([]Fetched, error) {
	return f.fetch(ctx, from, max(rest, wait), func(ctx context.Context, w request, deadline time.Time) *poll {
		late := time.Now().Add(rest)
		p := &poll{request: w, ctx: ctx, done: make(chan struct{}), woken: f.woken}
		p.shared = &shared{maxBytes: f.maxBytes, early: late.Add(-beat / 2), late: late, deadline: deadline, beat: beat}
		p.cancel = func() { f.cluster.rounds.leave(p) }
		f.cluster.rounds.join(p)
		return p
	})
}

// join sends the poll's request as soon as it is due.
func (r *rounds) join(p *poll) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = append(r.waiting, p)
	r.begin()
}

// leave ends a poll that nobody waits for any longer, and a request that is of no other poll.
func (r *rounds) leave(p *poll) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.ended {
		return
	}
	if p.round == nil {
		r.waiting = slices.DeleteFunc(r.waiting, func(q *poll) bool { return q == p })
	} else if p.round.leave(p); len(p.round.polls) == 0 {
		p.round.cancel()
		r.mu.Unlock()
		<-p.round.ended
		r.mu.Lock()
	}
	p.end(nil, context.Canceled)
}

func (t *round) leave(p *poll) {
	t.polls = slices.DeleteFunc(t.polls, func(q *poll) bool { return q == p })
}

// end ends a shared poll.
func (p *poll) end(answer *fetchAnswer, err error) {
	p.answer, p.err, p.ended = answer, err, true
	p.tell()
}

// wake is begin for those that have become due.
func (r *rounds) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begin()
}

// begin sends the requests that are due, each with the polls that may go along. r.mu is held.
func (r *rounds) begin() {
	now := time.Now()
	for {
		i := slices.IndexFunc(r.waiting, func(p *poll) bool { return !p.late.After(now) })
		if i < 0 {
			break
		}
		t := &round{leader: r.waiting[i].leader, sent: now, ended: make(chan struct{})}
		r.waiting = slices.DeleteFunc(r.waiting, func(p *poll) bool {
			if p.leader != t.leader || p.early.After(now) {
				return false
			}
			p.round, t.polls = t, append(t.polls, p)
			return true
		})
		r.ask(t)
	}
	if len(r.waiting) == 0 {
		return
	}
	first := slices.MinFunc(r.waiting, func(p, q *poll) int { return p.late.Compare(q.late) }).late.Sub(now)
	if r.due == nil {
		r.due = time.AfterFunc(first, r.wake)
	} else {
		r.due.Reset(first)
	}
}

// ask sends a round's request. r.mu is held.
func (r *rounds) ask(t *round) {
	r.turn++
	var from []Position
	wait, maxBytes := time.Duration(0), 0
	for i, p := range t.polls {
		left := max(p.deadline.Sub(t.sent), 0)
		if i == 0 || left < wait {
			wait = left
		}
		from, maxBytes = append(from, p.from...), max(maxBytes, p.maxBytes)
	}
	message := fetchRequest(from, r.turn, wait, fetchLimits{minBytes: 1, maxBytes: maxBytes, isolation: readCommitted})
	// It is of several polls, so it ends with the last of them.
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.polls[0].ctx))
	t.cancel = cancel
	go func() {
		defer close(t.ended)
		defer cancel()
		answer, err := r.cluster.do(ctx, wait+requestTimeout, &exchange{Message: message, broker: t.leader, read: r.readFetchAnswer})
		if err != nil {
			r.hand(t, nil, err)
			return
		}
		r.hand(t, answer.(*fetchAnswer), nil)
	}()
}

// hand gives each of a round's polls what it brought for it. Those for which it brought nothing wait for another.
func (r *rounds) hand(t *round, answer *fetchAnswer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		err = answer.err
	}
	var memory *lease
	if answer != nil {
		memory = &lease{bytes: answer.bytes}
	}
	for _, p := range t.polls {
		if err != nil {
			p.end(nil, err)
			continue
		}
		part := answer.of(p.from)
		switch {
		case len(part) > 0:
			memory.readers++
			p.end(&fetchAnswer{partitions: part, lease: memory}, nil)
		case !time.Now().Before(p.deadline):
			p.end(&fetchAnswer{}, nil)
		default:
			p.round, p.early, p.late = nil, t.sent.Add(p.beat/2), t.sent.Add(p.beat)
			r.waiting = append(r.waiting, p)
		}
	}
	t.polls = nil
	if memory != nil && memory.readers == 0 {
		r.release(memory)
	}
	r.begin()
}

// of are the partitions of an answer that say something of these positions.
func (a *fetchAnswer) of(from []Position) (part []partitionAnswer) {
	for i := range a.partitions {
		p := &a.partitions[i]
		if (p.err != nil || len(p.batches) > 0) && slices.ContainsFunc(from, p.at) {
			part = append(part, *p)
		}
	}
	return part
}

// giveBack ends a reader's use of an answer.
func (r *rounds) giveBack(memory *lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if memory.readers--; memory.readers == 0 {
		r.release(memory)
	}
}

func (r *rounds) release(memory *lease) {
	if reused := r.cluster.options.Reused; reused != nil {
		reused(memory.bytes[:cap(memory.bytes)])
	}
	r.free.Put(&memory.bytes)
}

// readFetchAnswer reads an answer off the connection.
func (r *rounds) readFetchAnswer(from io.Reader, version int16) (protocol.Message, error) {
	return readFetchAnswer(from, version, func(size int) []byte {
		if b, ok := r.free.Get().(*[]byte); ok && cap(*b) >= size {
			return (*b)[:size]
		}
		return make([]byte, size, max(size, leastMemory))
	})
}
