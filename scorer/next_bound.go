package scorer

import "math"

// fading says how a rule's share moves while nothing is counted.
type fading struct {
	kind fadingKind
	// class numbers the half-lives of the model, rate is how fast it fades: ln 2 / half-life, per millisecond.
	class int
	rate  float64
	life  halfLifeDecay // of halving

	// keep is what was left at the age that was asked for last: after an event the same ages are asked for again, but of
	// the rule that counted it.
	age  Instant
	keep float64
}

type fadingKind uint8

const (
	resting  fadingKind = iota // it does not move
	halving                    // exponentially, at its rate
	sliding                    // along straight lines: its samples know the slopes
	stepping                   // by jumps
)

// fadingOf is how shares of that decay move.
func fadingOf(d decay, classes map[float64]int) fading {
	switch d := d.(type) {
	case halfLifeDecay:
		class, known := classes[d.life]
		if !known {
			class = len(classes)
			classes[d.life] = class
		}
		return fading{kind: halving, class: class, rate: math.Ln2 / d.life, life: d, keep: 1}
	case linearDecay:
		return fading{kind: sliding}
	case stepsDecay:
		return fading{kind: stepping}
	default:
		return fading{kind: resting}
	}
}

// point is the lead in hand at one instant: the sample of each active rule.
type point struct {
	at      Instant
	samples []sample
}

// fill makes p the lead in hand at an instant.
func (f *Folder) fill(p *point, l *Lead, at Instant) {
	p.at = at
	p.samples = p.samples[:0]
	for _, a := range f.active {
		c := &l.Counters[a.counter]
		// Most rules halve: asking their decay without the detour of an interface halves what a look costs.
		if fade := &f.fading[a.rule]; fade.kind == halving {
			if age := at - c.Ref; age != fade.age {
				fade.age, fade.keep = age, fade.life.keep(age)
			}
			p.samples = append(p.samples, signed(c.Sum*fade.keep))
		} else {
			p.samples = append(p.samples, f.model.engagement.rules[a.rule].decaying().look(c, at))
		}
	}
}

// fillAbove makes p, which is of an instant after the lead's clock, no less than the gains and losses of the lead in hand
// then and later: of what halves as much as ever was left of it, so that no power need be worked out.
func (f *Folder) fillAbove(p *point, l *Lead, at Instant) {
	p.at = at
	p.samples = p.samples[:0]
	for _, a := range f.active {
		c := &l.Counters[a.counter]
		if f.fading[a.rule].kind == halving {
			p.samples = append(p.samples, signed(c.Sum))
		} else {
			p.samples = append(p.samples, f.model.engagement.rules[a.rule].decaying().look(c, at))
		}
	}
}

// bound is the range of the moving values over a stretch of time.
type bound struct {
	lo, hi []float64
}

// boundPlain bounds the moving values of the lead in hand from a to b (both included), during which nothing is counted
// but what the extras say. Gains never rise and losses never fall, each to the bit, so their values at the ends bound
// each share, and the bounds of the sums are summed just as see sums the values themselves: no margin is needed, and
// where all that moves moves the same way, the bounds are exact. It reports whether shares move both ways, so that
// boundTight would know more.
func (f *Folder) boundPlain(l *Lead, a, b *point, extras extras) (both bool) {
	s, e := &f.search, &f.model.engagement
	clear(s.sumLo)
	clear(s.sumHi)
	restLo, restHi := 0.0, 0.0
	add := func(r *rule, lo, hi float64) {
		if r.group < 0 {
			restLo, restHi = restLo+lo, restHi+hi
		} else {
			s.sumLo[r.group] += lo
			s.sumHi[r.group] += hi
		}
	}
	up, down := false, false
	for i, act := range f.active {
		r := &e.rules[act.rule]
		x, y := &a.samples[i], &b.samples[i]
		least, most := y.gain+x.loss, x.gain+y.loss
		if len(extras) > 0 {
			more := extras.of(act.rule)
			least, most = least+more.least, most+more.most
		}
		lo, hi := r.shares(least, most)
		if lo < hi {
			falls := (x.gain > y.gain) == (r.each() > 0)
			mixed := x.gain > 0 && x.loss < 0
			up, down = up || !falls || mixed, down || falls || mixed
		}
		add(r, lo, hi)
	}
	for _, more := range extras {
		if _, counted := l.counter(e.rules[more.rule].key); !counted {
			lo, hi := e.rules[more.rule].shares(more.least, more.most)
			add(&e.rules[more.rule], lo, hi)
		}
	}
	f.compose(s.found.lo, s.sumLo[:len(e.groups)], restLo)
	f.compose(s.found.hi, s.sumHi[:len(e.groups)], restHi)
	s.found.lo[movingIdle], s.found.hi[movingIdle] = idleAt(l, a.at), idleAt(l, b.at)
	return up && down
}

