package state

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
)

// writing is a transaction as it is being queued, with the memory that the next one uses again.
type writing struct {
	cmds  []redis.Cmder
	arena []any // the arguments of all commands, one after the other
	used  int   // how many there are
	texts leadTexts
	order bucketOrder
	tiers tierMoves
}

func (w *writing) begin(ctx context.Context) {
	w.cmds = append(w.cmds[:0], redis.NewStatusCmd(ctx, "multi"))
	if cap(w.arena) < w.used {
		w.arena = make([]any, 0, w.used+w.used/4)
	}
	w.arena = w.arena[:0]
	w.used = 0
}

// end lets go of the batch, which would else be held until the next.
func (w *writing) end() {
	clear(w.cmds)
	clear(w.arena)
	w.texts.clear()
	w.tiers.clear()
}

// args are the arguments of the next command, to be appended to and kept before args is called again.
func (w *writing) args() []any { return w.arena[len(w.arena):] }

func (w *writing) queue(ctx context.Context, args []any) {
	w.cmds = append(w.cmds, redis.NewCmd(ctx, w.keep(args)...))
}

// keep makes args, which were begun by args, part of the arena.
func (w *writing) keep(args []any) []any {
	w.used += len(args)
	// Where args outgrew the arena they are a new array, on which the commands to come go on.
	if len(w.arena)+len(args) <= cap(w.arena) {
		w.arena = w.arena[:len(w.arena)+len(args)]
	} else {
		w.arena = args
	}
	return slices.Clip(args)
}

// queueBeyond queues a command only if it has more than its bare arguments.
func (w *writing) queueBeyond(ctx context.Context, args []any, bare int) {
	if len(args) > bare {
		w.queue(ctx, args)
	}
}

// refused says whether nothing of a transaction took effect whose EXEC was answered with an error: that is so if MULTI
// was accepted, or else, where each command stood for itself, if none was.
func (w *writing) refused() bool {
	if w.cmds[0].Err() == nil {
		return true
	}
	return !slices.ContainsFunc(w.cmds, func(cmd redis.Cmder) bool { return cmd.Err() == nil })
}

// firstErr is the first error that a queued command was answered with, which says more than EXEC's.
func (w *writing) firstErr(exec error) error {
	for _, cmd := range w.cmds {
		if err := cmd.Err(); err != nil {
			return err
		}
	}
	return exec
}

// bucketOrder puts indexes of leads into the order of their buckets.
type bucketOrder struct {
	bucket []uint16
	start  []int32 // where each bucket begins in sorted; one more for the end
	sorted []int32
}

// byBucket sorts n leads by counting. What it gives is good until the next call.
func (o *bucketOrder) byBucket(n, buckets int, id func(i int) string) *bucketOrder {
	o.bucket = grown(o.bucket, n)
	o.sorted = grown(o.sorted, n)
	o.start = grown(o.start, buckets+1)
	clear(o.start)
	for i := range n {
		b := bucketOf(id(i), buckets)
		o.bucket[i] = uint16(b)
		o.start[b]++
	}
	at := int32(0)
	for b, count := range o.start {
		at += count
		o.start[b] = at
	}
	// From behind, each bucket's end moves down to its beginning.
	for i := n - 1; i >= 0; i-- {
		b := o.bucket[i]
		o.start[b]--
		o.sorted[o.start[b]] = int32(i)
	}
	return o
}

// of are the leads of a bucket, in their order.
func (o *bucketOrder) of(b int) []int32 { return o.sorted[o.start[b]:o.start[b+1]] }

// tierMoves are the moves of a batch by tier, of which there are few.
type tierMoves struct{ all []tierMove }

type tierMove struct {
	name string
	// enter and leave are the leads whose index entry is written and removed.
	enter, leave []int32
	// delta is how many more leads are in the tier.
	delta int64
}

func (m *tierMoves) clear() { m.all = m.all[:0] }

func (m *tierMoves) gather(leads []LeadWrite) {
	m.clear()
	for i := range leads {
		lead := &leads[i]
		same := lead.Tier == lead.TierWas
		if lead.Indexed {
			tier := m.of(lead.Tier)
			tier.enter = append(tier.enter, int32(i))
		}
		if lead.IndexedWas && lead.TierWas != "" && !(same && lead.Indexed) {
			tier := m.of(lead.TierWas)
			tier.leave = append(tier.leave, int32(i))
		}
		if same {
			continue
		}
		m.of(lead.Tier).delta++
		if lead.TierWas != "" {
			m.of(lead.TierWas).delta--
		}
	}
}

func (m *tierMoves) of(name string) *tierMove {
	for t := range m.all {
		if m.all[t].name == name {
			return &m.all[t]
		}
	}
	if n := len(m.all); n < cap(m.all) {
		m.all = m.all[:n+1]
		t := &m.all[n]
		t.name, t.enter, t.leave, t.delta = name, t.enter[:0], t.leave[:0], 0
		return t
	}
	m.all = append(m.all, tierMove{name: name})
	return &m.all[len(m.all)-1]
}

// grown is s with length n, its contents of no meaning.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
