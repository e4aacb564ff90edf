package scorer

// Retier puts the Folder's model in force for l at that instant (or at the lead's clock, if that is later): tier and
// stage are decided anew, and changes have cause ByModel. Idle rules that come due until then fire on the way.
func (f *Folder) Retier(l *Lead, at Instant, out []Change) []Change {
	if l.Tier == "" {
		return out
	}
	f.take(l)
	out = f.retier(l, bounded(at), out)
	f.schedule(l)
	return out
}

// retier is Retier of the lead in hand, up to scheduling.
func (f *Folder) retier(l *Lead, at Instant, out []Change) []Change {
	f.fireUntil(l, at)
	l.Clock = max(l.Clock, at)
	l.ModelVersion = f.model.Version
	return f.settle(l, &reason{kind: ByModel}, out)
}
