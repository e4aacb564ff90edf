package wire

import "sync"

// memory is what the answers of one Fetcher are read into, again and again: an answer takes some megabytes where a lane is
// behind, and for each anew the system would have to find pages and the collector to walk the heap sooner.
//
// Who has taken some gives it back when nothing of the answer is in use any more. What is never given back, since its
// request was given up and nobody knows whether it is still being read into, is left to the collector. So at most as much
// is kept as was in use at a time, and no more of it than one call of Fetch after the other needs.
type memory struct {
	mu   sync.Mutex
	free [][]byte
	// reused is told of what is given back; nil: nobody is.
	reused func([]byte)
}

const (
	// leastMemory is how much is set aside at least.
	leastMemory = 64 << 10
	// looseMemory is how many times larger than its answer memory may be: one that is much too large is let go of.
	looseMemory = 4
)

// take is memory of that many bytes, whatever they hold.
func (m *memory) take(size int) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, b := range m.free {
		if size <= cap(b) && cap(b) <= max(looseMemory*size, 2*leastMemory) {
			last := len(m.free) - 1
			m.free[i], m.free[last] = m.free[last], nil
			m.free = m.free[:last]
			return b[:size]
		}
	}
	return make([]byte, size, max(size+size/8, leastMemory)) // the next answer may be a little larger
}

// give gives back what was in use, and lets go of what has been free since the last time that it was called.
func (m *memory) give(used [][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.free)
	m.free = append(m.free[:0], used...)
	if m.reused != nil {
		for _, b := range used {
			m.reused(b[:cap(b)])
		}
	}
}
