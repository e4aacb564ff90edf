package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hotlead/hotlead/consumer/internal/group"
	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

const (
	// fetchBytes bounds what all lanes of a process fetch at a time, and with it the memory of their batches, Redis
	// transactions and outboxes. Of it each lane has its share, between the least and the most that makes sense: large
	// batches cost less an event, since of the many events of a busy lead one write is left, but past the most little is
	// gained.
	fetchBytes      = 32 << 20
	leastFetchBytes = 1 << 20
	mostFetchBytes  = 8 << 20
	// idleWait is how long a fetch waits for input when nothing else is due.
	idleWait = 500 * time.Millisecond
	// bareCommitAfter is how long the group's offsets may stay behind batches that did not commit them.
	bareCommitAfter = time.Second
	// wholeFor is how long after a transaction changes may be announced without one: far less than
	// transactional.id.expiration.ms, which is a week unless it is set.
	wholeFor = time.Minute
	// checkedFor is for how long a lane with nothing to do takes it that Redis holds what it held.
	checkedFor = time.Second
	// lookAgainAfter is how long a refused lane stands still before it is looked at again.
	lookAgainAfter = 15 * time.Second
	// transactionTimeout is how long the coordinator lets a transaction stay open. Readers wait for it to end, so it is
	// short; a lane whose transaction outlives it is fenced and takes itself over again.
	transactionTimeout = 10 * time.Second
)

// membership is what a lane needs of the group.
type membership interface {
	// Check asks the coordinator whether the membership still stands: nil yes, group.ErrNotMember no.
	Check(ctx context.Context) error
}

// lane is one lane while it is ours: its share of the topics, its state, and the loop that turns one into the other.
// Everything but status and folded belongs to the goroutine in run.
type lane struct {
	*Options
	number, lanes int
	generation    group.Generation
	member        membership
	log           *slog.Logger

	cluster  *wire.Cluster
	fetcher  *wire.Fetcher
	producer *wire.Producer
	store    *state.Lane
	decoder  *events.Decoder
	inputs   []wire.Partition
	// counters are, for each of inputs, the counters of its topic's events.
	counters [][outcomes]prometheus.Counter
	output   wire.Partition
	// deadLetters is the partition count of the dead-letter topic.
	deadLetters int

	// warm is whether what follows is known to be what Redis and Kafka hold: set by takeOver, cleared by any error after
	// which that is not sure.
	warm     bool
	ledger   *state.Ledger
	recovery *recovery // nil: none under way
	model    *scorer.Model
	folder   *scorer.Folder
	tiers    []tier // of the model
	leads    *state.Leads
	memory   int64 // bytes that leads may take
	// filling is how far the reading of all leads into memory has come.
	filling walk
	share   int // bytes that a fetch may bring
	// caughtUp is whether the last fetch reached the end of every partition: then the lane's clock is the wall clock.
	caughtUp bool
	// worked is when the last batch with something to do began, checked when Redis was last asked for the ledger without one.
	worked, checked time.Time
	nextDue         scorer.Instant
	walk            walk
	// ends are the ends of the partitions as last seen, read committed; ailing is what keeps one of them from being read
	// just now, which passes.
	ends map[wire.Partition]int64
	// fetched is what the last fetch brought, less what batches have taken.
	fetched []wire.Fetched
	ailing  error
	// committed is the batch of the committed position; grouped that of the group's offsets, groupedAt when they were
	// brought up.
	committed, grouped uint64
	groupedAt          time.Time
	batch              batch
	span               *batchSpan // nil: nobody traces
	// lead is the one whose events are being folded.
	lead scorer.Lead
	// encoded are the leads that the batch writes, blob the one that is being encoded, outbox is what it announces, wanted
	// are the hashes of the leads that are not in hand yet, and missing are the leads to be read of Redis, each with their
	// indexes in the batch: memory that the next batch uses again.
	encoded             encoded
	blob, outbox        []byte
	wanted              []uint32
	missing             []string
	wantedAt, missingAt []int32

	// refusal is why the lane stands still; nil: it does not.
	refusal *Refusal
	status  atomic.Pointer[Status]
	folded  atomic.Pointer[progress]
}

// tier is a tier of the model. All but the last have an index.
type tier struct {
	name    string
	indexed bool
}

// Status is how a lane does, for readiness.
type Status struct {
	Lane int
	// Err is what keeps the lane from progressing; nil while all is well.
	Err error
	// Since is when Err came to be.
	Since time.Time
	// Settled is whether the lane has been taken over.
	Settled bool
}

// run keeps the lane going until soft ends: then the batch in hand is finished and announced. hard cuts everything off.
// What breaks in between is taken over again from the top, once the group has confirmed that the lane is still ours; a
// lane that is not, or that only its operator can mend, stands still until soft ends.
func (l *lane) run(soft, hard context.Context) {
	pause := pauses{first: 0, least: 20 * time.Millisecond, most: 5 * time.Second}
	for soft.Err() == nil && hard.Err() == nil {
		begun := l.now()
		err := mendedOf(l.own(soft, hard))
		if err == nil {
			break
		}
		// Before anything else: a lane that broke as it was standing still for a rebalance comes back to us in the next
		// generation, and what it holds in memory is not sure then either.
		l.warm = false
		if soft.Err() != nil || hard.Err() != nil {
			break
		}
		var refusal *Refusal
		refused := errors.As(err, &refusal)
		if refused {
			refusal.Lane = l.number
		}
		l.report(err)
		if refused {
			if !l.refuse(soft, refusal) {
				return
			}
		}
		if l.now().Sub(begun) > time.Minute {
			pause.reset()
		}
		if !l.stillOurs(soft, &pause) {
			return
		}
	}
}

