package bench

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// measured is a report in which hotlead does in two rounds, of which the second was slower for everybody, what it shall.
func measured() *Report {
	r := &Report{Events: 2_000_000, Offered: 10_000}
	for round, pace := range []float64{1, .5} {
		for name, rate := range map[string]float64{
			Floor: 4e6, Hotlead: 1e6, Streams: 1e5, StreamsTuned: 2e5, StreamsMemory: 3e5, FlinkHeap: 3e5,
		} {
			run := Run{Contender: name, Round: round + 1, PerSecond: pace * rate, CPU: CPU{Own: 1e6 / rate, Kafka: .5, Redis: .25}}
			if name == Hotlead {
				run.BytesPerLead, run.AllocationsPerEvent = 200, .05
			}
			r.Throughput = append(r.Throughput, run)
		}
		r.Latency = append(r.Latency,
			Latency{Contender: Hotlead, Round: round + 1, P50: 2, P99: 9, CPU: CPU{Own: .5}},
			Latency{Contender: StreamsPrompt, Round: round + 1, P50: 4, P99: 12, CPU: CPU{Own: 1}})
	}
	return r
}

func TestGoals(t *testing.T) {
	r := measured()
	r.Alone = Alone{
		ScorePerCore: 1.2e6, Sizes: []Size{{Leads: 10_000, CPU: CPU{Own: 2}}, {Leads: 1_000_000, CPU: CPU{Own: 3, Redis: 1}}},
		MillionMiB: 300, TakeOverLeads: 1_000_000, TakeOverSeconds: .3, RefoldPerSecond: 2e6, LivePerSecond: 1e6,
	}
	want := map[string]string{
		"events/s against " + Streams:                                                  "at least 8x: 10.0x (10.0 to 10.0 by rounds) yes",
		"events/s against " + FlinkHeap:                                                "at least 2.5x: 3.33x (3.33 to 3.33 by rounds) yes",
		"share of the floor (fetch and decode alone)":                                  "at least 20 %: 25.0 % yes",
		"`hotlead score`, events/s a core":                                             "at least 1,000,000: 1,200,000 yes",
		"Redis bytes a lead":                                                           "at most 250: 200 yes",
		"refold after loss of Redis against the live rate":                             "at least 1x: 2.00x yes",
		"first event folded after owning a lane of 10^6 leads":                         "at most 1 s: 0.30 s yes",
		"cost of an event past the in-memory bound, 1000000 leads against 10000":       "at most 1.5x: 2.00x no",
		"event to change at 10000 events/s, p99 against " + StreamsPrompt:              "at most 0.67x: 0.75x (0.75 to 0.75 by rounds) no",
		"event to change at 10000 events/s, processors' time against " + StreamsPrompt: "at most 0.67x: 0.50x (0.50 to 0.50 by rounds) yes",
	}
	goals := r.Goals()
	if len(goals) != 16 {
		t.Errorf("%d goals, want 16", len(goals))
	}
	for _, g := range goals {
		text, asked := want[g.What]
		if !asked {
			continue
		}
		delete(want, g.What)
		if got := g.Goal + ": " + g.Measured + map[bool]string{true: " yes", false: " no"}[*g.Reached]; got != text {
			t.Errorf("%s: %s, want %s", g.What, got, text)
		}
	}
	for what := range want {
		t.Errorf("there is no goal %q", what)
	}
}

func TestWhatWasNotMeasuredIsNotReached(t *testing.T) {
	for _, g := range new(Report).Goals() {
		if g.Reached != nil || g.Measured != "not measured" {
			t.Errorf("%s: %s, reached %v", g.What, g.Measured, g.Reached)
		}
	}
}

