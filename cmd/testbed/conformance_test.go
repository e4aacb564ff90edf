package testbed_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"

	"github.com/hotlead/hotlead/cmd/internal/dev/servers"
	"github.com/hotlead/hotlead/cmd/testbed"
)

// TestKafkaServesWhatALaneNeeds holds the embedded Kafka and the one that this run tests on to the same suite: what a
// lane asks of a broker, asked by the library that the lane uses.
func TestKafkaServesWhatALaneNeeds(t *testing.T) {
	t.Run("embedded", func(t *testing.T) {
		k, err := servers.StartKafka("")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(k.Close)
		serveALane(t, k.Addr())
	})
	t.Run("testbed", func(t *testing.T) { serveALane(t, testbed.Kafka(t).Addr) })
}

func serveALane(t *testing.T, addr string) {
	b := &broker{t: t, topic: testbed.Unique(t, "input"), group: testbed.Unique(t, "group"), txn: testbed.Unique(t, "lane-0")}
	transport := &kafka.Transport{MetadataTTL: time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	b.client = &kafka.Client{Addr: kafka.TCP(addr), Transport: transport, Timeout: 20 * time.Second}
	testbed.CreateTopics(t, addr, map[string]int{b.topic: 2})

	b.join()
	b.begin()
	b.transaction("aborted", 0, false)
	b.transaction("announced", 1, true)
	b.readsCommitted("announced")
	b.committedAt(7, "batch 1")
	b.offsetsListed()
	b.fencesItsPredecessor()
	b.leave()
}

// broker is one broker as a lane sees it.
type broker struct {
	t                 *testing.T
	client            *kafka.Client
	topic, group, txn string
	member            string
	generation        int
	producer          kafka.ProducerSession
}

// join makes the group, with this test its only member.
func (b *broker) join() {
	b.t.Helper()
	req := &kafka.JoinGroupRequest{
		GroupID: b.group, SessionTimeout: 6 * time.Second, RebalanceTimeout: 6 * time.Second, ProtocolType: "consumer",
		Protocols: []kafka.GroupProtocol{{Name: "lanes", Metadata: kafka.GroupProtocolSubscription{Topics: []string{b.topic}}}},
	}
	joined := again(b, "join the group", func(ctx context.Context) (*kafka.JoinGroupResponse, error) {
		res, err := b.client.JoinGroup(ctx, req)
		if err == nil && errors.Is(res.Error, kafka.MemberIDRequired) {
			req.MemberID = res.MemberID
		}
		return res, errorOf(err, func() error { return res.Error })
	})
	b.member, b.generation = joined.MemberID, joined.GenerationID
	again(b, "sync the group", func(ctx context.Context) (*kafka.SyncGroupResponse, error) {
		res, err := b.client.SyncGroup(ctx, &kafka.SyncGroupRequest{
			GroupID: b.group, GenerationID: b.generation, MemberID: b.member, ProtocolType: "consumer", ProtocolName: "lanes",
			Assignments: []kafka.SyncGroupRequestAssignment{{
				MemberID:   b.member,
				Assignment: kafka.GroupProtocolAssignment{AssignedPartitions: map[string][]int{b.topic: {0, 1}}},
			}},
		})
		return res, errorOf(err, func() error { return res.Error })
	})
	again(b, "heartbeat", func(ctx context.Context) (*kafka.HeartbeatResponse, error) {
		res, err := b.client.Heartbeat(ctx, &kafka.HeartbeatRequest{GroupID: b.group, GenerationID: int32(b.generation), MemberID: b.member})
		// The library swaps the fields of this answer: the error code arrives as the throttle time.
		if err == nil && res.Throttle != 0 {
			return res, kafka.Error(res.Throttle / time.Millisecond)
		}
		return res, err
	})
}

// begin fences whoever had the transactional ID.
func (b *broker) begin() {
	b.t.Helper()
	res := again(b, "init the producer ID", func(ctx context.Context) (*kafka.InitProducerIDResponse, error) {
		res, err := b.client.InitProducerID(ctx, &kafka.InitProducerIDRequest{
			TransactionalID: b.txn, TransactionTimeoutMs: 10_000, ProducerID: -1, ProducerEpoch: -1,
		})
		return res, errorOf(err, func() error { return res.Error })
	})
	b.producer = *res.Producer
}

// transaction writes value to partition 0 as record number sequence, and with it the group's position.
func (b *broker) transaction(value string, sequence int32, commit bool) {
	b.t.Helper()
	again(b, "add the partition", func(ctx context.Context) (*kafka.AddPartitionsToTxnResponse, error) {
		res, err := b.client.AddPartitionsToTxn(ctx, &kafka.AddPartitionsToTxnRequest{
			TransactionalID: b.txn, ProducerID: b.producer.ProducerID, ProducerEpoch: b.producer.ProducerEpoch,
			Topics: map[string][]kafka.AddPartitionToTxn{b.topic: {{Partition: 0}}},
		})
		return res, errorOf(err, func() error { return res.Topics[b.topic][0].Error })
	})
	again(b, "produce", func(ctx context.Context) (*kafka.ProduceResponse, error) { return b.produce(ctx, value, sequence) })
	again(b, "add the offsets", func(ctx context.Context) (*kafka.AddOffsetsToTxnResponse, error) {
		res, err := b.client.AddOffsetsToTxn(ctx, &kafka.AddOffsetsToTxnRequest{
			TransactionalID: b.txn, ProducerID: b.producer.ProducerID, ProducerEpoch: b.producer.ProducerEpoch, GroupID: b.group,
		})
		return res, errorOf(err, func() error { return res.Error })
	})
	again(b, "commit the offsets", func(ctx context.Context) (*kafka.TxnOffsetCommitResponse, error) {
		res, err := b.client.TxnOffsetCommit(ctx, &kafka.TxnOffsetCommitRequest{
			TransactionalID: b.txn, ProducerID: b.producer.ProducerID, ProducerEpoch: b.producer.ProducerEpoch,
			GroupID: b.group, GenerationID: b.generation, MemberID: b.member,
			Topics: map[string][]kafka.TxnOffsetCommit{b.topic: {{Partition: 0, Offset: int64(6 + sequence), Metadata: "batch 1"}}},
		})
		return res, errorOf(err, func() error { return res.Topics[b.topic][0].Error })
	})
	again(b, "end the transaction", func(ctx context.Context) (*kafka.EndTxnResponse, error) {
		res, err := b.client.EndTxn(ctx, &kafka.EndTxnRequest{
			TransactionalID: b.txn, ProducerID: b.producer.ProducerID, ProducerEpoch: b.producer.ProducerEpoch, Committed: commit,
		})
		return res, errorOf(err, func() error { return res.Error })
	})
}

// produce sends one record inside the transaction. The library encodes no producer ID, so it is written into the batch.
func (b *broker) produce(ctx context.Context, value string, sequence int32) (*kafka.ProduceResponse, error) {
	set := protocol.RecordSet{
		Version: 2, Attributes: protocol.Transactional,
		Records: protocol.NewRecordReader(protocol.Record{Time: time.Now(), Key: protocol.NewBytes([]byte("lead-1")), Value: protocol.NewBytes([]byte(value))}),
	}
	var text bytes.Buffer
	if _, err := set.WriteTo(&text); err != nil {
		return nil, err
	}
	batch := text.Bytes()[4:] // after the set's own size
	binary.BigEndian.PutUint64(batch[43:], uint64(b.producer.ProducerID))
	binary.BigEndian.PutUint16(batch[51:], uint16(b.producer.ProducerEpoch))
	binary.BigEndian.PutUint32(batch[53:], uint32(sequence))
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)))
	res, err := b.client.RawProduce(ctx, &kafka.RawProduceRequest{
		Topic: b.topic, Partition: 0, RequiredAcks: kafka.RequireAll, TransactionalID: b.txn,
		RawRecords: protocol.RawRecordSet{Reader: &text},
	})
	return res, errorOf(err, func() error { return res.Error })
}

