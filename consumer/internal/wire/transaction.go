package wire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/addoffsetstotxn"
	"github.com/segmentio/kafka-go/protocol/addpartitionstotxn"
	"github.com/segmentio/kafka-go/protocol/endtxn"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
	"github.com/segmentio/kafka-go/protocol/txnoffsetcommit"
)

// acksAll makes a leader answer only when every replica in sync has the batch.
const acksAll = -1

// commit goes through a transaction's requests, one after the other: side by side the broker's own checks of Produce and
// TxnOffsetCommit get into each other's way.
//
// A request without an answer may have been lost on its way, or be waiting in a broker that hangs, and take effect later
// and out of turn. So it is sent again only where that can do no harm: Produce, which its sequences protect, and what
// adds to a transaction (at worst a transaction of nothing is left open, and times out).
func (p *Producer) commit(ctx context.Context, t Transaction) (Committed, error) {
	rounds, joins := p.batches(t.Records, transactionalBit), p.joins()
	committed := Committed{Base: make(map[Partition]int64)}
	if len(rounds) > 0 && !joins {
		// The first round has a batch for each partition.
		partitions := make([]Partition, len(rounds[0]))
		for i, b := range rounds[0] {
			partitions[i] = b.to
		}
		if err := p.addPartitions(ctx, partitions); err != nil {
			return Committed{}, err
		}
	}
	for i, round := range rounds {
		begun := time.Now()
		if err := p.write(ctx, p.id, round); err != nil {
			return Committed{}, err
		}
		if i == 0 {
			p.learn(joins, begun)
			for _, b := range round {
				committed.Base[b.to] = b.base
			}
		}
	}
	if len(t.Offsets) > 0 {
		if !p.ownEpochs {
			if err := p.addOffsets(ctx, t.Group); err != nil {
				return Committed{}, err
			}
		}
		if err := p.commitOffsets(ctx, &t); err != nil {
			return Committed{}, err
		}
	}
	return committed, p.end(ctx, true)
}

func (p *Producer) addPartitions(ctx context.Context, partitions []Partition) error {
	request := &addpartitionstotxn.Request{TransactionalID: p.id, ProducerID: p.epoch.ProducerID, ProducerEpoch: p.epoch.Epoch}
	at := make(map[string]int)
	for _, to := range partitions {
		i, ok := at[to.Topic]
		if !ok {
			i = len(request.Topics)
			at[to.Topic] = i
			request.Topics = append(request.Topics, addpartitionstotxn.RequestTopic{Name: to.Topic})
		}
		request.Topics[i].Partitions = append(request.Topics[i].Partitions, int32(to.Partition))
	}
	return p.cluster.retry(ctx, untilDone, "adding partitions to the transaction", func() error {
		got, err := p.cluster.askCoordinator(ctx, p.coordinated(), request)
		if err != nil {
			return err
		}
		var worst error
		for _, topic := range got.(*addpartitionstotxn.Response).Results {
			for _, r := range topic.Results {
				err := p.answered(r.ErrorCode)
				if err == nil || kafka.Error(r.ErrorCode) == operationNotAttempted {
					continue // the latter: another partition says why
				}
				err = Partition{Topic: topic.Name, Partition: int(r.PartitionIndex)}.at(err)
				if worst == nil || Retriable(worst) {
					worst = err
				}
			}
		}
		return worst
	})
}

// operationNotAttempted is the code of a partition that was not added because another could not be. kafka-go knows its
// number by another name.
const operationNotAttempted kafka.Error = 55

// write sends one batch to each of several partitions, and again, in the same words, those that did not arrive; to a
// transaction, unless its ID is empty.
func (p *Producer) write(ctx context.Context, transactionalID string, batches []*outBatch) error {
	rest := batches
	return p.cluster.retry(ctx, untilDone, "writing what is announced", func() error {
		missing, err := p.writeOnce(ctx, transactionalID, rest)
		rest = missing
		return err
	})
}

