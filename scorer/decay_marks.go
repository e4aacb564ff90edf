package scorer

import "slices"

// marksMost is how many marks a counter keeps before the oldest merge (a rolling limit adds what it needs).
const marksMost = 64

// mark notes one counted event at its place in time.
func (c *Counter) mark(at Instant, weight float64) {
	c.Marks = slices.Insert(c.Marks, placeOf(c.Marks, at), Mark{At: at, Weight: weight})
}

// forget drops the marks up to and including that instant.
func (c *Counter) forget(upTo Instant) {
	if old := placeOf(c.Marks, upTo); old > 0 {
		c.Marks = append(c.Marks[:0], c.Marks[old:]...)
	}
}

// merge makes the oldest marks one until no more than most are left. Only marks of the same cell of time merge, a cell
// being a 32nd of span, and they merge to the middle of their cell (or to the newest of them, if that is older), so
// however often they merge, nothing ever moves by more than a 64th of span.
//
// Marks within a span lie in 33 cells at most. So where no two share a cell, the oldest is older than span and worth
// nothing: it is dropped.
func (c *Counter) merge(span Instant, most int) {
	cell := max(1, span/32)
	for i := 0; len(c.Marks) > most; {
		if i+1 >= len(c.Marks) {
			c.Marks = append(c.Marks[:0], c.Marks[len(c.Marks)-most:]...)
			return
		}
		a, b := &c.Marks[i], &c.Marks[i+1]
		if a.At/cell != b.At/cell {
			i++
			continue
		}
		middle := a.At/cell*cell + cell/2
		b.At = min(b.At, middle)
		b.Weight += a.Weight
		c.Marks = slices.Delete(c.Marks, i, i+1)
	}
}
