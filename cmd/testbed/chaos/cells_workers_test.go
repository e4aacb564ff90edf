package chaos_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// steps are the numbered steps of a batch, as the chaos build names them.
var steps = []string{"fetched", "loaded", "folded", "decided", "announced"}

// killCells kill workers by SIGKILL.
func killCells() []cell {
	cells := []cell{
		{"quiet", true, quiet},
		{"kill/random", true, killAtRandom},
	}
	for _, step := range steps {
		cells = append(cells, cell{"kill/" + step, step == "decided", func(t *trial) { killAt(t, step) }})
	}
	return append(cells, cell{"kill/recovered", false, killRecovering})
}

// quiet: nothing is done to anybody.
func quiet(t *trial) {
	w := t.at(place{})
	w.push(400)
	s := w.run(how{})
	s.ready()
	w.push(600)
	w.finish(exactly)
}

// killAtRandom kills one of three workers at a time, whenever it may be, and starts another in its place.
func killAtRandom(t *trial) {
	w := t.at(place{})
	for range 3 {
		w.run(how{})
	}
	w.traffic.flow()
	w.services[2].ready()
	for range 6 {
		w.progress(50 + w.chance(200))
		victim := w.services[len(w.services)-1-int(w.chance(3))]
		if victim.gone {
			continue
		}
		victim.kill()
		w.run(how{})
	}
	w.progress(200)
	w.finish(exactly)
}

// killAt kills a worker at a numbered step of a batch, and its successor at the same step.
func killAt(t *trial, step string) {
	w := t.at(place{})
	w.traffic.flow()
	for _, count := range []int64{9 + w.chance(20), 1 + w.chance(9)} {
		w.run(how{strike: fmt.Sprintf("%s:%d:kill", step, count)}).killedItself()
	}
	heir := w.run(how{})
	heir.ready()
	w.progress(100)
	w.nothingLost()
	if step == "decided" {
		heir.wantTookOver("reannounce")
	}
	w.finish(exactly)
}

// killRecovering empties Redis and kills each worker that mends it, until one is let.
func killRecovering(t *trial) {
	r := testbed.OwnRedis(t)
	w := t.at(place{redis: []string{r.Addr}})
	w.push(800)
	first := w.run(how{})
	w.settled()
	first.terminate()
	r.FlushAll()
	w.traffic.flow()
	for range 3 {
		w.run(how{strike: fmt.Sprintf("recovered:%d:kill", 1+w.chance(4))}).killedItself()
	}
	heir := w.run(how{})
	heir.ready()
	w.progress(100)
	heir.wantTookOver("recover")
	w.finish(lossy)
}

// stopCells stop workers by SIGSTOP for longer than their session and their transaction may last, and let them go on.
func stopCells() []cell {
	var cells []cell
	for _, step := range steps {
		cells = append(cells, cell{"stop/" + step, step == "decided", func(t *trial) { stopAt(t, step) }})
	}
	return append(cells,
		cell{"stop/folded-into-quiet", true, stopIntoQuiet},
		cell{"kill/commit-in-flight", true, commitInFlight},
		cell{"kill/change-in-flight", true, changeInFlight},
		cell{"scale/1-3-1", true, scale},
		cell{"model/rolling-restart", true, rollingRestart},
		cell{"model/rolling-restart-under-load", false, rollingRestartUnderLoad},
		cell{"clock/stepped", true, clockStepped})
}

// transactionTimeout is how long a lane's transaction may stay open.
const transactionTimeout = 10 * time.Second

// stopAt makes a zombie: it must drop its lanes without a trace, and come back as a member like any other.
func stopAt(t *trial, step string) {
	w := t.at(place{})
	w.traffic.flow()
	zombie := w.run(how{strike: fmt.Sprintf("%s:%d:stop", step, 7+w.chance(20))})
	zombie.awaitStrike()
	heir := w.run(how{})
	heir.owns(lanes)
	w.dwell(transactionTimeout + session)
	zombie.signal(syscall.SIGCONT)
	heir.owns(lanes / 2)
	zombie.owns(lanes / 2)
	w.nothingLost()
	w.finish(exactly)
}

// stopIntoQuiet is the same with a zombie that goes on when all is folded: what it would write would stay.
func stopIntoQuiet(t *trial) {
	w := t.at(place{})
	w.traffic.flow()
	zombie := w.run(how{strike: fmt.Sprintf("folded:%d:stop", 7+w.chance(20))})
	zombie.awaitStrike()
	heir := w.run(how{})
	heir.owns(lanes)
	w.progress(200)
	w.traffic.halt()
	w.drained()
	zombie.signal(syscall.SIGCONT)
	heir.owns(lanes / 2)
	zombie.owns(lanes / 2)
	w.nothingLost()
	w.finish(exactly)
}

