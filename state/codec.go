package state

import (
	"encoding/binary"
	"math"

	"github.com/hotlead/hotlead/scorer"
)

// A lead is stored as
//
//	version  1 byte: leadVersion
//	present  uvarint: which of the parts below follow, by the bits below
//	clock    varint, milliseconds since the epoch
//	times    of FirstSeen, LastSeen, Since
//	model version varint
//	tier     string
//	…        the parts, in the order of their bits
//
// where varint and uvarint are those of encoding/binary, a string is its length as a uvarint and its bytes, a list is
// its length as a uvarint and its elements, and a time is a varint of how many milliseconds before the lead's clock it
// was: what happened lately, and most did, takes few bytes. A number is, where it is whole and not huge, 1 + its zigzag
// as a uvarint, else a 0 and 8 bytes, little-endian IEEE 754. Keys are 4 bytes, little-endian. Of the events seen come
// a uvarint, which is twice their number and 1 more if the newest is of the lead's clock; else the time of the newest;
// if they are more than one, the time of the oldest; and their columns (see scorer.SeenEvents), to the blob's end.
//
// A version is read for ever. A new one gets a number and golden files of its own. Version 1 had no hasMoved: of a lead
// with a sequence it was taken for granted that it had changed tier. Up to version 2 the events seen were a list of
// hashes (8 bytes, little-endian) and times, each (a varint) relative to the one before.
const leadVersion = 3

// The bits of present.
const (
	hasStage = 1 << iota
	hasSequence
	hasDue
	hasEngaged
	hasAccount
	hasReset
	hasCounters
	hasRatings
	hasProfile
	hasDisposition
	hasConversion
	hasSeen
	hasMoved // nothing follows: the bit is all there is
	allParts = 1<<iota - 1

	allParts1 = hasMoved - 1 // of version 1
)

// The bits below a counter's count.
const (
	counterMarks = 1 << iota // marks follow
	counterWhole             // the sum is a varint, else 8 bytes: most decay, and need no byte to say so
	counterBits  = iota
)

// The fewest bytes that an element of each list takes: a length that would need more bytes than are left is refused
// before memory is set aside for it.
const (
	leastCounter   = 4 + 1 + 1 + 1
	leastMark      = 1 + 1
	leastRating    = 4 + 1 + 1
	leastAttribute = 1 + 1 + 1
	leastSeen      = 8 + 1 // up to version 2
)

// AppendLead appends l to b, without its ID, which is the field that the blob is stored under.
func AppendLead(b []byte, l *scorer.Lead) []byte {
	e := encoder{b: b, clock: l.Clock}
	has := partsOf(l)
	e.b = append(e.b, leadVersion)
	e.uint(has)
	e.int(int64(l.Clock))
	e.time(l.FirstSeen)
	e.time(l.LastSeen)
	e.time(l.Since)
	e.int(int64(l.ModelVersion))
	e.string(l.Tier)
	if has&hasStage != 0 {
		e.string(l.Stage)
	}
	if has&hasSequence != 0 {
		e.uint(l.Sequence)
	}
	if has&hasDue != 0 {
		e.time(l.Due)
	}
	if has&hasEngaged != 0 {
		e.time(l.Engaged)
	}
	if has&hasAccount != 0 {
		e.string(l.Account)
		e.time(l.AccountAt)
	}
	if has&hasReset != 0 {
		e.time(l.Reset)
	}
	if has&hasCounters != 0 {
		e.counters(l.Counters)
	}
	if has&hasRatings != 0 {
		e.ratings(l.Ratings)
	}
	if has&hasProfile != 0 {
		e.profile(l.Profile)
	}
	if has&hasDisposition != 0 {
		e.string(l.Disposition)
		e.time(l.DispositionAt)
	}
	if has&hasConversion != 0 {
		e.string(l.Conversion.Outcome)
		e.number(l.Conversion.Amount)
		e.time(l.Conversion.At)
	}
	if has&hasSeen != 0 {
		e.seen(&l.Seen)
	}
	return e.b
}