// shares is the range of a rule's share for sums of weights from least to most.
func (r *rule) shares(least, most float64) (lo, hi float64) {
	lo, hi = r.share(least), r.share(most)
	return min(lo, hi), max(lo, hi)
}

// extras are what idle rules may count over a stretch.
type extras []extra

type extra struct {
	rule        int
	least, most float64 // weights
}

// of is what a rule may count; nothing for one that is not among the extras.
func (x extras) of(rule int) extra {
	for _, more := range x {
		if more.rule == rule {
			return more
		}
	}
	return extra{}
}

// foreseeFirings collects what the idle rules may count for l after its clock until that instant.
func (f *Folder) foreseeFirings(l *Lead, until Instant) extras {
	s, e := &f.search, &f.model.engagement
	s.extras = s.extras[:0]
	if l.Engaged == 0 {
		return s.extras
	}
	for _, i := range e.idle {
		r := &e.rules[i]
		first := r.firing(l)
		if first > until || r.spent(l) {
			continue
		}
		more := extra{rule: i, most: 1}
		switch {
		case r.worth != nil:
			more.least, more.most = math.Inf(-1), math.Inf(1)
		case r.repeat:
			more.most = min(float64((until-first)/r.period()+1), r.decaying().heap(r.period()))
		}
		s.extras = append(s.extras, more)
	}
	return s.extras
}

// curve is what is known of a sum of shares over a stretch from a to b: its values at both ends, the range of its
// slope (per millisecond), the range of what jumps in it, which is in neither, and the size of its terms, for the error
// of summing them: those that fade, and those that rest.
type curve struct {
	a, b           float64
	slopeLo        float64
	slopeHi        float64
	jumpLo, jumpHi float64
	fades, rests   float64
}

// The relative errors allowed for: of a fading share against the real function (its age, at most some hundred
// half-lives, is rounded before the power), and of summing.
const (
	fadeError = 1e-13
	restError = 3e-14
	// slopeError is relative to the largest slope of the terms.
	slopeError = 1e-12
)

// span is the range of the curve over a stretch of that many milliseconds. It is the mean value theorem: where the slope
// has one sign, the ends are the extremes; else the curve stays between the lines that leave its ends with the extreme
// slopes.
func (c *curve) span(width float64) (lo, hi float64) {
	lo, hi = min(c.a, c.b), max(c.a, c.b)
	if c.slopeLo < 0 && c.slopeHi > 0 {
		steep := c.slopeHi - c.slopeLo
		// The upper lines, up from a and down to b, meet after x; the lower ones after y.
		x := min(max((c.b-c.a-c.slopeLo*width)/steep, 0), width)
		y := min(max((c.slopeHi*width-c.b+c.a)/steep, 0), width)
		hi = max(hi, c.a+c.slopeHi*x)
		lo = min(lo, c.a+c.slopeLo*y)
	}
	dust := fadeError*c.fades + restError*c.rests
	return lo - dust + c.jumpLo, hi + dust + c.jumpHi
}

// slopes adds to the slope's range.
func (c *curve) slopes(lo, hi float64) {
	c.slopeLo += lo
	c.slopeHi += hi
}

// cap holds the curve between least and most.
func (c *curve) cap(least, most, width float64) {
	lo, hi := c.span(width)
	switch {
	case lo >= least && hi <= most:
	case hi <= least:
		*c = curve{a: least, b: least, rests: math.Abs(least)}
	case lo >= most:
		*c = curve{a: most, b: most, rests: math.Abs(most)}
	case c.jumpLo == 0 && c.jumpHi == 0:
		// While it is held it does not move, else it moves as before.
		c.a, c.b = min(max(c.a, least), most), min(max(c.b, least), most)
		c.slopeLo, c.slopeHi = min(c.slopeLo, 0), max(c.slopeHi, 0)
	default:
		*c = curve{jumpLo: min(max(lo, least), most), jumpHi: min(max(hi, least), most)}
	}
}