// nothingLost fails the trial where a lane was folded again: nothing that was written was ever lost.
func (w *world) nothingLost() {
	w.t.Helper()
	for _, found := range []string{"refold", "rebuild", "probe", "retell"} {
		if n := w.tookOver(found); n > 0 {
			w.t.Errorf("%d lanes were taken over with %q, and nothing was ever lost", n, found)
		}
	}
	if w.log.says("can't go on by itself") {
		w.t.Error("a lane was refused, and nothing was ever lost")
	}
}

// commitInFlight kills a worker whose last word, that a transaction is to be committed, is still on its way. Where it
// arrives before the heir has fenced the dead, what was announced so must not be announced again; where it arrives later,
// it must not take effect.
func commitInFlight(t *trial) {
	k, proxy := testbed.KafkaBehindProxy(t)
	w := t.at(place{brokers: []string{k.Addr}, plain: true})
	w.traffic.flow()
	s := w.run(how{})
	for round := range 4 {
		s.ready()
		w.progress(50)
		commit := proxy.HoldRequest(w.announcing())
		id := w.producerIn(<-commit.Caught())
		fence := proxy.HoldRequest(func(request []byte) bool {
			return round%2 == 0 && asks(request, apiKeys["InitProducerId"]) && bytes.Contains(request, []byte(id))
		})
		s.kill()
		s = w.run(how{})
		if round%2 == 0 {
			<-fence.Caught()
			commit.Release()
			w.eventually("the transaction to end", func(ctx context.Context) error { return w.ended(ctx, id) })
		} else {
			s.ready()
		}
		commit.Release()
		fence.Release()
		s.ready()
		w.nothingLost()
	}
	s.ready()
	w.progress(100)
	w.finish(exactly)
}

// announcing matches the end of a lane's transaction that announces a change.
func (w *world) announcing() func([]byte) bool {
	changes := map[string]bool{}
	return func(request []byte) bool {
		id := w.producerIn(request)
		if asks(request, apiKeys["Produce"]) && bytes.Contains(request, []byte(w.topics.TierChanges)) {
			changes[id] = true
		}
		return asks(request, apiKeys["EndTxn"]) && changes[id]
	}
}

// producerIn is the transactional ID that a request names; "" none.
func (w *world) producerIn(request []byte) string {
	id := []byte(w.group + "-lane-")
	at := bytes.Index(request, id)
	if at < 0 || at+len(id) >= len(request) {
		return ""
	}
	return string(request[at : at+len(id)+1]) // fewer than ten lanes
}

// ended is nil once the coordinator is through with a producer's transaction. One that it does not know has none.
func (w *world) ended(ctx context.Context, id string) error {
	described, err := w.admin().DescribeTransactions(ctx, id)
	if err != nil {
		return err
	}
	d := described[id]
	if errors.Is(d.Err, kerr.TransactionalIDNotFound) {
		return nil
	}
	if d.Err != nil || d.State != "Empty" && d.State != "CompleteCommit" && d.State != "CompleteAbort" {
		return fmt.Errorf("%s is in the state %s (%v)", id, d.State, d.Err)
	}
	return nil
}

// changeInFlight kills a worker whose last word is a change without a transaction, which is still on its way. Where it arrives
// before the heir has fenced the dead, the change must not be announced again; where it arrives after that, and before the heir
// announces anything, it must not take effect.
func changeInFlight(t *trial) {
	k, proxy := testbed.KafkaBehindProxy(t)
	w := t.at(place{brokers: []string{k.Addr}, plain: true})
	w.traffic.flow()
	s := w.run(how{})
	for round := range 4 {
		s.ready()
		w.progress(50)
		change := proxy.HoldRequest(w.announcesWhole)
		lane := w.outputIn(<-change.Caught())
		before := w.endOf(w.topics.TierChanges, lane)
		id := fmt.Sprintf("%s-lane-%d", w.group, lane)
		until := "AddPartitionsToTxn" // the fence
		if round%2 == 1 {
			until = "Produce"
		}
		heir := proxy.HoldRequest(func(request []byte) bool {
			return asks(request, apiKeys[until]) && bytes.Contains(request, []byte(id))
		})
		s.kill()
		s = w.run(how{})
		<-heir.Caught()
		change.Release()
		if round%2 == 0 {
			w.eventually("the change to arrive", func(context.Context) error {
				if w.endOf(w.topics.TierChanges, lane) == before {
					return errors.New("nothing has come")
				}
				return nil
			})
		} else {
			w.dwell(300 * time.Millisecond) // what is refused leaves no trace
		}
		heir.Release()
		s.ready()
		w.nothingLost()
	}
	s.ready()
	w.progress(100)
	w.finish(exactly)
}

// announcesWhole is whether a request announces changes without a transaction.
func (w *world) announcesWhole(request []byte) bool {
	return asks(request, apiKeys["Produce"]) && bytes.Contains(request, []byte(w.topics.TierChanges)) && w.producerIn(request) == ""
}

