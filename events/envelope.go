package events

import (
	"unsafe"

	"github.com/hotlead/hotlead/scorer"
)

// attribute numbers the attributes of an event that matter here.
type attribute uint8

const (
	attrSpecversion attribute = iota
	attrID
	attrSource
	attrType
	attrSubject
	attrTime
	attrContentType
	attrTraceparent
	attributes // how many there are
	attrData   // in structured mode only, like the next
	attrDataBase64
	attrOther
)

// String is the attribute's name.
func (a attribute) String() string {
	return [...]string{"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "traceparent",
		"", "data", "data_base64", ""}[a]
}

func attributeNamed(name string) attribute {
	switch name {
	case "specversion":
		return attrSpecversion
	case "id":
		return attrID
	case "source":
		return attrSource
	case "type":
		return attrType
	case "subject":
		return attrSubject
	case "time":
		return attrTime
	case "datacontenttype":
		return attrContentType
	case "traceparent":
		return attrTraceparent
	case "data":
		return attrData
	case "data_base64":
		return attrDataBase64
	}
	return attrOther
}

// envelope is an event as it was read, in either mode, before it is judged. All of it aliases the record.
type envelope struct {
	text  [attributes]token // what has no value, or null, is not present
	data  []byte            // nil: there is none, or null
	set   uint16            // which attributes were there, a bit each
	twice uint16            // which were there more than once
	wrong uint16            // which are something else than a string
	at    scorer.Instant    // what text[attrTime] says, where it was read on the way; 0: it was not
	// account is data.account_id.
	account      token
	accountCount int
	accountWrong bool
	base64       bool
}

// note remembers that a was there.
func (e *envelope) note(a attribute) {
	bit := uint16(1) << a
	e.twice |= e.set & bit
	e.set |= bit
}

// structured reads a whole event: the object that begins at s.i, and what follows it.
func (e *envelope) structured(s *scanner) {
	if s.space(); s.peek() != '{' {
		s.fail(syntaxFault)
		return
	}
	for more := s.enter(); more; more = s.more() {
		if e.plainAttributes(s) {
			continue
		}
		switch a := attributeNamed(s.name().text()); a {
		case attrOther:
			s.value()
		case attrData:
			e.note(a)
			e.readData(s)
		case attrDataBase64:
			e.note(a)
			e.base64 = s.peek() != 'n'
			s.value()
		default:
			e.note(a)
			e.readText(s, a)
		}
	}
	s.end()
}

func (e *envelope) readText(s *scanner, a attribute) {
	switch s.peek() {
	case '"':
		e.text[a] = s.str()
	case 'n':
		s.value()
	default:
		e.wrong |= 1 << a
		s.value()
	}
}

// readData reads the data that begins at s.i, and data.account_id on the way.
func (e *envelope) readData(s *scanner) {
	start, first := s.i, s.peek()
	if first == '{' {
		e.readMembers(s)
	} else {
		s.value()
	}
	if first != 'n' && s.fault == noFault {
		e.data = s.b[start:s.i:s.i]
	}
}

func (e *envelope) readMembers(s *scanner) {
	for more := s.enter(); more; more = s.more() {
		if e.plainMembers(s) {
			continue
		}
		if s.name().text() != "account_id" {
			s.value()
			continue
		}
		e.accountCount++
		switch s.peek() {
		case '"':
			e.account = s.str()
		case 'n':
			s.value()
		default:
			e.accountWrong = true
			s.value()
		}
	}
}

// binary reads an event whose attributes are the record's headers, and whose data is its value. Of the data no more is
// read here than the scanner s gives.
func (e *envelope) binary(r *Record, s *scanner) {
	plainTrace := token{}
	for i := range r.Headers {
		h := &r.Headers[i]
		var a attribute
		switch {
		case len(h.Key) > 3 && h.Key[:3] == "ce_":
			// Content type and data have no ce_ header.
			if a = attributeNamed(h.Key[3:]); a >= attributes || a == attrContentType {
				continue
			}
		case isContentType(h.Key):
			a = attrContentType
		case h.Key == headerTraceparent:
			plainTrace = tokenOf(h.Value)
			continue
		default:
			continue
		}
		e.note(a)
		if h.Value != nil {
			e.text[a] = tokenOf(h.Value)
		}
	}
	if e.text[attrTraceparent].class == 0 {
		e.text[attrTraceparent] = plainTrace
	}
	if len(r.Value) == 0 {
		return
	}
	s.space()
	e.readData(s)
	s.end()
}

// tokenOf is a text that stands by itself.
func tokenOf(b []byte) token {
	return token{raw: alias(b), class: present | unusual}
}

// alias is b as a string, without a copy.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
