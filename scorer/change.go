package scorer

// ChangeKind says what a Change announces.
type ChangeKind uint8

// The kinds of change.
const (
	TierChanged ChangeKind = iota
	StageReached
)

// CauseKind says why a change came to be.
type CauseKind string

// The kinds of cause, as they stand on the wire.
const (
	ByEvent    CauseKind = "event"
	ByTime     CauseKind = "time"
	ByModel    CauseKind = "model"
	ByCommand  CauseKind = "command"
	ByRecovery CauseKind = "recovery"
)

// Cause is why a change came to be; Source, ID and Type are those of the event where Kind is ByEvent.
type Cause struct {
	Kind             CauseKind
	Source, ID, Type string
}

// Change is one announcement: a lead moved to another tier, or reached a stage. The changes of a lead form a chain:
// Sequence without gap or repeat, each From the previous To. A StageReached has From and To equal to the tier that the
// lead is in, and does not break the chain.
type Change struct {
	Kind     ChangeKind
	Lead     string
	Account  string
	Sequence uint64
	// At is the instant at which the change became true, not at which it was noticed.
	At       Instant
	From, To string
	// Up is whether To stands above From in the model.
	Up    bool
	Route string
	// Stage is the lead's stage after the change ("" none); for StageReached the one reached.
	Stage       string
	Cause       Cause
	Traceparent string
	Standing    Standing
	// Previous is when the lead's previous tier change became true; 0 where this is its first.
	Previous Instant
	Model    ModelName
}

// ModelName names a model and its version.
type ModelName struct {
	Name    string
	Version int
}

// Standing is everything computed of a lead at one instant.
type Standing struct {
	At         Instant
	Score      float64 // engagement + fit
	Engagement float64
	Groups     []Points // by name, in the model's order; every group of the model
	Fit        float64
	Grade      string // "" where the model has no grades
	Total      float64
	Rated      int
	Complete   bool
	// Floor and Ceiling are the totals if every unrated criterion got the lowest or highest rating.
	Floor, Ceiling float64
	Ratings        []CriterionRating // in the model's order, rated ones only
	Disposition    string
	// Contributions are the engagement and fit rules that give points now, largest magnitude first, ties by rule ID.
	Contributions []Points
	// Route is the route of the lead's tier, or of its disposition where the model names one.
	Route string
	// Rank orders leads within a tier, highest first.
	Rank float64
}

// Points is what a rule or group named Name is worth at some instant.
type Points struct {
	Name   string
	Points float64
}
