package scorer

import (
	"time"

	"github.com/cespare/xxhash/v2"
)

// An event seen is remembered for a week of the lead's clock, but no more than the newest few thousand, so that one
// noisy lead can't grow without bound.
const (
	seenFor  = Instant(7 * 24 * time.Hour / time.Millisecond)
	seenMost = 4096
	// seenMoved is how many are moved up for those that are forgotten. Of more, the memory of the forgotten stays until
	// the rest outgrows it: moving thousands for each event would cost more than all else.
	seenMoved = 256
)

// Identity is the Hash of the Seen that is remembered of e.
func (e *Event) Identity() uint64 { return identityOf(e.Source, e.ID) }

// identityOf is the 64-bit hash of an event's source and ID. The NUL between them keeps ("a", "bc") and ("ab", "c")
// apart.
func identityOf(source, id string) uint64 {
	var d xxhash.Digest
	d.Reset()
	// A Digest's writes never fail.
	_, _ = d.WriteString(source)
	_, _ = d.Write([]byte{0})
	_, _ = d.WriteString(id)
	return d.Sum64()
}

// hasSeen is whether l folded the event of this identity. Most events are new, and busy leads have seen thousands, so
// the hashes are compared eight at a time.
func (l *Lead) hasSeen(identity uint64) bool {
	seen := l.Seen
	for ; len(seen) >= 8; seen = seen[8:] {
		s := (*[8]Seen)(seen)
		if s[0].Hash == identity || s[1].Hash == identity || s[2].Hash == identity || s[3].Hash == identity ||
			s[4].Hash == identity || s[5].Hash == identity || s[6].Hash == identity || s[7].Hash == identity {
			return true
		}
	}
	for i := range seen {
		if seen[i].Hash == identity {
			return true
		}
	}
	return false
}

// remember notes the event of this identity as folded at the lead's clock, and forgets what is too old. Forgetting
// depends on nothing but folds, so that looking at a lead in between makes no difference. It reports whether it had to
// forget one that is not too old, to make room.
func (l *Lead) remember(identity uint64) (forgot bool) {
	forget := max(0, len(l.Seen)+1-seenMost)
	forgot = forget > 0 && l.Seen[forget-1].At > l.Clock-seenFor
	for forget < len(l.Seen) && l.Seen[forget].At <= l.Clock-seenFor {
		forget++
	}
	switch {
	case forget == 0:
	case len(l.Seen) < seenMoved:
		l.Seen = append(l.Seen[:0], l.Seen[forget:]...)
	default:
		l.Seen = l.Seen[forget:]
	}
	l.Seen = append(l.Seen, Seen{Hash: identity, At: l.Clock})
	return forgot
}
