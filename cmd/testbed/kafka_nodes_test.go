package testbed_test

import (
	"errors"
	"testing"

	"github.com/segmentio/kafka-go"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// TestKafkaCluster goes through all that can be done to one, for it is not started for nothing.
func TestKafkaCluster(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	k := testbed.KafkaCluster(t, 3)
	topic := testbed.Unique(t, "topic")
	testbed.CreateTopics(t, k.Addrs()[0], map[string]int{topic: 2})
	write := func(t *testing.T) {
		t.Helper()
		w := &kafka.Writer{Addr: kafka.TCP(k.Addrs()...), Topic: topic, RequiredAcks: kafka.RequireAll, BatchSize: 1, Transport: &kafka.Transport{}}
		defer w.Transport.(*kafka.Transport).CloseIdleConnections()
		if err := errors.Join(w.WriteMessages(t.Context(), kafka.Message{Value: []byte("value")}), w.Close()); err != nil {
			t.Errorf("writing: %v", err)
		}
	}
	elsewhere := func(i int) int { return (i + 1) % 3 }

	t.Run("a leader is moved", func(t *testing.T) {
		to := elsewhere(k.Leader(topic, 0))
		k.MoveLeader(topic, 0, to)
		if got := k.Leader(topic, 0); got != to {
			t.Errorf("broker %d leads, want %d", got, to)
		}
		write(t)
	})
	t.Run("a broker hands over before it ends", func(t *testing.T) {
		leader := elsewhere(k.Controller())
		k.MoveLeader(topic, 0, leader)
		k.Terminate(leader)
		if got := k.Leader(topic, 0); got == leader || got == -1 {
			t.Errorf("right after broker %d ended broker %d leads, want another", leader, got)
		}
		write(t)
		k.Restart(leader)
	})
	t.Run("the controller is killed", func(t *testing.T) {
		controller := k.Controller()
		k.Kill(controller)
		until(t, "another controller", func() bool { return k.Controller() != controller })
		until(t, "another leader", func() bool { l := k.Leader(topic, 0); return l != controller && l != -1 })
		write(t)
		k.Restart(controller)
	})
	t.Run("a stopped broker loses its partitions and comes back", func(t *testing.T) {
		leader := k.Leader(topic, 1)
		k.Stop(leader)
		until(t, "another leader", func() bool { l := k.Leader(topic, 1); return l != leader && l != -1 })
		k.Cont(leader)
		write(t)
	})
}

func TestAKafkaIsTerminatedAndIsOfAnOlderRelease(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	k := testbed.OwnKafkaVersion(t, "4.1.1")
	topic := testbed.Unique(t, "kept")
	testbed.CreateTopics(t, k.Addr, map[string]int{topic: 1})
	k.Terminate()
	k.Restart()
	if n, err := partitions(t.Context(), k.Addr, topic); err != nil || n != 1 {
		t.Errorf("after the restart the topic has %d partitions (%v), want 1", n, err)
	}
}
