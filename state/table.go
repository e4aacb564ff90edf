package state

// table finds places by hash: open addressing with linear probing, without a pointer for the garbage collector to
// follow. A place found takes one miss of the processor's cache, where a Go map takes two.
type table struct {
	slots []slot // a power of two of them, or none
	used  int
}

// slot is one place; of size 0 it is empty.
type slot struct {
	hash                  uint32
	segment, offset, size uint32
}

const (
	slotBytes  = 16
	leastSlots = 16
)

// crowded is whether n places are more than a table of that many slots takes: probes get long beyond three quarters.
func crowded(n, slots int) bool { return 4*n > 3*slots }

// bytes is the memory of the slots once there is room for n.
func (t *table) bytes(n int) int64 {
	slots := len(t.slots)
	for crowded(n, slots) {
		slots = max(2*slots, leastSlots)
	}
	return int64(slots) * slotBytes
}

// find is the slot of a hash, nil where there is none.
func (t *table) find(hash uint32) *slot {
	if len(t.slots) == 0 {
		return nil
	}
	mask := uint32(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch s := &t.slots[i]; {
		case s.size == 0:
			return nil
		case s.hash == hash:
			return s
		}
	}
}

// fetch reads where those hashes are looked for first, and answers a number that depends on it.
func (t *table) fetch(hashes []uint32) (read uint32) {
	if len(t.slots) == 0 {
		return 0
	}
	mask := uint32(len(t.slots) - 1)
	for _, hash := range hashes {
		read += t.slots[hash&mask].hash
	}
	return read
}

// add is an empty slot, which the caller fills, for a hash that find does not find.
func (t *table) add(hash uint32) *slot {
	if crowded(t.used+1, len(t.slots)) {
		t.grow()
	}
	t.used++
	return t.empty(hash)
}

// empty is where a hash that is not there goes.
func (t *table) empty(hash uint32) *slot {
	mask := uint32(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i].size != 0 {
		i = (i + 1) & mask
	}
	return &t.slots[i]
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, max(2*len(old), leastSlots))
	for i := range old {
		if old[i].size != 0 {
			*t.empty(old[i].hash) = old[i]
		}
	}
}

// remove empties the slot of a hash that is there. Those behind it that were pushed on by it move up, so that no search
// ends before it has found them.
func (t *table) remove(hash uint32) {
	mask := uint32(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i].hash != hash || t.slots[i].size == 0 {
		i = (i + 1) & mask
	}
	for next := (i + 1) & mask; t.slots[next].size != 0; next = (next + 1) & mask {
		if home := t.slots[next].hash & mask; (next-home)&mask >= (next-i)&mask {
			t.slots[i] = t.slots[next]
			i = next
		}
	}
	t.slots[i] = slot{}
	t.used--
}
