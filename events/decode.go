package events

import (
	"strings"
	"time"

	"github.com/hotlead/hotlead/scorer"
)

const (
	maxLeadBytes      = 256
	maxAccountBytes   = 256
	maxAttributeBytes = 1024
	// maxAhead is how far an event's time may be ahead of its record's timestamp.
	maxAhead = 5 * time.Minute

	headerTraceparent = "traceparent"
	headerSpecversion = "ce_specversion"
	structuredType    = "application/cloudevents+json"
	jsonType          = "application/json"
	cloudEventsPrefix = "application/cloudevents"
)

// Limits bound what an event may take. A field that is zero or less stands for its default.
type Limits struct {
	// EventBytes bounds a record's key, value and headers together; 262,144 by default.
	EventBytes int
	// Depth bounds how deep the JSON of an event nests, the event itself being 1 in structured mode, its data 1 in
	// binary mode; 64 by default.
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
	types  typeNames
	before before
}

// NewDecoder is a decoder within limits.
func NewDecoder(limits Limits) *Decoder {
	d := DefaultLimits()
	if limits.EventBytes > 0 {
		d.EventBytes = limits.EventBytes
	}
	if limits.Depth > 0 {
		d.Depth = limits.Depth
	}
	if limits.ProfileBytes > 0 {
		d.ProfileBytes = limits.ProfileBytes
	}
	return &Decoder{limits: d}
}

// Info says what a Decoder did beyond reading.
type Info struct {
	// FutureTime: the event's time was more than five minutes after the record's timestamp, which was taken instead.
	FutureTime bool
}

// Decode reads r into into, which it overwrites. The error is a *scorer.Refusal, and into is then not to be used.
//
// A value is a structured event if the content-type header says so, or if no ce_specversion header says that it is the
// data of a binary one. Attributes that are null are absent. A record without a timestamp needs an event with a time,
// which is then not bounded.
//
// The strings and the data of into alias the key, value and headers of r, which must not be changed as long as they are
// in use; its Identity is worked out. Many events may be decoded before the first is folded.
func (d *Decoder) Decode(r *Record, into *scorer.Event) (Info, error) {
	info, refusal := d.decode(r, into)
	if refusal != nil {
		return Info{}, refusal
	}
	return info, nil
}

func (d *Decoder) decode(r *Record, into *scorer.Event) (Info, *scorer.Refusal) {
	if tooLarge(r, d.limits.EventBytes) {
		return Info{}, refuse(ReasonTooLarge, "the record is larger than %d bytes", d.limits.EventBytes)
	}
	var e envelope
	if refusal := d.read(r, &e); refusal != nil {
		return Info{}, refusal
	}
	if refusal := e.judge(); refusal != nil {
		return Info{}, refusal
	}
	lead, refusal := e.lead(r)
	if refusal != nil {
		return Info{}, refusal
	}
	at, info, refusal := e.when(r, &d.before.minute)
	if refusal != nil {
		return Info{}, refusal
	}
	account, refusal := e.accountID()
	if refusal != nil {
		return Info{}, refusal
	}
	// Member by member: what is made elsewhere and copied here has the processor wait for what it has just written.
	into.Lead, into.Account = lead, account
	into.Source, into.ID = e.text[attrSource].text(), e.text[attrID].text()
	into.Type = d.types.known(e.text[attrType].text())
	into.Time = at
	into.Identity = scorer.IdentityOf(into.Source, into.ID)
	into.Data, into.Qualification, into.Traceparent = e.data, nil, ""
	if trace := e.text[attrTraceparent]; trace.class == present || trace.class == present|unusual {
		if wellFormedTrace(trace.raw) {
			into.Traceparent = trace.raw
		}
	}
	if IsQualificationType(into.Type) {
		into.Qualification, refusal = d.qualification(into.Type, e.data)
		return info, refusal
	}
	if d.QualificationTopic != "" && r.Topic == d.QualificationTopic {
		return Info{}, refuse(ReasonUnknownType, "type is none of the qualification types, which are all that this topic takes")
	}
	return info, nil
}

// tooLarge is whether key, value and headers of r take more than limit bytes.
func tooLarge(r *Record, limit int) bool {
	n := len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return n > limit
}

// read reads the event of r in the mode that it is in.
func (d *Decoder) read(r *Record, e *envelope) *scorer.Refusal {
	s := &scanner{b: r.Value, depth: d.limits.Depth, before: &d.before}
	switch mode := modeOf(r); {
	case mode == otherFormat:
		return refuse(ReasonUnsupportedContentType, "content-type names an event format other than %s", structuredType)
	case mode == binaryMode:
		e.binary(r, s)
	case r.Value == nil:
		return refuse(ReasonTombstone, "the value is null")
	default:
		e.structured(s)
		if e.text[attrTraceparent].class == 0 && len(r.Headers) > 0 {
			e.text[attrTraceparent] = traceHeader(r)
		}
	}
	switch s.fault {
	case noFault:
		return nil
	case depthFault:
		return refuse(ReasonTooDeep, "it nests deeper than %d, at byte %d", d.limits.Depth, s.at)
	case encodingFault:
		return refuse(ReasonInvalidJSON, "not UTF-8, at byte %d", s.at)
	}
	return refuse(ReasonInvalidJSON, "not JSON as an event must be, at byte %d", s.at)
}

// mode is how a record holds its event.
type mode uint8

const (
	structuredMode mode = iota
	binaryMode
	otherFormat
)

func modeOf(r *Record) mode {
	found := structuredMode
	for i := range r.Headers {
		h := &r.Headers[i]
		switch {
		case h.Key == headerSpecversion:
			found = binaryMode
		case isContentType(h.Key):
			media := mediaType(alias(h.Value))
			if strings.EqualFold(media, structuredType) {
				return structuredMode
			}
			if len(media) >= len(cloudEventsPrefix) && strings.EqualFold(media[:len(cloudEventsPrefix)], cloudEventsPrefix) {
				return otherFormat
			}
		}
	}
	return found
}

// isContentType is whether a header is the content type. The binding writes it small; many a sender does not.
func isContentType(key string) bool {
	const name = "content-type"
	return len(key) == len(name) && strings.EqualFold(key, name)
}

// mediaType is a content type without its parameters.
func mediaType(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.TrimSpace(media)
}

// isJSON is whether a content type says JSON, as CloudEvents has it: the subtype is json or ends in +json.
func isJSON(contentType string) bool {
	media := mediaType(contentType)
	const suffix = 5 // of /json and +json
	if len(media) <= suffix || !strings.EqualFold(media[len(media)-4:], "json") {
		return false
	}
	before := media[len(media)-suffix]
	return before == '/' || before == '+'
}

// traceHeader is the trace context that came as a header of its own, as tracing libraries write it.
func traceHeader(r *Record) token {
	for i := range r.Headers {
		if h := &r.Headers[i]; h.Key == headerTraceparent {
			return tokenOf(h.Value)
		}
	}
	return token{}
}
