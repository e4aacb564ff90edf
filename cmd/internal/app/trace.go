package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// lastSpans bounds how long the last spans may take to leave at the end.
const lastSpans = 2 * time.Second

// tracesWanted is whether OpenTelemetry's own variables ask for traces, and a mistake where they ask for what hotlead
// can't do. Traces are off where nothing is said.
func tracesWanted() (bool, error) {
	mistake := func(variable, format string, args ...any) (bool, error) {
		return false, &ConfigError{Mistakes: []Mistake{{Where: variable, What: fmt.Sprintf(format, args...)}}}
	}
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch exporter := os.Getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return false, nil
	case "otlp":
	case "":
		if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
			return false, nil
		}
	default:
		return mistake("OTEL_TRACES_EXPORTER", "%q is not known; it is otlp or none", exporter)
	}
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := os.Getenv(variable); protocol != "" && protocol != "http/protobuf" {
			return mistake(variable, "%q is not known; hotlead sends traces by http/protobuf, to port 4318 of a collector most often", protocol)
		}
	}
	return true, nil
}

// openTracer is who is told of each batch, nil where no traces are wanted. Spans leave in the background; those that a
// collector does not take in time are dropped.
func openTracer(ctx context.Context, undo *cleanups, o Options) (trace.Tracer, error) {
	wanted, err := tracesWanted()
	if err != nil || !wanted {
		return nil, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("preparing to send traces (OTEL_EXPORTER_OTLP_…): %w", err)
	}
	from, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "hotlead"), attribute.String("service.version", o.Build.Version)),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		o.Log.Warn("traces tell less of where they are from", "error", err)
	}
	otel.SetErrorHandler(&traceTrouble{log: o.Log})
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(from))
	undo.add("sending the last traces", func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSpans)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			o.Log.Warn("the last traces were not sent", "error", err)
		}
		return nil // nothing of ours is lost with them
	})
	return provider.Tracer("github.com/hotlead/hotlead"), nil
}

// tellTroubleEvery is how often it is told that traces can't be sent: for a collector that is away that is tried anew
// every few seconds.
const tellTroubleEvery = 10 * time.Minute

// traceTrouble logs what keeps traces from being sent.
type traceTrouble struct {
	log  *slog.Logger
	mu   sync.Mutex
	told time.Time
}

// Handle is for OpenTelemetry.
func (t *traceTrouble) Handle(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); now.Sub(t.told) > tellTroubleEvery {
		t.told = now
		t.log.Warn("traces can't be sent; they are dropped, and nothing waits for them", "error", err)
	}
}
