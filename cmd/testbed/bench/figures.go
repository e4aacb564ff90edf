// Package bench measures hotlead as a whole, on a Kafka and a Redis of the testbed and with the work of package workload:
// beside Kafka Streams, Flink and its own floor, and by itself. README.md has the commands. What is here besides the
// benchmarks makes figures of what they measured.
package bench

import (
	"math"
	"slices"
	"time"
)

// The contenders. The peers are run as their users run them, and in the best configurations that were found for them.
const (
	Hotlead       = "hotlead"
	Streams       = "Kafka Streams as its users run it"
	StreamsTuned  = "Kafka Streams tuned, RocksDB"
	StreamsMemory = "Kafka Streams tuned, in memory"
	FlinkHeap     = "Flink tuned, heap state"
	Floor         = "floor: fetch and decode alone"
	StreamsPrompt = "Kafka Streams, commits every 1 ms"
	FlinkPrompt   = "Flink, checkpoints every 100 ms"
)

// Report is all that was measured in one run on one machine.
type Report struct {
	Begun   time.Time `json:"begun"`
	Took    float64   `json:"took_seconds"`
	Commit  string    `json:"commit"`
	Machine Machine   `json:"machine"`
	// Events are those of the work.
	Events     int       `json:"events"`
	Throughput []Run     `json:"throughput,omitempty"`
	Offered    int       `json:"offered_per_second,omitempty"`
	Latency    []Latency `json:"latency,omitempty"`
	Alone      Alone     `json:"alone"`
	// Failed are the runs that are none, since the contender did not announce what it must.
	Failed []string `json:"failed,omitempty"`
	// Absent says why contenders were left out.
	Absent []string `json:"absent,omitempty"`
}

// Machine is where it was measured.
type Machine struct {
	Processors int    `json:"processors"`
	Model      string `json:"model"`
	MemoryMiB  int64  `json:"memory_mib"`
	System     string `json:"system"`
}

// CPU is processor time by whose it is, in seconds: for a million events, or for a second that went by.
type CPU struct {
	Own   float64 `json:"own"`
	Kafka float64 `json:"kafka"`
	Redis float64 `json:"redis"`
}

// All is the time of all processes together.
func (c CPU) All() float64 { return c.Own + c.Kafka + c.Redis }

// Run is one contender's fold of the whole work.
type Run struct {
	Contender string `json:"contender"`
	Round     int    `json:"round"`
	// Events are those folded while it was measured, from the first commit to the last: PerSecond times Seconds.
	Events    int64   `json:"events"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"events_per_second"`
	CPU       CPU     `json:"cpu_seconds_per_million_events"`
	// PeakMiB is the most resident memory of the contender, RedisMiB that of Redis beside hotlead.
	PeakMiB  int64 `json:"peak_mib,omitempty"`
	RedisMiB int64 `json:"redis_mib,omitempty"`
	// Changes are those that events caused, ByTime those that time caused, which only hotlead announces.
	Changes int `json:"changes,omitempty"`
	ByTime  int `json:"changes_by_time,omitempty"`
	// BytesPerLead is Redis' used memory over the leads that it holds; AllocationsPerEvent are those of hotlead while it
	// folded the second half.
	BytesPerLead        float64 `json:"redis_bytes_per_lead,omitempty"`
	AllocationsPerEvent float64 `json:"allocations_per_event,omitempty"`
	// Others is the share of the processors that went to processes which are not part of the run, or were stolen.
	Others float64 `json:"others"`
}

// Latency is how long a contender's changes took from when their events were to be sent until another client had them,
// at a steady rate.
type Latency struct {
	Contender string  `json:"contender"`
	Round     int     `json:"round"`
	Changes   int     `json:"changes"`
	P50       float64 `json:"p50_ms"`
	P90       float64 `json:"p90_ms"`
	P99       float64 `json:"p99_ms"`
	P999      float64 `json:"p999_ms"`
	Max       float64 `json:"max_ms"`
	CPU       CPU     `json:"cpu_cores"`
	Others    float64 `json:"others"`
	// Histogram counts changes by the upper bounds of bounds; the last count is of those above them all.
	Histogram []int `json:"histogram"`
}

// Alone is what is measured of hotlead by itself; what was not is left zero.
type Alone struct {
	// ScorePerCore are the events that `hotlead score` folds for a second of processor time, the median of all rounds.
	ScorePerCore float64 `json:"score_events_per_cpu_second,omitempty"`
	// Sizes is the cost of an event by how many leads there are.
	Sizes []Size `json:"sizes,omitempty"`
	// MillionMiB is the most resident memory of `hotlead run`, as it is configured by itself, at a million active leads.
	MillionMiB int64 `json:"million_leads_mib,omitempty"`
	// TakeOverSeconds are from when a lane of TakeOverLeads leads was owned to its first event folded.
	TakeOverLeads   int     `json:"take_over_leads,omitempty"`
	TakeOverSeconds float64 `json:"take_over_seconds,omitempty"`
	// RefoldPerSecond is at which rate events were folded again after FLUSHALL, LivePerSecond that of the fold before, in
	// the run of the middle ratio of three.
	RefoldPerSecond float64 `json:"refold_events_per_second,omitempty"`
	LivePerSecond   float64 `json:"live_events_per_second,omitempty"`
}

// Size is the cost of an event with so many leads, drawn uniformly, none of which are kept in memory.
type Size struct {
	Leads     int     `json:"leads"`
	PerSecond float64 `json:"events_per_second"`
	CPU       CPU     `json:"cpu_seconds_per_million_events"`
	// ChangesPerEvent are the tier changes that were announced, over the events of the whole run: how many leads there are
	// decides how many of them are near a threshold, and a change costs more than an event.
	ChangesPerEvent float64 `json:"tier_changes_per_event"`
}

// of are the runs of a contender.
func (r *Report) of(contender string) []Run {
	return only(r.Throughput, func(run Run) bool { return run.Contender == contender })
}

func (r *Report) latencyOf(contender string) []Latency {
	return only(r.Latency, func(l Latency) bool { return l.Contender == contender })
}

func only[T any](all []T, wanted func(T) bool) (some []T) {
	for _, one := range all {
		if wanted(one) {
			some = append(some, one)
		}
	}
	return some
}

// median is the middle one of what of tells, the mean of both where there are two; NaN of none.
func median[T any](all []T, of func(T) float64) float64 {
	if len(all) == 0 {
		return math.NaN()
	}
	values := valuesOf(all, of)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// valuesOf are all that of tells, the least first.
func valuesOf[T any](all []T, of func(T) float64) []float64 {
	values := make([]float64, len(all))
	for i, one := range all {
		values[i] = of(one)
	}
	slices.Sort(values)
	return values
}

func rate(r Run) float64      { return r.PerSecond }
func cpu(r Run) float64       { return r.CPU.All() }
func p50(l Latency) float64   { return l.P50 }
func p99(l Latency) float64   { return l.P99 }
func cores(l Latency) float64 { return l.CPU.All() }
