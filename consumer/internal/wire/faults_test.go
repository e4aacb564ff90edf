package wire_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
)

func TestCommitTriesAgain(t *testing.T) {
	for kind, level := range kinds {
		t.Run(kind, func(t *testing.T) { commitTriesAgain(t, level) })
	}
}

func commitTriesAgain(t *testing.T, level int16) {
	type fault struct {
		key  protocol.ApiKey
		n    int
		code *kerr.Error // nil: the connection breaks
	}
	for name, fault := range map[string]fault{
		"the transaction before is still ending":      {protocol.AddPartitionsToTxn, 30, kerr.ConcurrentTransactions},
		"the same, of its offsets":                    {protocol.AddOffsetsToTxn, 30, kerr.ConcurrentTransactions},
		"the coordinator moved, adding partitions":    {protocol.AddPartitionsToTxn, 2, kerr.NotCoordinator},
		"adding partitions breaks":                    {protocol.AddPartitionsToTxn, 2, nil},
		"the coordinator loads, adding offsets":       {protocol.AddOffsetsToTxn, 2, kerr.CoordinatorLoadInProgress},
		"adding offsets breaks":                       {protocol.AddOffsetsToTxn, 1, nil},
		"the leader moved":                            {protocol.Produce, 2, kerr.NotLeaderForPartition},
		"too few replicas":                            {protocol.Produce, 2, kerr.NotEnoughReplicas},
		"writing breaks":                              {protocol.Produce, 2, nil},
		"the transaction before ends, writing":        {protocol.Produce, 8, kerr.ConcurrentTransactions},
		"the group's coordinator moved":               {protocol.TxnOffsetCommit, 2, kerr.NotCoordinator},
		"the group's coordinator is not there":        {protocol.TxnOffsetCommit, 2, kerr.CoordinatorNotAvailable},
		"the transaction's coordinator moved, at end": {protocol.EndTxn, 2, kerr.NotCoordinator},
		"the transaction's coordinator loads, at end": {protocol.EndTxn, 2, kerr.CoordinatorLoadInProgress},
		"the transaction is busy, at end":             {protocol.EndTxn, 8, kerr.ConcurrentTransactions},
	} {
		if level > 1 && ofOneEpoch(fault.key) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			k, c := fakeOfKind(t, level)
			p := started(t, c, "id")
			refuse(k, fault.key, fault.n, fault.code)
			for i := range 2 {
				_, err := p.Commit(limited(t), wire.Transaction{
					Records: append(out("out", 0, i, 1), out("out", 1, i, 1)...), Group: "group", Generation: -1,
					Offsets: []wire.Position{position("out", 0, int64(i)+1)},
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			for partition := range 2 {
				if got := readTo(t, fetcher(t, c), position("out", partition, 0), 4); !slices.Equal(got, []string{"value-0", "value-1"}) {
					t.Errorf("partition %d: read %q, want each once", partition, got)
				}
			}
			commits, err := c.Committed(limited(t), "group", []wire.Partition{{Topic: "out"}})
			if err != nil || commits[wire.Partition{Topic: "out"}].Offset != 2 {
				t.Errorf("positions %v, %v; want 2", commits, err)
			}
		})
	}
}

func TestCommitGivesUp(t *testing.T) {
	for kind, level := range kinds {
		t.Run(kind, func(t *testing.T) { commitGivesUp(t, level) })
	}
}

func commitGivesUp(t *testing.T, level int16) {
	type fault struct {
		key  protocol.ApiKey
		code *kerr.Error // nil: the connection breaks
		want error
	}
	for name, fault := range map[string]fault{
		"fenced, adding partitions": {protocol.AddPartitionsToTxn, kerr.ProducerFenced, wire.ErrFenced},
		"fenced, writing":           {protocol.Produce, kerr.InvalidProducerEpoch, wire.ErrFenced},
		"fenced, adding offsets":    {protocol.AddOffsetsToTxn, kerr.InvalidProducerEpoch, wire.ErrFenced},
		"fenced, at its offsets":    {protocol.TxnOffsetCommit, kerr.InvalidProducerEpoch, wire.ErrFenced},
		"fenced, at the end":        {protocol.EndTxn, kerr.ProducerFenced, wire.ErrFenced},
		"the ID expired":            {protocol.AddPartitionsToTxn, kerr.InvalidProducerIDMapping, wire.ErrUnknown},
		"a gap in the sequences":    {protocol.Produce, kerr.OutOfOrderSequenceNumber, wire.ErrUnknown},
		"a sequence of long ago":    {protocol.Produce, kerr.DuplicateSequenceNumber, wire.ErrUnknown},
		"no right to write":         {protocol.Produce, kerr.TopicAuthorizationFailed, wire.ErrUnknown},
		"the generation is over":    {protocol.TxnOffsetCommit, kerr.IllegalGeneration, wire.ErrGeneration},
		"not a member any more":     {protocol.TxnOffsetCommit, kerr.UnknownMemberID, wire.ErrGeneration},
		"the group rebalances":      {protocol.TxnOffsetCommit, kerr.RebalanceInProgress, wire.ErrGeneration},
		"no answer to its offsets":  {protocol.TxnOffsetCommit, nil, wire.ErrUnknown},
		"no answer to its end":      {protocol.EndTxn, nil, wire.ErrUnknown},
		"no such transaction":       {protocol.EndTxn, kerr.InvalidTxnState, wire.ErrUnknown},
		"to be aborted, writing":    {protocol.Produce, kerr.TransactionAbortable, wire.ErrAborted},
		"to be aborted, offsets":    {protocol.TxnOffsetCommit, kerr.TransactionAbortable, wire.ErrAborted},
		"to be aborted, at the end": {protocol.EndTxn, kerr.TransactionAbortable, wire.ErrAborted},
	} {
		if level > 1 && ofOneEpoch(fault.key) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			k, c := fakeOfKind(t, level)
			p := started(t, c, "id")
			var asked atomic.Int32
			k.ControlKey(int16(fault.key), func(request kmsg.Request) (kmsg.Response, error, bool) {
				k.KeepControl()
				asked.Add(1)
				if fault.code == nil {
					return nil, io.ErrUnexpectedEOF, true
				}
				return failing(request, fault.code.Code), nil, true
			})
			transaction := wire.Transaction{
				Records: out("out", 0, 0, 1), Group: "group", Generation: -1, Offsets: []wire.Position{position("out", 0, 1)},
			}
			_, err := p.Commit(limited(t), transaction)
			if !errors.Is(err, fault.want) || wire.Retriable(err) {
				t.Errorf("error %v, want %v", err, fault.want)
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("asked %d times, want once", n)
			}
			if _, err := p.Commit(limited(t), transaction); !errors.Is(err, wire.ErrUnknown) {
				t.Errorf("again, without Init: %v, want ErrUnknown", err)
			}
		})
	}
}

