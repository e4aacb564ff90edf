package app

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hotlead/hotlead/events"
)

// screen is what a terminal shows of what is written to it: a line can be gone back on, and taken away.
type screen struct {
	lines  []string
	line   string
	drawn  int  // how often a line of progress was drawn
	inside bool // a line of somebody else's was taken away
}

func (s *screen) Write(text []byte) (int, error) {
	for rest := string(text); rest != ""; {
		if after, away := strings.CutPrefix(rest, lineAway); away {
			s.inside = s.inside || s.line != "" && !strings.Contains(s.line, " lines")
			s.line, rest = "", after
			if rest != "" {
				s.drawn++
			}
			continue
		}
		if rest[0] == '\n' {
			s.lines, s.line = append(s.lines, s.line), ""
		} else {
			s.line += rest[:1]
		}
		rest = rest[1:]
	}
	return len(text), nil
}

// clock goes on by a step each time it is asked.
type clock struct {
	at   time.Time
	step time.Duration
}

func (c *clock) now() time.Time {
	c.at = c.at.Add(c.step)
	return c.at
}

func TestProgressIsOneLineThatIsRewritten(t *testing.T) {
	var s screen
	c := &clock{at: time.UnixMilli(0)}
	p := NewProgress(&s, c.now)
	in := p.Input("/data/events-of-the-whole-year-2026.ndjson.gz", 1000, strings.NewReader(strings.Repeat("x", 700)))
	if _, err := io.ReadAll(in); err != nil {
		t.Fatal(err)
	}
	c.at = c.at.Add(2 * time.Second)
	p.show(Counts{Lines: 1_234_567, Events: 1_234_000})
	if want := "events-of-the-whole-year-20…: 70 %, 1,234,567 lines, 617,000 events/s"; s.line != want {
		t.Errorf("shown is %q, want %q", s.line, want)
	}
	c.at = c.at.Add(progressEvery - 1)
	p.show(Counts{Lines: 1_234_568})
	if s.drawn != 1 {
		t.Errorf("drawn %d times within %v", s.drawn, progressEvery)
	}
	c.at = c.at.Add(1)
	p.show(Counts{Lines: 1_234_568})
	if s.drawn != 2 {
		t.Errorf("drawn %d times after %v", s.drawn, progressEvery)
	}
	fmt.Fprintln(p.Beside(&s), "in:1: bad")
	p.End(Counts{Lines: 20, Events: 1999, Leads: 10, Changes: 7, Refused: 1})
	if got := strings.Join(s.lines, "|") + s.line; got != "in:1: bad|1,999 events, 10 leads, 7 changes, 1 refused, 2.2 s" {
		t.Errorf("left on the screen is %q", got)
	}
}

func TestProgressOfAnInputOfUnknownSize(t *testing.T) {
	var s screen
	p := NewProgress(&s, (&clock{at: time.UnixMilli(0), step: time.Second}).now)
	p.Input("standard input", 0, strings.NewReader(""))
	p.show(Counts{Lines: 10, Events: 9})
	if want := "standard input: 10 lines, 9 events/s"; s.line != want {
		t.Errorf("shown is %q, want %q", s.line, want)
	}
}

// What else goes to the terminal is never torn: not the half of a line, and not the output of the fold.
func TestProgressMakesWay(t *testing.T) {
	var s screen
	p := NewProgress(&s, (&clock{at: time.UnixMilli(0), step: time.Second}).now)
	beside := p.Beside(&s)
	p.show(Counts{})
	fmt.Fprint(beside, "half")
	p.show(Counts{})
	fmt.Fprintln(beside, " and half")
	p.show(Counts{})
	if s.inside || len(s.lines) != 1 || s.lines[0] != "half and half" || s.drawn != 2 {
		t.Errorf("the screen is %+v", s)
	}
}

func TestAFoldShowsItsProgress(t *testing.T) {
	var s screen
	p := NewProgress(&s, (&clock{at: time.UnixMilli(0), step: time.Second}).now)
	f := NewFold(FoldOptions{Model: smallModel(t), Limits: events.DefaultLimits(), Changes: io.Discard, Errors: p.Beside(&s), Progress: p})
	in := input(t)
	if err := f.Read(t.Context(), "in", p.Input("in", int64(len(in)), bytes.NewReader(in))); err != nil {
		t.Fatal(err)
	}
	// The input is read at once, and a second read finds its end.
	lines := bytes.Count(in, []byte("\n"))
	if want := fmt.Sprintf("in: 100 %%, %d lines, ", lines); !strings.HasPrefix(s.line, want) {
		t.Errorf("shown is %q, want %q", s.line, want)
	}
	if err := f.Finish(); err != nil {
		t.Fatal(err)
	}
	p.End(f.Counts())
	if want := "6 events, 4 leads, 7 changes, 3 refused, 3.0 s"; s.lines[len(s.lines)-1] != want || len(s.lines) != 4 {
		t.Errorf("left on the screen is %q, want at last %q", s.lines, want)
	}
}
