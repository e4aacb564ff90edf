package events

import (
	"math"
	"slices"
	"strconv"

	"github.com/hotlead/hotlead/scorer"
)

// The types of qualification events.
const (
	typeCriterionRated = "criterion.rated"
	typeCriteriaRated  = "criteria.rated"
	typeProfiled       = "lead.profiled"
	typeDispositioned  = "lead.dispositioned"
	typeConverted      = "lead.converted"
)

const (
	maxNames     = 256 // of criteria or attributes in one event
	maxNameBytes = 128
	numberBytes  = 8 // what a number counts towards Limits.ProfileBytes
	literalBytes = 1 // what true, false and null count
)

// IsQualificationType is whether typ is one of the five types of what people learned about a lead. Events of every
// other type are engagement events.
func IsQualificationType(typ string) bool {
	switch typ {
	case typeCriterionRated, typeCriteriaRated, typeProfiled, typeDispositioned, typeConverted:
		return true
	}
	return false
}

// qualification reads the data, which is valid JSON, of an event of a qualification type.
func (d *Decoder) qualification(typ string, data []byte) (*scorer.Qualification, *scorer.Refusal) {
	if len(data) == 0 || data[0] != '{' {
		return nil, refuse(ReasonInvalidData, "%s needs data that is an object", typ)
	}
	q := &scorer.Qualification{}
	var refusal *scorer.Refusal
	switch typ {
	case typeCriterionRated:
		refusal = d.criterion(data, q)
	case typeCriteriaRated:
		refusal = d.criteria(data, q)
	case typeProfiled:
		refusal = d.profile(data, q)
	case typeDispositioned:
		refusal = d.disposition(data, q)
	case typeConverted:
		refusal = d.conversion(data, q)
	}
	if refusal != nil {
		return nil, refusal
	}
	return q, nil
}

func (d *Decoder) criterion(data []byte, q *scorer.Qualification) *scorer.Refusal {
	parts, refusal := d.pick(data, "criterion", "rating")
	if refusal != nil {
		return refusal
	}
	name, refusal := nameIn(parts[0], "data.criterion")
	if refusal != nil {
		return refusal
	}
	value, refusal := ratingIn(parts[1], "data.rating")
	if refusal != nil {
		return refusal
	}
	q.Ratings = []scorer.CriterionRating{{Criterion: name, Value: value}}
	return nil
}

func (d *Decoder) criteria(data []byte, q *scorer.Qualification) *scorer.Refusal {
	parts, refusal := d.pick(data, "ratings")
	if refusal != nil {
		return refusal
	}
	refusal = d.each(parts[0], "data.ratings", ReasonInvalidData, func(name string, raw []byte) *scorer.Refusal {
		if slices.ContainsFunc(q.Ratings, func(r scorer.CriterionRating) bool { return r.Criterion == name }) {
			return refuse(ReasonDuplicateAttribute, "a criterion of data.ratings stands there twice")
		}
		value, refusal := ratingIn(raw, "a rating of data.ratings")
		q.Ratings = append(q.Ratings, scorer.CriterionRating{Criterion: name, Value: value})
		return refusal
	})
	return refusal
}

func (d *Decoder) profile(data []byte, q *scorer.Qualification) *scorer.Refusal {
	parts, refusal := d.pick(data, "attributes")
	if refusal != nil {
		return refusal
	}
	size := 0
	return d.each(parts[0], "data.attributes", ReasonProfileTooLarge, func(name string, raw []byte) *scorer.Refusal {
		if slices.ContainsFunc(q.Attributes, func(a scorer.Attribute) bool { return a.Name == name }) {
			return refuse(ReasonDuplicateAttribute, "an attribute of data.attributes stands there twice")
		}
		value, bytes, ok := scalar(raw)
		if !ok {
			return refuse(ReasonInvalidData, "an attribute of data.attributes is not a string, a finite number, true, false or null")
		}
		if size += len(name) + bytes; size > d.limits.ProfileBytes {
			return refuse(ReasonProfileTooLarge, "data.attributes is larger than %d bytes", d.limits.ProfileBytes)
		}
		q.Attributes = append(q.Attributes, scorer.Attribute{Name: name, Value: value})
		return nil
	})
}

func (d *Decoder) disposition(data []byte, q *scorer.Qualification) *scorer.Refusal {
	parts, refusal := d.pick(data, "disposition")
	if refusal != nil {
		return refusal
	}
	text, ok := textIn(parts[0])
	if !ok {
		return refuse(ReasonInvalidData, "data.disposition is missing or not a string")
	}
	switch text.text() {
	case "invalid", "not_interested", "interested":
		q.Disposition = text.text()
		return nil
	}
	return refuse(ReasonUnknownDisposition, "data.disposition is none of invalid, not_interested and interested")
}

