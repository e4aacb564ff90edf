package consumer

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/state"
)

// found is what stands in Redis and in Kafka when a lane is taken over, all of it read after the previous owner was
// fenced.
type found struct {
	ledger    *state.Ledger // nil: none
	committed *position     // nil: none
	// grouped is the batch of the group's offsets, which committed may be ahead of; 0: the group has none.
	grouped uint64
	// highest is the highest batch that stands beside changes where nothing is committed, announced whether the output holds, or
	// held, any change at all that the ledger does not know of.
	highest   uint64
	announced bool
	// bounds are those of every input partition of the lane; output those of the lane's partition of the tier changes.
	bounds map[wire.Partition]wire.Bounds
	output wire.Bounds
	// hangs is whether a transaction of ours stands undecided in the output, though its coordinator is through with it.
	hangs bool
}

// action is what a take-over does about what it found: the rows of the protocol's table.
type action uint8

const (
	// begin: nothing was ever folded here.
	begin action = iota
	// resume: Redis and Kafka agree (n = m); go on from the ledger's offsets.
	resume
	// reannounce: Redis is ahead (n > m): announce the ledger's outbox, which may be empty, then go on.
	reannounce
	// probe: there is a ledger and no committed position (the group's offsets expired or were deleted): if Kafka holds
	// changes that Redis does not know, refold; else announce the outbox only if Kafka does not hold it yet, and go on.
	probe
	// refold: Redis lost writes: fold again from the ledger's offsets, silently, then reconcile.
	refold
	// rebuild: Redis lost everything: fold again from the log's start, silently, then reconcile.
	rebuild
	// recover: a refold or a reconcile was cut short; go on with it.
	recoverOn
	// retell: Kafka lost a transaction that it had acknowledged: send its forwards and dead letters again, then reconcile.
	retell
)

var actionNames = [...]string{"begin", "resume", "reannounce", "probe", "refold", "rebuild", "recover", "retell"}

func (a action) String() string { return actionNames[a] }

// Refusal is why a lane can't go on by itself, and what its operator can do. The other lanes go on.
type Refusal struct {
	Lane   int
	Reason string // stable, for metrics: retention, recreated, foreign_offsets, shared, model, lanes, format, damaged, corrupt, too_large, hanging
	Detail string
	Mend   string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("refused: %s; %s", r.Detail, r.Mend) // what wraps it names the lane
}

const rebuildMend = "run `hotlead run --rebuild=from-retained` to go on from the oldest event that Kafka still holds"

// judge says what to do about what was found. fromRetained is the operator's word that what retention ate is lost and
// the lane shall go on from what is left.
func judge(f found, fromRetained bool) (action, *Refusal) {
	switch {
	case f.ledger == nil && f.committed == nil && !f.announced:
		return begin, nil
	case f.ledger == nil:
		if refusal := f.eaten(); refusal != nil && !fromRetained {
			return 0, refusal
		}
		return rebuild, nil
	}
	if refusal := f.outside(); refusal != nil && !fromRetained {
		return 0, refusal
	}
	switch n := f.ledger.Batch; {
	case f.committed != nil && n < f.committed.Batch && !refolding(f.ledger):
		return refold, nil
	case f.lost() && !catchingUp(f.ledger):
		return retell, nil
	case len(f.ledger.Recovery) > 0:
		return recoverOn, nil
	case f.committed == nil:
		return probe, nil
	case n == f.committed.Batch:
		return resume, nil
	default:
		return reannounce, nil
	}
}

// lost: Kafka does not hold what it acknowledged, or holds it undecided. Without a committed position nobody can tell.
func (f found) lost() bool {
	return f.ledger != nil && f.committed != nil && (f.committed.Batch < f.ledger.Acknowledged || f.hangs)
}

// lostGrouped: the newest changes say that the group's offsets were once further than they are. So Kafka lost them, and what was
// announced with them, though not what was announced since. Redis knows of all that, unless it lost writes as well: then the
// newest changes are what there is to go by.
func (f found) lostGrouped() bool {
	return f.ledger != nil && f.committed != nil && f.committed.Grouped > f.grouped && f.committed.Batch <= f.ledger.Batch
}

// verdict is how what hangs undecided in Kafka is decided.
type verdict uint8

const (
	// nothing hangs, as far as is known.
	nothing verdict = iota
	// keep: it is of batches that are committed, or of the one whose outbox is announced next.
	keep
	// discard: it may be, or not.
	discard
)

// hanging says how to decide what hangs. Where the committed position is the last that Kafka acknowledged, what hangs belongs
// to it or to what came before, and only its markers are missing; or to the batch in the outbox, of which withoutTold then
// leaves what is missing. Where Kafka lost a batch, some of it may hang where nobody has looked.
func (f found) hanging() verdict {
	switch {
	case !f.hangs && !f.lost():
		return nothing
	case f.ledger != nil && f.committed != nil && !catchingUp(f.ledger) &&
		f.ledger.Acknowledged <= f.committed.Batch && f.committed.Batch <= f.ledger.Batch:
		return keep
	}
	return discard
}

// eaten: the log of some partition does not begin at 0 any more, so a rebuild would not see every event.
func (f found) eaten() *Refusal {
	for _, part := range sortedPartitions(f.bounds) {
		if start := f.bounds[part].Start; start > 0 {
			return &Refusal{
				Reason: "retention",
				Detail: fmt.Sprintf("Redis holds no state for it, and %s[%d] now begins at offset %d, so the state can't be rebuilt whole", part.Topic, part.Partition, start),
				Mend:   "restore Redis from a backup, or " + rebuildMend,
			}
		}
	}
	return nil
}

// outside: an offset of the ledger is not in its log.
func (f found) outside() *Refusal {
	for _, part := range sortedPartitions(f.bounds) {
		next, ok := f.ledger.Offsets[offsetKey(part)]
		bounds := f.bounds[part]
		switch {
		case !ok:
		case next < bounds.Start:
			return &Refusal{
				Reason: "retention",
				Detail: fmt.Sprintf("%s[%d] was folded up to offset %d, but retention has deleted up to %d: %d events were never seen", part.Topic, part.Partition, next, bounds.Start, bounds.Start-next),
				Mend:   rebuildMend,
			}
		case next > bounds.High:
			return &Refusal{
				Reason: "recreated",
				Detail: fmt.Sprintf("%s[%d] was folded up to offset %d, but ends at %d: the topic was deleted and made anew, or lost records", part.Topic, part.Partition, next, bounds.High),
				Mend:   rebuildMend,
			}
		}
	}
	return nil
}

// refolding: the ledger's recovery is still catching up, so its n stays behind the committed position on purpose.
func refolding(l *state.Ledger) bool {
	r, err := readRecovery(l.Recovery)
	return err == nil && r.catchesUp() && !r.Blind
}

// catchingUp: the ledger's leads are older than what the world was told, and a recovery is about to mend that.
func catchingUp(l *state.Ledger) bool {
	r, err := readRecovery(l.Recovery)
	return err == nil && r.catchesUp()
}

// offsetKey is how the ledger names a partition.
func offsetKey(p wire.Partition) string { return fmt.Sprintf("%s/%d", p.Topic, p.Partition) }

func sortedPartitions[V any](m map[wire.Partition]V) []wire.Partition {
	return slices.SortedFunc(maps.Keys(m), comparePartitions)
}

func comparePartitions(a, b wire.Partition) int {
	if a.Topic != b.Topic {
		if a.Topic < b.Topic {
			return -1
		}
		return 1
	}
	return a.Partition - b.Partition
}
