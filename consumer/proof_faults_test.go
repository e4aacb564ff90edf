package consumer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/state"
)

// TestRedisFlushedUnderLoad empties Redis twice while events keep coming: everything is folded again from the log's
// start, and nothing is announced twice.
func TestRedisFlushedUnderLoad(t *testing.T) {
	t.Parallel()
	r := testbed.OwnRedis(t)
	if !r.Faults() {
		return // the embedded one can be emptied, but goes on with an EXEC whose watch that should have broken
	}
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
	worker := w.start()
	worker.ready()
	halt := w.load(w.traffic(60))
	defer halt()
	for range 2 {
		before := w.committed()
		w.eventuallyCommits(before + 500)
		r.FlushAll()
		w.eventuallyCommits(w.committed() + 300)
	}
	halt()
	w.check(strictly)
	worker.wantTookOver(rebuild)
}

// TestRedisFlushedWhileNobodyWorks is the same with a worker that starts after it, which has memory for all leads, so that
// those that it does not find there are new, or for few.
func TestRedisFlushedWhileNobodyWorks(t *testing.T) {
	for name, memory := range map[string]int64{"all leads in memory": 16 << 20, "few leads in memory": 8 << 10} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := testbed.OwnRedis(t)
			w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
			traffic := w.traffic(60)
			w.past(some(traffic, 1000)...)
			r.FlushAll()
			w.send(some(traffic, 200)...)
			var loads atomic.Int64
			heir := w.start(func(o *Options) {
				o.MemoryBytes = memory
				o.Store.Observe(func(command string, _ time.Duration) {
					if command == "hmget" {
						loads.Add(1)
					}
				})
			})
			w.check(strictly)
			if n := heir.tookOver(rebuild); n != lanesOfTests {
				t.Errorf("%d lanes were rebuilt, want all %d", n, lanesOfTests)
			}
			// One is whether it may, as it starts.
			if all, n := memory > 1<<20, loads.Load()-1; all == (n > 0) {
				t.Errorf("leads were asked for %d times", n)
			}
		})
	}
}

// TestRedisFlushedWhileNothingHappens empties Redis where no event comes and no timer is due: who looks at the leads finds
// them again all the same.
func TestRedisFlushedWhileNothingHappens(t *testing.T) {
	t.Parallel()
	r := testbed.OwnRedis(t)
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
	worker := w.start()
	w.send(some(w.traffic(60), 300)...)
	w.check(strictly)
	r.FlushAll()
	w.eventually("all lanes to be rebuilt", func(context.Context) error {
		if n := worker.tookOver(rebuild); n < lanesOfTests {
			return fmt.Errorf("%d are", n)
		}
		return worker.Ready(t.Context())
	})
	w.check(strictly)
}

// TestRedisRolledBackUnderLoad puts Redis back to a snapshot, twice to the same one: what was announced in between is
// folded again in silence.
func TestRedisRolledBackUnderLoad(t *testing.T) {
	t.Parallel()
	r := testbed.OwnRedis(t)
	if !r.Faults() {
		return
	}
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
	worker := w.start()
	worker.ready()
	halt := w.load(w.traffic(60))
	defer halt()
	w.eventuallyCommits(w.committed() + 500)
	snapshot := r.SaveSnapshot()
	for range 2 {
		w.eventuallyCommits(w.committed() + 500)
		r.Rollback(snapshot)
	}
	w.eventuallyCommits(w.committed() + 300)
	halt()
	w.check(strictly)
	worker.wantTookOver(refold)
}

// TestRedisRolledBackIntoARecovery takes a snapshot while the lanes are being folded again, and goes back to it.
func TestRedisRolledBackIntoARecovery(t *testing.T) {
	t.Parallel()
	r := testbed.OwnRedis(t)
	if !r.Faults() {
		return
	}
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
	traffic := w.traffic(60)
	w.past(some(traffic, 1500)...)
	r.FlushAll()
	for range 2 {
		w.spawn(strike{Recovered, 3, syscall.SIGKILL}).killed()
	}
	snapshot := r.SaveSnapshot()
	w.send(some(traffic, 300)...)
	second := w.start()
	w.check(strictly)
	second.stop()
	r.Rollback(snapshot)
	w.send(some(traffic, 200)...) // nothing else would tell when all is folded again: the committed positions stand at the end
	third := w.start()
	w.check(strictly)
	third.wantTookOver(recoverOn)
}

