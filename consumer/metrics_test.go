package consumer

import (
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/hotlead/hotlead/events"
)

// described gathers the descriptions of what is registered with it.
type described struct {
	prometheus.Registerer
	names map[string]string // name → labels, comma-separated
}

var description = regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)

func (d *described) MustRegister(collectors ...prometheus.Collector) {
	d.Registerer.MustRegister(collectors...)
	for _, c := range collectors {
		descs := make(chan *prometheus.Desc, 1)
		c.Describe(descs)
		parts := description.FindStringSubmatch((<-descs).String())
		d.names[parts[1]] = parts[2]
		switch c := c.(type) { // a vector shows nothing before it has a child
		case *prometheus.CounterVec:
			c.WithLabelValues(placeholders(parts[2])...)
		case interface {
			WithLabelValues(...string) prometheus.Gauge
		}:
			c.WithLabelValues(placeholders(parts[2])...)
		case *prometheus.HistogramVec:
			c.WithLabelValues(placeholders(parts[2])...)
		}
	}
}

func placeholders(labels string) []string { return strings.Split(labels, ",") }

// TestMetricsAreThoseOfTheContract: dashboards and alerts name them, so a name or a label that changes is a breach.
func TestMetricsAreThoseOfTheContract(t *testing.T) {
	registry := prometheus.NewRegistry()
	d := &described{Registerer: registry, names: map[string]string{}}
	NewMetrics(d)
	for name, labels := range map[string]string{
		"hotlead_events_total":            "topic,result",
		"hotlead_dead_letters_total":      "reason",
		"hotlead_duplicates_total":        "",
		"hotlead_late_events_total":       "",
		"hotlead_tier_changes_total":      "from,to,cause",
		"hotlead_leads":                   "tier",
		"hotlead_event_to_change_seconds": "",
		"hotlead_lag_records":             "topic,partition",
		"hotlead_lag_seconds":             "partition",
		"hotlead_batch_seconds":           "phase",
		"hotlead_batch_events":            "",
		"hotlead_transactions_total":      "outcome",
		"hotlead_state_rollbacks_total":   "",
		"hotlead_fenced_total":            "layer",
		"hotlead_lanes_owned":             "",
		"hotlead_rebalances_total":        "",
		"hotlead_timers_due":              "",
	} {
		if got, there := d.names[name]; !there || got != labels {
			t.Errorf("%s has labels {%s} (there: %v), want {%s}", name, got, there, labels)
		}
	}
	for name, labels := range d.names {
		if strings.Contains(labels, "lead") {
			t.Errorf("%s has a label for leads: {%s}", name, labels)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestCountersBeginAtZero: an increase over a time shows what a counter counted first only if it was there before.
func TestCountersBeginAtZero(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := NewMetrics(registry)
	series := func() (n int) {
		for _, name := range []string{"hotlead_dead_letters_total", "hotlead_fenced_total", "hotlead_transactions_total"} {
			found, err := testutil.GatherAndCount(registry, name)
			if err != nil {
				t.Fatal(err)
			}
			n += found
		}
		return n
	}
	before := series()
	for _, reason := range events.Reasons() {
		m.deadLetters.WithLabelValues(reason).Inc()
	}
	if after := series(); before < 24+3+2 || after != before {
		t.Errorf("%d series of counters before anything was counted, %d after", before, after)
	}
}