// readsCommitted fetches partition 0 as a read_committed consumer does: everything comes, with the list of what was
// aborted, and what is left is want.
func (b *broker) readsCommitted(want string) {
	b.t.Helper()
	part := again(b, "fetch", func(ctx context.Context) (*fetch.ResponsePartition, error) {
		res, err := b.client.Transport.RoundTrip(ctx, b.client.Addr, &fetch.Request{
			ReplicaID: -1, MaxWaitTime: 500, MinBytes: 1, MaxBytes: 1 << 20, IsolationLevel: 1, SessionEpoch: -1,
			Topics: []fetch.RequestTopic{{Topic: b.topic, Partitions: []fetch.RequestPartition{{CurrentLeaderEpoch: -1, PartitionMaxBytes: 1 << 20}}}},
		})
		if err != nil {
			return nil, err
		}
		part := &res.(*fetch.Response).Topics[0].Partitions[0]
		if part.ErrorCode != 0 {
			return nil, kafka.Error(part.ErrorCode)
		}
		if part.LastStableOffset < 4 {
			return nil, kafka.LeaderNotAvailable // both markers are still to be written: ask again
		}
		return part, nil
	})
	if n := len(part.AbortedTransactions); n != 1 {
		b.t.Fatalf("the answer lists %d aborted transactions, want 1", n)
	}
	aborted := part.AbortedTransactions[0]
	if aborted.ProducerID != int64(b.producer.ProducerID) || aborted.FirstOffset != 0 {
		b.t.Errorf("aborted is producer %d from offset %d, want %d from 0", aborted.ProducerID, aborted.FirstOffset, b.producer.ProducerID)
	}
	if got := strings.Join(values(b.t, part.RecordSet.Records), " "); got != "aborted "+want {
		b.t.Errorf("the log holds %q, want %q", got, "aborted "+want)
	}
}

// values are the records' values, without the markers that end a transaction.
func values(t *testing.T, records protocol.RecordReader) (list []string) {
	t.Helper()
	stream, ok := records.(*protocol.RecordStream)
	if !ok {
		t.Fatalf("the answer holds a %T, want a stream of batches", records)
	}
	for _, batch := range stream.Records {
		if _, marker := batch.(*protocol.ControlBatch); marker {
			continue
		}
		for {
			r, err := batch.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			value, err := protocol.ReadAll(r.Value)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, string(value))
		}
	}
	return list
}

