package wire

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	"github.com/hotlead/hotlead/events"
)

// largestBatch is how large a record batch is made before another is begun: brokers refuse one above 1,048,588 bytes by
// default (message.max.bytes). A single record larger than that goes alone, and the broker decides.
const largestBatch = 900 << 10

// outBatch is an encoded batch on its way.
type outBatch struct {
	to    Partition
	bytes []byte
	// base is the first record's offset, once the broker has told it.
	base int64
}

// batches encodes the records as batches with attributes, in their order for each partition, and numbers them on from the
// partition's sequence. Of one partition's batches each is in a round of its own, as a request holds at most one batch
// per partition.
func (p *Producer) batches(records []events.OutRecord, attributes uint16) (rounds [][]*outBatch) {
	var order []Partition
	byPartition := make(map[Partition][]*events.OutRecord)
	for i := range records {
		to := Partition{Topic: records[i].Topic, Partition: records[i].Partition}
		if byPartition[to] == nil {
			order = append(order, to)
		}
		byPartition[to] = append(byPartition[to], &records[i])
	}
	for _, to := range order {
		rest := byPartition[to]
		for round := 0; len(rest) > 0; round++ {
			n, size := fits(rest)
			if round == len(rounds) {
				rounds = append(rounds, nil)
			}
			sequence := p.sequences[to]
			rounds[round] = append(rounds[round], &outBatch{to: to, bytes: encodeBatch(rest[:n], size, attributes, p.epoch, sequence)})
			// Sequences begin at 0 again after the largest.
			p.sequences[to] = int32((int64(sequence) + int64(n)) & (1<<31 - 1))
			rest = rest[n:]
		}
	}
	return rounds
}

// fits is how many of the records go into one batch, at least one, and how large it gets at most.
func fits(records []*events.OutRecord) (n, size int) {
	size = batchHeaderSize
	for n < len(records) {
		// An offset delta below 2³¹ takes no more bytes than the record's number in the batch; a time delta, ten.
		more := recordSize(records[n], binary.MaxVarintLen64, varintSize(int64(n)))
		more += varintSize(int64(more))
		if n > 0 && size+more > largestBatch {
			break
		}
		size += more
		n++
	}
	return n, size
}

func encodeBatch(records []*events.OutRecord, size int, attributes uint16, epoch Epoch, sequence int32) []byte {
	b := make([]byte, batchHeaderSize, size)
	first := int64(records[0].Time)
	latest := first
	for i, r := range records {
		latest = max(latest, int64(r.Time))
		b = appendRecord(b, r, int64(r.Time)-first, int64(i))
	}
	binary.BigEndian.PutUint32(b[batchLengthAt:], uint32(len(b)-batchPrefixSize))
	binary.BigEndian.PutUint32(b[batchPrefixSize:], 1<<32-1) // leader epoch: the broker's to fill in
	b[batchMagicAt] = batchMagic
	binary.BigEndian.PutUint16(b[batchAttributesAt:], attributes)
	binary.BigEndian.PutUint32(b[batchLastDeltaAt:], uint32(len(records)-1))
	binary.BigEndian.PutUint64(b[batchBaseTimeAt:], uint64(first))
	binary.BigEndian.PutUint64(b[batchMaxTimeAt:], uint64(latest))
	binary.BigEndian.PutUint64(b[batchProducerAt:], uint64(epoch.ProducerID))
	binary.BigEndian.PutUint16(b[batchEpochAt:], uint16(epoch.Epoch))
	binary.BigEndian.PutUint32(b[batchSequenceAt:], uint32(sequence))
	binary.BigEndian.PutUint32(b[batchCountAt:], uint32(len(records)))
	binary.BigEndian.PutUint32(b[batchCRCAt:], crc32.Checksum(b[batchAttributesAt:], castagnoli))
	return b
}

func appendRecord(b []byte, r *events.OutRecord, timeDelta, offsetDelta int64) []byte {
	b = binary.AppendVarint(b, int64(recordSize(r, varintSize(timeDelta), varintSize(offsetDelta))))
	b = append(b, 0) // attributes: none are defined
	b = binary.AppendVarint(b, timeDelta)
	b = binary.AppendVarint(b, offsetDelta)
	b = appendBytes(b, r.Key)
	b = appendBytes(b, r.Value)
	b = binary.AppendVarint(b, int64(len(r.Headers)))
	for _, h := range r.Headers {
		b = binary.AppendVarint(b, int64(len(h.Key)))
		b = append(b, h.Key...)
		b = appendBytes(b, h.Value)
	}
	return b
}

// appendBytes appends a length and the bytes; the length -1 for nil.
func appendBytes(b, data []byte) []byte {
	if data == nil {
		return binary.AppendVarint(b, -1)
	}
	b = binary.AppendVarint(b, int64(len(data)))
	return append(b, data...)
}

// recordSize is how many bytes a record takes behind its length, its deltas taking as many as said.
func recordSize(r *events.OutRecord, timeDelta, offsetDelta int) int {
	size := 1 + timeDelta + offsetDelta + bytesSize(r.Key) + bytesSize(r.Value) + varintSize(int64(len(r.Headers)))
	for _, h := range r.Headers {
		size += varintSize(int64(len(h.Key))) + len(h.Key) + bytesSize(h.Value)
	}
	return size
}

func bytesSize(data []byte) int {
	if data == nil {
		return 1
	}
	return varintSize(int64(len(data))) + len(data)
}

// varintSize is how many bytes a zigzag number takes.
func varintSize(v int64) int {
	zigzag := uint64(v)<<1 ^ uint64(v>>63)
	return (bits.Len64(zigzag|1) + 6) / 7
}
