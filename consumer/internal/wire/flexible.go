package wire

import (
	"encoding/binary"
	"io"

	"github.com/segmentio/kafka-go/protocol"
)

// flexible is a request in a version that kafka-go does not know: it writes itself, and reads its own answer. "Flexible"
// is Kafka's word for the versions in which lengths are varints and every structure ends with tagged fields.
type flexible interface {
	protocol.Message
	// version is the request's.
	version() int16
	// appendFields appends the request's fields behind its header.
	appendFields(b []byte) []byte
	// readFields reads the answer behind its correlation ID.
	readFields(f *fields) (protocol.Message, error)
}

// correlation is the ID of every request: one at a time is on a connection, so any will do.
const correlation = 1

// largestWord bounds what is read for the answer to a flexible request, each of which is a few numbers and names.
const largestWord = 4 << 20

// noTags ends a structure: none of what may stand there is needed.
const noTags = 0

// null is a text that is none.
const null = 0

// roundTripFlexible sends a request and reads its answer.
func roundTripFlexible(rw io.ReadWriter, clientID string, request flexible) (protocol.Message, error) {
	if _, err := rw.Write(appendRequest(nil, clientID, request)); err != nil {
		return nil, err
	}
	var prefix [4]byte
	if _, err := io.ReadFull(rw, prefix[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(prefix[:])
	if size > largestWord {
		return nil, protocol.Errorf("an answer of %d bytes to %s", size, request.ApiKey())
	}
	answer := make([]byte, size)
	if _, err := io.ReadFull(rw, answer); err != nil {
		return nil, err
	}
	return readAnswer(answer, request)
}

// appendRequest appends a request as it goes over the wire, in one piece.
func appendRequest(b []byte, clientID string, request flexible) []byte {
	begin := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(request.ApiKey()))
	b = binary.BigEndian.AppendUint16(b, uint16(request.version()))
	b = binary.BigEndian.AppendUint32(b, correlation)
	b = binary.BigEndian.AppendUint16(b, uint16(len(clientID))) // not compact, in any version
	b = append(b, clientID...)
	b = append(b, noTags)
	b = request.appendFields(b)
	b = append(b, noTags)
	binary.BigEndian.PutUint32(b[begin:], uint32(len(b)-begin-4))
	return b
}

// readAnswer reads an answer without its size.
func readAnswer(answer []byte, request flexible) (protocol.Message, error) {
	f := fields{rest: answer}
	if got := f.int32(); got != correlation {
		return nil, protocol.Errorf("an answer to another request than %s", request.ApiKey())
	}
	if request.ApiKey() != protocol.ApiVersions { // whose answer even those can read who don't know its version
		f.tags()
	}
	read, err := request.readFields(&f)
	if err == nil && f.cut {
		err = protocol.Errorf("an answer to %s ends before its fields do", request.ApiKey())
	}
	return read, err
}

// appendCompact appends a compact length and the bytes.
func appendCompact[S []byte | string](b []byte, s S) []byte {
	return append(appendCount(b, len(s)), s...)
}

// appendCount appends a compact length, in which 0 stands for null.
func appendCount(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)+1) }

// tags passes over tagged fields.
func (f *fields) tags() {
	f.eachTag(func(uint64, *fields) {})
}

// eachTag hands out tagged fields.
func (f *fields) eachTag(each func(tag uint64, value *fields)) {
	for range f.bounded(f.uvarint()) {
		tag := f.uvarint()
		value := fields{rest: f.take(f.bounded(f.uvarint()))}
		each(tag, &value)
		f.cut = f.cut || value.cut
	}
}

// compactCount is a compact array's length, 0 for null. Each of its elements takes a byte at least.
func (f *fields) compactCount() int {
	n := f.uvarint()
	if n == 0 {
		return 0
	}
	return f.bounded(n - 1)
}

// compact is a compact string or bytes, nil for null.
func (f *fields) compact() []byte { return f.take(f.compactCount()) }

// bounded is n, if so many bytes are left.
func (f *fields) bounded(n uint64) int {
	if n > uint64(len(f.rest)) {
		f.cut, f.rest = true, nil
		return 0
	}
	return int(n)
}

func (f *fields) uvarint() uint64 {
	v, n := binary.Uvarint(f.rest)
	if n <= 0 {
		f.cut, f.rest = true, nil
		return 0
	}
	f.rest = f.rest[n:]
	return v
}
