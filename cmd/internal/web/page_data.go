package web

import (
	"context"
	"time"

	"github.com/hotlead/hotlead/scorer"
)

// Pages is what the pages show beyond what the API answers.
type Pages interface {
	// Model is the configured model.
	Model() scorer.Description
	// Shown are the first leads that somebody looks for, highest rank first, as of now, and how many there are.
	Shown(ctx context.Context, s Sought) (leads []Shown, total int64, err error)
	// Course is a lead and how time moves it. The error is ErrNoLead where there is none.
	Course(ctx context.Context, id string) (*Course, error)
	// Counts are the leads in each tier.
	Counts(ctx context.Context) (map[string]int64, error)
	// InForce are the models that lanes are under, the one of most lanes first: one, but while a new one is put in force.
	InForce(ctx context.Context) ([]InForce, error)
	// Lanes are the lanes that this process owns, by number.
	Lanes() ([]Lane, error)
}

// Sought says which leads somebody looks for.
type Sought struct {
	Tier string
	// Route and Account, where not empty: where leads go, and a part of their account's name, in capitals or not.
	Route, Account string
	// Limit is how many leads to show at most.
	Limit int
}

// Shown is a lead as of the instant of its standing.
type Shown struct {
	Lead     *scorer.Lead
	Standing scorer.Standing
	// Model is the model in force for the lead.
	Model *scorer.Description
	// Next is the next change that time alone will make, nil for none.
	Next *NextChange
}

// NextChange is when, and to which tier, time alone will move a lead.
type NextChange struct {
	At time.Time
	To string
}

// Course is a lead on its way through time.
type Course struct {
	Shown
	// Past goes from the newest instant that was folded until now, Forecast from now on: what time alone does. What a lead
	// was worth before is told by its changes alone.
	Past, Forecast []Sample
}

// Sample is what a lead is worth at an instant: its score, and the total of its ratings.
type Sample struct {
	At           time.Time
	Score, Total float64
}

// InForce is a model that lanes are under.
type InForce struct {
	Model scorer.Description
	Lanes int
	// Since is when the first of them came under it; zero where nobody knows.
	Since time.Time
}

// Lane is how a lane stands.
type Lane struct {
	Number int
	// Records are those not yet folded, Behind the age of the newest folded one of a lane that has not read to the end.
	Records int64
	Behind  time.Duration
	// Refused says why the lane stands still until its operator acts, "" where it does not.
	Refused string
}
