package app

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// received is a collector of traces inside the test.
type received struct {
	mu    sync.Mutex
	spans []*spans.Span
	whole []byte // all that came
}

func (c *received) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, "no traces", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.whole = append(c.whole, body...)
	for _, resource := range request.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// batch is the first batch whose span links to a trace, with the names of its phases; nil while there is none.
func (c *received) batch(trace string) (*spans.Span, []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if !slices.ContainsFunc(s.Links, func(l *spans.Span_Link) bool { return hex.EncodeToString(l.TraceId) == trace }) {
			continue
		}
		var phases []string
		for _, child := range c.spans {
			if bytes.Equal(child.ParentSpanId, s.SpanId) {
				phases = append(phases, child.Name)
			}
		}
		slices.Sort(phases)
		return s, phases
	}
	return nil, nil
}

const (
	traceOfEvent = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent  = "00-" + traceOfEvent + "-00f067aa0ba902b7-01"
	tracedEvent  = `{"specversion":"1.0","id":"1","source":"web","type":"demo.requested","subject":"lead-42","traceparent":"` + traceparent + `","data":{}}`
)

// traced is a service that sends its traces there, and has been sent an event with a trace context.
func traced(t *testing.T, endpoint string) (*service, Kafka) {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	b, kafka := testBroker(t)
	if _, err := b.CreateTopics(t.Context(), 3, 0); err != nil {
		t.Fatal(err)
	}
	s := serviceOn(t, kafka, testbed.Redis(t).Addr)
	s.eventually(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
	send(t, s, tracedEvent)
	s.eventually(t, "/v1/leads?tier=hot", func(_ int, text string) bool { return strings.Contains(text, `"lead":"lead-42"`) })
	return s, kafka
}

func TestABatchIsASpanThatLinksToItsEvents(t *testing.T) {
	var c received
	server := httptest.NewServer(&c)
	defer server.Close()
	s, kafka := traced(t, server.URL)
	s.stop() // the last spans leave as it ends
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	span, phases := c.batch(traceOfEvent)
	if span == nil {
		t.Fatalf("none of %d spans links to the event's trace", len(c.spans))
	}
	if want := []string{"announce", "decide", "fold", "load"}; span.Name != "batch" || !slices.Equal(phases, want) || span.StartTimeUnixNano >= span.EndTimeUnixNano {
		t.Errorf("the span is %s of %d ns with %v", span.Name, span.EndTimeUnixNano-span.StartTimeUnixNano, phases)
	}
	said := map[string]string{}
	for _, a := range span.Attributes {
		said[a.Key] = a.Value.String()
	}
	if said["messaging.batch.message_count"] != "int_value:1" || said["hotlead.leads"] != "int_value:1" || said["hotlead.changes"] == "int_value:0" || said["hotlead.lane"] == "" {
		t.Errorf("it says %v", said)
	}
	if !bytes.Contains(c.whole, []byte("service.name")) || bytes.Contains(c.whole, []byte("lead-42")) {
		t.Error("the traces don't tell whose they are, or tell of a lead")
	}
	changes := testbed.ReadTopic(t, kafka.Brokers[0], kafka.Topics.TierChanges)
	if len(changes) == 0 || !bytes.Contains(changes[0].Value, []byte(`"traceparent":"`+traceparent+`"`)) {
		t.Error("the trace context does not go on with the change")
	}
}

// A collector that refuses, is away or never answers holds nothing up: not the lanes, and not the end.
func TestTracesThatCanNotBeSentHoldNothingUp(t *testing.T) {
	silent := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	defer stuck.Close()
	defer close(silent)
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	for what, endpoint := range map[string]string{"stuck": stuck.URL, "refusing": refusing.URL, "away": "http://127.0.0.1:1"} {
		t.Run(what, func(t *testing.T) {
			s, _ := traced(t, endpoint)
			begun := time.Now()
			s.stop()
			if err := <-s.ended; err != nil || time.Since(begun) > lastSpans+5*time.Second {
				t.Errorf("after %v it ends with %v", time.Since(begun), err)
			}
		})
	}
}

func TestTracesAreWantedByTheVariablesOfOpenTelemetry(t *testing.T) {
	const exporter, endpoint, tracesEndpoint = "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	const protocol, disabled = "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_SDK_DISABLED"
	all := []string{exporter, endpoint, tracesEndpoint, protocol, disabled}
	for _, c := range []struct {
		set     map[string]string
		want    bool
		mistake string
	}{
		{nil, false, ""},
		{map[string]string{exporter: "otlp"}, true, ""},
		{map[string]string{endpoint: "http://c:4318"}, true, ""},
		{map[string]string{tracesEndpoint: "http://c:4318/v1/traces"}, true, ""},
		{map[string]string{endpoint: "http://c:4318", protocol: "http/protobuf"}, true, ""},
		{map[string]string{endpoint: "http://c:4318", exporter: "none"}, false, ""},
		{map[string]string{endpoint: "http://c:4318", disabled: "true"}, false, ""},
		{map[string]string{protocol: "grpc"}, false, ""},
		{map[string]string{exporter: "zipkin"}, false, exporter},
		{map[string]string{endpoint: "http://c:4317", protocol: "grpc"}, false, protocol},
	} {
		for _, variable := range all {
			t.Setenv(variable, c.set[variable])
		}
		got, err := tracesWanted()
		var mistaken *ConfigError
		if errors.As(err, &mistaken) != (c.mistake != "") || got != c.want || mistaken != nil && mistaken.Mistakes[0].Where != c.mistake {
			t.Errorf("%v: %v, %v", c.set, got, err)
		}
		var undo cleanups
		tracer, err := openTracer(t.Context(), &undo, Options{Log: slog.New(slog.DiscardHandler)})
		if (tracer != nil) != c.want || (err != nil) != (c.mistake != "") {
			t.Errorf("%v: %v, %v", c.set, tracer, err)
		}
		if err := undo.run(); err != nil {
			t.Error(err)
		}
	}
}
