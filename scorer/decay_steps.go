package scorer

import "time"

// step is one step of a decay: until that age, that share is kept.
type step struct {
	until time.Duration
	keep  float64
}

// stepsDecay keeps, of an event, the share of the first step whose until exceeds its age; nothing after the last.
type stepsDecay struct {
	steps []step
}

// steps is the decay by steps, whose until rises and whose keep, from 0 to 1, does not.
func steps(s []step) decay { return stepsDecay{steps: s} }

func (d stepsDecay) keep(age Instant) float64 {
	for i := range d.steps {
		if age < Instant(d.steps[i].until.Milliseconds()) {
			return d.steps[i].keep
		}
	}
	return 0
}

func (d stepsDecay) count(c *Counter, at Instant, weight float64) {
	c.mark(at, weight)
}

func (d stepsDecay) look(c *Counter, at Instant) sample {
	var s sample
	for _, m := range c.Marks {
		left := float64(m.Weight * d.keep(at-m.At))
		if left < 0 {
			s.loss += left
		} else {
			s.gain += left
		}
	}
	return s
}

func (d stepsDecay) span() Instant {
	if len(d.steps) == 0 {
		return 1
	}
	return max(1, Instant(d.steps[len(d.steps)-1].until.Milliseconds()))
}

func (d stepsDecay) heap(every Instant) float64 { return float64(d.span()/every) + 1 }