// add adds another curve.
func (c *curve) add(d *curve) {
	c.a, c.b = c.a+d.a, c.b+d.b
	c.slopes(d.slopeLo, d.slopeHi)
	c.jumpLo, c.jumpHi = c.jumpLo+d.jumpLo, c.jumpHi+d.jumpHi
	c.fades, c.rests = c.fades+d.fades, c.rests+d.rests
}

// boundTight bounds like boundPlain, but through slopes: where merits and penalties fade side by side, their sum moves
// far less than they do. Shares of one group with one half-life are first summed, since their sum fades as one. It
// narrows what boundPlain found.
func (f *Folder) boundTight(a, b *point) {
	s, e := &f.search, &f.model.engagement
	width := float64(b.at - a.at)
	clear(s.curves)
	clear(s.halves)
	for i, act := range f.active {
		f.addShare(act.rule, &a.samples[i], &b.samples[i])
	}
	for g := range s.curves {
		for class, rate := range s.rates {
			h := &s.halves[g*len(s.rates)+class]
			dust := slopeError * rate * h.fades
			s.curves[g].add(&curve{
				a: h.a, b: h.b, fades: h.fades,
				slopeLo: -rate*max(h.a, h.b) - dust, slopeHi: -rate*min(h.a, h.b) + dust,
			})
		}
	}
	groups := len(e.groups)
	total := s.curves[groups]
	for g := range e.groups {
		c := &s.curves[g]
		c.cap(-e.groups[g].max, e.groups[g].max, width)
		lo, hi := c.span(width)
		s.found.narrow(movingGroups+g, round(lo), round(hi))
		total.add(c)
	}
	total.cap(e.min, e.max, width)
	lo, hi := total.span(width)
	s.found.narrow(movingEngagement, round(lo), round(hi))
	dust := restError * math.Abs(f.fit.score)
	s.found.narrow(movingScore, round(lo+f.fit.score-dust), round(hi+f.fit.score+dust))
}

// addShare adds one rule's share to the curve of its group, or, where it halves unhindered by its max, to the sum of its
// half-life.
func (f *Folder) addShare(rule int, x, y *sample) {
	s, r, fade := &f.search, &f.model.engagement.rules[rule], f.fading[rule]
	g := r.group
	if g < 0 {
		g = len(s.curves) - 1
	}
	va, vb := r.share(x.sum()), r.share(y.sum())
	worth := r.each()
	free := math.Abs(worth)*max(x.gain, -x.loss) <= r.max
	lo, hi := r.shares(y.gain+x.loss, x.gain+y.loss)
	switch {
	case lo == hi:
		s.curves[g].add(&curve{a: va, b: vb, rests: math.Abs(va)})
	case fade.kind == halving && free:
		h := &s.halves[g*len(s.rates)+fade.class]
		h.a, h.b, h.fades = h.a+va, h.b+vb, h.fades+math.Abs(va)
	case fade.kind == halving:
		h := curve{a: va, b: vb, fades: math.Abs(va)}
		h.slopes(slopeRange(worth, -fade.rate*x.sum(), -fade.rate*y.sum(), free))
		s.curves[g].add(&h)
	case fade.kind == sliding:
		h := curve{a: va, b: vb, fades: math.Abs(worth) * (x.gain - x.loss)}
		h.slopes(slopeRange(worth, x.gainSlope+y.lossSlope, y.gainSlope+x.lossSlope, free))
		s.curves[g].add(&h)
	default:
		s.curves[g].add(&curve{jumpLo: lo, jumpHi: hi, rests: math.Abs(va)})
	}
}

// slopeRange is the range of a share's slope, of a sum whose slope lies between u and v; where the rule's max may hold
// the share for a part of the stretch, it may also be 0.
func slopeRange(worth, u, v float64, free bool) (lo, hi float64) {
	u, v = worth*u, worth*v
	lo, hi = min(u, v), max(u, v)
	if !free {
		lo, hi = min(lo, 0), max(hi, 0)
	}
	return lo - slopeError*math.Abs(lo), hi + slopeError*math.Abs(hi)
}

// narrow keeps of one value's range what lies in [lo, hi] too. Both ranges hold the value, so they meet; should
// rounding ever part them, the first stands.
func (b *bound) narrow(slot int, lo, hi float64) {
	lo, hi = max(lo, b.lo[slot]), min(hi, b.hi[slot])
	if lo <= hi {
		b.lo[slot], b.hi[slot] = lo, hi
	}
}
