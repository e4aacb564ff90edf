package events

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hotlead/hotlead/scorer"
)

// ErrNoChange is what every error of ReadChange matches: the value is no change that hotlead announced.
var ErrNoChange = errors.New("not a change that hotlead announced")

// announcedDepth bounds how deep an announced change nests: it is 4 deep today.
const announcedDepth = 64

// Announced is what an announced change says of its lead, as far as recovery and those who choose by it need it.
type Announced struct {
	Kind     scorer.ChangeKind
	Lead     string
	Sequence uint64
	From, To string
	// Stage is the lead's stage after the change, "" where it had reached none.
	Stage string
	// Route is where the model sends leads of the tier To, "" for nowhere.
	Route string
	// At is the instant at which the change became true.
	At scorer.Instant
}

// Clone is a with texts of its own.
func (a Announced) Clone() Announced {
	for _, text := range []*string{&a.Lead, &a.From, &a.To, &a.Stage, &a.Route} {
		*text = strings.Clone(*text)
	}
	return a
}

// ReadChange reads the value of a record that [ChangeRecords] made, by this or another version of hotlead: what it does
// not know it passes over. The texts of the result may alias value. Errors match [ErrNoChange] and name no lead.
func ReadChange(value []byte) (Announced, error) {
	if a, ok := plainChange(value); ok {
		return a, nil
	}
	return walkChange(value)
}

// SkimChange is ReadChange for those who read changes by the thousand: of a change as [ChangeRecords] made it, it reads
// the first part and does not look at the rest, the cause and everything behind it. So the result is as good as the value
// is one that hotlead wrote; who shows the value to anybody reads it by [ReadSkimmed] before.
func SkimChange(value []byte) (Announced, error) {
	if a, ok := skimChange(value); ok {
		return a, nil
	}
	return ReadChange(value)
}

// ReadSkimmed is ReadChange of a value that was skimmed. It fails, too, where all of the value says something else than what
// SkimChange read: no such value was written by hotlead.
func ReadSkimmed(value []byte) (Announced, error) {
	if a, ok := plainChange(value); ok {
		return a, nil
	}
	a, err := walkChange(value)
	if skimmed, ok := skimChange(value); ok && err == nil && a != skimmed {
		return Announced{}, fmt.Errorf("%w: a member of its data comes twice", ErrNoChange)
	}
	return a, err
}

// walkChange is ReadChange of what need not be plain.
func walkChange(value []byte) (Announced, error) {
	var e envelope
	s := scanner{b: value, depth: announcedDepth, before: &before{}}
	e.structured(&s)
	if s.fault != noFault {
		return Announced{}, fmt.Errorf("%w: not JSON, at byte %d", ErrNoChange, s.at)
	}
	var a Announced
	switch e.text[attrType].text() {
	case TypeTierChanged:
		a.Kind = scorer.TierChanged
	case TypeStageReached:
		a.Kind = scorer.StageReached
	default:
		return Announced{}, fmt.Errorf("%w: its type is neither %s nor %s", ErrNoChange, TypeTierChanged, TypeStageReached)
	}
	at, ok := parseTime(e.text[attrTime].text())
	if !ok {
		return Announced{}, fmt.Errorf("%w: its time is not as RFC 3339 has it", ErrNoChange)
	}
	a.At = at
	if len(e.data) == 0 || e.data[0] != '{' {
		return Announced{}, fmt.Errorf("%w: its data is not an object", ErrNoChange)
	}
	if name := a.readData(e.data); name != "" {
		return Announced{}, fmt.Errorf("%w: data.%s is missing or of another kind", ErrNoChange, name)
	}
	return a, nil
}

// readData reads the data, which is a valid object, and answers the name of what is missing or wrong in it.
func (a *Announced) readData(data []byte) string {
	s := scanner{b: data, depth: announcedDepth}
	for more := s.enter(); more; more = s.more() {
		name, start := s.name().text(), s.i
		var text *string
		switch name {
		case "lead":
			text = &a.Lead
		case "from":
			text = &a.From
		case "to":
			text = &a.To
		case "stage":
			text = &a.Stage
		case "route":
			text = &a.Route
		case "sequence":
			s.value()
			sequence, err := strconv.ParseUint(string(data[start:s.i]), 10, 64)
			if err != nil {
				return name
			}
			a.Sequence = sequence
			continue
		default:
			s.value()
			continue
		}
		if s.peek() != '"' {
			return name
		}
		*text = s.str().text()
	}
	return a.missing()
}

// missing names what every change has and a has not, "" where it has all.
func (a *Announced) missing() string {
	switch {
	case a.Lead == "":
		return "lead"
	case a.Sequence == 0:
		return "sequence"
	case a.From == "":
		return "from"
	case a.To == "":
		return "to"
	case a.Kind == scorer.StageReached && a.Stage == "":
		return "stage"
	}
	return ""
}
