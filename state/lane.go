package state

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/redis/go-redis/v9"
)

// Lane is one worker's hold on one lane, over a connection of its own. One goroutine at a time may use it.
//
// Claim it, then Decide batch after batch. Each write is made under a watch of the ledger that the write before it
// left behind, so that a write by anybody else in between turns it away. A call that fails without one of the errors
// that it names could not reach Redis; Reset and try again.
type Lane struct {
	store *Store
	p     int
	keys  laneKeys
	conn  *redis.Conn
	// moved asks for the cluster's slots to be read anew before the next connection: the last one may have led to a
	// server that has lost the lane's slot.
	moved bool
	// buckets is the ledger's, 0 until it is known; bucketKeys are their keys.
	buckets    int
	bucketKeys []string
	// tables are the buckets that Redis is known to keep as tables.
	tables []bool

	// held is the ledger as this lane last wrote it, seen is what the watch found it to be, and unarmed is why there is
	// no watch (nil: there is one).
	held    watched
	seen    watched
	unarmed error
	// hadOutbox and hadRecovery say whether the ledger holds these fields, which are then removed rather than left.
	hadOutbox, hadRecovery bool
	// counts are the leads in each tier, as this lane last wrote them.
	counts map[string]int64

	write writing
}

var errUnclaimed = errors.New("the lane was not claimed")

// Lane is the lane numbered p. It connects when it is first used.
func (s *Store) Lane(p int) *Lane {
	return &Lane{store: s, p: p, keys: keysOf(s.prefix, p), unarmed: errUnclaimed}
}

// Close gives the lane's connection up.
func (l *Lane) Close() error {
	if l.conn == nil {
		return nil
	}
	conn := l.conn
	l.conn = nil
	l.unarmed = errUnclaimed
	if err := conn.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("close the connection of lane %d: %w", l.p, err)
	}
	return nil
}

// Reset drops the lane's connection, as after ErrUnknown; the next call opens another. The lane must then be claimed
// again.
func (l *Lane) Reset() error {
	l.moved = true
	return l.Close()
}

// open is the lane's connection, made where there is none: in a cluster to the master of the lane's slot.
func (l *Lane) open(ctx context.Context) (*redis.Conn, error) {
	if l.conn != nil {
		return l.conn, nil
	}
	// The connection is thrown away when it is closed: it may still carry a watch, which another user of the pool would
	// stumble over.
	switch client := l.store.client.(type) {
	case *redis.Client:
		l.conn = client.EphemeralConn()
	case *redis.ClusterClient:
		if l.moved {
			if err := rereadSlots(ctx, client); err != nil {
				return nil, fmt.Errorf("read the cluster's slots: %w", err)
			}
		}
		master, err := client.MasterForKey(ctx, l.keys.ledger)
		if err != nil {
			return nil, fmt.Errorf("find the master of slot {%s}: %w", l.keys.tag, err)
		}
		l.conn = master.EphemeralConn()
	default:
		return nil, fmt.Errorf("a client of type %T has no connection for a lane", client)
	}
	l.moved = false
	return l.conn, nil
}

// rereadSlots asks the cluster now. ReloadState would only ask for it to be done some time; visiting the masters reads
// the slots first.
func rereadSlots(ctx context.Context, client *redis.ClusterClient) error {
	return client.ForEachMaster(ctx, func(context.Context, *redis.Client) error { return nil })
}

func (l *Lane) setBuckets(n int) {
	if n == l.buckets {
		return
	}
	l.buckets = n
	l.bucketKeys = l.bucketKeys[:0]
	for b := range n {
		l.bucketKeys = append(l.bucketKeys, l.keys.leads(b))
	}
}

// watched is what the watch of a ledger looks at.
type watched struct {
	absent      bool
	batch, step uint64
	owner       Owner
}

func (w watched) String() string {
	if w.absent {
		return "absent"
	}
	return fmt.Sprintf("at batch %d, step %d, of owner %v", w.batch, w.step, w.owner)
}

// compare says whether a ledger that is seen may be written by me, who holds it to be want.
func compare(want, seen watched, me Owner) error {
	if !seen.absent && seen.owner.newerThan(me) {
		return fmt.Errorf("%w: %v, and this is %v", ErrFenced, seen.owner, me)
	}
	if seen != want {
		return fmt.Errorf("%w: it is %v, and was left %v", ErrOvertaken, seen, want)
	}
	return nil
}

