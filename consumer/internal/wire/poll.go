package wire

import (
	"context"
	"slices"
	"time"

	"github.com/segmentio/kafka-go/protocol/fetch"
)

// request is what one leader is asked for.
type request struct {
	leader int32
	from   []Position
}

// poll is a request in flight, or ended.
type poll struct {
	request
	ctx     context.Context // as it was when the poll began; its end is the poll's
	cancel  context.CancelFunc
	done    chan struct{} // closed when answer and err are set
	woken   chan<- struct{}
	answer  *fetchAnswer
	err     error
	*shared // nil: it goes alone
}

// tell tells the reader that the poll has ended.
func (p *poll) tell() {
	close(p.done)
	select {
	case p.woken <- struct{}{}:
	default: // a token is there already
	}
}

// asks says whether the poll asks for what is wanted.
func (p *poll) asks(w request) bool { return p.leader == w.leader && slices.Equal(p.from, w.from) }

// poll sends a request for whose answer the leader may wait. Whoever takes the poll out of f.polls calls its cancel.
func (f *Fetcher) poll(ctx context.Context, w request, deadline time.Time) *poll {
	ctx, cancel := context.WithCancel(ctx)
	p := &poll{request: w, ctx: ctx, cancel: cancel, done: make(chan struct{}), woken: f.woken}
	wait := max(time.Until(deadline), 0)
	message := fetchRequest(w.from, f.turn, wait, fetchLimits{minBytes: f.minBytes, maxBytes: f.maxBytes, isolation: f.isolation})
	go func() {
		defer p.tell()
		answer, err := f.cluster.do(ctx, wait+requestTimeout, &exchange{Message: message, broker: w.leader, read: f.memory.readFetchAnswer})
		if err != nil {
			p.err = err
			return
		}
		p.answer = answer.(*fetchAnswer)
	}()
	return p
}

// fetchLimits say how much an answer brings, and of what.
type fetchLimits struct {
	minBytes, maxBytes int
	isolation          int8
}

// fetchRequest asks for what stands at these positions, in their order from the turn-th on.
func fetchRequest(from []Position, turn int, wait time.Duration, limits fetchLimits) *fetch.Request {
	const noSession = -1 // 0 would open one
	m := &fetch.Request{
		ReplicaID: notAReplica, MaxWaitTime: int32(wait.Milliseconds()), MinBytes: int32(limits.minBytes), MaxBytes: int32(limits.maxBytes),
		IsolationLevel: limits.isolation, SessionEpoch: noSession, Topics: make([]fetch.RequestTopic, 0, len(from)),
	}
	for i := range from {
		p := &from[(i+turn)%len(from)]
		at := slices.IndexFunc(m.Topics, func(t fetch.RequestTopic) bool { return t.Topic == p.Topic })
		if at < 0 {
			at = len(m.Topics)
			m.Topics = append(m.Topics, fetch.RequestTopic{Topic: p.Topic})
		}
		m.Topics[at].Partitions = append(m.Topics[at].Partitions, fetch.RequestPartition{
			Partition: int32(p.Partition.Partition), CurrentLeaderEpoch: leaderEpochUnsaid, FetchOffset: p.Offset,
			LogStartOffset: -1, PartitionMaxBytes: int32(limits.maxBytes),
		})
	}
	return m
}

// abandon ends the polls that are not to be waited for any longer, and waits until they have ended.
func (f *Fetcher) abandon(unwanted func(*poll) bool) {
	f.polls = slices.DeleteFunc(f.polls, func(p *poll) bool {
		if !unwanted(p) {
			return false
		}
		p.cancel()
		<-p.done
		return true
	})
}
