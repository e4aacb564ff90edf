package scorer

import "strings"

// Told is what the world was told of a lead last: the announced sequence, tier and stage, and when that tier began.
// Tier "" with Sequence 0: nothing was announced, so the lead stands in the model's last tier.
type Told struct {
	Sequence    uint64
	Tier, Stage string
	Since       Instant
}

// Told is what the world was told of l.
func (f *Folder) Told(l *Lead) Told {
	if l.Sequence == 0 {
		return Told{}
	}
	return Told{Sequence: l.Sequence, Tier: l.Tier, Stage: l.Stage, Since: l.Since}
}

// Correct makes l go on from what the world was told, after a recovery. l is brought to that instant in silence and
// takes over the sequence. Where its tier is another than the one told, the change from that to its own is appended,
// and where its stage is above the one told, so is that, with cause ByRecovery. A stage that was told stays reached.
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
	f.take(l)
	f.pass(l, at, nil, nil)
	own, stage := l.Tier, l.Stage
	l.Sequence = told.Sequence
	l.Tier, l.Stage = strings.Clone(told.Tier), strings.Clone(told.Stage)
	if told.Tier == "" {
		l.Tier = f.model.tiers[len(f.model.tiers)-1].name
	}
	if told.Sequence > 0 {
		l.Since = told.Since
	}
	why := &reason{kind: ByRecovery}
	f.take(l) // l now says what was told
	f.see(l, l.Clock)
	if own != l.Tier {
		out = f.move(l, f.tierOf(own), why, out)
	}
	if f.stageOf(stage) > f.stageOf(l.Stage) {
		l.Stage = stage
		out = f.announce(l, why, Change{Kind: StageReached, From: l.Tier, To: l.Tier, Previous: l.moved()}, out)
	}
	f.take(l)
	f.see(l, l.Clock)
	f.schedule(l)
	return out
}
