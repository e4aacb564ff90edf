package events

import (
	"strings"

	"github.com/hotlead/hotlead/scorer"
)

// Nearly all changes that are read were written by AppendChange: the same members in the same order, without space
// between them. What is here reads such a change, and checks all of it, in a third of the time of the walk, which goes
// over the data twice. Whatever is not quite such a change is left to the walk, which is also who says what is wrong with
// it.

// plainChange reads a change as AppendChange writes it; not ok for everything else.
func plainChange(value []byte) (a Announced, ok bool) {
	r := plainReader{b: value}
	at := a.readPlain(&r)
	for _, name := range [...]string{`,"cause":`, `,"engagement":`, `,"fit":`, `,"qualification":`, `,"score":`, `,"contributions":`,
		`,"previous_change":`, `,"model":`} {
		r.maySkip(name)
	}
	r.expect(`}}`)
	if r.i != len(value) {
		return Announced{}, false
	}
	ok = a.finishPlain(&r, at)
	return a, ok
}

// skimChange reads a change that begins as AppendChange writes it, as far as what a holds: not the rest, which is the
// larger part; not ok for everything else.
func skimChange(value []byte) (a Announced, ok bool) {
	r := plainReader{b: value}
	at := a.readPlain(&r)
	if !r.found(`,"cause":{`) {
		return Announced{}, false
	}
	ok = a.finishPlain(&r, at)
	return a, ok
}

// readPlain reads everything up to the cause. at is the text of the time.
func (a *Announced) readPlain(r *plainReader) (at string) {
	r.skipText(`{"specversion":"1.0","id":"`)
	r.skipText(`,"source":"`)
	switch {
	case r.found(`,"type":"lead.tier.changed"`):
		a.Kind = scorer.TierChanged
	case r.found(`,"type":"lead.stage.reached"`):
		a.Kind = scorer.StageReached
	default:
		r.stop()
	}
	r.skipText(`,"subject":"`)
	at = r.text(`,"time":"`)
	r.expect(`,"datacontenttype":"application/json"`)
	r.maySkip(`,"traceparent":`)
	a.Lead = r.text(`,"data":{"lead":"`)
	r.maySkip(`,"account":`)
	a.Sequence = r.whole(`,"sequence":`)
	a.From = r.text(`,"from":"`)
	a.To = r.text(`,"to":"`)
	r.maySkip(`,"direction":`)
	a.Stage = r.mayText(`,"stage":"`)
	a.Route = r.mayText(`,"route":"`)
	return at
}

// finishPlain reads the time, and is whether all is there; otherwise a is empty.
func (a *Announced) finishPlain(r *plainReader, at string) (ok bool) {
	if !r.odd && a.missing() == "" {
		a.At, ok = parseTime(at)
	}
	if !ok {
		*a = Announced{}
	}
	return ok
}

// plainReader reads compact JSON. Once something is odd it stands at the end, and what it reads is empty.
type plainReader struct {
	b   []byte
	i   int
	odd bool
}

// found steps over a text, if it is what comes next.
func (r *plainReader) found(text string) bool {
	if !strings.HasPrefix(alias(r.b[r.i:]), text) {
		return false
	}
	r.i += len(text)
	return true
}

func (r *plainReader) stop() { r.i, r.odd = len(r.b), true }

// expect steps over a text.
func (r *plainReader) expect(text string) {
	if !r.found(text) {
		r.stop()
	}
}

// text reads the string whose opening quote ends name.
func (r *plainReader) text(name string) string {
	r.expect(name)
	begin := r.i
	end, found := compactText(r.b, begin)
	if end < 0 || found&escaped != 0 {
		r.stop()
		return ""
	}
	r.i = end
	return alias(r.b[begin : end-1])
}

// mayText reads it if it is there.
func (r *plainReader) mayText(name string) string {
	if !strings.HasPrefix(alias(r.b[r.i:]), name) {
		return ""
	}
	return r.text(name)
}

// skipText reads over a string, whatever it holds.
func (r *plainReader) skipText(name string) {
	r.expect(name)
	end, _ := compactText(r.b, r.i)
	r.step(end)
}

// skip reads over a value.
func (r *plainReader) skip() {
	const open = 2 // the event's and the data's objects
	r.step(compactValue(r.b, r.i, announcedDepth-open))
}

// maySkip reads over a member if it is there.
func (r *plainReader) maySkip(name string) {
	if r.found(name) {
		r.skip()
	}
}

func (r *plainReader) step(to int) {
	if to < 0 {
		r.stop()
		return
	}
	r.i = to
}

// whole reads a whole number, if it is above 0 and has fewer than 20 digits.
func (r *plainReader) whole(name string) (n uint64) {
	r.expect(name)
	begin := r.i
	for r.i < len(r.b) && r.b[r.i]-'0' <= 9 {
		n = 10*n + uint64(r.b[r.i]-'0')
		r.i++
	}
	if r.i == begin || r.i-begin > 19 || r.b[begin] == '0' {
		r.stop()
		return 0
	}
	return n
}

// The compact functions say where what begins at i ends, -1 where there is no such thing, or space in it.

// compactText is of the string whose opening quote stands before i.
func compactText(b []byte, i int) (end int, found class) {
	if end = plainText(b, i); end >= 0 {
		return end + 1, present
	}
	s := scanner{b: b, i: i - 1}
	if found = s.str().class; s.fault != noFault {
		return -1, 0
	}
	return s.i, found
}

// compactValue is of any value that nests no deeper than depth.
func compactValue(b []byte, i, depth int) (end int) {
	if i >= len(b) {
		return -1
	}
	switch c := b[i]; {
	case c == '"':
		end, _ = compactText(b, i+1) // no error: what kinds of bytes it holds, which does not matter where nothing is kept
		return end
	case c == '{' && depth > 0:
		return compactObject(b, i+1, depth-1)
	case c == '[' && depth > 0:
		return compactArray(b, i+1, depth-1)
	}
	return compactScalar(b, i)
}

func compactObject(b []byte, i, depth int) int {
	if i < len(b) && b[i] == '}' {
		return i + 1
	}
	for i < len(b) && b[i] == '"' {
		// No error is left out: what kinds of bytes a name holds does not matter here.
		if i, _ = compactText(b, i+1); i < 0 || i >= len(b) || b[i] != ':' {
			return -1
		}
		if i = compactValue(b, i+1, depth); i < 0 || i >= len(b) {
			return -1
		}
		if b[i] == '}' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i++
	}
	return -1
}

func compactArray(b []byte, i, depth int) int {
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = compactValue(b, i, depth); i < 0 || i >= len(b) {
			return -1
		}
		if b[i] == ']' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i++
	}
}

// compactScalar is of a number, true, false or null.
func compactScalar(b []byte, i int) int {
	if b[i]-'1' < 9 || b[i] == '0' && i+1 < len(b) && b[i+1]-'0' > 9 { // as most numbers are: 12 or 3.45
		end, fraction := digits(b, i), 0
		if end < len(b) && b[end] == '.' {
			fraction = end + 1
			end = digits(b, fraction)
		}
		if end != fraction && end < len(b) && b[end]|0x20 != 'e' {
			return end
		}
	}
	s := scanner{b: b, i: i} // of no depth
	if s.value(); s.fault != noFault {
		return -1
	}
	return s.i
}

// digits is where the digits end that begin at i.
func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}
