package consumer

import "unsafe"

// leadIndex finds the leads of a batch by the hash of their ID. It is emptied at no cost, whatever it held before, since
// a small batch may follow a large one.
type leadIndex struct {
	entries []indexEntry // a power of two of them, at most half of them of this round
	round   uint32
	used    int
	// names are the IDs one behind the other, so that whoever goes over the leads finds them close together rather than
	// spread over all that was fetched.
	names []byte
}

// indexEntry is empty unless its round is the index's.
type indexEntry struct {
	round, hash uint32
	lead        int32
}

const (
	leastEntries = 64
	leastNames   = 1 << 10
)

func (x *leadIndex) clear() {
	x.used, x.names = 0, x.names[:0]
	if x.round++; x.round == 0 { // once around: what is there from 2³² rounds ago must not come back
		clear(x.entries)
		x.round = 1
	}
}

// find is the lead with a hash for which is says yes, or else the number of a new one, which is then in the index.
func (x *leadIndex) find(hash uint32, is func(lead int) bool) (lead int, found bool) {
	if 2*(x.used+1) > len(x.entries) {
		x.grow()
	}
	mask := uint32(len(x.entries) - 1)
	i := hash & mask
	for ; x.entries[i].round == x.round; i = (i + 1) & mask {
		if e := &x.entries[i]; e.hash == hash && is(int(e.lead)) {
			return int(e.lead), true
		}
	}
	x.entries[i] = indexEntry{round: x.round, hash: hash, lead: int32(x.used)}
	x.used++
	return x.used - 1, false
}

// reserve makes room for as many leads as n more.
func (x *leadIndex) reserve(n int) {
	for 2*(x.used+n) > len(x.entries) {
		x.grow()
	}
}

// at is where a lead with that hash is looked for first.
func (x *leadIndex) at(hash uint32) *indexEntry { return &x.entries[hash&uint32(len(x.entries)-1)] }

func (x *leadIndex) grow() {
	old := x.entries
	x.entries = make([]indexEntry, max(2*len(old), leastEntries))
	mask := uint32(len(x.entries) - 1)
	for _, e := range old {
		if e.round != x.round {
			continue
		}
		i := e.hash & mask
		for x.entries[i].round == x.round {
			i = (i + 1) & mask
		}
		x.entries[i] = e
	}
}

// name is a copy of an ID that stays until clear.
func (x *leadIndex) name(id string) string {
	if cap(x.names)-len(x.names) < len(id) {
		x.names = make([]byte, 0, max(2*cap(x.names), len(id), leastNames)) // names given before stay where they are
	}
	from := len(x.names)
	x.names = append(x.names, id...)
	return unsafe.String(unsafe.SliceData(x.names[from:]), len(id))
}
