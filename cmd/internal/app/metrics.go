package app

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// observeRedis measures every command to Redis.
func observeRedis(registry *prometheus.Registry, store *state.Store) {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "hotlead", Name: "redis_command_seconds",
		Help:    "Time until Redis answered, by command; a transaction counts as exec, and commands sent together under the first one's name.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
	}, []string{"command"})
	registry.MustRegister(seconds)
	store.Observe(func(command string, took time.Duration) { seconds.WithLabelValues(command).Observe(took.Seconds()) })
}

// observeReadiness tells at each scrape whether the service is ready, as /readyz does. Where a server is away, lanes stand
// still and their own metrics with them, so this is what to be woken by. ctx bounds the asking.
func observeReadiness(ctx context.Context, registry *prometheus.Registry, r web.Readiness) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "hotlead", Name: "ready",
		Help: "1 where lanes are owned and progress, and Redis and Kafka answer; 0 where not: /readyz says why.",
	}, func() float64 {
		if r.Ready(ctx) != nil {
			return 0
		}
		return 1
	}))
}

// newRegistry is a registry with what is told of every process, of this build and of the configured model.
func newRegistry(b Build, m *scorer.Model) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "hotlead", Name: "build_info", Help: "Always 1, for the build in the labels.",
	}, []string{"version", "commit", "go"})
	build.WithLabelValues(b.Version, b.Commit, b.Go).Set(1)
	model := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "hotlead", Name: "model_info", Help: "Always 1, for the configured model in the labels.",
	}, []string{"name", "version"})
	model.WithLabelValues(m.Name, strconv.Itoa(m.Version)).Set(1)
	registry.MustRegister(build, model,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}
