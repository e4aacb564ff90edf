package state

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unsafe"

	"github.com/hotlead/hotlead/scorer"
)

// DecodeLead reads what AppendLead wrote, in this version of hotlead or an earlier one, into a lead whose slices it
// reuses; into.ID is left as it is. The lead's strings and the events seen alias blob, which must not change as long as they are used. Its
// errors, after which the lead holds nothing of use: ErrDamaged, ErrNewer.
func DecodeLead(blob []byte, into *scorer.Lead) error {
	if len(blob) == 0 {
		return fmt.Errorf("%w: a lead of no bytes", ErrDamaged)
	}
	switch version := blob[0]; version {
	case leadVersion, 2:
		return decodeLead(blob, allParts, into)
	case 1:
		err := decodeLead(blob, allParts1, into)
		into.Moved = into.Sequence > 0
		return err
	case 0:
		return fmt.Errorf("%w: a lead of version 0", ErrDamaged)
	default:
		return fmt.Errorf("%w: a lead has version %d, and this hotlead knows up to %d; run the version that wrote it, or a newer one",
			ErrNewer, version, leadVersion)
	}
}

// decodeLead reads a blob whose version knows these parts.
func decodeLead(blob []byte, known uint64, l *scorer.Lead) error {
	d := decoder{b: blob[1:]}
	has := d.uint()
	if has&^known != 0 {
		d.bad = true
	}
	d.clock = scorer.Instant(d.int())
	l.Clock = d.clock
	l.FirstSeen = d.time()
	l.LastSeen = d.time()
	l.Since = d.time()
	l.ModelVersion = int(d.int())
	l.Tier = d.string()
	clearParts(l)
	l.Moved = has&hasMoved != 0
	if has&hasStage != 0 {
		l.Stage = d.string()
	}
	if has&hasSequence != 0 {
		l.Sequence = d.uint()
	}
	if has&hasDue != 0 {
		l.Due = d.time()
	}
	if has&hasEngaged != 0 {
		l.Engaged = d.time()
	}
	if has&hasAccount != 0 {
		l.Account, l.AccountAt = d.string(), d.time()
	}
	if has&hasReset != 0 {
		l.Reset = d.time()
	}
	if has&hasCounters != 0 {
		d.counters(l)
	}
	if has&hasRatings != 0 {
		d.ratings(l)
	}
	if has&hasProfile != 0 {
		d.profile(l)
	}
	if has&hasDisposition != 0 {
		l.Disposition, l.DispositionAt = d.string(), d.time()
	}
	if has&hasConversion != 0 {
		l.Conversion = scorer.Conversion{Outcome: d.string(), Amount: d.number(), At: d.time()}
	}
	switch {
	case has&hasSeen == 0:
	case blob[0] >= 3:
		d.seen(l)
	default:
		d.seenList(l)
	}
	if d.bad || d.left() > 0 {
		return fmt.Errorf("%w: a lead of %d bytes that can't be taken apart", ErrDamaged, len(blob))
	}
	return nil
}

// clearParts empties what a blob may leave out.
func clearParts(l *scorer.Lead) {
	l.Stage, l.Sequence, l.Due, l.Engaged = "", 0, scorer.Never, 0
	l.Account, l.AccountAt, l.Reset = "", 0, 0
	l.Counters, l.Ratings, l.Profile = l.Counters[:0], l.Ratings[:0], l.Profile[:0]
	l.Seen.Clear()
	l.Disposition, l.DispositionAt = "", 0
	l.Conversion = scorer.Conversion{}
}

// decoder takes a blob apart from its front. Past the first thing that can't be read it is bad and gives zeros, so
// that only the end need be checked.
type decoder struct {
	b     []byte
	at    int
	clock scorer.Instant
	bad   bool
}

func (d *decoder) fail() {
	d.at, d.bad = len(d.b), true
}

func (d *decoder) left() int { return len(d.b) - d.at }

func (d *decoder) uint() uint64 {
	if at := d.at; at < len(d.b) && d.b[at] < 0x80 {
		d.at = at + 1
		return uint64(d.b[at])
	}
	return d.longUint()
}

func (d *decoder) longUint() uint64 {
	var v uint64
	for i, c := range d.b[d.at:] {
		if i == binary.MaxVarintLen64-1 && c > 1 {
			break // more than 64 bits
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			d.at += i + 1
			return v
		}
	}
	d.fail()
	return 0
}

