package app

import (
	"cmp"
	"slices"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

const (
	// changesKept and changesBytes bound how many changes are kept ready for those who follow.
	changesKept  = 4096
	changesBytes = 16 << 20
	// sheetBytes is how much memory is set aside at a time for the texts of some eighty changes.
	sheetBytes = 64 << 10
)

// changeRing keeps the newest changes in the order in which they came, each as the text that came: most leave it again
// without that anybody has asked for them.
type changeRing struct {
	kept       []keptChange // a circle
	from, size int          // where in kept the oldest is, and how many there are
	bytes      int          // of their texts
	sheet      *sheet       // where the next text goes; nil: on a new one
	spare      *sheet       // an empty one; nil: there is none
}

// keptChange is a change in the ring.
type keptChange struct {
	lane     int
	offset   int64
	at       scorer.Instant
	sequence uint64
	text     []byte
	sheet    *sheet // where text stands
	// asked is whether somebody has asked for the change. Then it is read: said is what it says, nil where it is not whole.
	asked bool
	said  *events.Announced
}

// sheet is memory for the texts of changes.
type sheet struct {
	text []byte
	held int // how many changes of the ring are on it
	// lent is whether somebody was given one of the texts, and may still have it when it has left the ring.
	lent bool
}

func newChangeRing() changeRing { return changeRing{kept: make([]keptChange, changesKept)} }

// nth is a change by its place, from the oldest, which is 0.
func (r *changeRing) nth(i int) *keptChange { return &r.kept[(r.from+i)%len(r.kept)] }

// full is whether the oldest has to go before there is room for a change of so many bytes.
func (r *changeRing) full(bytes int) bool {
	return r.size == len(r.kept) || r.size > 0 && r.bytes+bytes > changesBytes
}

// push keeps a copy of a change. The ring has room for it.
func (r *changeRing) push(c *consumer.Change) {
	kept := r.nth(r.size)
	*kept = keptChange{lane: c.Lane, offset: c.Offset, at: c.At, sequence: c.Sequence}
	kept.text, kept.sheet = r.keep(c.JSON)
	r.size++
	r.bytes += len(kept.text)
}

// keep copies a text to a sheet.
func (r *changeRing) keep(text []byte) ([]byte, *sheet) {
	if len(text) > sheetBytes/8 {
		own := &sheet{text: slices.Clone(text), held: 1}
		return own.text, own
	}
	if r.sheet == nil || cap(r.sheet.text)-len(r.sheet.text) < len(text) {
		r.sheet, r.spare = r.spare, nil
		if r.sheet == nil {
			r.sheet = &sheet{text: make([]byte, 0, sheetBytes)}
		}
	}
	p := r.sheet
	from := len(p.text)
	p.text = append(p.text, text...)
	p.held++
	return p.text[from:len(p.text):len(p.text)], p
}

// drop lets the oldest go. Its memory is used again once all of its sheet's have gone, unless somebody may still look at it.
func (r *changeRing) drop() {
	oldest := r.nth(0)
	p := oldest.sheet
	r.bytes -= len(oldest.text)
	*oldest = keptChange{}
	r.from, r.size = (r.from+1)%len(r.kept), r.size-1
	p.held--
	if p.held > 0 || p.lent || p == r.sheet || cap(p.text) != sheetBytes {
		return
	}
	p.text = p.text[:0]
	r.spare = p
}

// newest are the n changes that became true last, the last of them first, of those that can be read.
func (r *changeRing) newest(n int) (newest []*keptChange) {
	for i := r.size - 1; i >= 0; i-- {
		kept := r.nth(i)
		at, _ := slices.BinarySearchFunc(newest, kept, func(a, b *keptChange) int {
			return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.sequence, a.sequence))
		})
		if at < n && kept.lend() {
			newest = slices.Insert(newest, at, kept)
			newest = newest[:min(len(newest), n)]
		}
	}
	return newest
}

// wanted is whether somebody who follows these wants the change, as far as its first part says.
func (k *keptChange) wanted(by web.Wanted) bool {
	switch {
	case by.All():
		return true
	case k.said != nil:
		return by.Wants(k.said.To, k.said.Route)
	}
	skimmed, err := events.SkimChange(k.text)
	return err == nil && by.Wants(skimmed.To, skimmed.Route)
}

// lend reads the change for somebody who may go on looking at text and said; not ok where it can't be read.
func (k *keptChange) lend() (ok bool) {
	k.sheet.lent = true
	if !k.asked {
		k.asked = true
		if said, err := events.ReadSkimmed(k.text); err == nil {
			k.said = &said
		}
	}
	return k.said != nil
}