// TestOnlyRoundsInWhichThePeerKeptUpAreCompared: of one that falls behind, the median grows for as long as it is measured.
func TestOnlyRoundsInWhichThePeerKeptUpAreCompared(t *testing.T) {
	prompt := func(r *Report) (values []string) {
		for _, g := range r.Goals() {
			if strings.HasPrefix(g.What, "event to change") {
				values = append(values, g.Measured)
			}
		}
		return values
	}
	r := measured()
	r.Latency[1].P50, r.Latency[1].P99 = 13_000, 18_000 // a peer's first round
	if got := prompt(r); !slices.Equal(got, []string{"0.50x", "0.75x", "0.50x"}) {
		t.Errorf("one of two rounds: %q", got)
	}
	if text := r.Markdown(); !strings.Contains(text, "| "+StreamsPrompt+" | 4.00 |") || !strings.Contains(text, "| 1 of 2 |") {
		t.Errorf("one of two rounds:\n%s", text)
	}
	r.Latency[3].P99 = 4000
	pictures, err := r.Pictures()
	if err != nil || !strings.Contains(pictures["latency.svg"], fellBehind) || !strings.Contains(r.Markdown(), "| "+StreamsPrompt+" | "+fellBehind+" |") {
		t.Errorf("a peer that never kept up: %v\n%s\n%s", err, pictures["latency.svg"], r.Markdown())
	}
	if got := prompt(r); !slices.Equal(got, []string{"not measured", "not measured", "not measured"}) {
		t.Errorf("no round: %q", got)
	}
	r.Latency[2].P99, r.Latency[3].P99 = 4200, 12 // hotlead's second: that counts
	if got := prompt(r); !slices.Equal(got, []string{"0.50x", "350x", "0.50x"}) {
		t.Errorf("hotlead fell behind: %q", got)
	}
}

func TestNoisy(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Report)
		want   []string
	}{
		"quiet":                 {func(r *Report) { r.Throughput = r.Throughput[:len(r.Throughput)/2] }, nil},
		"runs that differ":      {func(*Report) {}, []string{"identical runs of"}},
		"a busy machine":        {func(r *Report) { r.Throughput = []Run{{Contender: Hotlead, PerSecond: 1, Others: .4}} }, []string{"40 % of the processors"}},
		"one that falls behind": {func(r *Report) { r.Throughput, r.Latency[1].P99 = nil, 4000 }, []string{"did not keep up"}},
		"a floor that wavers": {func(r *Report) {
			r.Throughput = []Run{{Contender: Floor, PerSecond: 1}, {Contender: Floor, PerSecond: 1.4}}
		}, []string{"identical runs of"}},
		"a peer may differ so": {func(r *Report) {
			r.Throughput = []Run{{Contender: Streams, PerSecond: 1}, {Contender: Streams, PerSecond: 1.4}}
		}, nil},
	} {
		r := measured()
		c.change(r)
		why := r.Noisy()
		if (len(why) > 0) != (len(c.want) > 0) {
			t.Errorf("%s: %q", name, why)
		}
		for _, part := range c.want {
			if !slices.ContainsFunc(why, func(w string) bool { return strings.Contains(w, part) }) {
				t.Errorf("%s: %q does not say %q", name, why, part)
			}
		}
	}
}

func TestMedian(t *testing.T) {
	of := func(v float64) float64 { return v }
	for _, c := range []struct {
		all  []float64
		want float64
	}{{[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{5, 100, 1}, 5}} {
		if got := median(c.all, of); got != c.want {
			t.Errorf("median of %v: %v, want %v", c.all, got, c.want)
		}
	}
	if got := median(nil, of); !math.IsNaN(got) {
		t.Errorf("median of nothing: %v", got)
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0: "0.00", .0123: "0.012", .5: "0.50", 9.876: "9.88", 43.21: "43.2", 999.4: "999", 1234567.8: "1,234,568", 2_000_000: "2,000,000"} {
		if got := short(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var took []time.Duration
	for i := 1000; i > 0; i-- {
		took = append(took, time.Duration(i)*time.Millisecond)
	}
	var l Latency
	l.summary(took)
	if l.Changes != 1000 || l.P50 != 500 || l.P90 != 900 || l.P99 != 990 || l.P999 != 999 || l.Max != 1000 {
		t.Errorf("%+v", l)
	}
	sum := 0
	for _, n := range l.Histogram {
		sum += n
	}
	if sum != 1000 || l.Histogram[1] != 1 || l.Histogram[2] != 1 || len(l.Histogram) != len(bounds)+1 || l.Histogram[len(bounds)] != 0 {
		t.Errorf("histogram %v", l.Histogram)
	}
}
