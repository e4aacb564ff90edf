//go:build chaos

package consumer

import "time"

// What a worker lets be done to itself under the build tag chaos, by which the fault matrix of cmd/testbed/chaos builds
// hotlead. No other build has it.

// Steps are the names of the numbered steps.
func Steps() map[string]Step {
	return map[string]Step{
		"fetched": Fetched, "loaded": Loaded, "folded": Folded, "decided": Decided, "announced": Announced, "recovered": Recovered,
	}
}

// OnStep has f called at each numbered step of every batch, by the goroutine of its lane.
func (o *Options) OnStep(f func(lane int, step Step)) { o.step = f }

// SetClock makes now the wall clock of the lanes.
func (o *Options) SetClock(now func() time.Time) { o.now = now }
