package app

import (
	"bytes"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// stretchLines is how many lines at most are decoded before the first of them is folded. Where the leads of that many
// lines lie in memory can be found at one go: the processor then waits for all of them at once, and not for one after
// the other.
const stretchLines = 64

// stretch is some lines of the input, one after the other, decoded but not folded.
type stretch struct {
	lines  []decodedLine
	taken  int // lines, the blank ones included
	record events.Record
}

// decodedLine is the event of a line, which it aliases.
type decodedLine struct {
	number int
	err    error // why it can't be scored; the rest is then nothing
	event  scorer.Event
	hash   uint32 // of the lead's ID, by the leadTable
}

// begin begins a new stretch with a line.
func (s *stretch) begin(decoder *events.Decoder, number int, line []byte) {
	s.lines, s.taken = s.lines[:0], 0
	s.add(decoder, number, line)
}

func (s *stretch) full() bool { return s.taken == stretchLines }

// add decodes a line, unless it is blank.
func (s *stretch) add(decoder *events.Decoder, number int, line []byte) {
	s.taken++
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return
	}
	if s.lines == nil {
		s.lines = make([]decodedLine, 0, stretchLines)
	}
	s.lines = s.lines[:len(s.lines)+1]
	l := &s.lines[len(s.lines)-1]
	s.record.Value = line
	l.number = number
	_, l.err = decoder.Decode(&s.record, &l.event)
}

// fetch has the processor fetch what it takes to open the leads of these lines, and notes the hashes of their IDs.
func (t *leadTable) fetch(lines []decodedLine) {
	mask := uint32(len(t.index) - 1)
	for i := range lines {
		if l := &lines[i]; l.err == nil {
			l.hash = t.hashOf(l.event.Lead)
			t.fetched ^= t.index[l.hash&mask].at
		}
	}
	for i := range lines {
		l := &lines[i]
		if l.err != nil {
			continue
		}
		for place := l.hash & mask; t.index[place].at != 0; place = (place + 1) & mask {
			if t.index[place].hash != l.hash {
				continue
			}
			t.fetchLead(t.index[place].at)
			break
		}
	}
}

// fetchPlaces has the processor fetch the leads at these places of the index, the last not included.
func (t *leadTable) fetchPlaces(from, to int) {
	for _, lead := range t.index[from:to] {
		if lead.at != 0 {
			t.fetchLead(lead.at)
		}
	}
}

// fetchLead reads some of the lead that lies there, and does not wait for it.
func (t *leadTable) fetchLead(at uint32) {
	if at&unpacked != 0 {
		l := t.large[at&^unpacked]
		t.fetched ^= uint32(l.Clock)
		if len(l.Counters) > 0 {
			t.fetched ^= l.Counters[0].Count
		}
		return
	}
	slot := t.slot(at)
	t.fetched ^= uint32(slot[0]) + uint32(slot[min(64, len(slot)-1)])
}
