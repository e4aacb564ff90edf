package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

func TestQueriesNameMetricsThatExist(t *testing.T) {
	known := everyMetric(t)
	rules := alertRules(t)
	for _, r := range rules {
		if r.Record != "" {
			known[r.Record] = metric{}
		}
	}
	queries := dashboardQueries(t)
	for _, r := range rules {
		queries[r.Record+r.Alert] = r.Expr
	}
	if len(queries) < 50 {
		t.Errorf("only %d queries are found", len(queries))
	}
	for name, query := range queries {
		for _, problem := range problemsOf(query, known) {
			t.Errorf("%s: %s\n%s", name, problem, query)
		}
	}
}

// What the test above relies on: each kind of mistake is seen.
func TestMistakesOfQueriesAreFound(t *testing.T) {
	known := everyMetric(t)
	for query, problem := range map[string]string{
		`sum by (namespace, job) (rate(hotlead_events_total{result="dead_letter", job=~"$job"}[$__rate_interval])) > 0.01`: "",
		`histogram_quantile(0.5, sum by (le) (rate(hotlead_event_to_change_seconds_bucket[5m])))`:                          "",
		`hotlead_lane_refused > 0 and on (partition) max_over_time(hotlead_lag_seconds[1h] offset 5m) > 1.5e3`:             "",
		`hotlead_event_total`: "hotlead_event_total",
		`sum(rate(hotlead_events_total{outcome="scored"}[5m]))`:      "outcome",
		`sum by (lane) (hotlead_lag_seconds)`:                        "lane",
		`sum by (reason) (hotlead_lag_seconds)`:                      "reason",
		`hotlead_events_total{result="dead"}`:                        "dead",
		`hotlead_events_total{result=~"scored|lost"}`:                "lost",
		`hotlead_event_to_change_seconds_bucket{le="3"}`:             "le",
		`hotlead_event_to_change_seconds_bucket{le=~"3(\\.0)?"}`:     "le",
		`hotlead_lag_seconds_bucket`:                                 "hotlead_lag_seconds_bucket",
		`hotlead_lanes_owned / ignoring (worker) hotlead_timers_due`: "worker",
	} {
		found := strings.Join(problemsOf(query, known), "; ")
		if (problem == "") != (found == "") || !strings.Contains(found, problem) {
			t.Errorf("%s: found %q, want %q", query, found, problem)
		}
	}
}

func TestEveryAlertSaysWhatToDo(t *testing.T) {
	runbook := deployed(t, "deploy/runbook.md")
	var tests strings.Builder
	for _, file := range []string{"alerts_test.yaml", "alerts_days_test.yaml"} {
		tests.Write(deployed(t, "deploy/prometheus/"+file))
	}
	sections := map[string]string{} // by anchor
	for _, section := range strings.Split(string(runbook), "\n## ")[1:] {
		title, text, _ := strings.Cut(section, "\n")
		sections[strings.ToLower(strings.ReplaceAll(title, " ", "-"))] = text
	}
	for _, link := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(string(runbook), -1) {
		if _, there := sections[link[1]]; !there {
			t.Errorf("the runbook links to its section %s, which is not there", link[1])
		}
	}
	alerts := 0
	for _, r := range alertRules(t) {
		if r.Alert == "" {
			continue
		}
		alerts++
		section, there := sections[strings.ToLower(r.Alert)]
		if !there {
			t.Errorf("the runbook has no section %s", r.Alert)
		}
		for _, part := range []string{"**For users**", "**See why**", "**Do**", "**Do not**"} {
			if !strings.Contains(section, part) {
				t.Errorf("the runbook's section %s lacks %s", r.Alert, part)
			}
		}
		if want := "https://github.com/hotlead/hotlead/blob/main/deploy/runbook.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s links to %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
		}
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s has the severity %q", r.Alert, s)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s lacks its summary or description", r.Alert)
		}
		cases := strings.Split(tests.String(), "alertname: "+r.Alert+"\n")[1:]
		for i := range cases {
			cases[i], _, _ = strings.Cut(cases[i], "alertname:") // the last case ends with the file
		}
		quiet := slices.ContainsFunc(cases, func(c string) bool { return strings.Contains(c, "exp_alerts: []") })
		fires := slices.ContainsFunc(cases, func(c string) bool { return strings.Contains(c, "exp_labels") })
		if !quiet || !fires {
			t.Errorf("%s is not tested to fire (%v) and not to (%v)", r.Alert, fires, quiet)
		}
	}
	if alerts == 0 {
		t.Error("there are no alerts")
	}
}

