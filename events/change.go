package events

import "github.com/hotlead/hotlead/scorer"

// AppendChange appends c as a CloudEvent in structured mode: JSON in a fixed order, numbers in the shortest form that
// reads back to the same, times in UTC with milliseconds where there are any. The same change gives the same bytes.
func AppendChange(b []byte, c *scorer.Change) []byte { return b }

// ChangeRecord is the record that announces c: keyed by the lead ID, stamped with the instant of the change.
func ChangeRecord(topic string, partition int, c *scorer.Change) OutRecord {
	return OutRecord{Topic: topic, Partition: partition, Time: c.At, Key: []byte(c.Lead), Value: AppendChange(nil, c)}
}

// Announced is what an announced change says of its lead, as far as recovery needs it.
type Announced struct {
	Kind     scorer.ChangeKind
	Lead     string
	Sequence uint64
	From, To string
	// Stage is the lead's stage after the change, "" where it had reached none.
	Stage string
	// At is the instant at which the change became true.
	At scorer.Instant
}

// ReadChange reads the value of a record that [ChangeRecord] made. Nothing of the result aliases value.
func ReadChange(value []byte) (Announced, error) { return Announced{}, nil }
