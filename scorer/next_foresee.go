package scorer

// forecast is what is known of the lead in hand from a to b, both included.
func (f *Folder) forecast(l *Lead, a, b *point) outlook {
	f.search.mixed = f.boundPlain(l, a, b, nil)
	told := f.foresee(l)
	if told == open && f.search.mixed {
		f.boundTight(a, b)
		told = f.foresee(l)
	}
	return told
}

// foresee is what settle would do to the lead in hand while its moving values are within what was found.
func (f *Folder) foresee(l *Lead) outlook {
	s := &f.search
	if f.inCalm(l) {
		return same
	}
	if !s.held {
		f.holdStill()
	}
	now, told := l.Tier, same
	for range len(f.model.tiers) + 1 {
		to := f.foreseeTier(now == l.Tier)
		if to < 0 {
			told = open
			break
		}
		if f.model.tiers[to].name == now {
			if now != l.Tier {
				told = moved
			}
			break
		}
		now = f.model.tiers[to].name
		f.show(stillTier, now)
	}
	if now != l.Tier {
		f.show(stillTier, l.Tier)
	}
	for i := f.stageOf(l.Stage) + 1; told == same && i < len(f.model.stages); i++ {
		told = f.foreseeStage(i)
	}
	return told
}

// foreseeTier is the first tier whose condition holds within what was found; −1 where that is open. first says that the
// lead is shown in its own tier, for which what does not move is known already.
func (f *Folder) foreseeTier(first bool) int {
	last := len(f.model.tiers) - 1
	for i := range f.model.tiers[:last] {
		told := f.search.still[i]
		if told == maybe || !first {
			told = f.within(f.model.tiers[i].when)
		}
		switch told {
		case always:
			return i
		case maybe:
			return -1
		}
	}
	return last
}

// foreseeStage is whether the stage at that place would be reached.
func (f *Folder) foreseeStage(i int) outlook {
	switch f.within(f.model.stages[i].when) {
	case always:
		return moved
	case never:
		return same
	default:
		return open
	}
}

func (f *Folder) within(c *condition) verdict {
	if c == nil {
		return always
	}
	return c.within(f.search.found.lo, f.search.found.hi, &f.scene)
}
