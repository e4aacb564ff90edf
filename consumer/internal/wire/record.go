package wire

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"github.com/hotlead/hotlead/events"
)

var errRecordCut = errors.New("a record ends before its fields do")

// rawRecord is a record as it stands in its batch; key, value and headers alias the batch.
type rawRecord struct {
	timeDelta, offsetDelta int64
	key, value             []byte
	headers                []events.Header
}

// recordReader reads one record after the other. After a fault nothing that it returns means anything.
type recordReader struct {
	rest    []byte
	headers []events.Header // all that were read, one after the other
	fault   error
}

func (r *recordReader) record() rawRecord {
	size := r.varint()
	if size < 0 || size > int64(len(r.rest)) {
		r.fault = errRecordCut
	}
	if r.fault != nil {
		return rawRecord{}
	}
	after := r.rest[size:]
	r.rest = r.rest[:size]
	if size == 0 {
		r.fault = errRecordCut
		return rawRecord{}
	}
	r.rest = r.rest[1:] // attributes: none are defined
	var raw rawRecord
	raw.timeDelta = r.varint()
	raw.offsetDelta = r.varint()
	raw.key = r.bytes()
	raw.value = r.bytes()
	if n := r.varint(); n != 0 {
		raw.headers = r.readHeaders(n)
	}
	if r.fault == nil && len(r.rest) != 0 {
		r.fault = errors.New("a record is longer than its fields")
	}
	r.rest = after
	return raw
}

func (r *recordReader) readHeaders(n int64) []events.Header {
	// A header takes two bytes or more, so a count above what can follow is known before anything is made for it.
	if n < 0 || n > int64(len(r.rest))/2 {
		r.fault = errRecordCut
		return nil
	}
	before := len(r.headers)
	for range n {
		key := r.bytes()
		if key == nil && r.fault == nil {
			r.fault = errors.New("a header without a key")
		}
		value := r.bytes()
		if r.fault != nil {
			return nil
		}
		r.headers = append(r.headers, events.Header{Key: unsafe.String(unsafe.SliceData(key), len(key)), Value: value})
	}
	return r.headers[before:len(r.headers):len(r.headers)]
}

// bytes reads a length and that many bytes; nil where the length is -1.
func (r *recordReader) bytes() []byte {
	n := r.varint()
	if n == -1 {
		return nil
	}
	if n < 0 || n > int64(len(r.rest)) {
		r.fault = errRecordCut
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// varint reads a zigzag number. Nearly all of them take one byte, or two.
func (r *recordReader) varint() int64 {
	if b := r.rest; len(b) > 1 {
		if b[0] < 0x80 {
			r.rest = b[1:]
			return int64(b[0]>>1) ^ -int64(b[0]&1)
		}
		if b[1] < 0x80 {
			r.rest = b[2:]
			u := uint64(b[0]&0x7f) | uint64(b[1])<<7
			return int64(u>>1) ^ -int64(u&1)
		}
	}
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fault = errRecordCut
		return 0
	}
	r.rest = r.rest[n:]
	return v
}