func (d *decoder) int() int64 { return unzigzag(d.uint()) }

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

func (d *decoder) time() scorer.Instant { return d.clock - scorer.Instant(d.int()) }

func (d *decoder) string() string {
	n := d.uint()
	if n > uint64(d.left()) {
		d.fail()
		return ""
	}
	s := unsafe.String(unsafe.SliceData(d.b[d.at:]), int(n))
	d.at += int(n)
	return s
}

func (d *decoder) key() scorer.Key {
	if d.left() < 4 {
		d.fail()
		return 0
	}
	k := binary.LittleEndian.Uint32(d.b[d.at:])
	d.at += 4
	return scorer.Key(k)
}

func (d *decoder) fixed() uint64 {
	if d.left() < 8 {
		d.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(d.b[d.at:])
	d.at += 8
	return v
}

func (d *decoder) byte() byte {
	if d.left() < 1 {
		d.fail()
		return 0
	}
	d.at++
	return d.b[d.at-1]
}

func (d *decoder) number() float64 {
	v := d.uint()
	if v == 0 {
		return math.Float64frombits(d.fixed())
	}
	return float64(unzigzag(v - 1))
}

// length is that of a list whose elements take at least least bytes each.
func (d *decoder) length(least int) int {
	n := d.uint()
	if n > uint64(d.left()/least) {
		d.fail()
		return 0
	}
	return int(n)
}

// sized is s with length n; elements that were there keep what they hold.
func sized[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	return slices.Grow(s[:cap(s)], n-cap(s))[:n]
}

func (d *decoder) counters(l *scorer.Lead) {
	l.Counters = sized(l.Counters, d.length(leastCounter))
	for i := range l.Counters {
		c := &l.Counters[i]
		c.Rule = d.key()
		bits := d.uint()
		if bits>>counterBits > math.MaxUint32 {
			d.fail()
			return
		}
		c.Count = uint32(bits >> counterBits)
		if bits&counterWhole != 0 {
			c.Sum = float64(d.int())
		} else {
			c.Sum = math.Float64frombits(d.fixed())
		}
		c.Ref = d.time()
		c.Marks = c.Marks[:0]
		if bits&counterMarks != 0 {
			c.Marks = d.marks(c.Marks)
		}
	}
}

func (d *decoder) marks(marks []scorer.Mark) []scorer.Mark {
	marks = sized(marks, d.length(leastMark))
	before := d.clock
	for i := range marks {
		m := &marks[i]
		m.Weight = d.number()
		before += scorer.Instant(d.int())
		m.At = before
	}
	return marks
}

func (d *decoder) ratings(l *scorer.Lead) {
	l.Ratings = sized(l.Ratings, d.length(leastRating))
	for i := range l.Ratings {
		r := &l.Ratings[i]
		r.Criterion, r.Value, r.At = d.key(), d.number(), d.time()
	}
}

func (d *decoder) profile(l *scorer.Lead) {
	l.Profile = sized(l.Profile, d.length(leastAttribute))
	for i := range l.Profile {
		a := &l.Profile[i]
		a.Name = d.string()
		a.Value = scorer.Value{Kind: scorer.Kind(d.byte())}
		switch a.Value.Kind {
		case scorer.Null:
		case scorer.Bool, scorer.Number:
			a.Value.Number = d.number()
		case scorer.String:
			a.Value.String = d.string()
		default:
			d.fail()
		}
		a.At = d.time()
	}
}

func (d *decoder) seen(l *scorer.Lead) {
	n, newest := d.uint(), d.clock
	if n&1 == 0 {
		newest = d.time()
	}
	n >>= 1
	oldest := newest
	if n > 1 {
		oldest = d.time()
	}
	columns := d.b[d.at:]
	if n > uint64(len(columns)) || !l.Seen.Hold(int(n), oldest, newest, columns) {
		d.fail()
		return
	}
	d.at = len(d.b)
}

// seenList reads the events seen as they were written up to version 2.
func (d *decoder) seenList(l *scorer.Lead) {
	before := d.clock
	for range d.length(leastSeen) {
		hash := d.fixed()
		before += scorer.Instant(d.int())
		l.Seen.Add(scorer.Seen{Hash: hash, At: before})
	}
}
