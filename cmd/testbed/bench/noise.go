package bench

import (
	"fmt"
	"slices"
)

const (
	// spreadOfRuns is by how much the identical runs of a contender may differ before the machine was too noisy.
	spreadOfRuns = 1.5
	// spreadOfFloor is the same of the floor, which waits for nothing but the processors.
	spreadOfFloor = 1.3
	// othersShare is how much of the processors may go to what is no part of the run.
	othersShare = .1
	// inTime is the most that 99 of 100 changes may take, in milliseconds, of a contender that keeps up with what is offered.
	inTime = 1000
)

// Noisy says in which respects the machine was too noisy to tell; nothing where it was quiet.
func (r *Report) Noisy() (why []string) {
	for _, name := range r.contenders() {
		rates := valuesOf(r.of(name), rate)
		bound := spreadOfRuns
		if name == Floor {
			bound = spreadOfFloor
		}
		if by := rates[len(rates)-1] / rates[0]; by > bound {
			why = append(why, fmt.Sprintf("identical runs of %q differ by %.1fx", name, by))
		}
	}
	busy := func(share float64, what string) {
		if share > othersShare {
			why = append(why, fmt.Sprintf("%.0f %% of the processors went to others while %s was measured", 100*share, what))
		}
	}
	for _, l := range r.Latency {
		if !l.keptUp() {
			why = append(why, fmt.Sprintf("%q did not keep up with the steady rate in round %d", l.Contender, l.Round))
		}
	}
	busy(median(r.Throughput, func(r Run) float64 { return r.Others }), "throughput")
	busy(median(r.Latency, func(l Latency) float64 { return l.Others }), "latency")
	return why
}

// keptUp is whether the contender kept up with what was offered. How long changes take of one that does not says how long it
// was measured, and no more.
func (l Latency) keptUp() bool { return l.P99 <= inTime }

// fellBehind is what is said of one that kept up in no round.
const fellBehind = "did not keep up"

// contenders are those that folded the work, in the order of their first runs.
func (r *Report) contenders() (names []string) {
	for _, run := range r.Throughput {
		if !slices.Contains(names, run.Contender) {
			names = append(names, run.Contender)
		}
	}
	return names
}