// outputIn is the first partition of the tier changes that a Produce request names: behind the topic, and how many there are.
func (w *world) outputIn(request []byte) int {
	topic := []byte(w.topics.TierChanges)
	at := bytes.Index(request, topic) + len(topic) + 1
	return int(binary.BigEndian.Uint32(request[at:]))
}

// endOf is the offset after all that stands in a partition.
func (w *world) endOf(topic string, partition int) int64 {
	w.t.Helper()
	ends, err := w.admin().ListEndOffsets(w.t.Context(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, int32(partition))
	return end.Offset
}

// scale lets workers come and go under load.
func scale(t *trial) {
	w := t.at(place{})
	first := w.run(how{})
	w.traffic.flow()
	first.owns(lanes)
	second, third := w.run(how{}), w.run(how{})
	w.shared()
	w.progress(200)
	first.terminate()
	w.progress(100)
	second.terminate()
	third.owns(lanes)
	w.progress(200)
	w.nothingLost()
	w.finish(exactly)
}

// shared waits until every service that lives owns a lane, all of them together each once, and all are ready.
func (w *world) shared() {
	w.t.Helper()
	w.eventually("the lanes to be spread", func(ctx context.Context) error {
		sum, least := 0.0, float64(lanes)
		for _, s := range w.services {
			if s.gone {
				continue
			}
			n, err := s.metric(ctx, "hotlead_lanes_owned")
			if err != nil {
				return err
			}
			sum, least = sum+n, min(least, n)
		}
		if sum != lanes || least == 0 {
			return fmt.Errorf("%v lanes are owned, by one service %v", sum, least)
		}
		return nil
	})
	for _, s := range w.services {
		if !s.gone {
			s.ready()
		}
	}
}

// rollingRestart replaces three workers one by one by such with a newer model, and one of them by one with the older
// model again: no lead flaps. What moves leads waits meanwhile, for the oracle can't know which came first; what does
// not, goes on.
func rollingRestart(t *trial) {
	w := t.at(place{})
	old := []*service{w.run(how{}), w.run(how{}), w.run(how{})}
	w.push(1000)
	w.settled()
	w.traffic.oracle.Retier(2)
	for _, s := range old {
		s.terminate()
		w.poison(5)
		w.run(how{model: 2})
		w.shared()
	}
	w.walked()
	w.traffic.flow()
	w.progress(200)
	w.services[3].terminate()
	behind := w.run(how{model: 1})
	behind.owns(1)
	w.logged("the lane runs a newer model than the configured one")
	w.progress(200)
	w.finish(promise{Strictness: testbed.Strictness{Path: true}}) // when the walk came to a lead is not known
}

// rollingRestartUnderLoad is the same while everything flows. Which of a lead's events came before the model did is not
// known, so its path is not either, and where it ends only by its score; but what is told is a chain, and nothing is lost.
func rollingRestartUnderLoad(t *trial) {
	w := t.at(place{})
	old := []*service{w.run(how{}), w.run(how{}), w.run(how{})}
	w.push(500)
	w.traffic.flow()
	w.shared()
	for _, s := range old {
		s.terminate()
		w.progress(100)
		w.run(how{model: 2})
		w.shared()
	}
	w.walked()
	w.progress(100)
	w.services[3].terminate()
	behind := w.run(how{model: 1})
	behind.owns(1)
	w.progress(100)
	w.finish(promise{anyTier: true})
}

// poison sends so many records that can't be scored.
func (w *world) poison(n int) {
	w.t.Helper()
	for range n {
		if err := w.traffic.bury(w.limited()); err != nil {
			w.t.Fatal(err)
		}
	}
}

// walked waits until every lane has walked its leads under the newest model.
func (w *world) walked() {
	w.t.Helper()
	w.eventually("the walks to end", func(ctx context.Context) error {
		for lane := range lanes {
			ledger, err := w.raw.HGetAll(ctx, w.ledger(lane)).Result()
			if err != nil {
				return err
			}
			if ledger["model:version"] != "2" || ledger["cursor"] != "-1" {
				return fmt.Errorf("lane %d is under version %s, its cursor at %s", lane, ledger["model:version"], ledger["cursor"])
			}
		}
		return nil
	})
}

// clockStepped steps the wall clock of the workers back and forth: what is scored goes by the events' own times. Brokers
// refuse what is timestamped more than an hour ahead of their own clock, so nothing can be announced meanwhile.
func clockStepped(t *trial) {
	w := t.at(place{})
	w.run(how{})
	w.run(how{})
	w.traffic.flow()
	w.shared()
	for _, off := range []string{"-30m", "40m", "2h", "0s"} {
		if err := os.WriteFile(w.clock, []byte(off), 0o600); err != nil {
			t.Fatal(err)
		}
		if off == "2h" {
			w.services[0].unready("Invalid Timestamp")
			continue
		}
		w.progress(150)
	}
	w.finish(exactly)
}