// The runbook says for each reason that a lane may be refused for what to do.
func TestEveryRefusalIsInTheRunbook(t *testing.T) {
	_, section, _ := strings.Cut(string(deployed(t, "deploy/runbook.md")), "\n## HotleadLaneRefused\n")
	section, _, _ = strings.Cut(section, "\n## ")
	sources, err := filepath.Glob("../../../consumer/*.go")
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]bool{}
	for _, file := range sources {
		text := string(deployed(t, strings.TrimPrefix(file, "../../../")))
		for _, found := range regexp.MustCompile(`&Refusal\{\s*Reason: "(\w+)"`).FindAllStringSubmatch(text, -1) {
			reasons[found[1]] = true
		}
	}
	if len(reasons) < 10 {
		t.Errorf("only the reasons %v are found", reasons)
	}
	for reason := range reasons {
		if !strings.Contains(section, "\n| `"+reason+"` | ") {
			t.Errorf("the runbook does not say what to do about a lane that is refused for %q", reason)
		}
	}
}

func TestReadinessIsToldToPrometheus(t *testing.T) {
	for want, err := range map[float64]error{0: errors.New("redis is away"), 1: nil} {
		registry := prometheus.NewRegistry()
		observeReadiness(t.Context(), registry, said{err})
		families, err := registry.Gather()
		if err != nil || len(families) != 1 {
			t.Fatal(families, err)
		}
		if got := families[0].Metric[0].GetGauge().GetValue(); got != want {
			t.Errorf("hotlead_ready is %v, want %v", got, want)
		}
	}
}

// said is a readiness that says the same at all times.
type said struct{ err error }

func (s said) Ready(context.Context) error { return s.err }

// metric is what a query may ask of a metric: its labels, what its help tells of their values, and a histogram's bounds.
type metric struct {
	labels []string
	help   string
	bounds []string
}

// targetLabels come from the scrape, not from hotlead.
var targetLabels = []string{"job", "instance", "namespace"}

