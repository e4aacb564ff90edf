package scorer

import "time"

// halfLifeDecay keeps 2^(−age/life) of an event. The sum over all events is kept as its value at the newest event's
// time, so a late event is added at its own worth, and the order of arrival makes no difference.
type halfLifeDecay struct {
	life float64 // ms
}

// halfLife is the decay that halves what is left every life. life is positive.
func halfLife(life time.Duration) decay {
	return halfLifeDecay{life: max(1, float64(life.Milliseconds()))}
}

func (d halfLifeDecay) keep(age Instant) float64 { return exp2Neg(float64(age) / d.life) }

func (d halfLifeDecay) count(c *Counter, at Instant, weight float64) {
	switch {
	case at >= c.Ref:
		c.Sum = float64(c.Sum*d.keep(at-c.Ref)) + weight
		c.Ref = at
	default:
		c.Sum += float64(weight * d.keep(c.Ref-at))
	}
}

func (d halfLifeDecay) look(c *Counter, at Instant) sample {
	return signed(c.Sum * d.keep(at-c.Ref))
}

func (d halfLifeDecay) span() Instant { return 0 }

// heap is the geometric series, and one for good measure.
func (d halfLifeDecay) heap(every Instant) float64 { return 1/(1-d.keep(every)) + 1 }

func (d halfLifeDecay) describe() DecayDescription {
	return DecayDescription{HalfLife: time.Duration(d.life) * time.Millisecond}
}
