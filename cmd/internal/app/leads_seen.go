package app

import "github.com/hotlead/hotlead/scorer"

// filterBits are the bits that a filter has for each event that it is made for, at least.
const filterBits = 16

// busyLead is a lead that is not packed. It has seen so many events that to look through all of them for each new one
// would cost more than all else.
type busyLead struct {
	*scorer.Lead
	// filter has the bit set that the topmost bits of its hash name, for each event that the lead has seen, and for some
	// that it has forgotten since the filter was made. As long as a power of two.
	filter []uint64
	shift  uint // by which a hash becomes the number of a bit
	room   int  // for how many events more it is good
}

// busy is the lead at a place of the index if it is a busy one, else nil.
func (t *leadTable) busy(place int) *busyLead {
	at := t.index[place].at
	if at&unpacked == 0 {
		return nil
	}
	return &t.large[at&^unpacked]
}

// unseen is whether the lead is certain not to have seen the event of that identity.
func (l *busyLead) unseen(identity uint64) bool {
	if l.room == 0 {
		l.makeFilter()
	}
	bit := identity >> l.shift
	return l.filter[bit/64]>>(bit%64)&1 == 0
}

// saw notes that the lead has seen the event of that identity, which was unseen.
func (l *busyLead) saw(identity uint64) {
	l.room--
	l.set(identity)
}

func (l *busyLead) set(identity uint64) {
	bit := identity >> l.shift
	l.filter[bit/64] |= 1 << (bit % 64)
}

// makeFilter makes the filter of what the lead has seen, with room for as much again.
func (l *busyLead) makeFilter() {
	l.room = max(64, len(l.Seen))
	bits := uint(6)
	for 1<<bits < filterBits*(len(l.Seen)+l.room) {
		bits++
	}
	l.filter, l.shift = make([]uint64, 1<<bits/64), 64-bits
	for i := range l.Seen {
		l.set(l.Seen[i].Hash)
	}
}
