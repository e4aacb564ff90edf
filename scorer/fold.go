package scorer

// Folder folds events into leads by one model. It owns scratch memory, so each goroutine takes one of its own; between
// two calls it remembers nothing of a lead.
type Folder struct {
	model *Model
}

// Folder is a new Folder of this model.
func (m *Model) Folder() *Folder { return &Folder{model: m} }

// Result says what became of an event.
type Result struct {
	// Duplicate: the event was folded before (same source and ID); nothing changed.
	Duplicate bool
	// Late: the event is older than the lead's clock was. Its points count as of its own time.
	Late bool
	// Unevaluable is how many of the conditions and expressions that the event called for could not be evaluated.
	Unevaluable int
}

// Told is what the world was told of a lead last: the announced sequence, tier and stage, and when that tier began.
// Tier "" with Sequence 0: nothing was announced, so the lead stands in the model's last tier.
type Told struct {
	Sequence    uint64
	Tier, Stage string
	Since       Instant
}

// Apply folds e into l and appends to out the changes that it, and the time until it, made, in their order. The error is
// a *Refusal where the model can't score the event (unknown_criterion, rating_out_of_range); l is then as it was.
func (f *Folder) Apply(l *Lead, e *Event, out []Change) ([]Change, Result, error) {
	return out, Result{}, nil
}

// Advance applies everything that time does to l up to and including to, in order and each at its exact instant, and
// appends the changes to out. One step equals many, bit for bit. A to older than the lead's clock changes nothing.
func (f *Folder) Advance(l *Lead, to Instant, out []Change) []Change { return out }

// NextChange is the first instant at which time alone moves l to another tier, and that tier; false where it never will.
func (f *Folder) NextChange(l *Lead) (at Instant, to string, ok bool) { return 0, "", false }

// Schedule sets l.Due to an instant not later than the next change (of tier or stage) that time alone will make, Never
// where there will be none. A Due that still is such an instant stays as it is, so most events write no timer.
func (f *Folder) Schedule(l *Lead) {}

// Retier puts the Folder's model in force for l at that instant (or at the lead's clock, if that is later): tier and
// stage are decided anew, and changes have cause ByModel.
func (f *Folder) Retier(l *Lead, at Instant, out []Change) []Change { return out }

// Told is what the world was told of l.
func (f *Folder) Told(l *Lead) Told { return Told{} }

// Correct makes l go on from what the world was told, after a recovery: it takes over the sequence, and where tier or
// stage differ, appends the change that leads from what was told to what is, with cause ByRecovery.
func (f *Folder) Correct(l *Lead, told Told, at Instant, out []Change) []Change { return out }

// Explain is everything computed of l at an instant not older than its clock (else: at its clock), as time alone will
// have moved it by then. l stays as it is.
func (f *Folder) Explain(l *Lead, at Instant) Standing { return Standing{} }

// Rank orders leads within a tier, highest first: the model's rank, by default the score and, between equal scores, the
// qualification total: score + total/1,000,000.
func (f *Folder) Rank(l *Lead) float64 { return 0 }

// Route is the route of the lead's disposition where the model names one, else of its tier.
func (f *Folder) Route(l *Lead) string { return "" }

// Unevaluable is how often, since it was last asked, a condition or expression could not be evaluated: by rule ID, and
// for the others by "tier NAME", "stage NAME" and "rank".
func (f *Folder) Unevaluable() map[string]uint64 { return nil }