// TestRedisKilledUnderLoad kills Redis, which keeps an append-only file, and starts it again.
func TestRedisKilledUnderLoad(t *testing.T) {
	t.Parallel()
	r := testbed.OwnRedis(t, "--appendonly", "yes", "--appendfsync", "everysec")
	if !r.Faults() {
		return
	}
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
	w.start().ready()
	halt := w.load(w.traffic(60))
	defer halt()
	for range 3 {
		w.eventuallyCommits(w.committed() + 300)
		r.Kill()
		r.Restart()
	}
	w.eventuallyCommits(w.committed() + 300)
	halt()
	w.check(strictly)
}

// TestBrokerKilled kills the broker and starts it again. Producers wait for it with what they have to send; so do
// workers, in the middle of whatever they did when it went.
//
// No transaction is just ending when the broker is killed: Apache Kafka 4.3 (KAFKA-20734) then takes the partitions of a
// leader that is coming back for deleted, calls the transaction complete and never writes its markers, so that what was
// aborted becomes visible with the next commit, and what was committed may vanish with the next abort.
func TestBrokerKilled(t *testing.T) {
	t.Parallel()
	k := testbed.OwnKafka(t)
	if !k.Faults() {
		return
	}
	w := newWorldOn(t, k.Addr, testbed.Redis(t).Addr, nil)
	w.start().ready()
	traffic := w.traffic(60)
	for range 2 {
		halt := w.load(traffic)
		w.eventuallyCommits(w.committed() + 300)
		halt()
		w.check(strictly)
		k.Kill()
		halt = w.load(traffic)
		k.Restart()
		w.eventuallyCommits(w.committed() + 300)
		halt()
	}
	w.check(strictly)
}

// TestStartWithServersAway: a worker that is started before its servers waits for them, says so, and then works.
func TestStartWithServersAway(t *testing.T) {
	t.Parallel()
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		r := testbed.OwnRedis(t)
		if !r.Faults() {
			return
		}
		w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
		r.Kill()
		w.startsLater(r.Restart)
	})
	t.Run("Kafka", func(t *testing.T) {
		t.Parallel()
		k := testbed.OwnKafka(t)
		if !k.Faults() {
			return
		}
		w := newWorldOn(t, k.Addr, testbed.Redis(t).Addr, nil)
		k.Kill()
		w.startsLater(k.Restart)
	})
}

// startsLater starts a worker before its servers are there.
func (w *world) startsLater(servers func()) {
	w.t.Helper()
	worker := w.start()
	w.eventually("the worker to say what it waits for", func(context.Context) error {
		if !w.log.says("waiting to start") {
			return errors.New("it says nothing")
		}
		return nil
	})
	if worker.Ready(w.limited()) == nil {
		w.t.Error("the worker says that it is ready, and its servers are away")
	}
	servers()
	worker.ready()
	w.send(some(w.traffic(20), 200)...)
	w.check(strictly)
}

// TestStopWhileServersAreAway: a worker that waits for its servers ends all the same.
func TestStopWhileServersAreAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.redis = testbed.FreeAddr(t)
	worker := w.start()
	w.eventually("the worker to wait", func(context.Context) error {
		if !w.log.says("waiting to start") {
			return errors.New("it says nothing")
		}
		return nil
	})
	worker.stop()
}

// The rows of "what the watched ledger says".

// TestSomebodyWroteAfterILooked: EXEC answers nil, and the lane is taken over again.
func TestSomebodyWroteAfterILooked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.startMeddled(func(lane int) {
		owner := w.raw.HGet(w.t.Context(), w.ledgerKey(lane), "owner").Val()
		w.raw.HSet(w.t.Context(), w.ledgerKey(lane), "owner", owner)
	})
	w.check(strictly)
	if n := worker.tookOver(resume) + worker.tookOver(reannounce); n == 0 {
		t.Error("the lane was not taken over again")
	}
}

