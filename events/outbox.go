package events

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/hotlead/hotlead/scorer"
)

// ErrOutbox is what every error of ReadOutbox matches: the bytes are no outbox that this version can read.
var ErrOutbox = errors.New("unreadable outbox")

// outboxVersion is the first byte of an encoded outbox. Version 1: the number of records, then of each topic,
// partition, time, key, value, the number of headers, and their keys and values. Numbers are unsigned varints, the time
// is a signed (zigzag) one. A text is its length and its bytes; one that may be null its length plus one, 0 being null.
const outboxVersion = 1

// AppendOutbox appends recs to b in a form that [ReadOutbox] reads back to the same records, byte for byte.
func AppendOutbox(b []byte, recs []OutRecord) []byte {
	b = slices.Grow(b, outboxRoom(recs)) // it may be large: not one step of growth after the other
	b = append(b, outboxVersion)
	b = binary.AppendUvarint(b, uint64(len(recs)))
	for i := range recs {
		r := &recs[i]
		b = appendText(b, r.Topic)
		b = binary.AppendUvarint(b, uint64(r.Partition))
		b = binary.AppendVarint(b, int64(r.Time))
		b = appendNullable(b, r.Key)
		b = appendNullable(b, r.Value)
		b = binary.AppendUvarint(b, uint64(len(r.Headers)))
		for _, h := range r.Headers {
			b = appendText(b, h.Key)
			b = appendNullable(b, h.Value)
		}
	}
	return b
}

// outboxRoom is how many bytes recs take in an outbox at most.
func outboxRoom(recs []OutRecord) int {
	const number = binary.MaxVarintLen64
	room := 1 + number
	for i := range recs {
		r := &recs[i]
		room += 6*number + len(r.Topic) + len(r.Key) + len(r.Value)
		for _, h := range r.Headers {
			room += 2*number + len(h.Key) + len(h.Value)
		}
	}
	return room
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendNullable(b, text []byte) []byte {
	if text == nil {
		return append(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(text))+1)
	return append(b, text...)
}

// ReadOutbox reads what [AppendOutbox] wrote. No bytes at all are no records. Keys, values and the values of headers
// alias b. Errors match [ErrOutbox].
func ReadOutbox(b []byte) ([]OutRecord, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if b[0] != outboxVersion {
		return nil, fmt.Errorf("%w: format version %d, this hotlead reads %d; run the version that wrote it, or a newer one",
			ErrOutbox, b[0], outboxVersion)
	}
	r := outboxReader{b: b, i: 1}
	// The smallest record takes six bytes: so a damaged count does not reserve more memory than the bytes warrant.
	recs := make([]OutRecord, 0, r.count(6))
	for range cap(recs) {
		rec := OutRecord{Topic: r.text()}
		rec.Partition = int(r.number(math.MaxInt32))
		rec.Time = scorer.Instant(r.signed())
		rec.Key = r.nullable()
		rec.Value = r.nullable()
		if n := r.count(2); n > 0 {
			rec.Headers = make([]Header, n)
			for i := range rec.Headers {
				rec.Headers[i] = Header{Key: r.text(), Value: r.nullable()}
			}
		}
		recs = append(recs, rec)
	}
	if r.broken {
		return nil, fmt.Errorf("%w: it breaks off or is damaged at byte %d of %d", ErrOutbox, r.i, len(b))
	}
	if r.i != len(b) {
		return nil, fmt.Errorf("%w: %d bytes follow its last record", ErrOutbox, len(b)-r.i)
	}
	return recs, nil
}

// outboxReader reads the parts of an outbox. Once broken it answers nothing but zeros and stays where it broke.
type outboxReader struct {
	b      []byte
	i      int
	broken bool
}

func (r *outboxReader) number(highest uint64) uint64 {
	if r.broken {
		return 0
	}
	v, n := binary.Uvarint(r.b[r.i:])
	if n <= 0 || v > highest {
		r.broken = true
		return 0
	}
	r.i += n
	return v
}

func (r *outboxReader) signed() int64 {
	if r.broken {
		return 0
	}
	v, n := binary.Varint(r.b[r.i:])
	if n <= 0 {
		r.broken = true
		return 0
	}
	r.i += n
	return v
}

// count is the number of things that follow, of at least size bytes each.
func (r *outboxReader) count(size int) int {
	n := r.number(math.MaxInt32)
	if n > uint64((len(r.b)-r.i)/size) {
		r.broken = true
		return 0
	}
	return int(n)
}

func (r *outboxReader) bytes(n int) []byte {
	if n > len(r.b)-r.i {
		r.broken = true
	}
	if r.broken {
		return nil
	}
	text := r.b[r.i : r.i+n : r.i+n]
	r.i += n
	return text
}

func (r *outboxReader) text() string { return string(r.bytes(int(r.number(math.MaxInt32)))) }

func (r *outboxReader) nullable() []byte {
	n := int(r.number(math.MaxInt32))
	if n == 0 {
		return nil
	}
	return r.bytes(n - 1)
}
