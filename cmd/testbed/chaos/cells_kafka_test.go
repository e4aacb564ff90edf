package chaos_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// kafkaCells strike at brokers and at the way to them.
func kafkaCells() []cell {
	return []cell{
		{"kafka/killed", true, func(t *trial) { kafkaKilled(t, testbed.OwnKafka(t)) }},
		{"kafka/killed-4.1.1", false, func(t *trial) { kafkaKilled(t, testbed.OwnKafkaVersion(t, keepsMarkers)) }},
		{"kafka/restarted", false, func(t *trial) { kafkaRestarted(t, testbed.OwnKafka(t)) }},
		{"kafka/restarted-4.1.1", false, func(t *trial) { kafkaRestarted(t, testbed.OwnKafkaVersion(t, keepsMarkers)) }},
		{"kafka/acknowledged-and-lost", true, acknowledgedAndLost},
		{"kafka/left-undecided", false, leftUndecided},
		{"kafka/stopped", false, kafkaStopped},
		{"kafka/leaders-moved", true, leadersMoved},
		{"kafka/rolling-restart", false, brokersRestarted},
		{"kafka/one-of-three-killed", false, func(t *trial) { brokerKilled(t, testbed.KafkaCluster(t, 3)) }},
		{"kafka/one-of-three-killed-4.1.1", false, func(t *trial) { brokerKilled(t, testbed.KafkaClusterVersion(t, 3, keepsMarkers)) }},
		{"kafka/cut", false, kafkaCut},
		{"kafka/slow", false, kafkaSlow},
		{"kafka/black-hole", false, kafkaBlackHole},
		{"kafka/replies-dropped", true, kafkaRepliesDropped},
	}
}

// keepsMarkers is a Kafka without the defect of 4.3.1 (KAFKA-20734), which may call a transaction complete without having
// written its markers when its broker is ended.
const keepsMarkers = "4.1.1"

// toldAgain is what holds where Kafka may lose what it has acknowledged: exactly, unless a lane found that it had.
func (w *world) toldAgain() promise {
	w.t.Helper()
	w.settled()
	for _, line := range w.log.with("Kafka has l") { // lost, left
		w.t.Log(line)
	}
	if w.tookOver("retell") == 0 {
		return exactly
	}
	return promise{lettersAgain: true}
}

// kafkaKilled kills the only broker in the midst of transactions, and starts it again.
func kafkaKilled(t *trial, k *testbed.KafkaServer) {
	w := t.at(place{brokers: []string{k.Addr}})
	w.run(how{})
	s := w.run(how{})
	w.traffic.flow()
	w.shared()
	for range 3 {
		w.progress(50 + w.chance(100))
		w.struck(func() {
			k.Kill()
			s.unready("kafka does not answer")
			k.Restart()
		})
	}
	w.progress(100)
	w.finish(w.toldAgain())
}

// kafkaRestarted ends the only broker as its operator does, and starts it again.
func kafkaRestarted(t *trial, k *testbed.KafkaServer) {
	w := t.at(place{brokers: []string{k.Addr}})
	w.run(how{})
	s := w.run(how{})
	w.traffic.flow()
	w.shared()
	for range 2 {
		w.progress(50 + w.chance(100))
		w.struck(func() {
			k.Terminate()
			s.unready("kafka does not answer")
			k.Restart()
		})
	}
	w.progress(100)
	w.finish(w.toldAgain())
}

// acknowledgedAndLost lets the lanes' transactions be acknowledged and come to nothing, until each lane has decided on
// top of one that Kafka does not hold; then the worker is killed, and another one finds out. What is announced without a
// transaction meanwhile stands, so a lead's chain may lack what came before that.
func acknowledgedAndLost(t *trial) {
	k, proxy := testbed.KafkaBehindProxy(t)
	w := t.at(place{brokers: []string{k.Addr}, plain: true})
	w.traffic.flow()
	s := w.run(how{})
	s.ready()
	w.progress(100)
	w.traffic.halt()
	w.drained()
	proxy.ForgeEndTxn(func(request []byte) bool { return asks(request, apiKeys["EndTxn"]) })
	w.eventually("each lane to believe what is not so", func(ctx context.Context) error {
		w.push(20)
		return w.believes(ctx)
	})
	s.kill()
	proxy.ForgeEndTxn(nil)
	heir := w.run(how{})
	w.settled()
	if n := heir.tookOver("retell"); n != lanes {
		w.t.Errorf("%d lanes found that Kafka had lost what it had acknowledged, want all %d: the fault missed", n, lanes)
	}
	w.finish(promise{Strictness: testbed.Strictness{Gaps: true}, lettersAgain: true})
}

