package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

const (
	// batchBytes and batchEvents bound a batch of events.
	batchBytes  = 4 << 20
	batchEvents = 1000
	// postsAtOnce bounds how many posts are in hand at a time, and with batchBytes the memory that they take.
	postsAtOnce = 64
	// sendLimit is how long Kafka may take to have the events. It is shorter than what a server that stops waits.
	sendLimit = 8 * time.Second
	// retryPost is after how many seconds to send again what Kafka could not take.
	retryPost = 5
)

// The media types of the CloudEvents HTTP binding.
const (
	structuredType    = "application/cloudevents+json"
	batchType         = "application/cloudevents-batch+json"
	cloudEventsPrefix = "application/cloudevents"
)

// accepted is the answer of POST /v1/events.
type accepted struct {
	Accepted int `json:"accepted"`
}

// refused is an event that would be a dead letter, for a reason of events/REASONS.md.
type refused struct {
	// Index is which of a batch, from 0.
	Index  int    `json:"index"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// postEvents answers POST /v1/events: 202 once Kafka has every event of the request, on all replicas in sync. Where one
// would certainly be a dead letter, none is taken.
func (h *handler) postEvents(w http.ResponseWriter, r *http.Request) {
	if _, problem := parameters(r); problem != "" {
		writeProblem(w, http.StatusBadRequest, problem)
		return
	}
	if h.onlyWriters(w, r) {
		return
	}
	select {
	case h.posts <- struct{}{}:
		defer func() { <-h.posts }()
	default:
		unavailable(w, "as many events are being taken as may", 1)
		return
	}
	records, fault := h.readRecords(w, r)
	if fault != nil {
		fault.write(w)
		return
	}
	list, refusals := h.judge(records)
	if len(refusals) > 0 {
		writeRefused(w, refusals)
		return
	}
	h.send(w, r, list)
}

// send hands the events to Kafka and answers.
func (h *handler) send(w http.ResponseWriter, r *http.Request, list []Event) {
	ctx, cancel := context.WithTimeout(r.Context(), sendLimit)
	defer cancel()
	if len(list) > 0 {
		err := h.Sender.Send(ctx, list)
		switch {
		case errors.Is(err, ErrTooLarge):
			h.Log.Warn("Kafka takes no event of this size", "error", err)
			writeProblem(w, http.StatusRequestEntityTooLarge, "an event is larger than Kafka takes")
			return
		case err != nil:
			if r.Context().Err() == nil {
				h.Log.Warn("events can't be sent", "error", err)
			}
			unavailable(w, "Kafka could not be made sure of having the events; send them again, each still counts once", retryPost)
			return
		}
	}
	h.writeJSON(w, r, http.StatusAccepted, accepted{len(list)})
}

// fault is what is wrong with a request as a whole.
type fault struct {
	status int
	detail string
	// refusal is why its event is refused, where that is how it is wrong; its reason "" elsewhere.
	refusal refused
}

func (f *fault) write(w http.ResponseWriter) {
	if f.refusal.Reason != "" {
		writeRefused(w, []refused{f.refusal})
		return
	}
	if f.status == http.StatusUnsupportedMediaType {
		w.Header().Set("Accept-Encoding", "identity")
		w.Header().Set("Accept-Post", structuredType+", "+batchType+", application/json")
	}
	writeProblem(w, f.status, f.detail)
}

// readRecords reads the events of a request as the records that they will be, in the mode that its content type names.
func (h *handler) readRecords(w http.ResponseWriter, r *http.Request) ([]events.Record, *fault) {
	contentType := r.Header.Get("Content-Type")
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil && contentType != "" {
		return nil, &fault{status: http.StatusUnsupportedMediaType, detail: "the content type can't be read"}
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &fault{status: http.StatusUnsupportedMediaType, detail: "send events as they are: no Content-Encoding is taken"}
	}
	limit := int64(h.Limits.EventBytes)
	if media == batchType {
		limit = batchBytes
	}
	switch {
	case media == structuredType, media == batchType:
	case strings.HasPrefix(media, cloudEventsPrefix), r.Header.Get("ce-specversion") == "":
		return nil, &fault{status: http.StatusUnsupportedMediaType, detail: "send an event as " + structuredType + ", several as " +
			batchType + ", or one with its attributes in headers (ce-specversion: 1.0, …) and its data as application/json"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large) && media == batchType:
		return nil, &fault{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("a batch has at most %d bytes", batchBytes)}
	case errors.As(err, &large):
		return nil, &fault{refusal: refused{Reason: events.ReasonTooLarge, Detail: fmt.Sprintf("the event is larger than %d bytes", limit)}}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, &fault{status: http.StatusRequestTimeout, detail: "the request took too long to arrive"}
	case err != nil:
		return nil, &fault{status: http.StatusBadRequest, detail: "the request broke off"}
	}
	switch media {
	case structuredType:
		return []events.Record{structured(r, body)}, nil
	case batchType:
		return batch(r, body)
	}
	return []events.Record{binary(r, body)}, nil
}

// structured is the record of an event that is whole in the body.
func structured(r *http.Request, body []byte) events.Record {
	return events.Record{Value: body, Headers: withTrace(r, events.Header{Key: "content-type", Value: []byte(structuredType + "; charset=UTF-8")})}
}

// withTrace adds the trace context that the request came with, which stands for events that have none of their own.
func withTrace(r *http.Request, headers ...events.Header) []events.Header {
	if trace := r.Header.Get("traceparent"); trace != "" {
		headers = append(headers, events.Header{Key: "traceparent", Value: []byte(trace)})
	}
	return headers
}

// batch are the records of a JSON array of events.
func batch(r *http.Request, body []byte) ([]events.Record, *fault) {
	var all []json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) {
		return nil, &fault{status: http.StatusBadRequest, detail: "a batch is a JSON array of events"}
	}
	if len(all) > batchEvents {
		return nil, &fault{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("a batch has at most %d events", batchEvents)}
	}
	records := make([]events.Record, len(all))
	for i, event := range all {
		records[i] = structured(r, event)
	}
	return records, nil
}

// binary is the record of an event whose attributes are headers and whose data is the body.
func binary(r *http.Request, body []byte) events.Record {
	var headers []events.Header
	for name, values := range r.Header {
		attribute, is := strings.CutPrefix(strings.ToLower(name), "ce-")
		if !is {
			continue
		}
		for _, value := range values {
			headers = append(headers, events.Header{Key: "ce_" + attribute, Value: []byte(unescape(value))})
		}
	}
	if contentType := r.Header.Get("Content-Type"); contentType != "" {
		headers = append(headers, events.Header{Key: "content-type", Value: []byte(contentType)})
	}
	return events.Record{Value: body, Headers: withTrace(r, headers...)}
}

// unescape is a header's value as the binding encodes it: quoted where it holds spaces and such, and with percent signs
// for what a header can't hold. What is not encoded so stands for itself.
func unescape(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(value[1 : len(value)-1])
	}
	if text, err := url.PathUnescape(value); err == nil {
		return text
	}
	return value
}

// judge is what the records are as events, and which of them would be dead letters.
func (h *handler) judge(records []events.Record) (list []Event, refusals []refused) {
	decoder := events.NewDecoder(h.Limits)
	now := scorer.InstantOf(time.Now())
	for i := range records {
		records[i].Time = now
		event, err := h.judgeOne(decoder, &records[i])
		var refusal *scorer.Refusal
		if errors.As(err, &refusal) {
			refusals = append(refusals, refused{Index: i, Reason: refusal.Reason, Detail: refusal.Detail})
			continue
		}
		list = append(list, event)
	}
	return list, refusals
}

// judgeOne is what a record is as an event. It asks the decoder that lanes ask, and the model. The error is a
// *scorer.Refusal.
func (h *handler) judgeOne(d *events.Decoder, record *events.Record) (Event, error) {
	var e scorer.Event
	if _, err := d.Decode(record, &e); err != nil {
		return Event{}, err
	}
	// Once more as it will be sent: the key is a part of what may be too large.
	record.Key = []byte(e.Lead)
	if _, err := d.Decode(record, &e); err != nil {
		return Event{}, err
	}
	if events.IsQualificationType(e.Type) {
		if refusal := h.Refuses(&e); refusal != nil {
			return Event{}, refusal
		}
	}
	return Event{Lead: e.Lead, Type: e.Type, Value: record.Value, Headers: record.Headers}, nil
}
