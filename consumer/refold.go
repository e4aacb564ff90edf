package consumer

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hotlead/hotlead/scorer"
)

// The phases of a recovery, in order. Each batch of a recovery writes its phase into the ledger together with what it
// did, so a recovery that is cut short goes on where it was.
const (
	// phaseRefold folds the input up to the committed position once more, silently; what had been announced of each lead
	// that changes is kept in told.
	phaseRefold = "refold"
	// phaseRead reads what the world was told from the lane's own output partition into told.
	phaseRead = "read"
	// phaseResend announces forwards and dead letters once more that Kafka may have lost.
	phaseResend = "resend"
	// phaseReconcile gives each lead in told the sequence that the world knows, and announces a correction where the
	// world knows another tier.
	phaseReconcile = "reconcile"
)

// recovery is how far the mending has come of a Redis that lost writes, or of a Kafka that lost a transaction.
type recovery struct {
	Phase string `json:"phase"`
	// Until are the offsets up to which the world has been told everything, by offsetKey; Batch and Clock are of the
	// committed position that says so. Where Kafka lost it, From is how far the world has been told, and Until how far it
	// should have been.
	From  map[string]int64 `json:"from,omitempty"`
	Until map[string]int64 `json:"until"`
	Batch uint64           `json:"batch"`
	Clock scorer.Instant   `json:"clock"`
	// Blind is whether there was no committed position, so that nobody knows which forwards and dead letters have been
	// sent. All are sent again, by ordinary batches: an event that is forwarded twice counts once all the same, and a
	// dead letter written twice is better than one that is lost.
	Blind bool `json:"blind,omitempty"`
	// Lost is whether Kafka lost what it had acknowledged, while Redis lost nothing: n counts on.
	Lost bool `json:"lost,omitempty"`
}

// silent is whether the lane folds what the world has been told already: no change is announced, no event counted.
func (l *lane) silent() bool { return l.recovery != nil && l.recovery.Phase != phaseReconcile }

// still is whether n stands still: while a refold catches up with a committed position.
func (l *lane) still() bool { return l.recovery != nil && l.recovery.catchesUp() && !l.recovery.Blind }

// catchesUp is whether the lane's leads are older than what the world was told.
func (r *recovery) catchesUp() bool { return r.Phase == phaseRefold || r.Phase == phaseRead }

// refoldTo is a recovery that folds up to the committed position; without one, up to the end of what is there, since
// the output topic may have told the world of any of it.
func refoldTo(f found, committed *position) *recovery {
	r := &recovery{Phase: phaseRefold, Until: map[string]int64{}}
	if committed != nil {
		r.Batch, r.Clock = committed.Batch, committed.Clock
		for part, next := range committed.Offsets {
			r.Until[offsetKey(part)] = next
		}
		return r
	}
	r.Blind = true
	for part, b := range f.bounds {
		r.Until[offsetKey(part)] = b.Stable
	}
	return r
}

func (r *recovery) encode() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings and integers
	}
	return text
}

func readRecovery(text []byte) (recovery, error) {
	var r recovery
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reading the ledger's recovery: %w", err)
	}
	return r, nil
}

// recover is one batch of the recovery.
func (l *lane) recover(soft, hard context.Context) error {
	switch l.recovery.Phase {
	case phaseRefold:
		return l.refold(soft, hard)
	case phaseRead:
		return l.readTold(soft, hard)
	case phaseResend:
		return l.resend(soft, hard)
	default:
		return l.reconcile(soft, hard)
	}
}

// refold is one silent batch: the next input below the committed position, with the end of which come the timers up to the
// committed clock; or what is left of those; or, when none are left, the next phase.
func (l *lane) refold(soft, hard context.Context) error {
	b, until := &l.batch, l.recovery.Until
	l.begin()
	if l.pending() {
		if err := l.takeStretch(until); err != nil {
			return err
		}
	} else if at := l.positions(until); len(at) > 0 {
		fetched, err := l.fetcher.Fetch(soft, at, idleWait)
		if err != nil {
			return nil // soft ended: nothing is in hand
		}
		b.begun = l.now()
		if err := l.takeFetched(soft, fetched, until); err != nil {
			return err
		}
	} else if b.clock = max(b.clock, l.recovery.Clock); b.clock < l.nextDue {
		next := *l.recovery
		next.Phase = phaseRead
		l.recovery, l.ledger.Clock = &next, b.clock
		return l.readTold(soft, hard)
	}
	if err := l.foldStretches(soft, hard, until); err != nil {
		return err
	}
	if err := l.decide(soft, hard); err != nil {
		return err
	}
	return l.announce(hard)
}