// writeOnce asks each leader side by side. Where the error is not nil, missing are the batches to send again.
func (p *Producer) writeOnce(ctx context.Context, transactionalID string, batches []*outBatch) (missing []*outBatch, worst error) {
	partitions := make([]Partition, len(batches))
	for i, b := range batches {
		partitions[i] = b.to
	}
	leaders, err := p.cluster.leaders(ctx, partitions)
	if err != nil {
		return batches, err
	}
	byLeader := make(map[int32][]*outBatch)
	for i, b := range batches {
		byLeader[leaders[i]] = append(byLeader[leaders[i]], b)
	}
	var (
		mu     sync.Mutex
		asking sync.WaitGroup
	)
	for leader, group := range byLeader {
		asking.Go(func() {
			failed, err := p.writeTo(ctx, leader, transactionalID, group)
			mu.Lock()
			defer mu.Unlock()
			missing = append(missing, failed...)
			if err != nil && (worst == nil || Retriable(worst)) {
				worst = err
			}
		})
	}
	asking.Wait()
	return missing, worst
}

func (p *Producer) writeTo(ctx context.Context, leader int32, transactionalID string, batches []*outBatch) (missing []*outBatch, worst error) {
	if leader == anyBroker {
		return batches, batches[0].to.at(answered(int16(kafka.LeaderNotAvailable)))
	}
	byPartition := make(map[Partition]*outBatch, len(batches))
	for _, b := range batches {
		byPartition[b.to] = b
	}
	answer, err := p.produce(ctx, leader, transactionalID, batches)
	if err != nil {
		for _, b := range batches {
			p.cluster.forgetLeaders(b.to.Topic)
		}
		return batches, err
	}
	for _, w := range answer {
		b, asked := byPartition[w.to]
		if !asked {
			continue
		}
		delete(byPartition, w.to)
		if w.code == int16(kafka.InvalidTransactionState) && transactionalID == "" {
			// The markers of our last transaction are being written there.
			w.code = int16(kafka.ConcurrentTransactions)
		}
		err := answered(w.code)
		if err == nil {
			b.base = w.base
			continue
		}
		if !errors.Is(err, kafka.ConcurrentTransactions) {
			p.cluster.forgetLeaders(w.to.Topic)
		}
		missing = append(missing, b)
		if worst == nil || Retriable(worst) {
			worst = w.to.at(err)
		}
	}
	for to, b := range byPartition {
		missing = append(missing, b)
		worst = to.at(fmt.Errorf("%w: no word of it in the leader's answer", ErrUnknown))
	}
	return missing, worst
}

// produce sends batches to their leader, by the request that the transactions' kind asks for.
func (p *Producer) produce(ctx context.Context, leader int32, transactionalID string, batches []*outBatch) ([]written, error) {
	timeout := int32(requestTimeout.Milliseconds()) / 2
	if p.ownEpochs {
		got, err := p.cluster.ask(ctx, leader, &produceRequest{transactionalID: transactionalID, timeout: timeout, batches: batches})
		if err != nil {
			return nil, err
		}
		return got.(*produceAnswer).partitions, nil
	}
	request := &rawproduce.Request{TransactionalID: transactionalID, Acks: acksAll, Timeout: timeout}
	for _, b := range batches {
		request.Topics = append(request.Topics, rawproduce.RequestTopic{Topic: b.to.Topic, Partitions: []rawproduce.RequestPartition{{
			Partition: int32(b.to.Partition), RecordSet: protocol.RawRecordSet{Reader: sized(b.bytes)},
		}}})
	}
	got, err := p.cluster.ask(ctx, leader, request)
	if err != nil {
		return nil, err
	}
	var answer []written
	for _, topic := range got.(*produce.Response).Topics {
		for _, r := range topic.Partitions {
			answer = append(answer, written{to: Partition{Topic: topic.Topic, Partition: int(r.Partition)}, code: r.ErrorCode, base: r.BaseOffset})
		}
	}
	return answer, nil
}

// sized is a field of bytes as it goes over the wire: kafka-go writes a raw record set as it is, so its length must be
// part of it.
func sized(field []byte) io.Reader {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(field)))
	return io.MultiReader(bytes.NewReader(length), bytes.NewReader(field))
}

