package wire

import (
	"slices"
	"testing"
	"time"
)

func TestAFetchRequest(t *testing.T) {
	other := Position{Partition: Partition{Topic: "u", Partition: 1}, Offset: 6}
	beside := Position{Partition: Partition{Topic: at(5).Topic, Partition: at(5).Partition.Partition + 1}, Offset: 7}
	m := fetchRequest([]Position{at(5), other, beside}, 1, time.Second, fetchLimits{minBytes: 1, maxBytes: 1000, isolation: readCommitted})
	if m.SessionID != 0 || m.SessionEpoch != -1 {
		t.Errorf("session %d, epoch %d: it would be a session that nobody goes on with", m.SessionID, m.SessionEpoch)
	}
	if m.MinBytes != 1 || m.MaxWaitTime != 1000 || m.MaxBytes != 1000 || m.IsolationLevel != readCommitted || m.ReplicaID != -1 {
		t.Errorf("%+v", m)
	}
	var asked []Position
	for _, topic := range m.Topics {
		for _, p := range topic.Partitions {
			asked = append(asked, Position{Partition: Partition{Topic: topic.Topic, Partition: int(p.Partition)}, Offset: p.FetchOffset})
			if p.CurrentLeaderEpoch != -1 || p.PartitionMaxBytes != 1000 {
				t.Errorf("%+v", p)
			}
		}
	}
	if want := []Position{other, beside, at(5)}; len(m.Topics) != 2 || !slices.Equal(asked, want) {
		t.Errorf("%d topics, %v; want each topic once, from the second position on: %v", len(m.Topics), asked, want)
	}
}
