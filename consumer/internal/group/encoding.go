package group

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// protocolName names the way lanes are dealt out. All members of a group must offer the same name, so a change of
// what the members tell each other below needs a new one.
const protocolName = "hotlead-lanes-v1"

// protocolType is that of every consumer, so that standard tools can read subscriptions and assignments.
const protocolType = "consumer"

// consumerVersion is the version of ConsumerProtocolSubscription and ConsumerProtocolAssignment written here:
// https://github.com/apache/kafka/tree/trunk/clients/src/main/resources/common/message. Later ones only append fields.
const consumerVersion = 0

// dataVersion is the first byte of what hotlead's members tell each other in the user data of both.
const dataVersion = 1

var errMalformed = errors.New("malformed")

// appendSubscription is the metadata of a member that joins: the topics, and as user data its claim, which is
//
//	byte version, int32 generation, int32 count, int32 lane… (ascending)
func appendSubscription(b []byte, topics []string, c claim) []byte {
	b = binary.BigEndian.AppendUint16(b, consumerVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(len(topics)))
	for _, topic := range topics {
		b = appendString(b, topic)
	}
	data := []byte{dataVersion}
	data = binary.BigEndian.AppendUint32(data, uint32(c.generation))
	data = appendLanes(data, c.lanes)
	return appendBytes(b, data)
}

// claimOf reads the claim out of a member's metadata. A member whose metadata is not understood claims nothing: it has
// joined, so it gets lanes like any other.
func claimOf(member string, metadata []byte) claim {
	r := reader{rest: metadata}
	r.uint16()
	for range r.count(2) {
		r.take(int(r.uint16()))
	}
	r = reader{rest: r.take(int(r.uint32())), failed: r.failed}
	version := r.byte()
	c := claim{member: member, generation: int32(r.uint32()), lanes: r.lanes()}
	if r.failed || version != dataVersion || len(r.rest) > 0 {
		return claim{member: member}
	}
	return c
}

// appendAssignment is what the leader assigns to a member: for standard tools the partitions of each topic that the
// lanes stand for, and as user data the lanes themselves, which is
//
//	byte version, int32 number of lanes in all, int32 count, int32 lane… (ascending)
func appendAssignment(b []byte, n int, topics []string, partitions map[string]int, lanes []int) []byte {
	b = binary.BigEndian.AppendUint16(b, consumerVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(len(topics)))
	for _, topic := range topics {
		count, known := partitions[topic]
		if !known {
			count = n
		}
		b = appendString(b, topic)
		b = appendLanes(b, partitionsOf(lanes, n, count))
	}
	data := []byte{dataVersion}
	data = binary.BigEndian.AppendUint32(data, uint32(n))
	data = appendLanes(data, lanes)
	return appendBytes(b, data)
}

// partitionsOf are the partitions of a topic with count partitions that belong to the lanes, of n: q to lane q mod n.
func partitionsOf(lanes []int, n, count int) []int {
	var partitions []int
	for base := 0; base < count; base += n {
		for _, lane := range lanes {
			if base+lane < count {
				partitions = append(partitions, base+lane)
			}
		}
	}
	return partitions
}

// lanesOf reads the lanes, ascending, out of an assignment to a member that knows of n lanes.
func lanesOf(assignment []byte, n int) ([]int, error) {
	r := reader{rest: assignment}
	r.uint16()
	for range r.count(6) {
		r.take(int(r.uint16()))
		r.take(4 * r.count(4))
	}
	r = reader{rest: r.take(int(r.uint32())), failed: r.failed}
	version, all, lanes := r.byte(), r.uint32(), r.lanes()
	switch {
	case r.failed || len(r.rest) > 0:
		return nil, errMalformed
	case version != dataVersion:
		return nil, fmt.Errorf("its user data has version %d, this program reads %d", version, dataVersion)
	case int(all) != n:
		return nil, fmt.Errorf("it deals out %d lanes, this member counts %d: is its view of the inbox topic stale? restart it", all, n)
	case len(lanes) > 0 && lanes[len(lanes)-1] >= n:
		return nil, errMalformed
	}
	return lanes, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func appendBytes(b, data []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(data))), data...)
}

func appendLanes(b []byte, lanes []int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(lanes)))
	for _, lane := range lanes {
		b = binary.BigEndian.AppendUint32(b, uint32(lane))
	}
	return b
}

// reader takes big-endian values off the front of rest. After it has run out everything is zero and failed is set, so
// that one look at the end is enough; no length read from the bytes makes it allocate more than they hold.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || n < 0 || n > len(r.rest) {
		r.failed, r.rest = true, nil
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// count reads the length of an array whose elements take at least size bytes each.
func (r *reader) count(size int) int {
	n := int(r.uint32())
	if n > len(r.rest)/size {
		r.take(math.MaxInt)
		return 0
	}
	return n
}

// lanes reads an array of lanes, which must ascend strictly.
func (r *reader) lanes() []int {
	var lanes []int
	for range r.count(4) {
		lanes = append(lanes, int(r.uint32()))
	}
	if !slices.IsSorted(lanes) || len(slices.Compact(slices.Clone(lanes))) != len(lanes) {
		r.take(math.MaxInt)
	}
	return lanes
}
