package app

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"
	"strings"
	"unsafe"

	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// Leads are packed into slots of whole cells. A slot that a lead has outgrown goes to a lead of its size.
const (
	cell       = 16 // bytes
	chunkCells = 1 << 14
	// mostCells bounds a packed lead. A larger one, of some twenty events, stays as it is: to unpack it for each of its
	// many events would be costly.
	mostCells = 16
	// packedHeader is the length of the ID (2 bytes) and of what state makes of the lead (2 bytes), and the second before
	// which nothing happens to it (4 bytes).
	packedHeader = 8
	// unpacked marks the place of a lead that is not packed, above its number.
	unpacked = 1 << 31
)

// leadTable holds all leads of a Fold in little more memory than they would be stored in: a lead is packed as it would
// be stored, and unpacked when an event comes for it. In packed leads there is nothing for the garbage collector to
// follow.
type leadTable struct {
	seed  maphash.Seed
	index []indexed // open addressing, linear probing; as long as a power of two
	held  int

	chunks [][]byte
	cells  uint32                // that have been handed out, the first of all included, which nobody has
	free   [mostCells + 1]uint32 // by cells, the first of a chain of slots that were outgrown; 0: none
	large  []*scorer.Lead

	scratch *scorer.Lead // the lead that is unpacked
	text    []byte
	fetched uint32         // of what was fetched, so that it is
	found   []*scorer.Lead // scratch memory of fetch
}

// indexed is where the lead lies whose ID has that hash; at 0: none.
type indexed struct {
	hash, at uint32
}

func newLeadTable() *leadTable {
	return &leadTable{seed: maphash.MakeSeed(), index: make([]indexed, 1<<10), cells: 1, scratch: &scorer.Lead{}}
}

// find is the place in the index of the lead named id, or the empty one where it belongs.
func (t *leadTable) find(id string) (place int, known bool) { return t.findHashed(t.hashOf(id), id) }

func (t *leadTable) hashOf(id string) uint32 { return uint32(maphash.String(t.seed, id)) }

// findHashed is find for an ID whose hash is known.
func (t *leadTable) findHashed(hash uint32, id string) (place int, known bool) {
	mask := len(t.index) - 1
	for place = int(hash) & mask; t.index[place].at != 0; place = (place + 1) & mask {
		if t.index[place].hash == hash && t.id(t.index[place].at) == id {
			return place, true
		}
	}
	return place, false
}

// id is the ID of the lead that lies there.
func (t *leadTable) id(at uint32) string {
	if at&unpacked != 0 {
		return t.large[at&^unpacked].ID
	}
	slot := t.slot(at)
	return alias(slot[packedHeader:][:binary.LittleEndian.Uint16(slot)])
}

// slot is the memory from a cell on, to its chunk's end.
func (t *leadTable) slot(at uint32) []byte {
	return t.chunks[at/chunkCells][at%chunkCells*cell:]
}

// alias is b as a string, without a copy.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// open is the lead at a place of the index: good, as all that it refers to, until the next lead is opened or put.
func (t *leadTable) open(place int) (*scorer.Lead, error) {
	at := t.index[place].at
	if at&unpacked != 0 {
		return t.large[at&^unpacked], nil
	}
	slot := t.slot(at)
	id := int(binary.LittleEndian.Uint16(slot))
	blob := slot[packedHeader+id:][:binary.LittleEndian.Uint16(slot[2:])]
	t.scratch.ID = alias(slot[packedHeader:][:id])
	if err := state.DecodeLead(blob, t.scratch); err != nil {
		return nil, fmt.Errorf("unpacking a lead: %w", err)
	}
	return t.scratch, nil
}

// due is an instant, at a place of the index where a lead lies, before which time alone does nothing to it: mostly its
// Due, to the second.
func (t *leadTable) due(place int) scorer.Instant {
	at := t.index[place].at
	if at&unpacked != 0 {
		return t.large[at&^unpacked].Due
	}
	return scorer.Instant(binary.LittleEndian.Uint32(t.slot(at)[4:])) * 1000
}

// begin is a lead named id that no event has reached, good like one that was opened.
func (t *leadTable) begin(id string) *scorer.Lead {
	t.scratch.Clear(id)
	return t.scratch
}

