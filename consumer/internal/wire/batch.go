package wire

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// Where the fields of a record batch (message format 2, https://kafka.apache.org/documentation/#recordbatch) stand.
const (
	batchLengthAt     = 8 // of all that follows it
	batchMagicAt      = 16
	batchCRCAt        = 17 // of all that follows it
	batchAttributesAt = 21
	batchLastDeltaAt  = 23
	batchBaseTimeAt   = 27
	batchMaxTimeAt    = 35
	batchProducerAt   = 43
	batchEpochAt      = 51
	batchSequenceAt   = 53
	batchCountAt      = 57
	batchHeaderSize   = 61

	// batchPrefixSize is base offset and length, which the length does not count.
	batchPrefixSize = 12
	batchMagic      = 2
)

// Bits of a batch's attributes, above the codec's three.
const (
	codecBits         = 0x07
	logAppendTimeBit  = 0x08
	transactionalBit  = 0x10
	controlBit        = 0x20
	smallestRecord    = 7 // a length, attributes, two deltas, key length, value length, header count
	controlKeySize    = 4
	controlTypeAbort  = 0
	noProducer        = -1
	largestOffsetStep = math.MaxInt32
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func be16(b []byte) int16 { return int16(binary.BigEndian.Uint16(b)) }
func be32(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) }
func be64(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

// abortedTransaction is a producer's transaction that was aborted, by the offset of its first record in the partition.
type abortedTransaction struct {
	producer int64
	first    int64
}

// batch is one record batch, its header read.
type batch struct {
	base, last int64
	attributes int16
	baseTime   int64
	maxTime    int64
	producer   int64
	epoch      int16
	count      int
	body       []byte // the records, as they came
}

// readBatch takes the batch at the beginning of data. size is how much of data it is; 0 where data ends before the
// batch does, as an answer may, since brokers cut it at its largest size.
func readBatch(data []byte) (b batch, size int, err error) {
	if len(data) <= batchMagicAt {
		return batch{}, 0, nil
	}
	if magic := data[batchMagicAt]; magic != batchMagic {
		return batch{}, 0, fmt.Errorf("message format %d, where format 2 (Kafka 0.11, 2017) is the only one that is read", magic)
	}
	length := int(be32(data[batchLengthAt:]))
	if length < batchHeaderSize-batchPrefixSize {
		return batch{}, 0, fmt.Errorf("a batch of %d bytes", length)
	}
	if length > len(data)-batchPrefixSize {
		return batch{}, 0, nil
	}
	data = data[:batchPrefixSize+length]
	if want, got := binary.BigEndian.Uint32(data[batchCRCAt:]), crc32.Checksum(data[batchAttributesAt:], castagnoli); want != got {
		return batch{}, 0, fmt.Errorf("the checksum is %08x, the batch says %08x", got, want)
	}
	b = batch{
		base:       be64(data),
		attributes: be16(data[batchAttributesAt:]),
		baseTime:   be64(data[batchBaseTimeAt:]),
		maxTime:    be64(data[batchMaxTimeAt:]),
		producer:   be64(data[batchProducerAt:]),
		epoch:      be16(data[batchEpochAt:]),
		count:      int(be32(data[batchCountAt:])),
		body:       data[batchHeaderSize:],
	}
	delta := be32(data[batchLastDeltaAt:])
	if b.base < 0 || delta < 0 || b.base > math.MaxInt64-1-largestOffsetStep || b.count < 0 {
		return batch{}, 0, fmt.Errorf("base offset %d, last offset delta %d, %d records", b.base, delta, b.count)
	}
	b.last = b.base + int64(delta)
	return b, len(data), nil
}

func (b *batch) codec() int          { return int(b.attributes & codecBits) }
func (b *batch) isControl() bool     { return b.attributes&controlBit != 0 }
func (b *batch) transactional() bool { return b.attributes&transactionalBit != 0 }

// isAbortMarker says whether the batch is the marker that ends its producer's transaction by aborting it.
func (b *batch) isAbortMarker() bool {
	if !b.isControl() || b.codec() != plain || b.count == 0 {
		return false
	}
	r := recordReader{rest: b.body}
	key := r.record().key
	return r.fault == nil && len(key) >= controlKeySize && be16(key[2:]) == controlTypeAbort
}

// decoder turns the batches of fetch answers into records. What it hands out lives in slices that are used again after
// reset; the bytes that records point to are the answer's, or were inflated from it.
type decoder struct {
	inflater inflater
	records  []events.Record
	headers  []events.Header
	aborted  map[int64]bool // producers whose open transaction is an aborted one
	marker   Epoch          // that of the last marker that decode has seen; its ProducerID is noProducer: of none
	// inflated is how much was decompressed since reset: past the inflater's limit no further batch is begun, which
	// bounds the memory of many small bombs as that of one large.
	inflated int
}

func newDecoder(limit int) *decoder {
	return &decoder{inflater: inflater{limit: limit}, aborted: make(map[int64]bool)}
}

func (d *decoder) reset() {
	// Cleared, so that the answers that they point to can be collected.
	clear(d.records)
	clear(d.headers)
	d.records, d.headers, d.inflated = d.records[:0], d.headers[:0], 0
}

// decode appends to d.records the committed records of data at and after from, and returns the position after all that
// it has seen. As the Java client, it leaves out control records, and the batches of producers of whose transactions
// the broker said that they were aborted, from the transaction's first offset up to its abort marker.
//
// A batch that can't be read is an error only where nothing before it moved the position: so what is good is handed
// out first.
func (d *decoder) decode(from Position, data []byte, aborted []abortedTransaction) (next int64, err error) {
	slices.SortFunc(aborted, func(a, b abortedTransaction) int { return int(min(max(a.first-b.first, -1), 1)) })
	clear(d.aborted)
	d.marker = Epoch{ProducerID: noProducer}
	next = from.Offset
	for next == from.Offset || d.inflated < d.inflater.limit {
		b, size, err := readBatch(data)
		if err == nil && size > 0 {
			aborted = d.beginAborted(aborted, b.last)
			err = d.batch(from, &b)
		}
		if err != nil {
			if next > from.Offset {
				return next, nil
			}
			return next, from.at(fmt.Errorf("at offset %d: %w: %w", from.Offset, ErrCorrupt, err))
		}
		if size == 0 {
			return next, nil
		}
		next = max(next, b.last+1)
		data = data[size:]
	}
	return next, nil
}

// beginAborted notes the producers of the aborted transactions that begin up to an offset, and returns the rest.
func (d *decoder) beginAborted(aborted []abortedTransaction, upTo int64) []abortedTransaction {
	for len(aborted) > 0 && aborted[0].first <= upTo {
		d.aborted[aborted[0].producer] = true
		aborted = aborted[1:]
	}
	return aborted
}

// batch appends the batch's records, unless they were aborted or are none.
func (d *decoder) batch(from Position, b *batch) error {
	switch {
	case b.isControl():
		d.marker = Epoch{ProducerID: b.producer, Epoch: b.epoch}
		if b.isAbortMarker() {
			delete(d.aborted, b.producer)
		}
		return nil
	case b.count == 0, b.last < from.Offset: // emptied by compaction, or read before
		return nil
	case b.producer != noProducer && b.transactional() && d.aborted[b.producer]:
		return nil
	}
	body := b.body
	if codec := b.codec(); codec != plain {
		var err error
		if body, err = d.inflater.inflate(codec, body); err != nil {
			return err
		}
		d.inflated += len(body)
	}
	if b.count > len(body)/smallestRecord {
		return fmt.Errorf("%d records in %d bytes", b.count, len(body))
	}
	before := len(d.records)
	if err := d.appendRecords(from, b, body); err != nil {
		d.records = d.records[:before]
		return err
	}
	return nil
}

func (d *decoder) appendRecords(from Position, b *batch, body []byte) error {
	d.records = slices.Grow(d.records, b.count)
	r := recordReader{rest: body, headers: d.headers}
	for range b.count {
		raw := r.record()
		if r.fault != nil {
			return r.fault
		}
		if raw.offsetDelta < 0 || raw.offsetDelta > b.last-b.base {
			return fmt.Errorf("a record at %d behind the batch's first, where the last is at %d", raw.offsetDelta, b.last-b.base)
		}
		offset := b.base + raw.offsetDelta
		if offset < from.Offset {
			continue
		}
		at := b.baseTime + raw.timeDelta
		if b.attributes&logAppendTimeBit != 0 {
			at = b.maxTime
		}
		d.records = append(d.records, events.Record{
			Topic: from.Topic, Partition: from.Partition.Partition, Offset: offset, Time: scorer.Instant(at),
			Key: raw.key, Value: raw.value, Headers: raw.headers,
		})
	}
	d.headers = r.headers
	if len(r.rest) != 0 {
		return fmt.Errorf("%d bytes after the last record", len(r.rest))
	}
	return nil
}