func partsOf(l *scorer.Lead) uint64 {
	var has uint64
	part := func(bit uint64, is bool) {
		if is {
			has |= bit
		}
	}
	part(hasStage, l.Stage != "")
	part(hasSequence, l.Sequence != 0)
	part(hasDue, l.Due != scorer.Never)
	part(hasEngaged, l.Engaged != 0)
	part(hasAccount, l.Account != "" || l.AccountAt != 0)
	part(hasReset, l.Reset != 0)
	part(hasCounters, len(l.Counters) > 0)
	part(hasRatings, len(l.Ratings) > 0)
	part(hasProfile, len(l.Profile) > 0)
	part(hasDisposition, l.Disposition != "" || l.DispositionAt != 0)
	c := &l.Conversion
	part(hasConversion, c.Outcome != "" || math.Float64bits(c.Amount) != 0 || c.At != 0)
	part(hasSeen, l.Seen.Len() > 0)
	part(hasMoved, l.Moved)
	return has
}

type encoder struct {
	b     []byte
	clock scorer.Instant
}

func (e *encoder) uint(v uint64) {
	if v < 0x80 {
		e.b = append(e.b, byte(v))
		return
	}
	e.b = binary.AppendUvarint(e.b, v)
}

func (e *encoder) int(v int64) { e.uint(zigzag(v)) }

// zigzag makes small numbers of either sign small.
func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

// time wraps around for instants that are further apart than an int64 counts, and back again when it is read.
func (e *encoder) time(t scorer.Instant) { e.int(int64(e.clock - t)) }

func (e *encoder) string(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) key(k scorer.Key) { e.b = binary.LittleEndian.AppendUint32(e.b, uint32(k)) }

// mostWhole bounds the numbers that are shorter as a varint.
const mostWhole = 1 << 47

// whole is f as a whole number, if it is one that is shorter so. −0 is none, for it would come back as 0.
func whole(f float64) (int64, bool) {
	if !(f > -mostWhole && f < mostWhole) {
		return 0, false
	}
	i := int64(f)
	return i, math.Float64bits(float64(i)) == math.Float64bits(f)
}

func (e *encoder) number(f float64) {
	if i, ok := whole(f); ok {
		e.uint(1 + zigzag(i))
		return
	}
	e.b = append(e.b, 0)
	e.fixed(math.Float64bits(f))
}

func (e *encoder) fixed(v uint64) { e.b = binary.LittleEndian.AppendUint64(e.b, v) }

func (e *encoder) counters(counters []scorer.Counter) {
	e.uint(uint64(len(counters)))
	for i := range counters {
		c := &counters[i]
		bits := uint64(c.Count) << counterBits
		if len(c.Marks) > 0 {
			bits |= counterMarks
		}
		sum, isWhole := whole(c.Sum)
		if isWhole {
			bits |= counterWhole
		}
		e.key(c.Rule)
		e.uint(bits)
		if isWhole {
			e.int(sum)
		} else {
			e.fixed(math.Float64bits(c.Sum))
		}
		e.time(c.Ref)
		if len(c.Marks) > 0 {
			e.marks(c.Marks)
		}
	}
}

// marks are written each relative to the one before, for they are in order.
func (e *encoder) marks(marks []scorer.Mark) {
	e.uint(uint64(len(marks)))
	before := e.clock
	for i := range marks {
		m := &marks[i]
		e.number(m.Weight)
		e.int(int64(m.At - before))
		before = m.At
	}
}

func (e *encoder) ratings(ratings []scorer.Rating) {
	e.uint(uint64(len(ratings)))
	for i := range ratings {
		r := &ratings[i]
		e.key(r.Criterion)
		e.number(r.Value)
		e.time(r.At)
	}
}

func (e *encoder) profile(profile []scorer.Attribute) {
	e.uint(uint64(len(profile)))
	for i := range profile {
		a := &profile[i]
		e.string(a.Name)
		e.b = append(e.b, byte(a.Value.Kind))
		switch a.Value.Kind {
		case scorer.Null:
		case scorer.Bool, scorer.Number:
			e.number(a.Value.Number)
		case scorer.String:
			e.string(a.Value.String)
		}
		e.time(a.At)
	}
}

func (e *encoder) seen(seen *scorer.SeenEvents) {
	n := seen.Len()
	oldest, newest := seen.Span()
	if newest == e.clock {
		e.uint(uint64(n)<<1 | 1)
	} else {
		e.uint(uint64(n) << 1)
		e.time(newest)
	}
	if n > 1 {
		e.time(oldest)
	}
	e.b = seen.AppendColumns(e.b)
}