// own takes the lane over, unless it is warm, and folds batch after batch until soft ends.
func (l *lane) own(soft, hard context.Context) error {
	if !l.warm {
		if err := l.takeOver(soft, hard); err != nil {
			return fmt.Errorf("taking lane %d over: %w", l.number, err)
		}
	}
	l.unrefuse()
	for soft.Err() == nil {
		if err := l.next(soft, hard); err != nil {
			return err
		}
		l.report(l.ailing)
	}
	return l.commitBare(hard)
}

// next is one batch: fetch → load → fold, stretch by stretch, → decide → announce. It is cut short only between the first
// fetch and load.
func (l *lane) next(soft, hard context.Context) (err error) {
	if l.recovery != nil {
		err := l.recover(soft, hard)
		if err == nil {
			l.progressed()
		}
		l.step(l.number, Recovered)
		return err
	}
	if err := l.fill(hard); err != nil {
		return err
	}
	if err := l.fetch(soft); err != nil || soft.Err() != nil {
		l.fetched = nil // what was taken of it is not folded; it is fetched again
		return err
	}
	if !l.somethingToDo() {
		if err := l.checkAfter(hard, checkedFor); err != nil {
			return err
		}
		l.progressed()
		return l.commitBareWhenDue(hard)
	}
	l.worked = l.batch.begun
	l.span = l.trace(hard)
	defer func() { l.untrace(err) }()
	if err := l.foldStretches(soft, hard, nil); err != nil {
		return err
	}
	if err := l.decide(soft, hard); err != nil {
		return err
	}
	l.step(l.number, Decided)
	if err := l.announce(hard); err != nil {
		return err
	}
	l.progressed()
	l.step(l.number, Announced)
	return nil
}

// checkAfter asks Redis for the ledger if nobody has for as long. Redis may have lost what it held, and readers would find
// nothing until the next event comes, or a timer is due.
func (l *lane) checkAfter(ctx context.Context, unseen time.Duration) error {
	now := l.now()
	if min(now.Sub(l.worked), now.Sub(l.checked)) < unseen {
		return nil
	}
	l.checked = now
	return l.store.Check(ctx)
}

// stillOurs waits out the pause and asks the group whether the lane is still ours, until there is an answer. A zombie
// that took the lane over without asking would fence its rightful owner.
func (l *lane) stillOurs(soft context.Context, pause *pauses) bool {
	for {
		if !pause.wait(soft) {
			return false
		}
		err := l.member.Check(soft)
		switch {
		case err == nil:
			return true
		case errors.Is(err, group.ErrNotMember):
			l.Metrics.fenced.WithLabelValues("group").Inc()
			l.log.Warn("the lane is another worker's now; dropped", "error", err)
			return false
		}
		l.report(fmt.Errorf("asking the group whether lane %d is still ours: %w", l.number, err))
	}
}

// refuse stands the lane still, for its operator to see; false when soft ended. Now and then it is looked at again, so
// that what the operator mended takes effect by itself.
func (l *lane) refuse(soft context.Context, r *Refusal) bool {
	r.Lane = l.number
	if l.refusal == nil || l.refusal.Error() != r.Error() {
		l.log.Error("the lane can't go on by itself; the others do", "reason", r.Reason, "detail", r.Detail, "mend", r.Mend)
	}
	l.unrefuse()
	l.refusal = r
	l.Metrics.lanesRefused.WithLabelValues(strconv.Itoa(l.number), r.Reason).Set(1)
	again := pauses{now: lookAgainAfter}
	return again.wait(soft)
}

// unrefuse takes the refusal back: the lane goes on.
func (l *lane) unrefuse() {
	if l.refusal != nil {
		l.Metrics.lanesRefused.DeleteLabelValues(strconv.Itoa(l.number), l.refusal.Reason)
		l.refusal = nil
	}
}

// report sets the lane's status, and logs what is new in it.
func (l *lane) report(err error) {
	before := l.status.Load()
	if err == nil && before != nil && before.Err == nil && before.Settled {
		return
	}
	s := &Status{Lane: l.number, Err: err, Since: l.now(), Settled: err == nil}
	if before != nil && before.Err != nil && err != nil {
		s.Since = before.Since
	}
	l.status.Store(s)
	switch {
	case err == nil:
		return
	case errors.Is(err, wire.ErrFenced):
		l.Metrics.fenced.WithLabelValues("kafka").Inc()
	case errors.Is(err, state.ErrFenced), errors.Is(err, state.ErrOvertaken):
		l.Metrics.fenced.WithLabelValues("redis").Inc()
	}
	if before == nil || before.Err == nil || gist(before.Err) != gist(err) {
		l.log.Warn("the lane is held up", "error", err)
	}
}

// close gives back what the lane holds.
func (l *lane) close() error {
	l.fetcher.Close()
	l.unrefuse()
	l.forgetCounts()
	l.forgetLag()
	return l.store.Close()
}

// pauses are growing waits between tries.
type pauses struct {
	first, least, most, now time.Duration
}

func (p *pauses) reset() { p.now = p.first }

// wait waits for the present pause and doubles it; false when ctx ended.
func (p *pauses) wait(ctx context.Context) bool {
	if !sleep(ctx, p.now) {
		return false
	}
	p.now = min(max(2*p.now, p.least), p.most)
	return true
}

// sleep waits for d; false when ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
	}
	return ctx.Err() == nil
}

// bound gives the lane its share of what all lanes of the process may take: of the memory for leads, and of what is
// fetched at a time. It is called while the lane stands still.
func (l *lane) bound(memory int64, lanes int) {
	l.share = min(max(fetchBytes/lanes, leastFetchBytes), mostFetchBytes)
	l.fetcher.Bound(l.share)
	if share := memory / int64(lanes); l.memory != share {
		l.memory = share
		l.emptyMemory()
	}
}
