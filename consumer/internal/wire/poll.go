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
	ctx    context.Context // as it was when the poll began; its end is the poll's
	cancel context.CancelFunc
	done   chan struct{} // closed when answer and err are set
	answer *fetchAnswer
	err    error
}

// asks says whether the poll asks for what is wanted.
func (p *poll) asks(w request) bool { return p.leader == w.leader && slices.Equal(p.from, w.from) }

// poll sends a request for whose answer the leader may wait. Whoever takes the poll out of f.polls calls its cancel.
func (f *Fetcher) poll(ctx context.Context, w request, wait time.Duration) *poll {
	ctx, cancel := context.WithCancel(ctx)
	p := &poll{request: w, ctx: ctx, cancel: cancel, done: make(chan struct{})}
	message := f.message(w, wait)
	go func() {
		defer func() {
			close(p.done)
			select {
			case f.woken <- struct{}{}:
			default: // a token is there already
			}
		}()
		answer, err := f.cluster.do(ctx, wait+requestTimeout, &exchange{Message: message, broker: w.leader, read: f.memory.readFetchAnswer})
		if err != nil {
			p.err = err
			return
		}
		p.answer = answer.(*fetchAnswer)
	}()
	return p
}

func (f *Fetcher) message(w request, wait time.Duration) *fetch.Request {
	const noSession = -1 // 0 would open one
	m := &fetch.Request{
		ReplicaID: notAReplica, MaxWaitTime: int32(wait.Milliseconds()), MinBytes: int32(f.minBytes), MaxBytes: int32(f.maxBytes),
		IsolationLevel: f.isolation, SessionEpoch: noSession, Topics: make([]fetch.RequestTopic, len(w.from)),
	}
	partitions := make([]fetch.RequestPartition, len(w.from))
	for i := range w.from {
		p := w.from[(i+f.turn)%len(w.from)]
		partitions[i] = fetch.RequestPartition{
			Partition: int32(p.Partition.Partition), CurrentLeaderEpoch: leaderEpochUnsaid, FetchOffset: p.Offset,
			LogStartOffset: -1, PartitionMaxBytes: int32(f.maxBytes),
		}
		m.Topics[i] = fetch.RequestTopic{Topic: p.Topic, Partitions: partitions[i : i+1 : i+1]}
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
