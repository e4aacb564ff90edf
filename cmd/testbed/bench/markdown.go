package bench

import (
	"fmt"
	"strings"
	"time"
)

// Markdown is the report as text for people: the goals, the contenders, what made it noisy.
func (r *Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, commit %s; %d processors (%s), %d MiB, %s; %s events; %s.\n", r.Begun.UTC().Format("2006-01-02 15:04 UTC"), r.Commit,
		r.Machine.Processors, r.Machine.Model, r.Machine.MemoryMiB, r.Machine.System, short(float64(r.Events)),
		(time.Duration(r.Took) * time.Second).String())
	list := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "\n**%s**\n\n- %s\n", title, strings.Join(lines, "\n- "))
		}
	}
	list("The machine was too noisy to tell", r.Noisy())
	list("Not counted", r.Failed)
	list("Left out", r.Absent)
	b.WriteString("\n| goal | | measured | reached |\n|---|---|---|---|\n")
	for _, g := range r.Goals() {
		reached := "–"
		if g.Reached != nil {
			reached = map[bool]string{true: "yes", false: "**no**"}[*g.Reached]
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", g.What, g.Goal, g.Measured, reached)
	}
	r.throughputTable(&b)
	r.latencyTable(&b)
	r.sizesTable(&b)
	return b.String()
}

func (r *Report) throughputTable(b *strings.Builder) {
	if len(r.Throughput) == 0 {
		return
	}
	b.WriteString("\n| | events/s | from | to | hotlead is | CPU s a million events | of it Kafka | Redis | most resident MiB | rounds |\n" +
		"|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, name := range r.contenders() {
		runs := r.of(name)
		rates := valuesOf(runs, rate)
		times, _ := ratio(r.of(Hotlead), runs, rate)
		memory := short(median(runs, func(r Run) float64 { return float64(r.PeakMiB) }))
		if redis := median(runs, func(r Run) float64 { return float64(r.RedisMiB) }); redis > 0 {
			memory += " + Redis " + short(redis)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %sx | %s | %s | %s | %s | %d |\n", name, short(median(runs, rate)), short(rates[0]), short(rates[len(rates)-1]), short(times),
			short(median(runs, cpu)), short(median(runs, func(r Run) float64 { return r.CPU.Kafka })), short(median(runs, func(r Run) float64 { return r.CPU.Redis })),
			memory, len(runs))
	}
}

func (r *Report) latencyTable(b *strings.Builder) {
	if len(r.Latency) == 0 {
		return
	}
	fmt.Fprintf(b, "\nFrom when an event was to be sent, at %d events/s, until another client had the change that it caused, in ms:\n\n"+
		"| | p50 | p90 | p99 | p99.9 | most | cores busy | changes | rounds |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n", r.Offered)
	for _, name := range []string{Hotlead, StreamsPrompt, FlinkPrompt} {
		all := r.latencyOf(name)
		runs := only(all, Latency.keptUp)
		if len(all) == 0 {
			continue
		}
		rounds := fmt.Sprint(len(runs))
		if len(runs) < len(all) {
			rounds = fmt.Sprintf("%d of %d", len(runs), len(all))
		}
		if len(runs) == 0 {
			fmt.Fprintf(b, "| %s | %s | | | | | %s | | %s |\n", name, fellBehind, short(median(all, cores)), rounds)
			continue
		}
		of := func(of func(Latency) float64) string { return short(median(runs, of)) }
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", name, of(p50), of(func(l Latency) float64 { return l.P90 }), of(p99),
			of(func(l Latency) float64 { return l.P999 }), of(func(l Latency) float64 { return l.Max }), of(cores),
			of(func(l Latency) float64 { return float64(l.Changes) }), rounds)
	}
}

func (r *Report) sizesTable(b *strings.Builder) {
	if len(r.Alone.Sizes) == 0 {
		return
	}
	b.WriteString("\n| leads, drawn uniformly, none in memory | events/s | CPU s a million events | of it Redis | tier changes an event |\n|---:|---:|---:|---:|---:|\n")
	for _, s := range r.Alone.Sizes {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", short(float64(s.Leads)), short(s.PerSecond), short(s.CPU.All()), short(s.CPU.Redis), short(s.ChangesPerEvent))
	}
}