// parseWatched reads the answer of HMGET ledger n step owner.
func parseWatched(values []any) (watched, error) {
	if len(values) != 3 {
		return watched{}, fmt.Errorf("%w: asked for three fields of the ledger, got %d", ErrDamaged, len(values))
	}
	if values[0] == nil && values[1] == nil && values[2] == nil {
		return watched{absent: true}, nil
	}
	fields := make(map[string]string, 3)
	for i, name := range []string{fieldBatch, fieldStep, fieldOwner} {
		fields[name], _ = values[i].(string)
	}
	r := fieldReader{fields: fields}
	w := watched{batch: r.uint(fieldBatch), step: r.uint(fieldStep), owner: r.owner()}
	return w, r.err
}

// Claim makes write's owner the lane's, and the lane ready for Decide, if the ledger is still as found: nil where Read
// found none. Without a found ledger all of write is written, and whatever leads were left without a ledger are
// removed; else what differs from found is written. Its errors: ErrOvertaken, ErrFenced, ErrUnknown, ErrRefused,
// ErrDamaged.
func (l *Lane) Claim(ctx context.Context, found, write *Ledger) error {
	if err := l.claim(ctx, found, write); err != nil {
		l.unarmed = errUnclaimed
		return fmt.Errorf("claim lane %d: %w", l.p, err)
	}
	return nil
}

func (l *Lane) claim(ctx context.Context, found, write *Ledger) error {
	if write.Buckets < 1 || write.Buckets > mostBuckets || found != nil && found.Buckets != write.Buckets {
		return fmt.Errorf("%d buckets: a new ledger takes 1 to %d, and keeps them", write.Buckets, mostBuckets)
	}
	want := watched{absent: true}
	if found != nil {
		want = watched{batch: found.Batch, step: found.Step, owner: found.Owner}
	}
	if err := l.look(ctx); err != nil {
		return err
	}
	if err := compare(want, l.seen, write.Owner); err != nil {
		return err
	}
	l.setBuckets(write.Buckets)
	l.tables = make([]bool, write.Buckets)
	l.write.begin(ctx)
	if found == nil {
		l.queueEmptying(ctx, write)
	}
	l.queueDifference(ctx, found, write)
	l.held = want
	if err := l.commit(ctx, watched{batch: write.Batch, step: write.Step, owner: write.Owner}); err != nil {
		return err
	}
	l.hadOutbox, l.hadRecovery = len(write.Outbox) > 0, len(write.Recovery) > 0
	l.counts = make(map[string]int64, len(write.Counts))
	maps.Copy(l.counts, write.Counts)
	return nil
}

// queueEmptying removes what leads a lane without a ledger may still have: folding from the start over them would count
// their events twice.
func (l *Lane) queueEmptying(ctx context.Context, write *Ledger) {
	args := append(l.write.args(), "unlink", l.keys.timers, l.keys.told)
	for _, key := range l.bucketKeys {
		args = append(args, key)
	}
	for tier := range write.Counts {
		args = append(args, l.keys.tier(tier))
	}
	l.write.queue(ctx, args)
}

// queueDifference writes the fields of write that found has not, and removes those that write has not.
func (l *Lane) queueDifference(ctx context.Context, found, write *Ledger) {
	var old map[string]string
	if found != nil {
		old = ledgerFields(found)
	}
	fields := ledgerFields(write)
	// The owner is written even where it is the same, so that the watch of anybody who looked before is broken.
	args := append(l.write.args(), "hset", l.keys.ledger, fieldOwner, fields[fieldOwner])
	for name, value := range fields {
		if before, ok := old[name]; !ok || before != value {
			args = append(args, name, value)
		}
	}
	l.write.queue(ctx, args)
	args = append(l.write.args(), "hdel", l.keys.ledger)
	keys := len(args)
	for name := range old {
		if _, ok := fields[name]; !ok {
			args = append(args, name)
		}
	}
	if len(args) > keys {
		l.write.queue(ctx, args)
	}
}

// Rearm makes the lane ready for Decide again after ErrRefused: over a new connection, for Redis may have refused
// because this one leads to a server that is no longer the lane's, it looks whether the ledger is still as this Lane
// last wrote it. Its errors: ErrOvertaken, ErrFenced, ErrRefused, ErrDamaged.
func (l *Lane) Rearm(ctx context.Context) error {
	if err := l.rearm(ctx); err != nil {
		return fmt.Errorf("watch the ledger of lane %d again: %w", l.p, err)
	}
	return nil
}

func (l *Lane) rearm(ctx context.Context) error {
	if errors.Is(l.unarmed, errUnclaimed) {
		return errUnclaimed
	}
	why := l.unarmed
	if err := l.Reset(); err != nil {
		return err
	}
	l.unarmed = why
	if err := l.look(ctx); err != nil {
		return err
	}
	if err := compare(l.held, l.seen, l.held.owner); err != nil {
		l.unarmed = errUnclaimed
		return err
	}
	return nil
}
