package events

import (
	"strconv"

	"github.com/hotlead/hotlead/scorer"
)

// Record is a Kafka record as it was fetched.
type Record struct {
	Topic     string
	Partition int
	Offset    int64
	// Time is the record's timestamp. Zero or less: it has none (Kafka says -1).
	Time scorer.Instant
	// Key and Value are nil where the record's are null.
	Key, Value []byte
	Headers    []Header
}

// Header is one header of a record. A record may hold the same key more than once. Value is nil where it is null.
type Header struct {
	Key   string
	Value []byte
}

// OutRecord is a record to be written.
type OutRecord struct {
	Topic     string
	Partition int
	Time      scorer.Instant
	// Key and Value are nil where the record's are null.
	Key, Value []byte
	Headers    []Header
}

// The headers that hotlead adds: to dead letters the reason, the detail, and where the record arrived; to forwards
// where it arrived, the timestamp it came with (milliseconds since the Unix epoch) and, where it was not the lead ID,
// the key it came with.
const (
	HeaderReason    = "hotlead_reason"
	HeaderDetail    = "hotlead_detail"
	HeaderTopic     = "hotlead_topic"
	HeaderPartition = "hotlead_partition"
	HeaderOffset    = "hotlead_offset"
	HeaderTimestamp = "hotlead_timestamp"
	HeaderKey       = "hotlead_key"
)

// Origin is where a record first arrived.
type Origin struct {
	Topic     string
	Partition int
	Offset    int64
}

// OriginOf is where r first arrived: for a forward what its headers say, for every other record its own place.
func OriginOf(r *Record) Origin {
	if f, ok := forwardOf(r); ok {
		return f.origin
	}
	return Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
}

// DeadLetter is the record that says why r was refused: key, value and headers of r as they came, then
// hotlead_reason, hotlead_detail, hotlead_topic, hotlead_partition and hotlead_offset. Of a forward it is the letter
// that would have been written where the event first arrived. A dead letter that was sent in again and refused again
// carries both sets of headers, the newest last.
//
// Topic, Partition and Time are the caller's to set. Key, Value and the values of the headers alias r's.
func DeadLetter(r *Record, refusal *scorer.Refusal) OutRecord {
	key, came, origin := r.Key, r.Headers, OriginOf(r)
	if f, ok := forwardOf(r); ok {
		key, came = f.key, f.came
	}
	headers := make([]Header, 0, len(came)+5)
	headers = append(headers, came...)
	headers = append(headers,
		Header{Key: HeaderReason, Value: []byte(refusal.Reason)},
		Header{Key: HeaderDetail, Value: []byte(refusal.Detail)})
	headers = appendOrigin(headers, origin)
	return OutRecord{Key: key, Value: r.Value, Headers: headers}
}

// Forward is the record that sends r on to the lane of its lead: keyed by the lead ID, so that an event that was named
// by its key alone still decodes; value and headers as they came, then where it first arrived and the timestamp it came
// with, so that its time is judged the same, whatever timestamp the forward itself gets.
//
// Topic, Partition and Time are the caller's to set (see [Lane]). Value and the values of the headers alias r's.
func Forward(r *Record, lead string) OutRecord {
	out := OutRecord{Key: []byte(lead), Value: r.Value}
	if _, ok := forwardOf(r); ok {
		out.Headers = r.Headers
		return out
	}
	out.Headers = make([]Header, 0, len(r.Headers)+5)
	out.Headers = append(out.Headers, r.Headers...)
	out.Headers = appendOrigin(out.Headers, Origin{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset})
	out.Headers = append(out.Headers, Header{Key: HeaderTimestamp, Value: strconv.AppendInt(nil, int64(r.Time), 10)})
	if string(r.Key) != lead {
		out.Headers = append(out.Headers, Header{Key: HeaderKey, Value: r.Key})
	}
	return out
}

func appendOrigin(headers []Header, o Origin) []Header {
	return append(headers,
		Header{Key: HeaderTopic, Value: []byte(o.Topic)},
		Header{Key: HeaderPartition, Value: strconv.AppendInt(nil, int64(o.Partition), 10)},
		Header{Key: HeaderOffset, Value: strconv.AppendInt(nil, o.Offset, 10)})
}

// forward is what a forward's headers say of the record that it was made from.
type forward struct {
	origin Origin
	time   scorer.Instant
	key    []byte
	came   []Header // the headers that the record came with
}

// forwardOf reads the headers that Forward put last. The timestamp tells them from those of a dead letter: one that was
// sent in again is a new record with a place of its own.
func forwardOf(r *Record) (forward, bool) {
	h := r.Headers
	f := forward{key: r.Key}
	if n := len(h); n > 0 && h[n-1].Key == HeaderKey {
		f.key, h = h[n-1].Value, h[:n-1]
	}
	n := len(h) - 4
	if n < 0 || h[n].Key != HeaderTopic || h[n+1].Key != HeaderPartition || h[n+2].Key != HeaderOffset || h[n+3].Key != HeaderTimestamp {
		return forward{}, false
	}
	partition, err := strconv.ParseUint(string(h[n+1].Value), 10, 31)
	if err != nil {
		return forward{}, false
	}
	offset, err := strconv.ParseUint(string(h[n+2].Value), 10, 63)
	if err != nil {
		return forward{}, false
	}
	at, err := strconv.ParseInt(string(h[n+3].Value), 10, 64)
	if err != nil {
		return forward{}, false
	}
	f.origin = Origin{Topic: string(h[n].Value), Partition: int(partition), Offset: int64(offset)}
	f.time, f.came = scorer.Instant(at), h[:n]
	return f, true
}

// sent is the timestamp with which r first arrived.
func sent(r *Record) scorer.Instant {
	if len(r.Headers) == 0 {
		return r.Time
	}
	if f, ok := forwardOf(r); ok {
		return f.time
	}
	return r.Time
}
