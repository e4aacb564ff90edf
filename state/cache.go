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
	index map[uint64]place
	// indexed is how large the index ever was, for a map never gives memory back.
	indexed int
	// segments are numbered from first on; the last is the one that is written.
	segments []segment
	first    uint32
	held     int64 // bytes of all segments
	live     int64 // bytes of the entries that index points to
}

type segment struct{ b []byte }

// place is a segment's number and an offset in it.
type place struct{ segment, offset uint32 }

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
	// indexBytes is what an entry of the index takes: key and value at the lowest load that a Go map has while it grows.
	indexBytes = 40
	longestID  = 1<<16 - 1
)

// NewLeads holds at most maxBytes, everything counted; with 0 nothing.
func NewLeads(maxBytes int64) *Leads {
	size := min(max(maxBytes/16, leastSegment), mostSegment)
	return &Leads{max: maxBytes, segmentSize: int(size), seed: maphash.MakeSeed(), index: make(map[uint64]place)}
}

// Len is the number of leads held.
func (c *Leads) Len() int { return len(c.index) }

// Bytes is the memory held, the index's as an estimate.
func (c *Leads) Bytes() int64 { return c.held + int64(c.indexed)*indexBytes }

// Clear drops all leads.
func (c *Leads) Clear() {
	c.index = make(map[uint64]place)
	c.indexed, c.held, c.live = 0, 0, 0
	c.first += uint32(len(c.segments))
	c.segments = nil
}

// Get is the blob last Put under id, if it is still held. It stays valid and unchanged for as long as it is referred to.
func (c *Leads) Get(id string) ([]byte, bool) {
	at, ok := c.index[maphash.String(c.seed, id)]
	if !ok {
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
func (c *Leads) Put(id string, blob []byte) {
	hash := maphash.String(c.seed, id)
	size := entryHeader + len(id) + len(blob)
	if size > c.segmentSize || len(id) > longestID || !c.room(size) {
		c.drop(hash)
		return
	}
	if before, ok := c.index[hash]; ok { // replaced in place, which is cheaper than dropped and made anew
		c.live -= int64(c.entry(before).size())
	}
	s := c.begin(hash, size)
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

func (c *Leads) entry(at place) entry {
	return c.segments[at.segment-c.first].b[at.offset:]
}

func (c *Leads) drop(hash uint64) {
	if at, ok := c.index[hash]; ok {
		c.live -= int64(c.entry(at).size())
		delete(c.index, hash)
	}
}

// begin points the index at the end of the last segment, where an entry of size bytes is about to be appended.
func (c *Leads) begin(hash uint64, size int) *segment {
	s := &c.segments[len(c.segments)-1]
	c.index[hash] = place{segment: c.first + uint32(len(c.segments)-1), offset: uint32(len(s.b))}
	c.indexed = max(c.indexed, len(c.index))
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
		fits, after := c.fits(size), c.held+int64(max(c.indexed, len(c.index)+1))*indexBytes
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
		at := place{segment: number, offset: uint32(offset)}
		offset += e.size()
		hash := maphash.Bytes(c.seed, e.id())
		if now, ok := c.index[hash]; !ok || now != at {
			continue // replaced or dropped since
		}
		delete(c.index, hash)
		c.live -= int64(e.size())
		if e[entryAsked] == 0 && !c.roomy() {
			continue
		}
		if !c.fits(e.size()) {
			c.extend()
		}
		e[entryAsked] = 0
		s := c.begin(hash, e.size())
		s.b = append(s.b, e[:e.size()]...)
	}
}

// roomy says whether what counts leaves a quarter of the bound free: then it is entries that were replaced which fill
// the log, and no lead need go.
func (c *Leads) roomy() bool {
	return c.live+int64(len(c.index))*indexBytes <= c.max-c.max/4
}
