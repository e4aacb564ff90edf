package wire

import (
	"testing"
	"time"
)

func TestAFetchRequest(t *testing.T) {
	f := &Fetcher{minBytes: 1, maxBytes: 1000, isolation: readCommitted, turn: 1}
	m := f.message(request{from: []Position{at(5), {Partition: Partition{Topic: "u", Partition: 1}, Offset: 6}}}, time.Second)
	if m.SessionID != 0 || m.SessionEpoch != -1 {
		t.Errorf("session %d, epoch %d: it would be a session that nobody goes on with", m.SessionID, m.SessionEpoch)
	}
	if m.MinBytes != 1 || m.MaxWaitTime != 1000 || m.MaxBytes != 1000 || m.IsolationLevel != readCommitted || m.ReplicaID != -1 {
		t.Errorf("%+v", m)
	}
	for i, want := range []Position{{Partition: Partition{Topic: "u", Partition: 1}, Offset: 6}, at(5)} {
		got := m.Topics[i]
		if p := got.Partitions[0]; got.Topic != want.Topic || int(p.Partition) != want.Partition.Partition || p.FetchOffset != want.Offset ||
			p.CurrentLeaderEpoch != -1 || p.PartitionMaxBytes != 1000 {
			t.Errorf("%+v, want %v", got, want)
		}
	}
}
