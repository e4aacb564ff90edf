package events

import (
	"strconv"

	"github.com/hotlead/hotlead/scorer"
)

// The types of what hotlead announces.
const (
	TypeTierChanged  = "lead.tier.changed"
	TypeStageReached = "lead.stage.reached"
)

// The header that says what the value of an announced change is.
const (
	headerContentType = "content-type"
	changeContentType = "application/cloudevents+json; charset=UTF-8"
)

// AppendChange appends c as a CloudEvent in structured mode: JSON in a fixed order, numbers in the shortest form that
// reads back to the same, times in UTC with milliseconds where there are any. What is empty is absent. The same change
// gives the same bytes.
func AppendChange(b []byte, c *scorer.Change) []byte {
	typ := TypeTierChanged
	if c.Kind == scorer.StageReached {
		typ = TypeStageReached
	}
	b = appendInner(append(b, `{"specversion":"1.0","id":"`...), c.Lead)
	b = strconv.AppendUint(append(b, '/'), c.Sequence, 10)
	b = appendInner(append(b, `","source":"hotlead/`...), c.Model.Name)
	b = append(append(b, `","type":"`...), typ...)
	b = appendString(append(b, `","subject":`...), c.Lead)
	b = appendTime(append(b, `,"time":"`...), c.At)
	b = append(b, `","datacontenttype":"application/json"`...)
	b = appendMember(b, "traceparent", c.Traceparent)
	b = append(b, `,"data":`...)
	return append(appendChangeData(b, c), '}')
}

func appendChangeData(b []byte, c *scorer.Change) []byte {
	b = appendString(append(b, `{"lead":`...), c.Lead)
	b = appendMember(b, "account", c.Account)
	b = strconv.AppendUint(append(b, `,"sequence":`...), c.Sequence, 10)
	b = appendString(append(b, `,"from":`...), c.From)
	b = appendString(append(b, `,"to":`...), c.To)
	if c.Kind == scorer.TierChanged {
		b = appendMember(b, "direction", direction(c))
	}
	b = appendMember(b, "stage", c.Stage)
	b = appendMember(b, "route", c.Route)
	b = appendString(append(b, `,"cause":{"kind":`...), string(c.Cause.Kind))
	if c.Cause.Kind == scorer.ByEvent {
		b = appendMember(b, "source", c.Cause.Source)
		b = appendMember(b, "id", c.Cause.ID)
		b = appendMember(b, "type", c.Cause.Type)
	}
	b = appendStanding(append(b, '}'), &c.Standing)
	b = appendNumber(append(b, `,"score":`...), c.Standing.Score)
	b = appendContributions(b, c.Standing.Contributions)
	b = appendTimeMember(b, "previous_change", c.Previous)
	return append(appendModel(b, c.Model), '}')
}

func direction(c *scorer.Change) string {
	if c.Up {
		return "up"
	}
	return "down"
}

// ChangeRecords makes the records that announce changes, in memory that it uses again. The zero value is ready. One
// goroutine at a time may use it.
type ChangeRecords struct {
	// chunks are filled one after the other, so that what is made does not move as more is: a record would keep the memory
	// alive that it lay in before. at is the chunk that is being filled, made how many bytes the records take in all.
	chunks   [][]byte
	at, made int
	text     []byte   // of the record that is being made
	headers  []Header // all records have the same
}

const recordsChunk = 1 << 20

// Clear gives the memory of all records made so far to those to come.
func (m *ChangeRecords) Clear() {
	for i := range m.chunks {
		m.chunks[i] = m.chunks[i][:0]
	}
	m.at, m.made = 0, 0
}

// Len is how many bytes the records made so far take.
func (m *ChangeRecords) Len() int { return m.made }

// keep is a copy of text in the chunks.
func (m *ChangeRecords) keep(text []byte) []byte {
	for m.at < len(m.chunks) && cap(m.chunks[m.at])-len(m.chunks[m.at]) < len(text) {
		m.at++
	}
	if m.at == len(m.chunks) {
		m.chunks = append(m.chunks, make([]byte, 0, max(len(text), recordsChunk)))
	}
	from := len(m.chunks[m.at])
	m.chunks[m.at] = append(m.chunks[m.at], text...)
	m.made += len(text)
	return m.chunks[m.at][from:]
}

// Of is the record that announces c: keyed by the lead ID, stamped with the instant of the change. Its bytes are good
// until Clear, and nothing of them aliases c.
func (m *ChangeRecords) Of(topic string, partition int, c *scorer.Change) OutRecord {
	if m.headers == nil {
		m.headers = []Header{{Key: headerContentType, Value: []byte(changeContentType)}}
	}
	m.text = AppendChange(append(m.text[:0], c.Lead...), c)
	text, key := m.keep(m.text), len(c.Lead)
	return OutRecord{
		Topic:     topic,
		Partition: partition,
		Time:      c.At,
		Key:       text[:key:key],
		Value:     text[key:len(text):len(text)],
		Headers:   m.headers,
	}
}