// leftUndecided lets changes hang undecided in the output, of transactions with which the coordinator is through and
// whose position is committed; then the worker is killed, and another one finds out.
func leftUndecided(t *trial) {
	k, proxy := testbed.KafkaBehindProxy(t)
	testbed.SetTransactionVersion(t, k.Addr, 1) // or the broker would add to the transaction what is written
	w := t.at(place{brokers: []string{k.Addr}, plain: true})
	unchecked := "false"
	_, err := w.admin().AlterBrokerConfigs(w.limited(), []kadm.AlterConfig{
		{Op: kadm.SetConfig, Name: "transaction.partition.verification.enable", Value: &unchecked}})
	if err != nil {
		t.Fatal(err)
	}
	s := w.run(how{})
	s.ready()
	w.push(400)
	w.drained()
	proxy.ForgeAddPartitionsToTxn(func(request []byte) bool {
		return asks(request, apiKeys["AddPartitionsToTxn"]) && bytes.Contains(request, []byte(w.topics.TierChanges))
	})
	w.eventually("something to hang in each lane", func(ctx context.Context) error {
		w.push(20)
		return w.hangs(ctx)
	})
	w.push(100) // so that what hangs is not of the last batch alone, where one without a transaction does not find it first
	w.dwell(time.Second)
	s.kill()
	proxy.ForgeAddPartitionsToTxn(nil)
	heir := w.run(how{})
	w.settled()
	w.logged("left a transaction undecided")
	heir.ready()
	if n := heir.tookOver("retell"); n > 0 {
		w.t.Errorf("%d lanes told again what hung and could be kept", n)
	}
	p := exactly
	p.lettersAgain = true // of the batch in hand: its dead letters may hang, too, and stand in the outbox
	w.finish(p)
}

// hangs is an error until something stands undecided in each lane's output.
func (w *world) hangs(ctx context.Context) error {
	ends, err := w.admin().ListEndOffsets(ctx, w.topics.TierChanges)
	if err != nil {
		return err
	}
	stable, err := w.admin().ListCommittedOffsets(ctx, w.topics.TierChanges)
	if err != nil {
		return err
	}
	for lane := range int32(lanes) {
		end, _ := ends.Lookup(w.topics.TierChanges, lane)
		if at, _ := stable.Lookup(w.topics.TierChanges, lane); at.Offset == end.Offset {
			return fmt.Errorf("lane %d's output is stable up to its end at %d", lane, end.Offset)
		}
	}
	return nil
}

// believes is an error until each lane's ledger says that Kafka acknowledged a batch that it does not hold, or what stands
// beside the lane's newest changes that the group's offsets were further than they are.
func (w *world) believes(ctx context.Context) error {
	committed, err := w.offsets(ctx)
	if err != nil {
		return err
	}
	beside := w.besideChanges()
	for lane := range lanes {
		at, _ := committed.Lookup(w.topics.Engagement, int32(lane))
		var group position
		if err := json.Unmarshal([]byte(at.Metadata), &group); err != nil {
			return fmt.Errorf("lane %d's position: %w", lane, err)
		}
		acknowledged, err := w.raw.HGet(ctx, w.ledger(lane), "acknowledged").Uint64()
		newest := beside[int32(lane)]
		if err != nil || acknowledged <= max(group.Batch, newest.Batch) && newest.Grouped <= group.Batch {
			return fmt.Errorf("lane %d's ledger has batch %d acknowledged (%v), Kafka has %d for the group and %+v in the output",
				lane, acknowledged, err, group.Batch, newest)
		}
	}
	return nil
}

// position is what the metadata of the group's offsets say, and the header of a change.
type position struct{ Batch, Grouped uint64 }

// besideChanges is the position that stands beside the newest changes of each lane that has one.
func (w *world) besideChanges() map[int32]position {
	newest := map[int32]position{}
	for _, r := range testbed.ReadTopic(w.t, w.brokers[0], w.topics.TierChanges) {
		for _, h := range r.Headers {
			if h.Key != "hotlead_position" {
				continue
			}
			var p position
			if err := json.Unmarshal(h.Value, &p); err != nil {
				w.t.Fatalf("the position beside %s[%d]@%d: %v", r.Topic, r.Partition, r.Offset, err)
			}
			newest[r.Partition] = p
		}
	}
	return newest
}

// threeBrokers is a world on a cluster, with two workers and traffic.
func (t *trial) threeBrokers() (*world, *testbed.KafkaNodes) {
	t.Helper()
	k := testbed.KafkaCluster(t, 3)
	return t.onThree(k), k
}

// onThree is a world on a given cluster.
func (t *trial) onThree(k *testbed.KafkaNodes) *world {
	t.Helper()
	w := t.at(place{brokers: k.Addrs(), replicas: 3, plain: true})
	w.run(how{})
	w.run(how{})
	w.traffic.flow()
	w.shared()
	w.progress(100)
	return w
}

// leadersMoved moves the leaders of what the lanes read and write, of their transactions and of the group.
func leadersMoved(t *trial) {
	w, k := t.threeBrokers()
	for _, topic := range []string{w.topics.Engagement, w.topics.TierChanges, w.topics.Inbox, "__transaction_state", "__consumer_offsets"} {
		for partition := range lanes { // each of them has as many
			k.MoveLeader(topic, partition, (k.Leader(topic, partition)+1)%3)
		}
		w.progress(50)
	}
	w.finish(exactly)
}

