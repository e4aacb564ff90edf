package state

import (
	"encoding/binary"
	"hash/maphash"
)

// Leads holds encoded leads in memory, within a bound. One goroutine at a time may use it.
//
// The leads lie one behind the other in a log of segments that are written once, so that there are few pointers for the
// garbage collector to follow, and so that a blob stays as it was for as long as anybody refers to it. Where memory runs
// short the oldest segment goes; what it holds that was asked for since moves to the log's front, and so does everything
// that still counts while it is replaced leads rather than live ones that fill the log.
type Leads struct {
	max         int64
	segmentSize int
	seed        maphash.Seed
	// index finds a lead's newest entry by the hash of its ID. Of two IDs with one hash only the last is held.
	index table
	// segments are numbered from first on; the last is the one that is written.
	segments []segment
	first    uint32
	held     int64 // bytes of all segments
	live     int64 // bytes of the entries that index points to
	// all is whether what was Put is all that there is, gone whether some of it is not held any longer.
	all, gone bool
	fetched   uint32 // of what Fetch has read, so that it does
}

type segment struct{ b []byte }

// An entry is a byte that says whether it was asked for since it was written, the length of the ID (2 bytes) and of the
// blob (4 bytes), the ID and the blob.
const (
	entryAsked  = 0
	entryID     = 1
	entryBlob   = 3
	entryHeader = 7
)

const (
	mostSegment  = 1 << 20
	leastSegment = 1 << 10
	longestID    = 1<<16 - 1
)

// NewLeads holds at most maxBytes, everything counted; with 0 nothing.
func NewLeads(maxBytes int64) *Leads {
	size := min(max(maxBytes/16, leastSegment), mostSegment)
	return &Leads{max: maxBytes, segmentSize: int(size), seed: maphash.MakeSeed()}
}

// Len is the number of leads held.
func (c *Leads) Len() int { return c.index.used }

// Bytes is the memory held.
func (c *Leads) Bytes() int64 { return c.held + c.index.bytes(0) }

// Clear drops all leads.
func (c *Leads) Clear() {
	c.index = table{}
	c.held, c.live, c.gone = 0, 0, true
	c.first += uint32(len(c.segments))
	c.segments = nil
}

// HoldAll says that there are no leads but those that were Put, and those that will be.
func (c *Leads) HoldAll() { c.all = true }

// Lack is whether no lead of that hash was ever Put where HoldAll was said: then it need not be looked for anywhere else.
// Once a lead had to go, that is not known any more of any.
func (c *Leads) Lack(hash uint32) bool { return c.all && !c.gone && c.index.find(hash) == nil }

// Fill is Put for a lead of which nothing newer is held, and no where that would take another's place, or another has gone:
// then HoldAll can't be said any more.
func (c *Leads) Fill(hash uint32, id string, blob []byte) bool {
	after := c.held + c.index.bytes(c.index.used+1)
	if !c.fits(entryHeader + len(id) + len(blob)) {
		after += int64(c.segmentSize)
	}
	if c.gone || after > c.max {
		return false
	}
	if c.index.find(hash) == nil {
		c.Put(hash, id, blob)
	}
	return !c.gone
}

// Hash is what Get and Put find an ID by. It is this Leads' own, and spreads IDs evenly whoever chose them.
func (c *Leads) Hash(id string) uint32 { return uint32(maphash.String(c.seed, id)) }

// Fetch brings what is held of those leads, by the hashes of their IDs, near the processor. Get and Put need then not wait
// for memory lead by lead: of places that are read with nothing to do in between, a processor awaits a dozen at a time.
func (c *Leads) Fetch(hashes []uint32) {
	const line = 64 // bytes that the processor reads at once
	c.fetched += c.index.fetch(hashes)
	for _, hash := range hashes {
		at := c.index.find(hash)
		if at == nil {
			continue
		}
		e := c.entry(at)
		for i := 0; i < min(int(at.size), 4*line); i += line { // of a busy lead the rest is read in one go
			c.fetched += uint32(e[i])
		}
	}
}

// Expect brings where those leads are found near the processor, by the hashes of their IDs, as Fetch does, but nothing of
// the leads themselves: Put needs no more.
func (c *Leads) Expect(hashes []uint32) { c.fetched += c.index.fetch(hashes) }

// Get is the blob last Put under id, whose Hash is given, if it is still held. It stays valid and unchanged for as long
// as it is referred to.
func (c *Leads) Get(hash uint32, id string) ([]byte, bool) {
	at := c.index.find(hash)
	if at == nil {
		return nil, false
	}
	e := c.entry(at)
	if string(e.id()) != id {
		return nil, false
	}
	e[entryAsked] = 1
	return e.blob(), true
}

