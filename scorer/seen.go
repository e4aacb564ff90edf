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
)

// IdentityOf is the 64-bit hash of an event's source and ID, by which it is known again. The NUL between them keeps
// ("a", "bc") and ("ab", "c") apart.
func IdentityOf(source, id string) uint64 {
	var room [128]byte // most are far shorter
	text := append(append(append(room[:0], source...), 0), id...)
	return xxhash.Sum64(text)
}

func (e *Event) identity() uint64 {
	if e.Identity != 0 {
		return e.Identity
	}
	return IdentityOf(e.Source, e.ID)
}

// hasSeen is whether l folded the event of this identity.
func (l *Lead) hasSeen(identity uint64) bool { return l.Seen.has(identity) }

// remember notes the event of this identity as folded at the lead's clock, and forgets what is too old. Forgetting
// depends on nothing but folds, so that looking at a lead in between makes no difference. It reports whether it had to
// forget one that is not too old, to make room.
func (l *Lead) remember(identity uint64) (forgot bool) {
	for seen := &l.Seen; seen.Len() > 0; seen.drop() {
		old, full := seen.oldest <= l.Clock-seenFor, seen.Len() >= seenMost
		if !old && !full {
			break
		}
		forgot = forgot || !old
	}
	l.Seen.Add(Seen{Hash: identity, At: l.Clock})
	return forgot
}
