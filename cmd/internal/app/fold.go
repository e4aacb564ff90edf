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

// foldBuffer is how much is written at a time, in bytes.
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

	changes []scorer.Change // scratch memory, so that a line costs none of its own
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
	lines, stretch := &lineReader{in: plain, buffer: make([]byte, stretchBytes)}, &stretch{}
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
		stretch.begin()
		stretch.add(f, number, line)
		for there := true; there && !stretch.full(); {
			if line, there = lines.buffered(); there {
				number++
				stretch.add(f, number, line)
			}
		}
		f.counts.Lines += stretch.taken
		if err := f.foldStretch(stretch, name); err != nil {
			return err
		}
	}
}

func (f *Fold) refuse(name string, number int, r *scorer.Refusal) {
	f.counts.Refused++
	fmt.Fprintf(f.o.Errors, "%s:%d: %v\n", name, number, r)
}

// foldEvent folds an event into its lead, and reports whether there was anything to fold: f.changes are then the changes
// that it makes. The error is a *scorer.Refusal where it can't be scored.
func (f *Fold) foldEvent(lead *scorer.Lead, e *scorer.Event) (folds bool, err error) {
	if f.o.Until != 0 && e.Time > f.o.Until {
		f.left++
		return false, nil
	}
	if t := f.o.Timeline; t != nil && t.lead.ID == e.Lead {
		t.fold(e)
	}
	var result scorer.Result
	if f.changes, result, err = f.folder.Apply(lead, e, f.changes[:0]); err != nil {
		return false, err
	}
	f.counts.Events++
	f.newest = max(f.newest, e.Time)
	return !result.Duplicate, nil
}

// leadAt is the lead named id.
func (f *Fold) leadAt(place int, known bool, id string) (*scorer.Lead, error) {
	if !known {
		return f.leads.begin(id), nil
	}
	return f.leads.open(place)
}

// appendChanges appends changes to b, one JSON a line, if anybody asks for them.
func (f *Fold) appendChanges(b []byte, changes []scorer.Change) []byte {
	if f.out == nil {
		return b
	}
	f.counts.Changes += len(changes)
	for i := range changes {
		b = append(events.AppendChange(b, &changes[i]), '\n')
	}
	return b
}

// write writes the text of changes.
func (f *Fold) write(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if _, err := f.out.Write(text); err != nil {
		return fmt.Errorf("writing the changes: %w", err)
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
		if place%fetchedLeads == 0 {
			f.leads.fetchPlaces(place, place+fetchedLeads)
		}
		if f.leads.index[place].at == 0 || f.leads.due(place) > f.until() {
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
	var text []byte
	for i := range all {
		text = f.appendChanges(text[:0], all[i:i+1])
		if err := f.write(text); err != nil {
			return err
		}
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
		decoder, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		return filling{decoder}, nil
	case bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		decoder, err := zstd.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		return filling{decoder.IOReadCloser()}, nil
	}
	return io.NopCloser(buffered), nil
}

// filling reads as much as there is room for: decompressors give little at a time.
type filling struct{ io.ReadCloser }

func (f filling) Read(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var more int
		more, err = f.ReadCloser.Read(b[n:])
		n += more
	}
	return n, err
}
