package app

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

func TestMetricsKeepTheirNamesAndLabels(t *testing.T) {
	registry := newRegistry(Build{Version: "v1.2.3", Commit: "abc", Go: "go1.26"}, &scorer.Model{Name: "b2b-saas", Version: 7})
	consumer.NewMetrics(registry)
	store, err := state.Open(state.Options{Addrs: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	observeRedis(registry, store)
	if err := store.Ping(t.Context()); err == nil {
		t.Fatal("something answers at port 1")
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
	labels := map[string]string{}
	for _, f := range families {
		var names []string
		for _, l := range f.Metric[0].Label {
			names = append(names, l.GetName()+"="+l.GetValue())
		}
		slices.Sort(names)
		labels[f.GetName()] = strings.Join(names, ",")
	}
	for name, want := range map[string]string{
		"hotlead_build_info":            "commit=abc,go=go1.26,version=v1.2.3",
		"hotlead_model_info":            "name=b2b-saas,version=7",
		"hotlead_lanes_owned":           "",
		"hotlead_redis_command_seconds": "command=ping",
		"go_goroutines":                 "",
		"process_start_time_seconds":    "",
	} {
		if got, there := labels[name]; !there || got != want {
			t.Errorf("%s has labels %q (there: %v), want %q", name, got, there, want)
		}
	}
}
