package app

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// foldBuffer is how much is read, and written, at a time, in bytes. No line can be longer.
const foldBuffer = 1 << 20

// byteOrderMark is what some editors and exports begin a UTF-8 file with.
var byteOrderMark = []byte("\ufeff")

// FoldOptions are what a Fold needs.
type FoldOptions struct {
	Model  *scorer.Model
	Limits events.Limits
	// Until leaves later events out, and is the instant that Finish and WriteLeads go on to; 0: the newest event's time.
	Until scorer.Instant
	// Changes is where change events go, one JSON a line; nil: nowhere.
	Changes io.Writer
	// Timeline is told of the events of its lead; nil: none.
	Timeline *Timeline
	// Progress is shown how far reading has come; nil: nobody.
	Progress *Progress
	// Errors is told of each line that can't be scored.
	Errors io.Writer
}

// RefusedError is the error of input in which some lines could not be scored. They have been reported.
type RefusedError struct {
	Lines int
}

func (e *RefusedError) Error() string {
	if e.Lines == 1 {
		return "1 line could not be scored"
	}
	return fmt.Sprintf("%d lines could not be scored", e.Lines)
}

// Fold scores events offline: no Kafka, no Redis, everything in memory. The same lines give the same output, byte for
// byte. It is not safe for concurrent use.
type Fold struct {
	o       FoldOptions
	name    scorer.ModelName
	folder  *scorer.Folder
	decoder *events.Decoder
	leads   *leadTable
	out     *bufio.Writer // of Changes; nil: nowhere
	newest  scorer.Instant
	counts  Counts
	left    int // events left out because they are later than Until

	// Scratch memory, so that a line costs none of its own.
	stretch stretch
	changes []scorer.Change
	text    []byte
}

// NewFold is a Fold without leads.
func NewFold(o FoldOptions) *Fold {
	f := &Fold{
		o: o, name: scorer.ModelName{Name: o.Model.Name, Version: o.Model.Version},
		folder: o.Model.Folder().Unscheduled(), decoder: events.NewDecoder(o.Limits), leads: newLeadTable(),
	}
	if o.Changes != nil {
		f.out = bufio.NewWriterSize(o.Changes, foldBuffer)
	}
	return f
}

