package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// position is the lane's committed position in Kafka: what the group's offsets and their metadata say, or, where that is
// of a later batch, what stands beside the newest change of the lane's output. It moves only inside the transaction that
// announces batch Batch, so the producer epoch fences it and it never goes back.
type position struct {
	Batch   uint64
	Clock   scorer.Instant
	Offsets map[wire.Partition]int64
	// Output is an offset of the lane's output before which nothing stands that was decided after Batch.
	Output int64
	// Grouped is the batch that the group's offsets had come to when this one was announced beside changes; 0: it does not say.
	Grouped uint64
}

// metadata is the offsets' metadata on the wire.
type metadata struct {
	Batch uint64         `json:"batch"`
	Clock scorer.Instant `json:"clock"`
	// Output is the output offset that the ledger knew when batch Batch was announced; older versions do not say.
	Output int64 `json:"output"`
	// Prefix is where in Redis the lanes of the group keep their state: under another it is another service's.
	Prefix string `json:"prefix"`
}

func (m metadata) String() string {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // integers and a string
	}
	return string(text)
}

// errForeignOffsets: somebody else wrote the group's offsets.
var errForeignOffsets = errors.New("the group's offsets were not written by hotlead")

// errOtherPrefix: the group's lanes keep their state elsewhere.
var errOtherPrefix = errors.New("the group's lanes keep their state under another prefix")

// readPosition makes the lane's position of its committed offsets; nil where there are none.
func readPosition(committed map[wire.Partition]wire.Commit, prefix string) (*position, error) {
	if len(committed) == 0 {
		return nil, nil
	}
	p := &position{Offsets: make(map[wire.Partition]int64, len(committed))}
	for part, c := range committed {
		var m metadata
		if err := json.Unmarshal([]byte(c.Metadata), &m); err != nil || m.Batch == 0 {
			return nil, fmt.Errorf("%w: %s[%d] has metadata %q", errForeignOffsets, part.Topic, part.Partition, c.Metadata)
		}
		if m.Prefix != prefix {
			return nil, fmt.Errorf("%w: %q, and redis.prefix is %q", errOtherPrefix, m.Prefix, prefix)
		}
		p.Offsets[part] = c.Offset
		if m.Batch > p.Batch {
			p.Batch, p.Clock, p.Output = m.Batch, m.Clock, m.Output
		}
	}
	return p, nil
}

// positionHeader is the header in which the last change of a batch that announces nothing but changes carries the
// position that the batch brings the lane to. So the transaction of such a batch need not commit the group's offsets,
// which is half of its work for the broker: whoever takes the lane over finds the position where the changes are.
const positionHeader = "hotlead_position"

// beside is a position as it stands beside a change.
type beside struct {
	metadata
	Offsets map[string]int64 `json:"offsets"` // by offsetKey
	Grouped uint64           `json:"grouped"` // as in position; older versions do not say
}

// place puts the position beside the last of the batch's changes.
func (p beside) place(changes []events.OutRecord) {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // integers and strings
	}
	last := &changes[len(changes)-1]
	last.Headers = append(last.Headers[:len(last.Headers):len(last.Headers)], events.Header{Key: positionHeader, Value: text})
}

// carriesPosition is whether records end with a change that a position stands beside.
func carriesPosition(records []events.OutRecord) bool {
	if len(records) == 0 {
		return false
	}
	headers := records[len(records)-1].Headers
	return len(headers) > 0 && headers[len(headers)-1].Key == positionHeader
}

// readBeside is the position that stands beside a change, nil where none does, or none that this version can read: then the
// group's offsets are what counts. Nor is one of another prefix ours: whoever scores everything again under another prefix
// and group goes on in the same topic. Of a partition of which the group has no offset it says nothing: that one was deleted
// since, and may have been made anew, for whoever announces a position has brought the group's up first.
func readBeside(r *events.Record, prefix string, grouped map[wire.Partition]int64) *position {
	var p beside
	if n := len(r.Headers); n == 0 || r.Headers[n-1].Key != positionHeader || json.Unmarshal(r.Headers[n-1].Value, &p) != nil || p.Prefix != prefix {
		return nil
	}
	read := &position{Batch: p.Batch, Clock: p.Clock, Output: p.Output, Grouped: p.Grouped, Offsets: make(map[wire.Partition]int64, len(p.Offsets))}
	for part := range grouped {
		if next, ok := p.Offsets[offsetKey(part)]; ok {
			read.Offsets[part] = next
		}
	}
	return read
}

// newest is the lane's committed position: that of the group's offsets, or of the newest batch whose changes came after it.
func (l *lane) newest(ctx context.Context, grouped *position) (*position, error) {
	newest, _, err := l.newestSince(ctx, grouped.Output, grouped)
	return newest, err
}

// highest is the highest batch whose position stands beside a change that Redis may not know of. Where the group has no
// position to count on from, a lane counts on from there: what is left in the output of higher batches would else be taken
// for its committed position. announced is whether any record stands there.
func (l *lane) highest(ctx context.Context, ledger *state.Ledger) (batch uint64, announced bool, err error) {
	from := int64(-1)
	if ledger != nil {
		from = ledger.OutputOffset
	}
	p, records, err := l.newestSince(ctx, from, &position{})
	if err != nil {
		return 0, false, err
	}
	return p.Batch, records > 0, nil
}

// newestSince is the position of the newest batch of those that stand beside changes from an output offset on, if it is
// newer than the one given, and how many records there are.
func (l *lane) newestSince(ctx context.Context, from int64, newest *position) (_ *position, records int, err error) {
	grouped := newest.Offsets
	err = l.scan(ctx, l.output, from, func(r *events.Record) error {
		records++
		if p := readBeside(r, l.Store.Prefix(), grouped); p != nil && p.Batch > newest.Batch {
			newest = p
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading the position beside the newest changes: %w", err)
	}
	return newest, records, nil
}
