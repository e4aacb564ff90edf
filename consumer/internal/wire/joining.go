package wire

import (
	"encoding/binary"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// The requests of a transaction that has an epoch of its own make partition and group join it, and bring the next epoch.
// That is not always the quicker way to begin. While the markers of the transaction before are being written, nothing can
// join: a broker that is written to then asks the coordinator again after 20 ms, where AddPartitionsToTxn can be asked again
// at once. So how soon after another a transaction may do without is learned.
//
// Its end must be by the newer version all the same. In an epoch that two transactions share, a broker that still lacks the
// first one's marker takes what the second one writes for part of the first.
const (
	joinPause     = 20 * time.Millisecond // a broker's add.partitions.to.txn.retry.backoff.ms, by default
	farthestApart = 25 * time.Millisecond // longer than markers take, or nothing would be lost by the pause
)

// joins is whether the partitions of a transaction that begins now shall join it by being written to.
func (p *Producer) joins() bool { return p.ownEpochs && time.Since(p.ended) >= p.apart }

// learn is told when a transaction's first write began, and has just ended. One that took as long as if it had waited has
// those that follow as soon, or nearly, add their partitions, for a few hundred transactions.
func (p *Producer) learn(joined bool, begun time.Time) {
	gap := begun.Sub(p.ended)
	if joined && time.Since(begun) >= joinPause && gap < farthestApart {
		p.apart = min(2*gap+time.Millisecond, farthestApart)
		return
	}
	p.apart -= p.apart / 256
}

// It is by these versions of its requests that a broker tells such a transaction from others.
const (
	joiningProduce      = 12
	joiningOffsetCommit = 5
	endWithNextEpoch    = 5
)

// produceRequest writes a batch to each of several partitions of one leader.
type produceRequest struct {
	transactionalID string // empty: no transaction's
	timeout         int32  // milliseconds
	batches         []*outBatch
}

// produceAnswer is what became of each batch.
type produceAnswer struct {
	partitions []written
}

// written is what became of one batch.
type written struct {
	to   Partition
	code int16
	base int64
}

func (*produceRequest) ApiKey() protocol.ApiKey { return protocol.Produce }
func (*produceAnswer) ApiKey() protocol.ApiKey  { return protocol.Produce }

func (*produceRequest) version() int16 { return joiningProduce }

func (r *produceRequest) appendFields(b []byte) []byte {
	if r.transactionalID == "" {
		b = append(b, null)
	} else {
		b = appendCompact(b, r.transactionalID)
	}
	b = binary.BigEndian.AppendUint16(b, 1<<16+acksAll)
	b = binary.BigEndian.AppendUint32(b, uint32(r.timeout))
	b = appendCount(b, len(r.batches))
	for _, batch := range r.batches {
		b = appendCompact(b, batch.to.Topic)
		b = appendCount(b, 1)
		b = binary.BigEndian.AppendUint32(b, uint32(batch.to.Partition))
		b = appendCompact(b, batch.bytes)
		b = append(b, noTags, noTags)
	}
	return b
}

func (*produceRequest) readFields(f *fields) (protocol.Message, error) {
	answer := &produceAnswer{}
	for range f.compactCount() {
		topic := string(f.compact())
		for range f.compactCount() {
			w := written{to: Partition{Topic: topic, Partition: int(f.int32())}, code: f.int16(), base: f.int64()}
			f.int64() // time of the append
			f.int64() // log start
			for range f.compactCount() {
				f.int32()   // a record that is to blame
				f.compact() // for what
				f.tags()
			}
			f.compact() // the error in words
			f.tags()
			answer.partitions = append(answer.partitions, w)
		}
		f.tags()
	}
	f.int32() // throttle time
	f.tags()
	return answer, nil
}

// offsetsRequest commits a group's offsets with the transaction.
type offsetsRequest struct {
	transactionalID string
	epoch           Epoch
	of              *Transaction
}

// offsetsAnswer is what became of each offset.
type offsetsAnswer struct {
	partitions []written
}

func (*offsetsRequest) ApiKey() protocol.ApiKey { return protocol.TxnOffsetCommit }
func (*offsetsAnswer) ApiKey() protocol.ApiKey  { return protocol.TxnOffsetCommit }

func (*offsetsRequest) version() int16 { return joiningOffsetCommit }

func (r *offsetsRequest) appendFields(b []byte) []byte {
	b = appendCompact(b, r.transactionalID)
	b = appendCompact(b, r.of.Group)
	b = binary.BigEndian.AppendUint64(b, uint64(r.epoch.ProducerID))
	b = binary.BigEndian.AppendUint16(b, uint16(r.epoch.Epoch))
	b = binary.BigEndian.AppendUint32(b, uint32(r.of.Generation))
	b = appendCompact(b, r.of.Member)
	b = append(b, 0) // no group instance
	b = appendCount(b, len(r.of.Offsets))
	for _, o := range r.of.Offsets {
		b = appendCompact(b, o.Topic)
		b = appendCount(b, 1)
		b = binary.BigEndian.AppendUint32(b, uint32(o.Partition.Partition))
		b = binary.BigEndian.AppendUint64(b, uint64(o.Offset))
		b = binary.BigEndian.AppendUint32(b, 1<<32+leaderEpochUnsaid)
		b = appendCompact(b, r.of.Metadata)
		b = append(b, noTags, noTags)
	}
	return b
}

func (*offsetsRequest) readFields(f *fields) (protocol.Message, error) {
	answer := &offsetsAnswer{}
	f.int32() // throttle time
	for range f.compactCount() {
		topic := string(f.compact())
		for range f.compactCount() {
			answer.partitions = append(answer.partitions, written{to: Partition{Topic: topic, Partition: int(f.int32())}, code: f.int16()})
			f.tags()
		}
		f.tags()
	}
	f.tags()
	return answer, nil
}

// endRequest commits or aborts a transaction.
type endRequest struct {
	transactionalID string
	epoch           Epoch
	commit          bool
}

// endAnswer brings the epoch of the transaction after it.
type endAnswer struct {
	code int16
	next Epoch
}

func (*endRequest) ApiKey() protocol.ApiKey { return protocol.EndTxn }
func (*endAnswer) ApiKey() protocol.ApiKey  { return protocol.EndTxn }

func (*endRequest) version() int16 { return endWithNextEpoch }

func (r *endRequest) appendFields(b []byte) []byte {
	b = appendCompact(b, r.transactionalID)
	b = binary.BigEndian.AppendUint64(b, uint64(r.epoch.ProducerID))
	b = binary.BigEndian.AppendUint16(b, uint16(r.epoch.Epoch))
	if r.commit {
		return append(b, 1)
	}
	return append(b, 0)
}

func (*endRequest) readFields(f *fields) (protocol.Message, error) {
	f.int32() // throttle time
	answer := &endAnswer{code: f.int16(), next: Epoch{ProducerID: f.int64(), Epoch: f.int16()}}
	f.tags()
	return answer, nil
}
