package scorer

import "strings"

// Told is what the world was told of a lead last: the announced sequence, tier and stage, and when that tier began.
// Tier "" with Sequence 0: nothing was announced, so the lead stands in the model's last tier. Since 0: not known, or the
// lead never changed tier.
type Told struct {
	Sequence    uint64
	Tier, Stage string
	Since       Instant
	// Behind is whether the lead has seen events since of which the world may not have been told.
	Behind bool `json:"-"`
}

// Told is what the world was told of l.
func (f *Folder) Told(l *Lead) Told {
	if l.Sequence == 0 {
		return Told{}
	}
	return Told{Sequence: l.Sequence, Tier: l.Tier, Stage: l.Stage, Since: l.moved()}
}

// Correct makes l go on from what the world was told, after a recovery. l is brought to that instant in silence and
// takes over sequence, tier and stage as they were told; then it is decided from there, as after any event, so that
// what still holds stands (a tier that is kept longer than it is entered, a stage once reached) and only what does not
// hold any more is announced, with cause ByRecovery. Where what was told is Behind, the lead's own tier and stage go
// before: events since have moved it, and how is lost but for where it led.
func (f *Folder) Correct(l *Lead, told Told, at Instant, out []Change) []Change {
	at = bounded(at)
	if l.Tier == "" {
		if told.Sequence == 0 {
			return out
		}
		f.begin(l)
		l.Clock = max(l.Clock, at)
		l.FirstSeen, l.LastSeen, l.Since = l.Clock, l.Clock, l.Clock
	}
	if l.ModelVersion < f.model.Version {
		f.adopt(l)
	}
	f.take(l)
	f.pass(l, at, nil, nil)
	own, stage := l.Tier, l.Stage
	l.Sequence = told.Sequence
	l.Tier, l.Stage = strings.Clone(told.Tier), strings.Clone(told.Stage)
	if told.Tier == "" {
		l.Tier = f.model.tiers[len(f.model.tiers)-1].name
	}
	switch {
	case told.Since > 0:
		l.Since, l.Moved = told.Since, true
	case told.Sequence == 0:
		l.Moved = false
	}
	why := &reason{kind: ByRecovery}
	f.take(l)
	if told.Behind {
		out = f.catchUp(l, own, stage, why, out)
	} else {
		out = f.settle(l, why, out)
	}
	f.schedule(l)
	return out
}

// catchUp takes l from what was told to the tier and the stage that are its own.
func (f *Folder) catchUp(l *Lead, tier, stage string, why *reason, out []Change) []Change {
	f.see(l, l.Clock)
	if tier != l.Tier {
		out = f.move(l, f.tierOf(tier), why, out)
	}
	if f.stageOf(stage) > f.stageOf(l.Stage) {
		l.Stage = stage
		out = f.announce(l, why, Change{Kind: StageReached, From: l.Tier, To: l.Tier, Previous: l.moved()}, out)
	}
	f.take(l)
	f.see(l, l.Clock)
	return out
}
