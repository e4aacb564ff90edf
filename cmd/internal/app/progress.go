package app

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// progressEvery is how long a line of progress stays as it is, at least.
	progressEvery = 200 * time.Millisecond
	// progressName is how much of a file's name is shown, in characters, so that the line fits a terminal.
	progressName = 28
	// lineAway takes away the line that the cursor stands in.
	lineAway = "\r\x1b[K"
)

// Progress shows on a terminal how far a Fold has come: one line that is rewritten in place, and a summary in its stead
// when all is done. It is not safe for concurrent use, but for the readers that Input returns.
type Progress struct {
	terminal io.Writer
	now      func() time.Time

	started, drawn time.Time
	shown          bool // a line stands on the terminal
	within         bool // the cursor stands inside a line of somebody else's

	name string
	size int64 // of the input in hand, in bytes as they are stored; 0: not known
	read atomic.Int64
}

// Counts are how far a Fold has come.
type Counts struct {
	Lines, Events, Leads, Refused int
	// Changes is how many changes were written.
	Changes int
}

// NewProgress begins now, and shows what happens on that terminal. Errors in writing to it are passed over.
func NewProgress(terminal io.Writer, now func() time.Time) *Progress {
	return &Progress{terminal: terminal, now: now, started: now()}
}

// Input is in, the input of that name and of so many bytes (0: not known), with what is read of it noted.
func (p *Progress) Input(name string, size int64, in io.Reader) io.Reader {
	p.name, p.size = name, size
	p.read.Store(0)
	return &noted{in: in, read: &p.read}
}

// noted counts what is read of in.
type noted struct {
	in   io.Reader
	read *atomic.Int64
}

func (n *noted) Read(b []byte) (int, error) {
	got, err := n.in.Read(b)
	n.read.Add(int64(got))
	return got, err
}

// Beside is w, which shows on the same terminal: the line of progress makes way for what is written to it.
func (p *Progress) Beside(w io.Writer) io.Writer { return &beside{p, w} }

type beside struct {
	*Progress
	w io.Writer
}

func (b *beside) Write(text []byte) (int, error) {
	b.clear()
	n, err := b.w.Write(text)
	if n > 0 {
		b.within = text[n-1] != '\n'
	}
	return n, err
}

// ticking reports before each read of in what the counts are.
type ticking struct {
	io.ReadCloser
	tick func()
}

func (t *ticking) Read(b []byte) (int, error) {
	t.tick()
	return t.ReadCloser.Read(b)
}

// show draws the line, if it is time to.
func (p *Progress) show(c Counts) {
	now := p.now()
	if p.within || now.Sub(p.drawn) < progressEvery {
		return
	}
	p.drawn, p.shown = now, true
	fmt.Fprint(p.terminal, lineAway+p.line(c, now.Sub(p.started)))
}

// line is how far reading has come: "events.ndjson.gz: 37 %, 1,234,567 lines, 812,345 events/s".
func (p *Progress) line(c Counts, since time.Duration) string {
	name := []rune(clean(filepath.Base(p.name)))
	if len(name) > progressName {
		name = append(name[:progressName-1], '…')
	}
	parts := make([]string, 0, 3)
	if p.size > 0 {
		parts = append(parts, fmt.Sprintf("%d %%", min(100, 100*p.read.Load()/p.size)))
	}
	parts = append(parts, counted(c.Lines, "line"))
	if since > 0 {
		parts = append(parts, thousands(int(float64(c.Events)/since.Seconds()))+" events/s")
	}
	return string(name) + ": " + strings.Join(parts, ", ")
}

// clear takes the line away.
func (p *Progress) clear() {
	if p.shown {
		fmt.Fprint(p.terminal, lineAway)
		p.shown = false
	}
}

// End takes the line away and sums up. Changes are told where some were written.
func (p *Progress) End(c Counts) {
	p.clear()
	parts := []string{counted(c.Events, "event"), counted(c.Leads, "lead")}
	if c.Changes > 0 {
		parts = append(parts, counted(c.Changes, "change"))
	}
	parts = append(parts, thousands(c.Refused)+" refused", fmt.Sprintf("%.1f s", p.now().Sub(p.started).Seconds()))
	fmt.Fprintln(p.terminal, strings.Join(parts, ", "))
}

// counted is how many there are of a thing.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return thousands(n) + " " + thing + "s"
}

// thousands is a whole number, not negative, with a comma before each three digits.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