// TestTheConnectionBrokeBeforeExecsAnswer: with the batch decided, and with it undecided, n says which it was.
func TestTheConnectionBrokeBeforeExecsAnswer(t *testing.T) {
	t.Parallel()
	r := testbed.Redis(t)
	proxy := testbed.NewProxy(t, r.Addr)
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
	w.redis = proxy.Addr()
	worker := w.start()
	worker.ready()
	traffic := w.traffic(60)
	for range 6 {
		proxy.DropRepliesTo(1, func(request []byte) bool {
			return bytes.Contains(request, []byte("exec")) && bytes.Contains(request, []byte("hset"))
		})
		w.send(some(traffic, 150)...)
		w.drained()
		proxy.Cut()
		w.send(some(traffic, 50)...)
		w.drained()
	}
	w.check(strictly)
	worker.wantTookOver(reannounce)
}

// TestAHigherEpoch: the ledger names a newer owner. This worker is the rightful one, as the group confirms, so it takes
// the lane over again; a zombie would not (TestZombie).
func TestAHigherEpoch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.startMeddled(func(lane int) {
		var id, epoch int64
		if _, err := fmt.Sscanf(w.raw.HGet(w.t.Context(), w.ledgerKey(lane), "owner").Val(), "%d/%d", &id, &epoch); err != nil {
			w.t.Errorf("reading the ledger's owner: %v", err)
		}
		w.raw.HSet(w.t.Context(), w.ledgerKey(lane), "owner", fmt.Sprintf("%d/%d", id, epoch+1))
	})
	w.check(strictly)
	if !w.log.says("the lane is held up", "a newer owner has the lane") {
		t.Error("nobody noticed the higher epoch")
	}
}

// TestNoLedgerAllOfASudden: the ledger of a lane at work is deleted between look and EXEC.
func TestNoLedgerAllOfASudden(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	worker := w.startMeddled(func(lane int) { w.raw.Del(w.t.Context(), w.ledgerKey(lane)) })
	w.check(strictly)
	worker.wantTookOver(rebuild)
}

// startMeddled starts a worker under load and meddles with a lane's ledger when its third batch is folded.
func (w *world) startMeddled(meddle func(lane int)) *running {
	w.t.Helper()
	var batches atomic.Int64
	traffic := w.traffic(60)
	w.send(some(traffic, 400)...)
	worker := w.start(func(o *Options) {
		o.step = func(lane int, at Step) {
			if at == Folded && batches.Add(1) == 3 {
				meddle(lane)
			}
		}
	})
	w.eventually("the third batch", func(context.Context) error {
		if batches.Load() < 4 {
			return fmt.Errorf("%d batches were folded", batches.Load())
		}
		return nil
	})
	w.send(some(traffic, 400)...)
	return worker
}

// ledgerKey is the key of a lane's ledger.
func (w *world) ledgerKey(lane int) string { return fmt.Sprintf("{%s.%d}:ledger", w.prefix, lane) }

// TestAZombieDecidedAfterITookOver: between our reading of the ledger and our claim, the previous owner writes the batch
// that it had folded. Its decision is valid, and we announce it; its own announcement is refused.
func TestAZombieDecidedAfterITookOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := w.limited()
	first := w.byHand()
	defer first.close()
	if err := first.takeOver(ctx, ctx); err != nil {
		t.Fatal(err)
	}
	traffic := w.traffic(1)
	for i := 0; w.oracle.Changes() == 0; i++ {
		w.send(traffic.Next()) // until there is something to announce
	}
	for len(first.batch.moved) == 0 {
		if err := errors.Join(first.fetch(ctx), first.foldStretches(ctx, ctx, nil)); err != nil {
			t.Fatal(err)
		}
	}
	second := w.byHand()
	defer second.close()
	if _, err := second.producer.Init(ctx); err != nil {
		t.Fatal(err)
	}
	f, err := second.find(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.decide(ctx, ctx); err != nil {
		t.Fatalf("nobody had claimed the lane, and still the batch was refused: %v", err)
	}
	if err := second.store.Claim(ctx, f.ledger, f.ledger); !errors.Is(err, state.ErrOvertaken) {
		t.Fatalf("claiming a ledger that was written after it was read: %v", err)
	}
	if err := second.takeOver(ctx, ctx); err != nil {
		t.Fatal(err)
	}
	if err := first.announce(ctx); !errors.Is(err, wire.ErrFenced) {
		t.Errorf("the zombie announced: %v", err)
	}
	w.checkAnnounced(strictly)
}

