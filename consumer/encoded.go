package consumer

// encoded holds the leads that a batch writes, encoded, in memory that the next batch uses again.
type encoded struct {
	chunks [][]byte
	// at is the chunk that is being filled, held how many bytes are taken in all.
	at, held int
}

const encodedChunk = 1 << 20

func (e *encoded) clear() {
	for i := range e.chunks {
		e.chunks[i] = e.chunks[i][:0]
	}
	e.at, e.held = 0, 0
}

// put is a copy of blob: in place of was, which put gave before for the same lead, where that has room. A busy lead is
// folded in stretch after stretch, and grows but a little in each.
func (e *encoded) put(blob, was []byte) []byte {
	if len(blob) <= cap(was) {
		return append(was[:0], blob...)
	}
	size := len(blob) + len(blob)/8
	for e.at < len(e.chunks) && cap(e.chunks[e.at])-len(e.chunks[e.at]) < size {
		e.at++
	}
	if e.at == len(e.chunks) {
		e.chunks = append(e.chunks, make([]byte, 0, max(size, encodedChunk)))
	}
	chunk := e.chunks[e.at]
	from := len(chunk)
	e.chunks[e.at] = chunk[:from+size]
	e.held += size
	return append(chunk[from:from:from+size], blob...)
}
