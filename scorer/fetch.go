package scorer

// Whoever has many leads at hand and folds one after the other waits for the memory of each in turn, unless it was
// fetched into the processor's cache before: of many leads at once, for then the processor waits for all of them
// together. What is here reads a little of each part that a fold needs. What it returns means nothing; it must be used,
// so that the reading is not left out.

// Fetch reads of l itself what a fold needs, and does not wait for it.
func (l *Lead) Fetch() uint32 {
	s := &l.Seen
	return uint32(l.Clock) ^ uint32(l.Sequence) ^ uint32(len(l.Account)) ^ uint32(l.DispositionAt) ^
		uint32(s.oldest) ^ uint32(s.held.gone) ^ uint32(s.added.gone)
}

// FetchLists reads of what l counted, and of the events seen, what a fold needs, and does not wait for it. l itself is
// best fetched before.
func (l *Lead) FetchLists() uint32 {
	fetched := uint32(0)
	for i := range l.Counters {
		fetched ^= l.Counters[i].Count
	}
	return fetched ^ first(l.ID) ^ first(l.Account) ^ l.Seen.held.fetch() ^ l.Seen.added.fetch()
}

func (c *seenColumns) fetch() uint32 {
	return ends(c.marks, markBytes*c.gone) ^ ends(c.rests, restBytes*c.gone) ^ ends(c.gaps, c.goneGaps)
}

// ends reads the first byte of b that is not gone, and the last.
func ends(b []byte, gone int) uint32 {
	if gone >= len(b) {
		return 0
	}
	return uint32(b[gone]) ^ uint32(b[len(b)-1])
}

func first(text string) uint32 {
	if text == "" {
		return 0
	}
	return uint32(text[0])
}