// Read folds every line of in, which may be compressed (gzip or zstd) and begin with a byte order mark; name is for
// reports. A line that can't be scored is reported and left out. The error says why in can't be read or Changes not be
// written; nil at in's end. The changes of all lines that could be read are written, whatever comes after.
func (f *Fold) Read(ctx context.Context, name string, in io.Reader) error {
	plain, err := decompressed(in)
	if err != nil {
		return unreadable(name, err)
	}
	defer plain.Close()
	if p := f.o.Progress; p != nil {
		plain = &ticking{plain, func() { p.show(f.counts) }}
	}
	lines := &lineReader{in: plain, buffer: make([]byte, foldBuffer)}
	for number := 0; ; {
		line, err := lines.next(ctx)
		number++
		switch {
		case errors.Is(err, io.EOF):
			return f.flush()
		case errors.Is(err, errLineTooLong):
			f.refuse(name, number, &scorer.Refusal{Reason: events.ReasonTooLarge, Detail: err.Error()})
			continue
		case err != nil:
			return errors.Join(unreadable(fmt.Sprintf("%s, line %d", name, number), err), f.flush())
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		f.stretch.begin(f.decoder, number, line)
		for there := true; there && !f.stretch.full(); {
			if line, there = lines.buffered(); there {
				number++
				f.stretch.add(f.decoder, number, line)
			}
		}
		f.counts.Lines += f.stretch.taken
		if err := f.foldStretch(name); err != nil {
			return err
		}
	}
}

func (f *Fold) refuse(name string, number int, r *scorer.Refusal) {
	f.counts.Refused++
	fmt.Fprintf(f.o.Errors, "%s:%d: %v\n", name, number, r)
}

// foldStretch folds the stretch that has been decoded.
func (f *Fold) foldStretch(name string) error {
	f.leads.fetch(f.stretch.lines)
	for i := range f.stretch.lines {
		l := &f.stretch.lines[i]
		err := l.err
		if err == nil {
			err = f.fold(l)
		}
		var refusal *scorer.Refusal
		if errors.As(err, &refusal) {
			f.refuse(name, l.number, refusal)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// fold folds one event. The error is a *scorer.Refusal where it can't be scored.
func (f *Fold) fold(l *decodedLine) error {
	e := &l.event
	if f.o.Until != 0 && e.Time > f.o.Until {
		f.left++
		return nil
	}
	if t := f.o.Timeline; t != nil && t.lead.ID == e.Lead {
		t.fold(e)
	}
	place, known := f.leads.findHashed(l.hash, e.Lead)
	lead, err := f.leadAt(place, known, e.Lead)
	if err != nil {
		return err
	}
	var result scorer.Result
	if f.changes, result, err = f.folder.Apply(lead, e, f.changes[:0]); err != nil {
		return err
	}
	f.counts.Events++
	f.newest = max(f.newest, e.Time)
	if result.Duplicate {
		return nil
	}
	// Changes may refer to what the lead was unpacked from, so they go first.
	if err := f.write(f.changes); err != nil {
		return err
	}
	f.leads.put(place, lead)
	return nil
}

// leadAt is the lead named id.
func (f *Fold) leadAt(place int, known bool, id string) (*scorer.Lead, error) {
	if !known {
		return f.leads.begin(id), nil
	}
	return f.leads.open(place)
}

func (f *Fold) write(changes []scorer.Change) error {
	if f.out == nil {
		return nil
	}
	f.counts.Changes += len(changes)
	for i := range changes {
		f.text = append(events.AppendChange(f.text[:0], &changes[i]), '\n')
		if _, err := f.out.Write(f.text); err != nil {
			return fmt.Errorf("writing the changes: %w", err)
		}
	}
	return nil
}

// until is the instant that Finish and WriteLeads go on to.
func (f *Fold) until() scorer.Instant {
	if f.o.Until != 0 {
		return f.o.Until
	}
	return f.newest
}

// Finish lets time go on for every lead and writes the changes that it makes, in the order of their instants, those of
// one instant by lead.
func (f *Fold) Finish() error {
	var all []scorer.Change
	for place := range f.leads.index {
		if place%stretchLines == 0 {
			f.leads.fetchPlaces(place, place+stretchLines)
		}
		if f.leads.index[place].at == 0 {
			continue
		}
		lead, err := f.leads.open(place)
		if err != nil {
			return err
		}
		if lead.Due > f.until() {
			continue // nothing happens to it
		}
		before := len(all)
		all = f.folder.Advance(lead, f.until(), all)
		for i := range all[before:] {
			keep(&all[before+i])
		}
		f.leads.put(place, lead)
	}
	slices.SortFunc(all, func(a, b scorer.Change) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Lead, b.Lead), cmp.Compare(a.Sequence, b.Sequence))
	})
	if err := f.write(all); err != nil {
		return err
	}
	return f.flush()
}

// keep makes a change refer to nothing that its lead was unpacked from.
func keep(c *scorer.Change) {
	for _, s := range []*string{&c.Lead, &c.Account, &c.From, &c.To, &c.Stage, &c.Standing.Disposition} {
		*s = strings.Clone(*s)
	}
}

// flush writes what is still buffered.
func (f *Fold) flush() error {
	if t := f.o.Timeline; t != nil {
		return t.flush()
	}
	if f.out == nil {
		return nil
	}
	if err := f.out.Flush(); err != nil {
		return fmt.Errorf("writing the changes: %w", err)
	}
	return nil
}

// WriteLeads lets time go on for every lead and writes each as JSON, one a line, by ID.
func (f *Fold) WriteLeads(to io.Writer) error {
	out := bufio.NewWriterSize(to, foldBuffer)
	v := &view{model: f.o.Model, folder: f.folder}
	ids := f.leads.ids()
	slices.Sort(ids)
	for _, id := range ids {
		place, _ := f.leads.find(id)
		lead, err := f.leads.open(place)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(v.json(v.show(lead, f.until())), '\n')); err != nil {
			return fmt.Errorf("writing the leads: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the leads: %w", err)
	}
	return nil
}

// Explain ends the timeline. The error is a *NoSuchLeadError where no event has reached its lead.
func (f *Fold) Explain() error {
	if err := f.o.Timeline.end(f.until()); err != nil {
		return err
	}
	if f.o.Timeline.known() {
		return nil
	}
	id := f.o.Timeline.lead.ID
	return &NoSuchLeadError{Lead: id, Near: f.near(id)}
}

// Refused is a *RefusedError where lines could not be scored, else nil. It also reports how many events were left out
// for being later than Until.
func (f *Fold) Refused() error {
	if f.left > 0 {
		fmt.Fprintf(f.o.Errors, "left out, being later than %s: %d\n", f.o.Until.Time().Format("2006-01-02T15:04:05Z07:00"), f.left)
	}
	if f.counts.Refused > 0 {
		return &RefusedError{Lines: f.counts.Refused}
	}
	return nil
}

// Newest is when the newest event folded happened; 0 where none was.
func (f *Fold) Newest() scorer.Instant { return f.newest }

// Counts are how far the fold has come.
func (f *Fold) Counts() Counts {
	c := f.counts
	c.Leads = f.leads.held
	return c
}

// unreadable is the error of an input that could not be read there.
func unreadable(where string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("reading %s: it is cut off, so compress or copy it again: %w", where, err)
	}
	return fmt.Errorf("reading %s: %w", where, err)
}

// decompressed is what in holds. Compression is told by how in begins, not by its name, so it works for a pipe as well;
// no JSON begins like that.
func decompressed(in io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(in, 1<<16)
	start, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return gzip.NewReader(buffered)
	case bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		decoder, err := zstd.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		return decoder.IOReadCloser(), nil
	}
	return io.NopCloser(buffered), nil
}
