package wire

import (
	"context"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
	"github.com/segmentio/kafka-go/protocol/offsetfetch"

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

// What ListOffsets takes for a timestamp, and as isolation level.
const (
	atEnd             = -1
	atStart           = -2
	readUncommitted   = 0
	readCommitted     = 1
	notAReplica       = -1
	leaderEpochUnsaid = -1
)

// Partitions counts the partitions of the topics; one that does not exist is absent.
func (c *Cluster) Partitions(ctx context.Context, topics ...string) (map[string]int, error) {
	counts := make(map[string]int, len(topics))
	if len(topics) == 0 {
		return counts, nil
	}
	err := c.retry(ctx, patience, "counting the partitions of topics", func() error {
		found, err := c.layout(ctx, topics)
		for name, leaders := range found {
			counts[name] = len(leaders)
		}
		return err
	})
	return counts, err
}

// Bounds asks the leaders for the partitions' bounds.
func (c *Cluster) Bounds(ctx context.Context, of []Partition) (map[Partition]Bounds, error) {
	bounds := make(map[Partition]Bounds, len(of))
	err := c.retry(ctx, patience, "asking for the bounds of partitions", func() error {
		// In this order: the log only grows between the questions, so Start ≤ Stable ≤ High whatever happens.
		starts, err := c.listOffsets(ctx, of, atStart, readUncommitted)
		if err != nil {
			return err
		}
		stables, err := c.listOffsets(ctx, of, atEnd, readCommitted)
		if err != nil {
			return err
		}
		highs, err := c.listOffsets(ctx, of, atEnd, readUncommitted)
		if err != nil {
			return err
		}
		for _, p := range of {
			bounds[p] = Bounds{Start: starts[p], Stable: stables[p], High: highs[p]}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return bounds, nil
}

// OffsetAt is the offset of the first record whose timestamp is at or after an instant; the partition's stable end
// where there is none.
func (c *Cluster) OffsetAt(ctx context.Context, of Partition, at scorer.Instant) (int64, error) {
	var offset int64
	err := c.retry(ctx, patience, "looking for the offset of an instant", func() error {
		found, err := c.listOffsets(ctx, []Partition{of}, max(int64(at), 0), readCommitted)
		if err == nil && found[of] < 0 {
			found, err = c.listOffsets(ctx, []Partition{of}, atEnd, readCommitted)
		}
		offset = found[of]
		return err
	})
	return offset, err
}

// listOffsets asks each leader once, for all of its partitions.
func (c *Cluster) listOffsets(ctx context.Context, of []Partition, timestamp int64, isolation int8) (map[Partition]int64, error) {
	leaders, err := c.leaders(ctx, of)
	if err != nil {
		return nil, err
	}
	requests := make(map[int32]*listoffsets.Request)
	for i, p := range of {
		if leaders[i] == anyBroker {
			return nil, p.at(answered(int16(kafka.UnknownTopicOrPartition)))
		}
		r := requests[leaders[i]]
		if r == nil {
			r = &listoffsets.Request{ReplicaID: notAReplica, IsolationLevel: isolation}
			requests[leaders[i]] = r
		}
		r.Topics = append(r.Topics, listoffsets.RequestTopic{Topic: p.Topic, Partitions: []listoffsets.RequestPartition{{
			Partition: int32(p.Partition), CurrentLeaderEpoch: leaderEpochUnsaid, Timestamp: timestamp,
		}}})
	}
	found := make(map[Partition]int64, len(of))
	for leader, request := range requests {
		if err := c.listOffsetsOf(ctx, leader, request, found); err != nil {
			c.forgetLeaders(topicsOf(of)...)
			return nil, err
		}
	}
	for _, p := range of {
		if _, ok := found[p]; !ok {
			return nil, p.at(fmt.Errorf("%w: no offset in the answer", ErrRetriable))
		}
	}
	return found, nil
}

func (c *Cluster) listOffsetsOf(ctx context.Context, leader int32, request *listoffsets.Request, found map[Partition]int64) error {
	answer, err := c.ask(ctx, leader, request)
	if err != nil {
		return err
	}
	for _, t := range answer.(*listoffsets.Response).Topics {
		for _, p := range t.Partitions {
			of := Partition{Topic: t.Topic, Partition: int(p.Partition)}
			if err := answered(p.ErrorCode); err != nil {
				return of.at(err)
			}
			found[of] = p.Offset
		}
	}
	return nil
}

// topicsOf names each of the partitions' topics once.
func topicsOf(of []Partition) []string {
	var topics []string
	for _, p := range of {
		if !slices.Contains(topics, p.Topic) {
			topics = append(topics, p.Topic)
		}
	}
	return topics
}

// Committed asks the group's coordinator for the committed positions; a partition without one is absent.
//
// What a transaction has just committed may not be in the answer yet: ask after Producer.Init of that transactional ID,
// which waits until its last transaction is settled.
func (c *Cluster) Committed(ctx context.Context, group string, of []Partition) (map[Partition]Commit, error) {
	request := &offsetfetch.Request{GroupID: group, Topics: []offsetfetch.RequestTopic{}}
	for _, topic := range topicsOf(of) {
		t := offsetfetch.RequestTopic{Name: topic}
		for _, p := range of {
			if p.Topic == topic {
				t.PartitionIndexes = append(t.PartitionIndexes, int32(p.Partition))
			}
		}
		request.Topics = append(request.Topics, t)
	}
	commits := make(map[Partition]Commit, len(of))
	err := c.retry(ctx, patience, "reading the positions of the group "+group, func() error {
		return c.offsetFetch(ctx, group, request, commits)
	})
	if err != nil {
		return nil, err
	}
	return commits, nil
}

func (c *Cluster) offsetFetch(ctx context.Context, group string, request *offsetfetch.Request, commits map[Partition]Commit) error {
	of := coordinated{kind: kafka.CoordinatorKeyTypeConsumer, key: group}
	got, err := c.askCoordinator(ctx, of, request)
	if err != nil {
		return err
	}
	answer := got.(*offsetfetch.Response)
	if kafka.Error(answer.ErrorCode) == kafka.GroupIdNotFound {
		return nil // Kafka itself says nothing of it at this version
	}
	if err := answered(answer.ErrorCode); err != nil {
		c.forgetCoordinator(of, err)
		return err
	}
	clear(commits)
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			at := Partition{Topic: t.Name, Partition: int(p.PartitionIndex)}
			if err := answered(p.ErrorCode); err != nil {
				c.forgetCoordinator(of, err)
				return at.at(err)
			}
			if p.CommittedOffset >= 0 {
				commits[at] = Commit{Offset: p.CommittedOffset, Metadata: p.Metadata}
			}
		}
	}
	return nil
}
