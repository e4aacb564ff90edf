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
		{"kafka/stopped", true, kafkaStopped},
		{"kafka/cut", false, kafkaCut},
		{"kafka/replies-dropped", true, kafkaRepliesDropped},
	}
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
