package chaos_test

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// kafkaCells strike at brokers and at the way to them.
func kafkaCells() []cell {
	return []cell{
		{"kafka/killed", true, kafkaKilled},
		{"kafka/restarted", false, kafkaRestarted},
		{"kafka/stopped", false, kafkaStopped},
		{"kafka/leaders-moved", true, leadersMoved},
		{"kafka/rolling-restart", false, brokersRestarted},
		{"kafka/cut", false, kafkaCut},
		{"kafka/slow", false, kafkaSlow},
		{"kafka/black-hole", false, kafkaBlackHole},
		{"kafka/replies-dropped", true, kafkaRepliesDropped},
	}
}

// survivesKill is the newest Kafka whose broker may be killed at any time: 4.3.1 may then call a transaction complete
// without writing its markers (KAFKA-20734), and nothing that a client does can make up for it.
const survivesKill = "4.1.1"

// kafkaKilled kills the only broker in the midst of transactions, and starts it again.
func kafkaKilled(t *trial) {
	k := testbed.OwnKafkaVersion(t, survivesKill)
	w := t.at(place{brokers: []string{k.Addr}, plain: true})
	w.run(how{})
	s := w.run(how{})
	w.traffic.flow()
	w.shared()
	for range 3 {
		w.progress(50 + w.chance(100))
		k.Kill()
		s.unready("kafka does not answer")
		k.Restart()
	}
	w.progress(100)
	w.finish(exactly)
}

// kafkaRestarted ends the only broker as its operator does, and starts it again.
func kafkaRestarted(t *trial) {
	k := testbed.OwnKafka(t)
	w := t.at(place{brokers: []string{k.Addr}, plain: true})
	w.run(how{})
	s := w.run(how{})
	w.traffic.flow()
	w.shared()
	for range 2 {
		w.progress(50 + w.chance(100))
		k.Terminate()
		s.unready("kafka does not answer")
		k.Restart()
	}
	w.progress(100)
	w.finish(exactly)
}

// threeBrokers is a world on a cluster, with two workers and traffic.
func (t *trial) threeBrokers() (*world, *testbed.KafkaNodes) {
	t.Helper()
	k := testbed.KafkaCluster(t, 3)
	w := t.at(place{brokers: k.Addrs(), replicas: 3, plain: true})
	w.run(how{})
	w.run(how{})
	w.traffic.flow()
	w.shared()
	w.progress(100)
	return w, k
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
	w.finish(exactly)
}

// kafkaStopped freezes the broker for longer than sessions and transactions last.
func kafkaStopped(t *trial) {
	k := testbed.OwnKafka(t)
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
