package consumer

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// mostLinks bounds how many events a batch's span links to: as many as OpenTelemetry keeps where it is not told otherwise.
const mostLinks = 128

// batchSpan is the span of the batch in hand; nil where nobody traces.
type batchSpan struct {
	ctx    context.Context
	tracer trace.Tracer
	span   trace.Span
	linked map[string]bool // the trace contexts of the events that it links to
}

// trace begins the span of the batch in hand.
func (l *lane) trace(ctx context.Context) *batchSpan {
	if l.Tracer == nil {
		return nil
	}
	s := &batchSpan{tracer: l.Tracer, linked: map[string]bool{}}
	s.ctx, s.span = l.Tracer.Start(ctx, "batch", trace.WithTimestamp(l.batch.begun), trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithNewRoot(), trace.WithAttributes(
			attribute.String("messaging.system", "kafka"),
			attribute.String("messaging.operation.type", "process"),
			attribute.String("messaging.consumer.group.name", l.Group),
			attribute.Int("hotlead.lane", l.number),
		))
	return s
}

// phase adds a phase of the batch.
func (s *batchSpan) phase(name string, begun, ended time.Time) {
	if s == nil {
		return
	}
	_, span := s.tracer.Start(s.ctx, name, trace.WithTimestamp(begun))
	span.End(trace.WithTimestamp(ended))
}

// untrace ends the span of the batch in hand, which ended with err.
func (l *lane) untrace(err error) {
	s, b := l.span, &l.batch
	if s == nil {
		return
	}
	l.span = nil
	if s.span.IsRecording() {
		s.span.SetAttributes(
			attribute.Int("messaging.batch.message_count", b.taken),
			attribute.Int("hotlead.leads", len(b.leads)),
			attribute.Int("hotlead.changes", len(b.moved)),
			attribute.Int("hotlead.announced", len(b.out)),
			attribute.Int64("hotlead.batch", int64(l.ledger.Batch)),
		)
	}
	if err != nil {
		s.span.SetStatus(codes.Error, err.Error())
	}
	s.span.End(trace.WithTimestamp(l.now()))
}

// link links the span to the trace that an event of the batch belongs to, unless it has as many links as it may.
func (s *batchSpan) link(traceparent string) {
	if s == nil || traceparent == "" || len(s.linked) == mostLinks || s.linked[traceparent] {
		return
	}
	s.linked[strings.Clone(traceparent)] = true
	ctx := propagation.TraceContext{}.Extract(s.ctx, propagation.MapCarrier{"traceparent": traceparent})
	if caused := trace.SpanContextFromContext(ctx); caused.IsRemote() {
		s.span.AddLink(trace.Link{SpanContext: caused})
	}
}
