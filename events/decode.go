package events

import "github.com/hotlead/hotlead/scorer"

// Limits bound what an event may take. A field that is zero or less stands for its default.
type Limits struct {
	// EventBytes bounds a record's key, value and headers together; 262,144 by default.
	EventBytes int
	// Depth bounds how deep the JSON of an event nests, the event itself being 1; 64 by default.
	Depth int
	// ProfileBytes bounds the attributes that one lead.profiled brings: the bytes of their names and texts, 8 for a
	// number, 1 for true, false and null; 16,384 by default.
	ProfileBytes int
}

// DefaultLimits are the limits where nothing else is configured.
func DefaultLimits() Limits { return Limits{EventBytes: 256 << 10, Depth: 64, ProfileBytes: 16 << 10} }

// Decoder turns records into events. It is not safe for concurrent use.
type Decoder struct {
	// QualificationTopic is the topic on which no event but the qualification types is taken; "": there is none.
	QualificationTopic string

	limits Limits
}

// NewDecoder is a decoder within limits.
func NewDecoder(limits Limits) *Decoder { return &Decoder{limits: limits} }

// Info says what a Decoder did beyond reading.
type Info struct {
	// FutureTime: the event's time was more than five minutes after the record's timestamp, which was taken instead.
	FutureTime bool
}

// Decode reads r into into, which it overwrites. The error is a *scorer.Refusal, and into is then not to be used.
//
// The strings and the data of into alias the key, value and headers of r, which must not be changed as long as they are
// in use. Nothing of it aliases the Decoder: many events may be decoded before the first is folded.
func (d *Decoder) Decode(r *Record, into *scorer.Event) (Info, error) {
	return Info{}, refuse(ReasonInvalidJSON, "byte %d", 0)
}

// IsQualificationType is whether typ is one of the five types of what people learn about a lead. Events of every other
// type are engagement events.
func IsQualificationType(typ string) bool {
	switch typ {
	case "criterion.rated", "criteria.rated", "lead.profiled", "lead.dispositioned", "lead.converted":
		return true
	}
	return false
}