// put keeps what became of the lead that was opened at that place, or begun for it.
func (t *leadTable) put(place int, l *scorer.Lead) {
	at := t.index[place].at
	if at&unpacked != 0 {
		return
	}
	t.text = append(t.text[:0], make([]byte, packedHeader)...)
	t.text = state.AppendLead(append(t.text, l.ID...), l)
	cells := (len(t.text) + cell - 1) / cell
	if at == 0 {
		t.index[place].hash = t.hashOf(l.ID)
		t.held++
	}
	if cells > mostCells {
		t.release(at)
		detach(l)
		t.index[place].at = unpacked | uint32(len(t.large))
		t.large = append(t.large, l)
		t.scratch = &scorer.Lead{}
	} else {
		binary.LittleEndian.PutUint16(t.text, uint16(len(l.ID)))
		binary.LittleEndian.PutUint16(t.text[2:], uint16(len(t.text)-packedHeader-len(l.ID)))
		binary.LittleEndian.PutUint32(t.text[4:], uint32(min(max(l.Due/1000, 0), math.MaxUint32)))
		if at == 0 || t.cellsOf(at) != cells {
			t.release(at)
			at = t.allot(cells)
			t.index[place].at = at
		}
		copy(t.slot(at), t.text)
	}
	if t.held > len(t.index)/4*3 {
		t.grow()
	}
}

// cellsOf is how many cells the packed lead has that lies there.
func (t *leadTable) cellsOf(at uint32) int {
	slot := t.slot(at)
	n := packedHeader + int(binary.LittleEndian.Uint16(slot)) + int(binary.LittleEndian.Uint16(slot[2:]))
	return (n + cell - 1) / cell
}

// release gives a slot up; 0 is none.
func (t *leadTable) release(at uint32) {
	if at == 0 {
		return
	}
	cells := t.cellsOf(at)
	binary.LittleEndian.PutUint32(t.slot(at), t.free[cells])
	t.free[cells] = at
}

// allot is a slot of that many cells.
func (t *leadTable) allot(cells int) uint32 {
	if at := t.free[cells]; at != 0 {
		t.free[cells] = binary.LittleEndian.Uint32(t.slot(at))
		return at
	}
	if left := chunkCells - t.cells%chunkCells; t.cells%chunkCells != 0 && int(left) < cells {
		t.cells += left
	}
	if int(t.cells/chunkCells) == len(t.chunks) {
		t.chunks = append(t.chunks, make([]byte, chunkCells*cell))
	}
	at := t.cells
	t.cells += uint32(cells)
	return at
}

// grow makes the index twice as long.
func (t *leadTable) grow() {
	old := t.index
	t.index = make([]indexed, 2*len(old))
	mask := len(t.index) - 1
	for _, lead := range old {
		if lead.at == 0 {
			continue
		}
		place := int(lead.hash) & mask
		for t.index[place].at != 0 {
			place = (place + 1) & mask
		}
		t.index[place] = lead
	}
}

// ids are the IDs of all leads, in no order. They are good until the next lead is put.
func (t *leadTable) ids() []string {
	all := make([]string, 0, t.held)
	for _, lead := range t.index {
		if lead.at != 0 {
			all = append(all, t.id(lead.at))
		}
	}
	return all
}

// detach makes a lead that was unpacked refer to no memory but its own.
func detach(l *scorer.Lead) {
	for _, s := range []*string{&l.ID, &l.Tier, &l.Stage, &l.Account, &l.Disposition, &l.Conversion.Outcome} {
		*s = strings.Clone(*s)
	}
	l.Seen.Detach()
	for i := range l.Profile {
		a := &l.Profile[i]
		a.Name, a.Value.String = strings.Clone(a.Name), strings.Clone(a.Value.String)
	}
}

// fetch has the processor fetch what it takes to open these leads, and to fold into them.
func (t *leadTable) fetch(leads []stretchLead) {
	mask := uint32(len(t.index) - 1)
	for _, l := range leads {
		t.fetched ^= t.index[l.hash&mask].at
	}
	t.found = t.found[:0]
	for _, l := range leads {
		for place := l.hash & mask; t.index[place].at != 0; place = (place + 1) & mask {
			if t.index[place].hash != l.hash {
				continue
			}
			if at := t.index[place].at; at&unpacked != 0 {
				t.found = append(t.found, t.large[at&^unpacked])
			} else {
				t.fetchPacked(at)
			}
			break
		}
	}
	fetched := uint32(0)
	for _, l := range t.found {
		fetched ^= l.Fetch()
	}
	for _, l := range t.found {
		fetched ^= l.FetchLists()
	}
	t.fetched ^= fetched
}

// fetchPlaces has the processor fetch the leads at these places of the index, the last not included.
func (t *leadTable) fetchPlaces(from, to int) {
	for _, lead := range t.index[from:to] {
		switch {
		case lead.at == 0:
		case lead.at&unpacked != 0:
			t.fetched ^= t.large[lead.at&^unpacked].Fetch()
		default:
			t.fetchPacked(lead.at)
		}
	}
}

// fetchPacked reads some of the packed lead that lies there, and does not wait for it.
func (t *leadTable) fetchPacked(at uint32) {
	slot := t.slot(at)
	t.fetched ^= uint32(slot[0]) ^ uint32(slot[min(64, len(slot)-1)]) ^ uint32(slot[min(128, len(slot)-1)])
}
