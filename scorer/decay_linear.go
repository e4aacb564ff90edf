package scorer

import "time"

// linearDecay keeps 1 − age/length of an event, and nothing from length on.
type linearDecay struct {
	length Instant
}

// linear is the decay from full to nothing over length. length is positive.
func linear(length time.Duration) decay {
	return linearDecay{length: max(1, Instant(length.Milliseconds()))}
}

func (d linearDecay) count(c *Counter, at Instant, weight float64) {
	c.mark(at, weight)
}

func (d linearDecay) look(c *Counter, at Instant) sample {
	var s sample
	for _, m := range c.Marks {
		age := at - m.At
		if age >= d.length {
			continue
		}
		left := float64(m.Weight * (1 - float64(age)/float64(d.length)))
		if m.Weight < 0 {
			s.loss += left
			s.lossSlope -= m.Weight
		} else {
			s.gain += left
			s.gainSlope -= m.Weight
		}
	}
	s.gainSlope /= float64(d.length)
	s.lossSlope /= float64(d.length)
	return s
}

func (d linearDecay) span() Instant { return d.length }

func (d linearDecay) heap(every Instant) float64 { return float64(d.length/every) + 1 }

func (d linearDecay) describe() DecayDescription {
	return DecayDescription{Linear: time.Duration(d.length) * time.Millisecond}
}
