package events

import (
	"strconv"

	"github.com/hotlead/hotlead/scorer"
)

// NextChange is when, and to which tier, time alone will move a lead.
type NextChange struct {
	At scorer.Instant
	To string
}

// AppendLead appends the lead l as JSON, as it stands by s: computed at s.At by the model m. next is nil where time
// alone will not move the lead. What is empty is absent. The same arguments give the same bytes.
func AppendLead(b []byte, l *scorer.Lead, s *scorer.Standing, next *NextChange, m scorer.ModelName) []byte {
	b = appendString(append(b, `{"lead":`...), l.ID)
	b = appendMember(b, "account", l.Account)
	b = appendString(append(b, `,"tier":`...), l.Tier)
	b = appendTimeMember(b, "since", l.Since)
	b = appendMember(b, "stage", l.Stage)
	b = appendNumber(append(b, `,"score":`...), s.Score)
	b = appendStanding(b, s)
	b = appendContributions(b, s.Contributions)
	if next != nil {
		b = appendTime(append(b, `,"next_change":{"at":"`...), next.At)
		b = append(appendString(append(b, `","to":`...), next.To), '}')
	}
	b = strconv.AppendUint(append(b, `,"sequence":`...), l.Sequence, 10)
	b = appendTimeMember(b, "first_seen", l.FirstSeen)
	b = appendTimeMember(b, "last_seen", l.LastSeen)
	b = appendTimeMember(b, "as_of", s.At)
	return append(appendModel(b, m), '}')
}