// everyMetric registers what the service registers, and gathers it: series by name, a histogram's with their endings.
func everyMetric(t *testing.T) map[string]metric {
	t.Helper()
	registry := newRegistry(Build{Version: "v1", Commit: "abc", Go: "go1.26"}, &scorer.Model{Name: "small", Version: 1})
	consumer.NewMetrics(withChildren{registry})
	store, err := state.Open(state.Options{Addrs: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	observeRedis(registry, store)
	if err := store.Ping(t.Context()); err == nil {
		t.Fatal("something answers at port 1")
	}
	observeReadiness(t.Context(), registry, said{})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]metric{}
	for _, f := range families {
		m := metric{help: f.GetHelp()}
		for _, l := range f.Metric[0].Label {
			m.labels = append(m.labels, l.GetName())
		}
		h := f.Metric[0].GetHistogram()
		if h == nil {
			known[f.GetName()] = m
			continue
		}
		known[f.GetName()+"_sum"], known[f.GetName()+"_count"] = m, m
		for _, b := range h.Bucket {
			m.bounds = append(m.bounds, fmt.Sprint(b.GetUpperBound()))
		}
		m.labels = append(slices.Clone(m.labels), "le")
		known[f.GetName()+"_bucket"] = m
	}
	return known
}

// withChildren registers, and gives each vector a child, since one without is not gathered.
type withChildren struct{ *prometheus.Registry }

func (w withChildren) MustRegister(all ...prometheus.Collector) {
	w.Registry.MustRegister(all...)
	for _, c := range all {
		for n := 1; n < 6; n++ {
			values := slices.Repeat([]string{"x"}, n)
			var err error
			switch vec := c.(type) {
			case *prometheus.CounterVec:
				_, err = vec.GetMetricWithLabelValues(values...)
			case interface {
				GetMetricWithLabelValues(...string) (prometheus.Gauge, error)
			}:
				_, err = vec.GetMetricWithLabelValues(values...)
			case *prometheus.HistogramVec:
				_, err = vec.GetMetricWithLabelValues(values...)
			}
			if err == nil {
				break
			}
		}
	}
}

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func alertRules(t *testing.T) []rule {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	unmarshal(t, "deploy/prometheus/alerts.yaml", &file)
	var rules []rule
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules
}

// dashboardQueries are the queries of the dashboard, by what shows them.
func dashboardQueries(t *testing.T) map[string]string {
	t.Helper()
	var d struct {
		Panels []struct {
			Title, Description, Type string
			Targets                  []struct{ RefID, Expr string }
		}
		Annotations struct{ List []struct{ Name, Expr string } }
		Templating  struct {
			List []struct {
				Type  string
				Query json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(deployed(t, "deploy/grafana/hotlead.json"), &d); err != nil {
		t.Fatal(err)
	}
	queries := map[string]string{}
	for _, p := range d.Panels {
		if p.Type != "row" && (p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("the panel %q lacks a description or a query", p.Title)
		}
		for _, q := range p.Targets {
			queries[p.Title+" "+q.RefID] = q.Expr
		}
	}
	for _, a := range d.Annotations.List {
		queries[a.Name] = a.Expr
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			values := regexp.MustCompile(`label_values\(([^,]+), *(\w+)\)`).FindStringSubmatch(string(v.Query))
			if values == nil {
				t.Fatalf("a variable asks %s", v.Query)
			}
			queries["a variable"] = "count by (" + values[2] + ") (" + values[1] + ")"
		}
	}
	return queries
}

var (
	// A label list; an aggregation's or a match's.
	labelList = regexp.MustCompile(`\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)
	ranges    = regexp.MustCompile(`\[[^\]]*\]`)
	matcher   = regexp.MustCompile(`(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"`)
	// A name with its matchers; a function or aggregation, which a parenthesis follows; a duration, a number.
	names = regexp.MustCompile(`([a-zA-Z_:$0-9.][\w:.]*)\s*(\{[^}]*\}|\()?`)
)

// words of the query language that stand where a name could.
var words = []string{"and", "or", "unless", "offset", "bool", "sum", "count", "max", "min", "avg", "by", "on"}

// problemsOf are the metrics, labels, values and bounds that a query names and that are not known.
func problemsOf(query string, known map[string]metric) (problems []string) {
	lists := labelList.FindAllStringSubmatch(query, -1)
	rest := ranges.ReplaceAllString(labelList.ReplaceAllString(query, " "), " ")
	there := map[string]bool{}
	for _, name := range targetLabels {
		there[name] = true
	}
	for _, found := range names.FindAllStringSubmatch(rest, -1) {
		name, after := found[1], found[2]
		if after == "(" || slices.Contains(words, name) || unicode.IsDigit(rune(name[0])) || name[0] == '.' {
			continue
		}
		m, ok := known[name]
		if !ok {
			problems = append(problems, "there is no metric "+name)
			continue
		}
		for _, l := range m.labels {
			there[l] = true
		}
		problems = append(problems, m.mismatches(name, after)...)
	}
	for _, list := range lists {
		for _, label := range strings.FieldsFunc(list[1], func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
			if !there[label] {
				problems = append(problems, "none of the metrics has the label "+label+", only "+strings.Join(slices.Sorted(maps.Keys(there)), ", "))
			}
		}
	}
	return problems
}

// mismatches are the matchers that can't match any series of m.
func (m metric) mismatches(name, matchers string) (problems []string) {
	for _, found := range matcher.FindAllStringSubmatch(matchers, -1) {
		label, value := found[1], strings.ReplaceAll(found[3], `\\`, `\`)
		switch {
		case slices.Contains(targetLabels, label):
		case !slices.Contains(m.labels, label):
			problems = append(problems, name+" has no label "+label)
		case label == "le":
			bound := regexp.MustCompile("^(?:" + value + ")$")
			if !slices.ContainsFunc(m.bounds, bound.MatchString) {
				problems = append(problems, name+" has no bucket with le "+value)
			}
		default:
			for _, one := range strings.Split(value, "|") {
				if !regexp.MustCompile(`\b` + regexp.QuoteMeta(one) + `\b`).MatchString(m.help) {
					problems = append(problems, name+" tells of no "+label+" "+one)
				}
			}
		}
	}
	return problems
}