// brokersRestarted ends the brokers of a cluster one by one as their operator does, and starts each again.
func brokersRestarted(t *trial) {
	w, k := t.threeBrokers()
	for i := range 3 {
		k.Terminate(i)
		w.progress(50)
		k.Restart(i)
		w.progress(50)
	}
	w.finish(w.toldAgain())
}

// brokerKilled kills one broker of a cluster, which has the most to lose: the controller; and then another.
func brokerKilled(t *trial, k *testbed.KafkaNodes) {
	w := t.onThree(k)
	dead := k.Controller()
	for _, i := range []int{dead, (dead + 1) % 3} {
		k.Kill(i)
		w.progress(100)
		k.Restart(i)
		w.progress(50)
	}
	w.finish(w.toldAgain())
}

// kafkaStopped freezes the broker for longer than sessions and transactions last.
func kafkaStopped(t *trial) {
	k := testbed.OwnKafka(t)
	// A transaction of the traffic's that ends as the broker comes back, and finds that it was given up, may never be decided.
	w := t.at(place{brokers: []string{k.Addr}, plain: true})
	s := w.run(how{})
	w.run(how{})
	w.traffic.flow()
	w.shared()
	for _, d := range []time.Duration{time.Second, transactionTimeout + session} {
		w.progress(100)
		k.Stop()
		s.unready("kafka does not answer")
		w.dwell(d)
		k.Cont()
	}
	s.ready()
	w.progress(100)
	w.finish(exactly)
}

// kafkaCut cuts every connection to the broker again and again.
func kafkaCut(t *trial) {
	k, proxy := testbed.KafkaBehindProxy(t)
	w := t.at(place{brokers: []string{k.Addr}, plain: true})
	w.run(how{})
	w.run(how{})
	w.traffic.flow()
	w.shared()
	for range 40 {
		w.dwell(time.Duration(50+w.chance(150)) * time.Millisecond)
		proxy.Cut()
	}
	w.progress(100)
	w.finish(exactly)
}

// kafkaSlow lets all that goes to and from the broker be late, by up to most of a session.
func kafkaSlow(t *trial) {
	k, proxy := testbed.KafkaBehindProxy(t)
	w := t.at(place{brokers: []string{k.Addr}, plain: true})
	w.run(how{})
	w.run(how{})
	w.traffic.flow()
	w.shared()
	for _, late := range []time.Duration{20 * time.Millisecond, 100 * time.Millisecond, session / 3} {
		proxy.Delay(late)
		w.dwell(4 * time.Second)
	}
	proxy.Delay(0)
	w.progress(100)
	w.finish(exactly)
}

// kafkaBlackHole lets the network swallow everything for longer than sessions and transactions last, and says nothing.
func kafkaBlackHole(t *trial) {
	k, proxy := testbed.KafkaBehindProxy(t)
	w := t.at(place{brokers: []string{k.Addr}, plain: true})
	s := w.run(how{})
	w.run(how{})
	w.traffic.flow()
	w.shared()
	proxy.BlackHole()
	s.unready("kafka does not answer")
	w.dwell(transactionTimeout + session)
	proxy.Restore()
	w.progress(100)
	w.finish(exactly)
}

// Kafka's numbers of the requests whose answers matter most.
var apiKeys = map[string]uint16{
	"Produce": 0, "OffsetFetch": 9, "JoinGroup": 11, "Heartbeat": 12, "SyncGroup": 14, "InitProducerId": 22,
	"AddPartitionsToTxn": 24, "AddOffsetsToTxn": 25, "EndTxn": 26, "TxnOffsetCommit": 28,
}

// asks is whether what was read from the wire begins with hotlead's request of that kind.
func asks(request []byte, key uint16) bool {
	return len(request) > 8 && binary.BigEndian.Uint16(request[4:]) == key && bytes.Contains(request[:min(len(request), 64)], []byte("hotlead"))
}

// kafkaRepliesDropped lets requests of each kind take effect and loses the answer, and then any.
func kafkaRepliesDropped(t *trial) {
	k, proxy := testbed.KafkaBehindProxy(t)
	w := t.at(place{brokers: []string{k.Addr}, plain: true})
	w.run(how{})
	s := w.run(how{})
	w.traffic.flow()
	w.shared()
	for _, kind := range []string{"EndTxn", "TxnOffsetCommit", "Produce", "AddOffsetsToTxn", "AddPartitionsToTxn", "InitProducerId", "Heartbeat", "EndTxn"} {
		proxy.DropRepliesTo(5, func(request []byte) bool { return asks(request, apiKeys[kind]) })
		w.progress(40)
	}
	proxy.DropRepliesTo(0, nil)
	for range 10 {
		proxy.DropReplies(1 + int(w.chance(4)))
		w.dwell(200 * time.Millisecond)
	}
	s.wantTookOver("resume")
	w.progress(100)
	w.finish(exactly)
}
