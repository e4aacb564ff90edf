package scorer

// settle decides the tier and the stage of l at its clock, and appends the changes for that reason.
//
// A tier's condition may speak of the tier that the lead is in, so one move may make another: moves are followed until
// none is left, and only the last is announced. Where they never end, the lead stays where it is. A stage that is
// reached may move the tier once more.
func (f *Folder) settle(l *Lead, why *reason, out []Change) []Change {
	f.see(l, l.Clock)
	if c := f.kind(l); c.exact && c.holds(f.model.reads.settledBy, f.scene.moving) {
		f.countUnevaluable(c)
		return out
	}
	defer func() { f.rest(l, f.scene.moving) }()
	for {
		if to := f.settleTier(l.Tier); to >= 0 && f.model.tiers[to].name != l.Tier {
			out = f.move(l, to, why, out)
		}
		var climbed bool
		if out, climbed = f.climb(l, why, out); !climbed {
			return out
		}
	}
}

// settleTier is the tier where a lead that is in tier comes to rest by the scene; −1 where it never does.
func (f *Folder) settleTier(tier string) int {
	now := tier
	for range len(f.model.tiers) + 1 {
		to := f.firstTier()
		if f.model.tiers[to].name == now {
			return to
		}
		now = f.model.tiers[to].name
		f.show(stillTier, now)
	}
	f.show(stillTier, tier)
	return -1
}

// firstTier is the first tier from the top whose condition holds in the scene.
func (f *Folder) firstTier() int {
	last := len(f.model.tiers) - 1
	for i := range f.model.tiers[:last] {
		if f.holds(f.model.tiers[i].when, f.tierPlace(i)) {
			return i
		}
	}
	return last
}

// holds is whether a condition holds in the scene; one that can't be evaluated does not, and is counted at its place.
func (f *Folder) holds(c *condition, place int) bool {
	if c == nil {
		return true
	}
	holds, err := c.holds(&f.scene)
	if err != nil {
		f.unevaluable[place]++
		return false
	}
	return holds
}

// climb takes l up to each stage above its own whose condition holds, in their order.
func (f *Folder) climb(l *Lead, why *reason, out []Change) ([]Change, bool) {
	climbed := false
	for i := f.stageOf(l.Stage) + 1; i < len(f.model.stages); i++ {
		s := &f.model.stages[i]
		if !f.holds(s.when, f.stagePlace(i)) {
			continue
		}
		l.Stage = s.name
		f.calm = nil
		f.show(stillStage, s.name)
		climbed = true
		out = f.announce(l, why, Change{Kind: StageReached, From: l.Tier, To: l.Tier, Previous: l.moved()}, out)
	}
	return out, climbed
}

// move takes l to the model's tier at that place.
func (f *Folder) move(l *Lead, to int, why *reason, out []Change) []Change {
	from, previous := l.Tier, l.moved()
	l.Tier, l.Since, l.Moved = f.model.tiers[to].name, l.Clock, true
	f.calm = nil
	return f.announce(l, why, Change{
		Kind: TierChanged, From: from, To: l.Tier, Previous: previous,
		Up: to < f.tierOf(from),
	}, out)
}

// moved is when l last changed tier; 0 where it never did. A stage that was reached is no move.
func (l *Lead) moved() Instant {
	if !l.Moved {
		return 0
	}
	return l.Since
}

// announce numbers a change of l at its clock, fills in what is known, and appends it.
func (f *Folder) announce(l *Lead, why *reason, c Change, out []Change) []Change {
	l.Sequence++
	if why == nil {
		return out
	}
	return append(out, f.complete(l, why, c))
}

// tierOf is the place of a tier by name; one that the model does not have stands below all.
func (f *Folder) tierOf(name string) int {
	for i := range f.model.tiers {
		if f.model.tiers[i].name == name {
			return i
		}
	}
	return len(f.model.tiers)
}

// stageOf is the place of a stage by name; −1 for none, or one that the model does not have.
func (f *Folder) stageOf(name string) int {
	if name == "" {
		return -1
	}
	for i := range f.model.stages {
		if f.model.stages[i].name == name {
			return i
		}
	}
	return -1
}
