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

// Fetch reads of e, and of its texts, what a fold into its lead needs, and does not wait for it.
func (e *Event) Fetch() uint32 {
	return uint32(e.Time) ^ uint32(len(e.Account)) ^ uint32(len(e.Traceparent)) ^ first(e.Lead) ^ first(e.Account)
}

// fetch reads all marks, which an event is compared with, and the ends at which columns grow and shrink.
func (c *seenColumns) fetch() uint32 {
	if c.len() == 0 {
		return 0
	}
	marks := c.marks[markBytes*c.gone:]
	fetched := uint32(marks[len(marks)-1]) ^ uint32(c.rests[len(c.rests)-1])
	for i := 0; i < len(marks); i += 64 { // a line of the cache each
		fetched ^= uint32(marks[i])
	}
	if gaps := c.gaps[c.goneGaps:]; len(gaps) > 0 {
		fetched ^= uint32(gaps[0]) ^ uint32(gaps[len(gaps)-1])
	}
	return fetched
}

func first(text string) uint32 {
	if text == "" {
		return 0
	}
	return uint32(text[0])
}