func (d *Decoder) conversion(data []byte, q *scorer.Qualification) *scorer.Refusal {
	parts, refusal := d.pick(data, "outcome", "amount")
	if refusal != nil {
		return refusal
	}
	if text, ok := textIn(parts[0]); ok {
		q.Conversion.Outcome = text.text()
	}
	if q.Conversion.Outcome != "won" && q.Conversion.Outcome != "lost" {
		return refuse(ReasonInvalidData, "data.outcome is neither won nor lost")
	}
	if parts[1] == nil {
		return nil
	}
	amount, finite, ok := numberIn(parts[1])
	if !ok || !finite {
		return refuse(ReasonInvalidData, "data.amount is not a finite number")
	}
	q.Conversion.Amount = amount
	return nil
}

// pick is the texts of the members of data that have names; nil for what is absent or null. None may stand there twice.
func (d *Decoder) pick(data []byte, names ...string) ([][]byte, *scorer.Refusal) {
	parts := make([][]byte, len(names))
	var met uint
	s := scanner{b: data, depth: d.limits.Depth}
	for more := s.enter(); more; more = s.more() {
		i := slices.Index(names, s.name().text())
		start, null := s.i, s.peek() == 'n'
		s.value()
		if i < 0 {
			continue
		}
		if met&(1<<i) != 0 {
			return nil, refuse(ReasonDuplicateAttribute, "data.%s stands there twice", names[i])
		}
		met |= 1 << i
		if !null {
			parts[i] = data[start:s.i]
		}
	}
	return parts, nil
}

// each calls visit with the name and the text of every member of the object raw, which is called where in refusals. It
// refuses an object that is none, that is empty, or that has more than maxNames members, the last for the reason
// tooMany.
func (d *Decoder) each(raw []byte, where, tooMany string, visit func(string, []byte) *scorer.Refusal) *scorer.Refusal {
	if len(raw) == 0 || raw[0] != '{' {
		return refuse(ReasonInvalidData, "%s is missing or not an object", where)
	}
	count := 0
	s := scanner{b: raw, depth: d.limits.Depth}
	for more := s.enter(); more; more = s.more() {
		name := s.name()
		start := s.i
		s.value()
		if count++; count > maxNames {
			return refuse(tooMany, "%s holds more than %d names", where, maxNames)
		}
		if len(name.raw) == 0 {
			return refuse(ReasonInvalidData, "a name in %s is empty", where)
		}
		if flaw := name.flaw(maxNameBytes); flaw != "" {
			return refuse(ReasonInvalidData, "a name in %s %s", where, flaw)
		}
		if refusal := visit(name.text(), raw[start:s.i]); refusal != nil {
			return refusal
		}
	}
	if count == 0 {
		return refuse(ReasonInvalidData, "%s is empty", where)
	}
	return nil
}

// nameIn is the string raw as the name of something.
func nameIn(raw []byte, where string) (string, *scorer.Refusal) {
	t, ok := textIn(raw)
	if !ok || len(t.raw) == 0 {
		return "", refuse(ReasonInvalidData, "%s is missing, empty or not a string", where)
	}
	if flaw := t.flaw(maxNameBytes); flaw != "" {
		return "", refuse(ReasonInvalidData, "%s %s", where, flaw)
	}
	return t.text(), nil
}

// ratingIn is the number raw as a rating.
func ratingIn(raw []byte, where string) (float64, *scorer.Refusal) {
	value, finite, ok := numberIn(raw)
	switch {
	case !ok:
		return 0, refuse(ReasonInvalidData, "%s is missing or not a number", where)
	case !finite:
		return 0, refuse(ReasonRatingOutOfRange, "%s is too large a number", where)
	}
	return value, nil
}

// textIn is the string raw; not ok where it is something else.
func textIn(raw []byte) (t token, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return token{}, false
	}
	s := scanner{b: raw}
	return s.str(), true
}

// numberIn is the number raw; not ok where it is something else.
func numberIn(raw []byte) (value float64, finite, ok bool) {
	if len(raw) == 0 || raw[0] != '-' && raw[0]-'0' > 9 {
		return 0, false, false
	}
	// The text is a valid number: an error can only say that it is out of range, and the value is then infinite.
	value, _ = strconv.ParseFloat(alias(raw), 64)
	return value, !math.IsInf(value, 0), true
}

// scalar is the value raw and what it counts towards Limits.ProfileBytes; not ok where it is not a scalar.
func scalar(raw []byte) (v scorer.Value, bytes int, ok bool) {
	switch raw[0] {
	case '"':
		t, _ := textIn(raw)
		v = scorer.Value{Kind: scorer.String, String: t.text()}
		return v, len(v.String), true
	case 't':
		return scorer.Value{Kind: scorer.Bool, Number: 1}, literalBytes, true
	case 'f':
		return scorer.Value{Kind: scorer.Bool}, literalBytes, true
	case 'n':
		return scorer.Value{Kind: scorer.Null}, literalBytes, true
	}
	number, finite, ok := numberIn(raw)
	return scorer.Value{Kind: scorer.Number, Number: number}, numberBytes, ok && finite
}