// committedAt checks the group's position, asked after a fresh InitProducerID as a lane does: before it the answer may
// be older than the transaction.
func (b *broker) committedAt(offset int64, metadata string) {
	b.t.Helper()
	b.begin()
	res := again(b, "fetch the offsets", func(ctx context.Context) (*kafka.OffsetFetchResponse, error) {
		res, err := b.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: b.group, Topics: map[string][]int{b.topic: {0, 1}}})
		return res, errorOf(err, func() error { return res.Error })
	})
	for _, p := range res.Topics[b.topic] {
		switch {
		case p.Partition == 0 && (p.CommittedOffset != offset || p.Metadata != metadata):
			b.t.Errorf("partition 0 is committed at %d with %q, want %d with %q", p.CommittedOffset, p.Metadata, offset, metadata)
		case p.Partition == 1 && p.CommittedOffset != -1:
			b.t.Errorf("partition 1 is committed at %d, want nothing", p.CommittedOffset)
		}
	}
}

// offsetsListed checks both ends of a log: two records and two markers in partition 0, nothing in 1.
func (b *broker) offsetsListed() {
	b.t.Helper()
	res := again(b, "list the offsets", func(ctx context.Context) (*kafka.ListOffsetsResponse, error) {
		return b.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
			b.topic: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0), kafka.FirstOffsetOf(1), kafka.LastOffsetOf(1)},
		}})
	})
	ends := map[int]int64{0: 4, 1: 0}
	for _, p := range res.Topics[b.topic] {
		if p.Error != nil || p.FirstOffset != 0 || p.LastOffset != ends[p.Partition] {
			b.t.Errorf("partition %d goes from %d to %d (%v), want from 0 to %d", p.Partition, p.FirstOffset, p.LastOffset, p.Error, ends[p.Partition])
		}
	}
}

// fencesItsPredecessor checks that a producer whose transactional ID was taken over can't go on.
func (b *broker) fencesItsPredecessor() {
	b.t.Helper()
	zombie := *b
	b.begin()
	res, err := zombie.client.AddPartitionsToTxn(b.t.Context(), &kafka.AddPartitionsToTxnRequest{
		TransactionalID: b.txn, ProducerID: zombie.producer.ProducerID, ProducerEpoch: zombie.producer.ProducerEpoch,
		Topics: map[string][]kafka.AddPartitionToTxn{b.topic: {{Partition: 0}}},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	const producerFenced = kafka.Error(90)
	if err := res.Topics[b.topic][0].Error; !errors.Is(err, producerFenced) && !errors.Is(err, kafka.InvalidProducerEpoch) {
		b.t.Errorf("a fenced producer was answered %v, want an error 90 or 47", err)
	}
	// A real broker says 47; the embedded one misses the transaction before it looks at the epoch, and says 48.
	_, err = zombie.produce(b.t.Context(), "from the grave", 0)
	if !errors.Is(err, kafka.InvalidProducerEpoch) && !errors.Is(err, kafka.InvalidTransactionState) {
		b.t.Errorf("a fenced producer's record was answered %v, want an error 47 or 48", err)
	}
	end, err := zombie.client.EndTxn(b.t.Context(), &kafka.EndTxnRequest{
		TransactionalID: b.txn, ProducerID: zombie.producer.ProducerID, ProducerEpoch: zombie.producer.ProducerEpoch, Committed: true,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if !errors.Is(end.Error, producerFenced) && !errors.Is(end.Error, kafka.InvalidProducerEpoch) {
		b.t.Errorf("a fenced producer's end was answered %v, want an error 90 or 47", end.Error)
	}
}

func (b *broker) leave() {
	b.t.Helper()
	again(b, "leave the group", func(ctx context.Context) (*kafka.LeaveGroupResponse, error) {
		res, err := b.client.LeaveGroup(ctx, &kafka.LeaveGroupRequest{
			GroupID: b.group, Members: []kafka.LeaveGroupRequestMember{{ID: b.member}},
		})
		return res, errorOf(err, func() error { return errors.Join(res.Error, res.Members[0].Error) })
	})
}

// errorOf is err, or where there is none the answer's own.
func errorOf(err error, answer func() error) error {
	if err != nil {
		return err
	}
	return answer()
}

// again asks until the broker has made up its mind: coordinators that load, transactions that are still being ended.
func again[T any](b *broker, what string, ask func(context.Context) (T, error)) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	const concurrentTransactions = kafka.Error(51)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		res, err := ask(ctx)
		if err == nil {
			return res
		}
		var code kafka.Error
		if errors.As(err, &code) && !code.Temporary() && code != concurrentTransactions && code != kafka.MemberIDRequired {
			b.t.Fatalf("asking the broker to %s: %v", what, err)
		}
		select {
		case <-ctx.Done():
			b.t.Fatalf("asking the broker to %s: %v (last: %v)", what, ctx.Err(), err)
		case <-tick.C:
		}
	}
}