// Put holds a copy of blob, and drops leads that were not asked for in a while where the bound asks for it. A blob too
// large for the bound is not held; what was held of the lead is gone all the same.
func (c *Leads) Put(hash uint32, id string, blob []byte) {
	size := entryHeader + len(id) + len(blob)
	if size > c.segmentSize || len(id) > longestID || !c.room(size) {
		c.gone = true
		c.drop(hash)
		return
	}
	at := c.index.find(hash)
	if at == nil {
		at = c.index.add(hash)
		at.hash = hash
	}
	c.live -= int64(at.size)
	s := c.begin(at, size)
	s.b = append(s.b, 0)
	s.b = binary.LittleEndian.AppendUint16(s.b, uint16(len(id)))
	s.b = binary.LittleEndian.AppendUint32(s.b, uint32(len(blob)))
	s.b = append(append(s.b, id...), blob...)
}

// entry is the bytes of one lead.
type entry []byte

func (e entry) id() []byte { return e[entryHeader : entryHeader+e.idLen()] }

func (e entry) blob() []byte {
	begin := entryHeader + e.idLen()
	end := begin + e.blobLen()
	return e[begin:end:end]
}

func (e entry) idLen() int   { return int(binary.LittleEndian.Uint16(e[entryID:])) }
func (e entry) blobLen() int { return int(binary.LittleEndian.Uint32(e[entryBlob:])) }
func (e entry) size() int    { return entryHeader + e.idLen() + e.blobLen() }

func (c *Leads) entry(at *slot) entry {
	return c.segments[at.segment-c.first].b[at.offset:]
}

func (c *Leads) drop(hash uint32) {
	if at := c.index.find(hash); at != nil {
		c.live -= int64(at.size)
		c.index.remove(hash)
	}
}

// begin points a slot at the end of the last segment, where an entry of size bytes is about to be appended.
func (c *Leads) begin(at *slot, size int) *segment {
	s := &c.segments[len(c.segments)-1]
	at.segment, at.offset, at.size = c.first+uint32(len(c.segments)-1), uint32(len(s.b)), uint32(size)
	c.live += int64(size)
	return s
}

func (c *Leads) fits(size int) bool {
	if len(c.segments) == 0 {
		return false
	}
	last := c.segments[len(c.segments)-1].b
	return cap(last)-len(last) >= size
}

func (c *Leads) extend() {
	c.segments = append(c.segments, segment{b: make([]byte, 0, c.segmentSize)})
	c.held += int64(c.segmentSize)
}

// room makes room for one more entry of size bytes, by a new segment within the bound, and says whether it could.
func (c *Leads) room(size int) bool {
	// Each lap over the log drops what was not asked for in the lap before, so the second finds room if there is any.
	reclaims, laps := 0, 2*(len(c.segments)+1)
	for {
		fits, after := c.fits(size), c.held+c.index.bytes(c.index.used+1)
		switch {
		case fits && after <= c.max:
			return true
		case !fits && after+int64(c.segmentSize) <= c.max:
			c.extend()
		case len(c.segments) == 0 || reclaims > laps:
			return false
		default:
			c.reclaim()
			reclaims++
		}
	}
}

// reclaim gives the oldest segment up, and moves to the front what it holds that is worth it. That needs no more room
// than the segment had.
func (c *Leads) reclaim() {
	old, number := c.segments[0].b, c.first
	c.segments[0] = segment{}
	c.segments = c.segments[1:]
	c.first++
	c.held -= int64(cap(old))
	for offset := 0; offset < len(old); {
		e := entry(old[offset:])
		here := uint32(offset)
		offset += e.size()
		hash := uint32(maphash.Bytes(c.seed, e.id()))
		at := c.index.find(hash)
		if at == nil || at.segment != number || at.offset != here {
			continue // replaced or dropped since
		}
		c.live -= int64(e.size())
		if e[entryAsked] == 0 && !c.roomy() {
			c.gone = true
			c.index.remove(hash)
			continue
		}
		if !c.fits(e.size()) {
			c.extend()
		}
		e[entryAsked] = 0
		s := c.begin(at, e.size())
		s.b = append(s.b, e[:e.size()]...)
	}
}

// roomy says whether what counts leaves a quarter of the bound free: then it is entries that were replaced which fill
// the log, and no lead need go.
func (c *Leads) roomy() bool {
	return c.live+c.index.bytes(0) <= c.max-c.max/4
}
