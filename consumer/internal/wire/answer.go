package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go/protocol"
)

// fetchAnswer is a broker's answer to a fetch, as it came: its batches are read where they stand.
type fetchAnswer struct {
	bytes      []byte // the whole of it, which all of partitions aliases
	lease      *lease // not nil: bytes is nil, and this is what partitions aliases
	err        error  // of the answer as a whole
	partitions []partitionAnswer
}

// partitionAnswer is what the answer says of one partition.
type partitionAnswer struct {
	topic        []byte
	partition    int32
	err          error
	high, stable int64
	aborted      []abortedTransaction
	batches      []byte
}

// at is whether that is the partition of a position.
func (a *partitionAnswer) at(p Position) bool {
	return int32(p.Partition.Partition) == a.partition && p.Topic == string(a.topic)
}

// ApiKey makes the answer a message that the Transport passes through.
func (*fetchAnswer) ApiKey() protocol.ApiKey { return protocol.Fetch }

// The versions of Fetch that are understood: from the one that reads committed (Kafka 0.11) to the newest that kafka-go
// asks for. Flexible versions begin above it.
const (
	oldestFetch          = 4
	fetchWithLogStart    = 5
	fetchWithSession     = 7
	fetchWithReadReplica = 11
	newestFetch          = 11
)

// largestAnswer bounds what is read for one answer: a size above it comes from no broker that was asked for less.
const largestAnswer = 1 << 30

var errAnswerCut = errors.New("a fetch answer ends before its fields do")

// readFetchAnswer reads an answer off the connection.
func (m *memory) readFetchAnswer(r io.Reader, version int16) (protocol.Message, error) {
	return readFetchAnswer(r, version, m.take)
}

func readFetchAnswer(r io.Reader, version int16, take func(size int) []byte) (protocol.Message, error) {
	if version < oldestFetch || version > newestFetch {
		return nil, fmt.Errorf("the broker speaks Fetch %d, where %d to %d are needed (Kafka 0.11 or newer)", version, oldestFetch, newestFetch)
	}
	var prefix [4]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(prefix[:])
	if size > largestAnswer {
		return nil, protocol.Errorf("a fetch answer of %d bytes", size)
	}
	answer := take(int(size))
	if _, err := io.ReadFull(r, answer); err != nil {
		return nil, err
	}
	return parseFetchAnswer(answer, version)
}

func parseFetchAnswer(answer []byte, version int16) (*fetchAnswer, error) {
	f := fields{rest: answer}
	f.int32() // correlation ID
	f.int32() // throttle time
	parsed := &fetchAnswer{bytes: answer}
	if version >= fetchWithSession {
		parsed.err = answered(f.int16())
		f.int32() // session ID
	}
	for range f.count() {
		topic := f.string()
		for range f.count() {
			parsed.partitions = append(parsed.partitions, f.partition(topic, version))
		}
	}
	if f.cut {
		return nil, errAnswerCut
	}
	return parsed, nil
}

// fields reads a message's fields one after the other. Once cut, everything reads as 0.
type fields struct {
	rest []byte
	cut  bool
}

func (f *fields) partition(topic []byte, version int16) partitionAnswer {
	p := partitionAnswer{topic: topic, partition: f.int32()}
	p.err = answered(f.int16())
	p.high = f.int64()
	p.stable = f.int64()
	if version >= fetchWithLogStart {
		f.int64() // log start
	}
	for range f.count() {
		p.aborted = append(p.aborted, abortedTransaction{producer: f.int64(), first: f.int64()})
	}
	if version >= fetchWithReadReplica {
		f.int32() // preferred read replica: none is ever named to a client that names no rack
	}
	p.batches = f.take(int(f.int32()))
	return p
}

// take is the next n bytes; none where n is negative, which stands for null.
func (f *fields) take(n int) []byte {
	if n > len(f.rest) {
		f.cut, f.rest = true, nil
	}
	if n <= 0 || f.cut {
		return nil
	}
	b := f.rest[:n]
	f.rest = f.rest[n:]
	return b
}

// count is an array's length. Each of its elements takes a byte at least.
func (f *fields) count() int {
	n := int(f.int32())
	if n > len(f.rest) {
		f.cut, f.rest = true, nil
		return 0
	}
	return max(n, 0)
}

func (f *fields) string() []byte { return f.take(int(f.int16())) }

func (f *fields) int16() int16 {
	if b := f.take(2); b != nil {
		return be16(b)
	}
	return 0
}

func (f *fields) int32() int32 {
	if b := f.take(4); b != nil {
		return be32(b)
	}
	return 0
}

func (f *fields) int64() int64 {
	if b := f.take(8); b != nil {
		return be64(b)
	}
	return 0
}
