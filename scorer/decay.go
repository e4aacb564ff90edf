package scorer

import "math"

// decay says how what a rule counted fades. Each kind keeps in a Counter what it needs and no more.
//
// Every kind is worked out so that what is computed never moves away from 0 from one millisecond to the next, to the
// bit: the search for the next change relies on it (see next.go).
type decay interface {
	// count folds in one event of that time and weight.
	count(c *Counter, at Instant, weight float64)
	// look is what is left of everything counted at an instant not older than anything counted.
	look(c *Counter, at Instant) sample
	// span is how old a mark can be and still be worth something; 0 for a kind that keeps a sum instead of marks.
	span() Instant
	// heap is a bound of the sum of any number of events of weight 1 that come that often.
	heap(every Instant) float64
	// describe is the decay as its model writes it.
	describe() DecayDescription
}

// sample is what is left of a Counter at one instant.
type sample struct {
	// gain and loss are the sums over positive and over negative weights (in weights, not points). gain never rises and
	// loss never falls while nothing is counted.
	gain, loss float64
	// gainSlope and lossSlope are how fast they fade, per millisecond, where that is known: 0 or below, 0 or above.
	gainSlope, lossSlope float64
}

// sum is the whole of what is left.
func (s sample) sum() float64 { return s.gain + s.loss }

// signed is the sample of a single value.
func signed(v float64) sample {
	if v < 0 {
		return sample{loss: v}
	}
	return sample{gain: v}
}

// noDecay is the decay of a rule that names none: what counted, counts for ever.
type noDecay struct{}

func (noDecay) count(c *Counter, at Instant, weight float64) {
	c.Sum += weight
	c.Ref = max(c.Ref, at)
}

func (noDecay) look(c *Counter, _ Instant) sample { return signed(c.Sum) }

func (noDecay) span() Instant { return 0 }

func (noDecay) heap(Instant) float64 { return math.Inf(1) }

func (noDecay) describe() DecayDescription { return DecayDescription{} }