// TestThePreviousOwnerIsFencedBeforeAnythingIsRead: while the new owner is on its way from Kafka to Redis, the previous
// one tries to announce what it has decided. Had the new one read the committed position before it fenced, that would
// succeed, and be announced once more.
func TestThePreviousOwnerIsFencedBeforeAnythingIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := w.limited()
	traffic := w.traffic(1)
	for w.oracle.Changes() == 0 {
		w.send(traffic.Next())
	}
	first := w.byHand()
	defer first.close()
	if err := first.takeOver(ctx, ctx); err != nil {
		t.Fatal(err)
	}
	for len(first.ledger.Outbox) == 0 {
		if err := errors.Join(first.fetch(ctx), first.foldStretches(ctx, ctx, nil)); err != nil {
			t.Fatal(err)
		}
		if err := first.decide(ctx, ctx); err != nil {
			t.Fatal(err)
		}
	}
	proxy := testbed.NewProxy(t, w.redis)
	proxy.Pause()
	arrived := make(chan struct{})
	second := w.byHandOn(gateTo(t, proxy.Addr(), arrived))
	defer second.close()
	took := make(chan error, 1)
	go func() { took <- second.takeOver(ctx, ctx) }()
	<-arrived
	if err := first.announce(ctx); !errors.Is(err, wire.ErrFenced) {
		t.Errorf("the previous owner announced while it was being succeeded: %v", err)
	}
	proxy.Resume()
	if err := <-took; err != nil {
		t.Fatal(err)
	}
	w.checkAnnounced(strictly)
}

// gateTo is an address that leads to another, and tells when the first client arrives.
func gateTo(t *testing.T, addr string, arrived chan<- struct{}) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var carrying sync.WaitGroup
	carrying.Go(func() {
		for tell := sync.OnceFunc(func() { close(arrived) }); ; tell() {
			client, err := listener.Accept()
			if err != nil {
				return // closed
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				carrying.Go(func() {
					_, _ = io.Copy(way[0], way[1]) // until either end hangs up
					way[0].Close()
					way[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		listener.Close()
		carrying.Wait()
	})
	return listener.Addr().String()
}

// TestALaneThatBrokeWhileItStoodStillIsCold: the announcement fails while the lane drains for a rebalance. When the lane
// comes back to this worker it must be taken over, or what was decided would never be announced.
func TestALaneThatBrokeWhileItStoodStillIsCold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := w.limited()
	traffic := w.traffic(1)
	for w.oracle.Changes() == 0 {
		w.send(traffic.Next())
	}
	l := w.byHand()
	defer l.close()
	soft, drain := context.WithCancel(ctx)
	l.step = func(_ int, at Step) {
		if at != Decided || len(l.ledger.Outbox) == 0 {
			return
		}
		drain()
		if _, err := l.cluster.Producer(fmt.Sprintf("%s-lane-%d", w.group, l.number), time.Second).Init(ctx); err != nil {
			t.Error(err)
		}
	}
	l.run(soft, ctx)
	l.step = func(int, Step) {}
	w.send(some(traffic, 5)...) // the next batch, whose outbox takes the place of the one before
	soft, drain = context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.run(soft, ctx)
	}()
	w.eventually("the announcement", func(context.Context) error {
		told := testbed.ReadChanges(t, w.kafka, w.topics.TierChanges)["lead-0"]
		if len(told) < w.oracle.Changes() {
			return fmt.Errorf("%d of %d changes were announced", len(told), w.oracle.Changes())
		}
		return nil
	})
	drain()
	<-ended
	w.checkAnnounced(strictly)
}
