package events

import (
	"math/bits"

	"github.com/hotlead/hotlead/scorer"
)

// judge is what is wrong with the attributes that every event has; nil: nothing.
func (e *envelope) judge() *scorer.Refusal {
	if e.twice != 0 {
		return refuse(ReasonDuplicateAttribute, "%s stands there twice", attribute(bits.TrailingZeros16(e.twice)))
	}
	if version := e.text[attrSpecversion]; version.class == 0 && e.wrong&(1<<attrSpecversion) == 0 {
		return refuse(ReasonMissingSpecversion, "there is no specversion: it is no CloudEvent")
	} else if version.text() != "1.0" {
		return refuse(ReasonUnsupportedSpecversion, `specversion is not "1.0"`)
	}
	if kind := e.text[attrContentType]; e.wrong&(1<<attrContentType) != 0 || kind.class != 0 && kind.raw != jsonType && !isJSON(kind.text()) {
		return refuse(ReasonUnsupportedContentType, "the data is not said to be JSON")
	}
	if e.base64 {
		return refuse(ReasonBinaryData, "the data is in data_base64, not in data")
	}
	if refusal := e.judgeName(attrID, ReasonMissingID, ReasonInvalidID); refusal != nil {
		return refusal
	}
	if refusal := e.judgeName(attrSource, ReasonMissingSource, ReasonInvalidSource); refusal != nil {
		return refusal
	}
	return e.judgeName(attrType, ReasonMissingType, ReasonInvalidType)
}

// judgeName judges an attribute that must be there and names something.
func (e *envelope) judgeName(a attribute, missing, invalid string) *scorer.Refusal {
	t := e.text[a]
	switch {
	case t.plain(maxAttributeBytes):
		return nil
	case e.wrong&(1<<a) != 0:
		return refuse(invalid, "%s is not a string", a)
	case len(t.raw) == 0:
		return refuse(missing, "there is no %s", a)
	}
	if flaw := t.flaw(maxAttributeBytes); flaw != "" {
		return refuse(invalid, "%s %s", a, flaw)
	}
	return nil
}

// plain is whether t is not empty and has no flaw, which most show at first sight.
func (t token) plain(limit int) bool {
	return t.class == present && 0 < len(t.raw) && len(t.raw) <= limit
}

// flaw is what keeps t, which is not empty, from naming something within limit bytes; "": nothing.
func (t token) flaw(limit int) string {
	text, whole := t.raw, true
	if t.class&escaped != 0 {
		text, whole = unescape(t.raw)
	}
	switch {
	case len(text) > limit:
		return "is too long"
	case t.class == present:
		return ""
	case !whole || !printable(text):
		return "is not UTF-8 without control characters"
	}
	return ""
}

// lead is the lead ID: the subject, or else the key of the record.
func (e *envelope) lead(r *Record) (string, *scorer.Refusal) {
	if t := e.text[attrSubject]; t.plain(maxLeadBytes) {
		return t.raw, nil
	}
	if e.wrong&(1<<attrSubject) != 0 {
		return "", refuse(ReasonInvalidSubject, "subject is not a string")
	}
	t, from := e.text[attrSubject], "subject"
	if t.class == 0 {
		if len(r.Key) == 0 {
			return "", refuse(ReasonMissingSubject, "there is neither a subject nor a key")
		}
		t, from = tokenOf(r.Key), "the key, which is the lead ID where there is no subject,"
	}
	if len(t.raw) == 0 {
		return "", refuse(ReasonInvalidSubject, "subject is empty")
	}
	if flaw := t.flaw(maxLeadBytes); flaw != "" {
		return "", refuse(ReasonInvalidSubject, "%s %s", from, flaw)
	}
	return t.text(), nil
}

// when is the time of the event.
func (e *envelope) when(r *Record, m *minute) (scorer.Instant, Info, *scorer.Refusal) {
	t := e.text[attrTime]
	if e.wrong&(1<<attrTime) != 0 {
		return 0, Info{}, refuse(ReasonInvalidTime, "time is not a string")
	}
	arrived := sent(r)
	if t.class == 0 {
		if arrived <= 0 {
			return 0, Info{}, refuse(ReasonInvalidTime, "there is no time, and the record has no timestamp")
		}
		return arrived, Info{}, nil
	}
	at := e.at
	if at == 0 {
		var ok bool
		if at, ok = parseTime(t.text()); !ok {
			return 0, Info{}, refuse(ReasonInvalidTime, "time is not as RFC 3339 has it")
		}
	}
	if at <= 0 {
		return 0, Info{}, refuse(ReasonInvalidTime, "time is not after the beginning of 1970")
	}
	if e.at == 0 {
		m.learn(t.text(), at)
	}
	if arrived > 0 && at > arrived.Add(maxAhead) {
		return arrived, Info{FutureTime: true}, nil
	}
	return at, Info{}, nil
}

// accountID is data.account_id, "" where there is none.
func (e *envelope) accountID() (string, *scorer.Refusal) {
	switch {
	case e.accountCount == 0:
		return "", nil
	case e.accountCount == 1 && !e.accountWrong && e.account.plain(maxAccountBytes):
		return e.account.raw, nil
	case e.accountCount > 1:
		return "", refuse(ReasonDuplicateAttribute, "data.account_id stands there twice")
	case e.accountWrong:
		return "", refuse(ReasonInvalidData, "data.account_id is not a string")
	}
	if flaw := e.account.flaw(maxAccountBytes); flaw != "" {
		return "", refuse(ReasonInvalidData, "data.account_id %s", flaw)
	}
	return e.account.text(), nil
}

// wellFormedTrace is whether s is a traceparent that names a trace (https://www.w3.org/TR/trace-context/): version,
// trace ID, parent ID and flags in small hexadecimal digits, none of the IDs all zeros, the version not ff.
func wellFormedTrace(s string) bool {
	if len(s) != 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' || s[:2] == "ff" {
		return false
	}
	trace, parent := false, false
	for i := 0; i < len(s); i++ {
		switch {
		case i == 2 || i == 35 || i == 52:
			continue
		case hex(s[i]) < 0 || 'A' <= s[i] && s[i] <= 'F':
			return false
		}
		nonzero := s[i] != '0'
		trace = trace || nonzero && i > 2 && i < 35
		parent = parent || nonzero && i > 35 && i < 52
	}
	return trace && parent
}
