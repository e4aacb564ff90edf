package state

import "unsafe"

// leadTexts are the IDs and blobs of a batch's leads in the order in which they are written to Redis, bucket by bucket. In
// memory they lie in another, and the processor would await one after the other.
type leadTexts struct {
	all   []leadText
	hands []hand // of inHand leads each, the last of what is left
	used  int
}

// leadText is one lead's. Pointers to its parts go into arguments without an allocation each.
type leadText struct{ id, blob string }

// hand are leads that are written one behind the other.
type hand struct {
	leads []leadText
	read  byte // of what MarshalBinary has read, so that it does
}

// inHand is how many leads are read before the first of them is written: of places that are read with nothing to do in
// between, a processor awaits a dozen at a time.
const inHand = 16

// begin makes room for n leads, each of which of is then called for.
func (t *leadTexts) begin(n int) {
	t.all, t.hands, t.used = grown(t.all, n), grown(t.hands, (n+inHand-1)/inHand), 0
}

// of is the next lead's ID and blob, as arguments. They are only read until the commands have been written.
func (t *leadTexts) of(lead *LeadWrite) (id, blob any) {
	n := t.used
	t.used++
	text := &t.all[n]
	text.id, text.blob = lead.ID, unsafe.String(unsafe.SliceData(lead.Blob), len(lead.Blob))
	if n%inHand != 0 {
		return &text.id, &text.blob
	}
	hand := &t.hands[n/inHand]
	hand.leads = t.all[n:min(n+inHand, len(t.all))]
	return hand, &text.blob
}

// MarshalBinary is the ID of the first of the leads, which go-redis asks for as it comes to write it. It brings all of them
// near the processor.
func (h *hand) MarshalBinary() ([]byte, error) {
	const line = 64 // bytes that the processor reads at once
	for i := range h.leads {
		text := &h.leads[i]
		if text.id != "" {
			h.read += text.id[0]
		}
		for at := 0; at < min(len(text.blob), 4*line); at += line { // of a busy lead the rest is read in one go
			h.read += text.blob[at]
		}
	}
	first := h.leads[0].id
	return unsafe.Slice(unsafe.StringData(first), len(first)), nil
}

// clear lets go of the leads.
func (t *leadTexts) clear() {
	clear(t.all)
	clear(t.hands)
}
