package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Goal is something to reach, and what was measured of it.
type Goal struct {
	What string `json:"what"`
	Goal string `json:"goal"`
	// Measured is the value in words, "not measured" where it was not.
	Measured string `json:"measured"`
	// Reached is nil where it was not measured.
	Reached *bool `json:"reached,omitempty"`
}

// goal is a Goal as it is decided: least and most are what the value must be, 0 for no bound.
type goal struct {
	what        string
	least, most float64
	unit        string
	value       float64 // NaN: not measured
	beside      string  // more words on the value
}

// Goals are all goals, each a ratio within this one run where that is possible.
func (r *Report) Goals() []Goal {
	own := r.of(Hotlead)
	faster := func(than string) (float64, string) { return ratio(own, r.of(than), rate) }
	var all []Goal
	add := func(g goal) { all = append(all, g.decide()) }
	for _, peer := range []struct {
		name  string
		least float64
	}{{Streams, 8}, {StreamsTuned, 5}, {StreamsMemory, 3}, {FlinkHeap, 2.5}} {
		value, beside := faster(peer.name)
		add(goal{what: "events/s against " + peer.name, least: peer.least, unit: "x", value: value, beside: beside})
	}
	floor, _ := faster(Floor)
	add(goal{what: "share of the floor (" + Floor[len("floor: "):] + ")", least: 20, unit: " %", value: 100 * floor})
	spent, beside := ratio(own, r.of(StreamsTuned), cpu)
	add(goal{what: "processor time of all processes against " + StreamsTuned, most: .25, unit: "x", value: spent, beside: beside})
	quick, prompt := whereKeptUp(r.latencyOf(Hotlead), r.latencyOf(StreamsPrompt))
	for _, l := range []struct {
		what string
		of   func(Latency) float64
	}{{"p50", p50}, {"p99", p99}, {"processors' time", cores}} {
		value, beside := ratio(quick, prompt, l.of)
		add(goal{what: fmt.Sprintf("event to change at %d events/s, %s against %s", r.Offered, l.what, StreamsPrompt), most: 2. / 3, unit: "x", value: value, beside: beside})
	}
	for _, g := range r.Alone.goals(own) {
		add(g)
	}
	return all
}

func (a *Alone) goals(own []Run) []goal {
	lasting := only(own, func(r Run) bool { return r.BytesPerLead > 0 })
	measured := func(v float64) float64 {
		if v == 0 {
			return math.NaN()
		}
		return v
	}
	dearer := goal{what: "cost of an event past the in-memory bound", most: 1.5, unit: "x", value: math.NaN()}
	if n := len(a.Sizes); n > 1 {
		dearer.value = a.Sizes[n-1].CPU.All() / a.Sizes[0].CPU.All()
		dearer.what += fmt.Sprintf(", %d leads against %d", a.Sizes[n-1].Leads, a.Sizes[0].Leads)
	}
	takeOver := goal{what: "first event folded after owning a lane of 10^6 leads", most: 1, unit: " s", value: measured(a.TakeOverSeconds)}
	if a.TakeOverLeads != 1_000_000 && a.TakeOverLeads > 0 {
		takeOver.beside = fmt.Sprintf("with %d leads", a.TakeOverLeads)
	}
	return []goal{
		dearer,
		{what: "Redis bytes a lead", most: 250, value: median(lasting, func(r Run) float64 { return r.BytesPerLead })},
		{what: "resident memory of hotlead at 10^6 active leads", most: 600, unit: " MiB", value: measured(float64(a.MillionMiB))},
		{what: "`hotlead score`, events/s a core", least: 1e6, value: measured(a.ScorePerCore)},
		{what: "allocations an event", most: .1, value: median(lasting, func(r Run) float64 { return r.AllocationsPerEvent })},
		takeOver,
		{what: "refold after loss of Redis against the live rate", least: 1, unit: "x", value: measured(a.RefoldPerSecond) / a.LivePerSecond},
	}
}

// whereKeptUp are the rounds in which the peer kept up: beside one that did not, any time looks short. That hotlead did not
// counts against it.
func whereKeptUp(own, peer []Latency) ([]Latency, []Latency) {
	peer = only(peer, Latency.keptUp)
	own = only(own, func(l Latency) bool {
		return slices.ContainsFunc(peer, func(p Latency) bool { return p.Round == l.Round })
	})
	return own, peer
}

// ratio is the ratio of the medians of what of tells, and in words the least and the most of the rounds' own.
func ratio[T interface{ round() int }](one, other []T, of func(T) float64) (value float64, beside string) {
	value = median(one, of) / median(other, of)
	least, most := math.Inf(1), math.Inf(-1)
	rounds := 0
	for _, a := range one {
		for _, b := range other {
			if a.round() == b.round() {
				least, most = min(least, of(a)/of(b)), max(most, of(a)/of(b))
				rounds++
			}
		}
	}
	if rounds > 1 {
		beside = fmt.Sprintf("%s to %s by rounds", short(least), short(most))
	}
	return value, beside
}

func (r Run) round() int     { return r.Round }
func (l Latency) round() int { return l.Round }

func (g goal) decide() Goal {
	d := Goal{What: g.what, Measured: "not measured"}
	ok := g.value >= g.least
	if g.most > 0 {
		ok = g.value <= g.most
		d.Goal = "at most " + rounded(g.most) + g.unit
	} else {
		d.Goal = "at least " + rounded(g.least) + g.unit
	}
	if math.IsNaN(g.value) {
		return d
	}
	d.Measured, d.Reached = short(g.value)+g.unit, &ok
	if g.beside != "" {
		d.Measured += " (" + g.beside + ")"
	}
	return d
}

// rounded is short without zeros that say nothing.
func rounded(v float64) string {
	text := short(v)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// short writes v with two or three digits that say something, and thousands apart.
func short(v float64) string {
	switch {
	case v >= 1000:
		n := int64(math.Round(v))
		text := ""
		for ; n >= 1000; n /= 1000 {
			text = fmt.Sprintf(",%03d", n%1000) + text
		}
		return fmt.Sprint(n) + text
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1 || v == 0:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}
