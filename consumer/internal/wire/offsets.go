package wire

import (
	"context"

	"github.com/hotlead/hotlead/scorer"
)

// Partition is one partition of one topic.
type Partition struct {
	Topic     string
	Partition int
}

// Position is a place in a partition: the offset of the next record to read.
type Position struct {
	Partition
	Offset int64
}

// Bounds are a partition's offsets: Start is that of the first record retained, Stable of the first that a
// read_committed reader can't have yet (the end, or the beginning of the oldest open transaction), High the one past
// the last that is replicated. Start ≤ Stable ≤ High.
type Bounds struct {
	Start, Stable, High int64
}

// Commit is a group's committed position in a partition.
type Commit struct {
	Offset   int64
	Metadata string
}

// Partitions counts the partitions of the topics; one that does not exist is absent.
func (c *Cluster) Partitions(ctx context.Context, topics ...string) (map[string]int, error) {
	return nil, nil
}

// Bounds asks the leaders for the partitions' bounds.
func (c *Cluster) Bounds(ctx context.Context, of []Partition) (map[Partition]Bounds, error) {
	return nil, nil
}

// OffsetAt is the offset of the first record whose timestamp is at or after an instant; the partition's stable end
// where there is none.
func (c *Cluster) OffsetAt(ctx context.Context, of Partition, at scorer.Instant) (int64, error) {
	return 0, nil
}

// Committed asks the group's coordinator for the committed positions; a partition without one is absent.
//
// What a transaction has just committed may not be in the answer yet: ask after Producer.Init of that transactional ID,
// which waits until its last transaction is settled.
func (c *Cluster) Committed(ctx context.Context, group string, of []Partition) (map[Partition]Commit, error) {
	return nil, nil
}
