package events

import "github.com/hotlead/hotlead/scorer"

// NextChange is when, and to which tier, time alone will move a lead.
type NextChange struct {
	At scorer.Instant
	To string
}

// AppendLead appends the lead l as JSON, as it stands by s: computed at s.At by the model m. next is nil where time
// alone will not move the lead. The same arguments give the same bytes.
func AppendLead(b []byte, l *scorer.Lead, s *scorer.Standing, next *NextChange, m scorer.ModelName) []byte {
	return b
}
