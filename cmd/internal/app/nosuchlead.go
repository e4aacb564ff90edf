package app

import (
	"fmt"
	"slices"
)

// NoSuchLeadError is the error of a lead that no event has reached.
type NoSuchLeadError struct {
	Lead string
	// Near is the ID that was probably meant, "" where none is near.
	Near string
}

func (e *NoSuchLeadError) Error() string {
	text := fmt.Sprintf("no event has reached a lead %q", e.Lead)
	if e.Near != "" {
		text += fmt.Sprintf("; did you mean %q?", e.Near)
	}
	return text
}

// nearLength is how long an ID may be and still be compared with those of all leads, in bytes.
const nearLength = 64

// near is the ID of a lead that may be meant by that one, "" where none is near.
func (f *Fold) near(id string) string {
	if len(id) > nearLength {
		return ""
	}
	var candidates []string
	ids := f.leads.ids()
	slices.Sort(ids)
	for _, known := range ids {
		// One that differs more than this in length alone is not near.
		if d := len(known) - len(id); max(d, -d) <= max(1, len(id)/3) {
			candidates = append(candidates, known)
		}
	}
	return Nearest(id, candidates)
}