func (p *Producer) addOffsets(ctx context.Context, group string) error {
	request := &addoffsetstotxn.Request{TransactionalID: p.id, ProducerID: p.epoch.ProducerID, ProducerEpoch: p.epoch.Epoch, GroupID: group}
	return p.cluster.retry(ctx, untilDone, "adding the offsets of the group "+group+" to the transaction", func() error {
		got, err := p.cluster.askCoordinator(ctx, p.coordinated(), request)
		if err != nil {
			return err
		}
		return p.answered(got.(*addoffsetstotxn.Response).ErrorCode)
	})
}

// commitOffsets does not send again what may have arrived: offsets that come late, after those of the transaction that
// follows, would take the group back. A new epoch, which Init gives, keeps them out.
func (p *Producer) commitOffsets(ctx context.Context, t *Transaction) error {
	of := coordinated{kind: kafka.CoordinatorKeyTypeConsumer, key: t.Group}
	return p.cluster.retry(ctx, untilDone, "committing the offsets of the group "+t.Group, func() error {
		got, err := p.cluster.askCoordinator(ctx, of, p.offsetsRequest(t))
		if err != nil {
			return final(err)
		}
		var worst error
		for _, w := range offsetsAnswered(got) {
			if err := answered(w.code); err != nil && (worst == nil || Retriable(worst)) {
				p.cluster.forgetCoordinator(of, err)
				worst = w.to.at(err)
			}
		}
		return worst
	})
}

func (p *Producer) offsetsRequest(t *Transaction) protocol.Message {
	if p.ownEpochs {
		return &offsetsRequest{transactionalID: p.id, epoch: p.epoch, of: t}
	}
	request := &txnoffsetcommit.Request{
		TransactionalID: p.id, GroupID: t.Group, ProducerID: p.epoch.ProducerID, ProducerEpoch: p.epoch.Epoch,
		GenerationID: int32(t.Generation), MemberID: t.Member,
	}
	for _, o := range t.Offsets {
		request.Topics = append(request.Topics, txnoffsetcommit.RequestTopic{Name: o.Topic, Partitions: []txnoffsetcommit.RequestPartition{{
			Partition: int32(o.Partition.Partition), CommittedOffset: o.Offset, CommittedLeaderEpoch: leaderEpochUnsaid,
			CommittedMetadata: t.Metadata,
		}}})
	}
	return request
}

func offsetsAnswered(got protocol.Message) []written {
	if own, ok := got.(*offsetsAnswer); ok {
		return own.partitions
	}
	var answer []written
	for _, topic := range got.(*txnoffsetcommit.Response).Topics {
		for _, r := range topic.Partitions {
			answer = append(answer, written{to: Partition{Topic: topic.Name, Partition: int(r.Partition)}, code: r.ErrorCode})
		}
	}
	return answer
}

// end commits or aborts. An answer that says that the coordinator could not do it, or not yet, is asked for again: under the
// same epoch a second EndTxn finds either the transaction, or it ended, and then brings the next epoch once more. No answer at
// all is left for Init to settle.
func (p *Producer) end(ctx context.Context, commit bool) error {
	var request protocol.Message = &endtxn.Request{TransactionalID: p.id, ProducerID: p.epoch.ProducerID, ProducerEpoch: p.epoch.Epoch, Committed: commit}
	if p.ownEpochs {
		request = &endRequest{transactionalID: p.id, epoch: p.epoch, commit: commit}
	}
	return p.cluster.retry(ctx, untilDone, "ending the transaction", func() error {
		got, err := p.cluster.askCoordinator(ctx, p.coordinated(), request)
		if err != nil {
			return final(err)
		}
		if next, ok := got.(*endAnswer); ok {
			return p.goOn(next)
		}
		return p.answered(got.(*endtxn.Response).ErrorCode)
	})
}

// goOn goes on to the epoch that the end of a transaction has brought.
func (p *Producer) goOn(answer *endAnswer) error {
	if err := p.answered(answer.code); err != nil {
		return err
	}
	if answer.next.ProducerID < 0 || answer.next.Epoch < 0 {
		return fmt.Errorf("%w: the coordinator's answer names no next epoch", ErrUnknown)
	}
	p.epoch = answer.next
	clear(p.sequences)
	return nil
}

// final takes the hope of another try from a request that may have taken effect.
func final(err error) error {
	if maySettle(err) {
		return fmt.Errorf("%w: %s", ErrUnknown, err.Error()) // not wrapped, or it would still be Retriable
	}
	return err
}
