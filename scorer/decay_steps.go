package scorer

import "time"

// step is one step of a decay: until that age, that share is kept.
type step struct {
	until time.Duration
	keep  float64
}

// stepsDecay keeps, of an event, the share of the first step whose until exceeds its age; nothing after the last.
type stepsDecay struct {
	untils []Instant // ages
	keeps  []float64
}

// steps is the decay by steps, at least one, whose until rises and whose keep never does: a decay only fades.
func steps(all []step) decay {
	var d stepsDecay
	for _, s := range all {
		d.untils, d.keeps = append(d.untils, Instant(s.until.Milliseconds())), append(d.keeps, s.keep)
	}
	return d
}

func (d stepsDecay) keep(age Instant) float64 {
	for i, until := range d.untils {
		if age < until {
			return d.keeps[i]
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

func (d stepsDecay) span() Instant { return max(1, d.untils[len(d.untils)-1]) }

func (d stepsDecay) heap(every Instant) float64 { return float64(d.span()/every) + 1 }

func (d stepsDecay) describe() DecayDescription {
	var all []StepDescription
	for i, until := range d.untils {
		all = append(all, StepDescription{Until: time.Duration(until) * time.Millisecond, Keep: d.keeps[i]})
	}
	return DecayDescription{Steps: all}
}
