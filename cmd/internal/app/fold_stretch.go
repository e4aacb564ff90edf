package app

import (
	"bytes"
	"errors"
	"slices"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

const (
	// stretchBytes is how much is read at a time. No line can be longer.
	stretchBytes = 1 << 20
	// stretchLines is how many lines at most are decoded before the first of them is folded. With more of them a lead has
	// more events in hand at once, but what is in hand no longer fits the processor's own cache, which costs as much.
	stretchLines = 2 << 10
	// fetchedLeads is how many leads are fetched before the first of them is folded: the processor then waits for all of
	// them at once, and not for one after the other.
	fetchedLeads = 64
)

// stretch is some lines of the input, one after the other. They are decoded in their order, and folded lead by lead: a
// busy lead is unpacked and packed but once for all of its lines. What comes of a line is kept until all are folded, so
// that the changes, and the reports, are in the order of the lines.
type stretch struct {
	lines    []decodedLine
	outcomes []outcome // by line
	taken    int       // lines, the blank ones included
	leads    []stretchLead
	// index finds leads by the hash of their ID: open addressing, linear probing.
	index  [2 * stretchLines]stretchEntry
	record events.Record
	text   []byte // of the changes
}

// decodedLine is the event of a line, which it aliases.
type decodedLine struct {
	number int
	event  scorer.Event
}

// outcome is what came of a line.
type outcome struct {
	refusal  *scorer.Refusal // why it can't be scored
	from, to int             // where in stretch.text its changes stand
	next     int32           // the next line of the same lead; 0: there is none
}

// stretchLead is a lead with its lines.
type stretchLead struct {
	id          string
	hash        uint32 // of the ID, by the leadTable
	first, last int32
}

// stretchEntry is the number of the lead whose ID has that hash, counted from 1; 0: none.
type stretchEntry struct {
	hash uint32
	lead int32
}

// begin begins anew.
func (s *stretch) begin() {
	s.lines, s.outcomes, s.leads, s.text = s.lines[:0], s.outcomes[:0], s.leads[:0], s.text[:0]
	s.taken = 0
	clear(s.index[:])
}

func (s *stretch) full() bool { return s.taken == stretchLines }

// add decodes a line, unless it is blank.
func (s *stretch) add(f *Fold, number int, line []byte) {
	s.taken++
	if line = bytes.TrimSpace(line); len(line) == 0 {
		return
	}
	s.outcomes = append(s.outcomes, outcome{})
	s.lines = slices.Grow(s.lines, 1)[:len(s.lines)+1]
	l := &s.lines[len(s.lines)-1]
	l.number, s.record.Value = number, line
	if _, err := f.decoder.Decode(&s.record, &l.event); err != nil {
		errors.As(err, &s.outcomes[len(s.lines)-1].refusal)
		return
	}
	s.want(l.event.Lead, f.leads.hashOf(l.event.Lead))
}

// want makes the newest line one of the lead's named id, which has that hash.
func (s *stretch) want(id string, hash uint32) {
	newest, mask := int32(len(s.lines)-1), uint32(len(s.index)-1)
	i := hash & mask
	for ; s.index[i].lead != 0; i = (i + 1) & mask {
		if s.index[i].hash != hash {
			continue
		}
		if l := &s.leads[s.index[i].lead-1]; l.id == id {
			s.outcomes[l.last].next = newest
			l.last = newest
			return
		}
	}
	s.leads = append(s.leads, stretchLead{id: id, hash: hash, first: newest, last: newest})
	s.index[i] = stretchEntry{hash: hash, lead: int32(len(s.leads))}
}

// foldStretch folds s, and then writes and reports what came of each line.
func (f *Fold) foldStretch(s *stretch, name string) error {
	for some := range slices.Chunk(s.leads, fetchedLeads) {
		f.leads.fetch(some)
		for _, l := range some {
			f.leads.fetched ^= s.lines[l.first].event.Fetch()
		}
		for _, l := range some {
			if err := f.foldLead(s, l); err != nil {
				return err
			}
		}
	}
	for i := range s.outcomes {
		o := &s.outcomes[i]
		if o.refusal != nil {
			f.refuse(name, s.lines[i].number, o.refusal)
		}
		if err := f.write(s.text[o.from:o.to]); err != nil {
			return err
		}
	}
	return nil
}

// foldLead folds the lines of one lead.
func (f *Fold) foldLead(s *stretch, l stretchLead) error {
	place, known := f.leads.findHashed(l.hash, l.id)
	lead, err := f.leadAt(place, known, l.id)
	if err != nil {
		return err
	}
	folded := 0
	for i, more := l.first, true; more; i, more = s.outcomes[i].next, s.outcomes[i].next != 0 {
		o := &s.outcomes[i]
		folds, err := f.foldEvent(lead, &s.lines[i].event)
		if err != nil && !errors.As(err, &o.refusal) {
			return err
		}
		if !folds {
			continue
		}
		folded++
		// Changes may refer to what the lead was unpacked from, and to what the next event overwrites.
		o.from = len(s.text)
		s.text = f.appendChanges(s.text, f.changes)
		o.to = len(s.text)
	}
	if folded > 0 {
		f.leads.put(place, lead)
	}
	return nil
}