func TestInitTriesAgain(t *testing.T) {
	k, c := fake(t, 1)
	for _, code := range []*kerr.Error{
		kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator, nil,
	} {
		refuse(k, protocol.InitProducerId, 1, code)
	}
	refuse(k, protocol.FindCoordinator, 2, kerr.CoordinatorNotAvailable)
	if _, err := c.Producer("id", time.Minute).Init(limited(t)); err != nil {
		t.Error(err)
	}
	refuse(k, protocol.InitProducerId, 1, kerr.TransactionalIDAuthorizationFailed)
	if _, err := c.Producer("id", time.Minute).Init(limited(t)); err == nil || wire.Retriable(err) {
		t.Errorf("error %v, want one that another try does not mend", err)
	}
}

func TestSeveralLeaders(t *testing.T) {
	k, c := fake(t, 3, kfake.SeedTopics(6, "t"))
	leaders := map[int32]bool{}
	for partition := range int32(6) {
		if err := k.MoveTopicPartition("t", partition, k.LeaderFor("t", 0)); err != nil {
			t.Fatal(err)
		}
	}
	move := func(partition, to int32) {
		t.Helper()
		if err := k.MoveTopicPartition("t", partition, to); err != nil {
			t.Fatal(err)
		}
		leaders[to] = true
	}
	for partition := range int32(6) {
		move(partition, partition%3)
	}
	if len(leaders) != 3 {
		t.Fatal("not three leaders")
	}
	f := fetcher(t, c)
	// A cluster of its own: what the writer learns about leaders the reader has to find out by itself.
	p := started(t, dial(t, k.ListenAddrs()[0]), "id")
	next := map[wire.Partition]int64{}
	got := map[wire.Partition][]string{}
	for partition := range 6 {
		next[wire.Partition{Topic: "t", Partition: partition}] = 0
	}
	read := func(until func() bool) {
		t.Helper()
		for !until() {
			var from []wire.Position
			for _, partition := range slices.SortedFunc(maps.Keys(next), func(a, b wire.Partition) int { return a.Partition - b.Partition }) {
				from = append(from, wire.Position{Partition: partition, Offset: next[partition]})
			}
			fetched, err := f.Fetch(limited(t), from, 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range fetched {
				if p.Err != nil && !wire.Retriable(p.Err) {
					t.Fatal(p.Err)
				}
				for _, r := range p.Records {
					got[p.Partition] = append(got[p.Partition], string(r.Value))
				}
				next[p.Partition] = p.Next
			}
		}
	}
	for round := range 12 {
		// One partition at a time: the brokers of the others keep their long polls, and nobody waits for them.
		partition := wire.Partition{Topic: "t", Partition: round % 6}
		begin := time.Now()
		if _, err := p.Commit(limited(t), wire.Transaction{Records: out("t", partition.Partition, round, 1)}); err != nil {
			t.Fatal(err)
		}
		want := append(got[partition], fmt.Sprintf("value-%d", round))
		read(func() bool { return len(got[partition]) == len(want) })
		if !slices.Equal(got[partition], want) {
			t.Errorf("read %q, want %q", got[partition], want)
		}
		if took := time.Since(begin); took > 4*time.Second {
			t.Errorf("round %d took %v", round, took)
		}
		// And the leader of the next one moves from time to time.
		if round%4 == 3 {
			next := int32(round+1) % 6
			move(next, (k.LeaderFor("t", next)+1)%3)
			k.RehashCoordinators()
		}
	}
}

// An answer that is lost after the transaction was ended: nobody but Init can tell.
func TestALostAnswerToTheEnd(t *testing.T) {
	for kind, level := range kinds {
		t.Run(kind, func(t *testing.T) { aLostAnswerToTheEnd(t, level) })
	}
}

func aLostAnswerToTheEnd(t *testing.T, level int16) {
	k, proxy := testbed.KafkaBehindProxy(t)
	if k.Mode() == testbed.Embedded {
		// It advertises its own address, so only what does not follow that goes through the proxy.
		t.Log("an embedded Kafka can't be put behind a proxy; TestCommitGivesUp covers the lost request")
		return
	}
	testbed.SetTransactionVersion(t, k.Addr, level)
	c := dial(t, k.Addr)
	name, group, id := topic(t, c, 1), testbed.Unique(t, "group"), testbed.Unique(t, "id")
	p := started(t, c, id)
	at := int64(0)
	var want []string
	for i, fault := range []struct {
		key  protocol.ApiKey
		want error
	}{
		{protocol.AddPartitionsToTxn, nil}, {protocol.Produce, nil}, {protocol.AddOffsetsToTxn, nil},
		{protocol.TxnOffsetCommit, wire.ErrUnknown}, {protocol.EndTxn, wire.ErrUnknown}, {protocol.Heartbeat, nil},
	} {
		if level > 1 && ofOneEpoch(fault.key) {
			continue
		}
		proxy.DropRepliesTo(1, func(request []byte) bool {
			return len(request) > 6 && protocol.ApiKey(binary.BigEndian.Uint16(request[4:])) == fault.key
		})
		_, err := p.Commit(limited(t), wire.Transaction{
			Records: out(name, 0, i, 1), Group: group, Generation: -1, Offsets: []wire.Position{position(name, 0, int64(i)+1)},
		})
		if !errors.Is(err, fault.want) {
			t.Errorf("no answer to %v: error %v, want %v", fault.key, err, fault.want)
		}
		if err == nil || fault.key == protocol.EndTxn {
			// What came before the end is aborted by Init; the end itself takes effect.
			at = int64(i) + 1
			want = append(want, fmt.Sprintf("value-%d", i))
		}
		if err == nil {
			continue
		}
		if _, err := p.Init(limited(t)); err != nil {
			t.Fatal(err)
		}
		commits, err := c.Committed(limited(t), group, []wire.Partition{{Topic: name}})
		if err != nil {
			t.Fatal(err)
		}
		if got := commits[wire.Partition{Topic: name}].Offset; got != at {
			t.Errorf("no answer to %v: the position is %d, want %d", fault.key, got, at)
		}
	}
	got := readTo(t, fetcher(t, c), position(name, 0, 0), end(t, c, wire.Partition{Topic: name}))
	if !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

// A broker that is killed under load: nothing is lost and nothing doubled, as long as whoever does not know asks.
func TestABrokerThatDies(t *testing.T) {
	k := testbed.OwnKafka(t)
	if !k.Faults() {
		return
	}
	c := dial(t, k.Addr)
	name := topic(t, c, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	w := &writer{
		cluster: c, id: testbed.Unique(t, "id"), group: testbed.Unique(t, "group"), in: wire.Partition{Topic: name},
		progress: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	stopped := make(chan error, 1)
	go func() { stopped <- w.run(ctx) }()
	write := func(n int64) { // and it goes on writing while the broker is killed
		t.Helper()
		for enough := w.written.Load() + n; w.written.Load() < enough; {
			select {
			case <-w.progress:
			case err := <-stopped:
				t.Fatal(err)
			}
		}
	}
	write(100)
	k.Kill()
	k.Restart()
	write(100)
	close(w.stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	f := fetcher(t, c)
	stable := end(t, c, w.in)
	got := readTo(t, f, position(name, 0, 0), stable)
	if int64(len(got)) != w.done {
		t.Errorf("%d records after %d transactions", len(got), w.done)
	}
	for i, v := range got {
		if want := fmt.Sprintf("value-%d", i); v != want {
			t.Fatalf("record %d is %q, want %q", i, v, want)
		}
	}
	t.Logf("%d transactions through a crash, %d times taken over", w.done, w.takeovers)

	// A reader says that it can't go on just now, stays where it is, and goes on.
	at := []wire.Position{position(name, 0, stable)}
	k.Kill()
	fetched, err := f.Fetch(limited(t), at, 200*time.Millisecond)
	if err != nil || len(fetched) != 1 || !wire.Retriable(fetched[0].Err) || fetched[0].Next != stable {
		t.Errorf("%+v, %v; want a retriable error and to stay", fetched, err)
	}
	k.Restart()
	produce(t, franz(t, k.Addr), text(name, 0, "after"))
	for {
		fetched, err := f.Fetch(limited(t), at, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if len(fetched) == 1 && fetched[0].Err == nil {
			if got := string(fetched[0].Records[0].Value); got != "after" {
				t.Errorf("read %q, want after", got)
			}
			return
		}
	}
}

// writer commits one numbered record after the other until stop, as a lane does: after any error it takes over again
// and goes on from the committed position.
type writer struct {
	cluster   *wire.Cluster
	id, group string
	in        wire.Partition
	progress  chan struct{} // has a token when written has grown
	written   atomic.Int64
	stop      chan struct{}
	done      int64
	takeovers int
}

func (w *writer) run(ctx context.Context) error {
	p := w.cluster.Producer(w.id, time.Minute)
	for lost := true; ; {
		if lost {
			if err := w.takeOver(ctx, p); wire.Retriable(err) {
				continue
			} else if err != nil {
				return err
			}
		}
		_, err := p.Commit(ctx, wire.Transaction{
			Records: out(w.in.Topic, 0, int(w.done), 1), Group: w.group, Generation: -1,
			Offsets: []wire.Position{{Partition: w.in, Offset: w.done + 1}},
		})
		if ctx.Err() != nil {
			return err
		}
		if lost = err != nil; lost {
			continue
		}
		w.done++
		w.written.Add(1)
		select {
		case w.progress <- struct{}{}:
		case <-w.stop:
			return nil
		default:
		}
	}
}

func (w *writer) takeOver(ctx context.Context, p *wire.Producer) error {
	w.takeovers++
	if _, err := p.Init(ctx); err != nil {
		return err
	}
	commits, err := w.cluster.Committed(ctx, w.group, []wire.Partition{w.in})
	w.done = commits[w.in].Offset
	return err
}
