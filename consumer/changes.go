package consumer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/segmentio/kafka-go/sasl"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

const (
	// MostChanges is how many changes of a lead Of gives at most.
	MostChanges = 1000
	// scansAtOnce bounds how many leads' changes are looked for at a time, for each reads a partition from end to end;
	// scanTimeout how long one may take, its turn included.
	scansAtOnce = 4
	scanTimeout = 15 * time.Second
	// changesBytes bounds one fetch of changes.
	changesBytes = 1 << 20
	// manyChanges in one answer mean that more are on their way. Then brokers answer no sooner than with gatherBytes of
	// them, some hundreds, or after gatherWait: otherwise each transaction of each lane would be an answer of its own. A
	// change that comes alone is answered with at once.
	manyChanges = 32
	gatherBytes = 512 << 10
	gatherWait  = 50 * time.Millisecond
)

// ChangeLogOptions say where the tier changes are.
type ChangeLogOptions struct {
	Brokers  []string
	TLS      *tls.Config    // nil: plain text
	SASL     sasl.Mechanism // nil: none
	ClientID string
	// Topic is that of the tier changes.
	Topic string
	Log   *slog.Logger

	// reused is given what was fetched when nobody is to read it any more: a seam for tests.
	reused func([]byte)
}

// ChangeLog reads the tier changes that were announced, read committed. It belongs to no group and moves nothing. It is
// safe for concurrent use.
//
// Records that hotlead did not write are passed over.
type ChangeLog struct {
	cluster *wire.Cluster
	topic   string
	log     *slog.Logger
	scans   chan struct{} // holds one for each scan under way
}

// OpenChangeLog prepares to read. It does not connect. Close it after use.
func OpenChangeLog(o ChangeLogOptions) *ChangeLog {
	return &ChangeLog{
		cluster: wire.Dial(wire.Options{Brokers: o.Brokers, TLS: o.TLS, SASL: o.SASL, ClientID: o.ClientID, Log: o.Log, Reused: o.reused}),
		topic:   o.Topic, log: o.Log, scans: make(chan struct{}, scansAtOnce),
	}
}

// Close closes the connections; the error is always nil. Readers are closed before.
func (c *ChangeLog) Close() error {
	c.cluster.Close()
	return nil
}

// Change is one change as it stands in the topic.
type Change struct {
	// Lane and Offset say where: no other change has both.
	Lane   int
	Offset int64
	// Announced is read from the first part of JSON alone, by [events.SkimChange]: of changes that come by the thousand
	// hardly any is shown to anybody.
	events.Announced
	// JSON is the whole CloudEvent, if the change is Whole.
	JSON json.RawMessage
}

// Whole is whether all of the change can be read, and says what Announced does. Who shows a change asks before: one that
// is not whole hotlead did not write.
func (c *Change) Whole() bool {
	_, err := events.ReadSkimmed(c.JSON)
	return err == nil
}

// changeOf is the change that a record announces, which aliases it; not ok for one that is not ours.
func changeOf(r *events.Record) (Change, bool) {
	a, err := events.SkimChange(r.Value)
	if err != nil || string(r.Key) != a.Lead {
		return Change{}, false
	}
	return Change{Lane: r.Partition, Offset: r.Offset, Announced: a, JSON: r.Value}, true
}

// lanes are the partitions of the topic.
func (c *ChangeLog) lanes(ctx context.Context) ([]wire.Partition, error) {
	counts, err := c.cluster.Partitions(ctx, c.topic)
	if err != nil {
		return nil, KafkaMend(fmt.Errorf("asking Kafka for the topic %s: %w", c.topic, err))
	}
	if counts[c.topic] == 0 {
		return nil, fmt.Errorf("%w: missing is %s; run `hotlead topics create`", errLayout, c.topic)
	}
	lanes := make([]wire.Partition, counts[c.topic])
	for i := range lanes {
		lanes[i] = wire.Partition{Topic: c.topic, Partition: i}
	}
	return lanes, nil
}

// Of are all changes of a lead that the topic still holds, oldest first, at most the newest 1,000 of them, each as the
// JSON of its CloudEvent. It reads the lead's partition from its beginning to its present end. A few such scans are under
// way at a time and each ends after 15 seconds, with context.DeadlineExceeded.
func (c *ChangeLog) Of(ctx context.Context, lead string) ([]json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	select {
	case c.scans <- struct{}{}:
		defer func() { <-c.scans }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to read the changes of a lead: %w", ctx.Err())
	}
	lanes, err := c.lanes(ctx)
	if err != nil {
		return nil, err
	}
	of := lanes[events.Lane(lead, len(lanes))]
	var found []json.RawMessage
	err = scan(ctx, c.cluster, of, 0, func(r *events.Record) error {
		if string(r.Key) != lead { // told before anything is decoded
			return nil
		}
		if change, ok := changeOf(r); ok && change.Whole() {
			// Cloned, or each would keep all that was fetched with it.
			found = append(found, slices.Clone(change.JSON))
		}
		if len(found) == 2*MostChanges {
			found = append(found[:0], found[MostChanges:]...)
		}
		return nil
	})
	if err != nil {
		return nil, KafkaMend(fmt.Errorf("reading the changes of a lead: %w", err))
	}
	return found[max(0, len(found)-MostChanges):], nil
}

// At is a position with every change after it that became true at an instant or later; the present end where there is
// none. It may come before some that became true earlier, for Kafka stamps the marks that end transactions by its own
// clock and finds these too.
func (c *ChangeLog) At(ctx context.Context, at time.Time) (Position, error) {
	lanes, err := c.lanes(ctx)
	if err != nil {
		return nil, err
	}
	p := make(Position, len(lanes))
	for i, lane := range lanes {
		if p[i], err = c.cluster.OffsetAt(ctx, lane, scorer.InstantOf(at)); err != nil {
			return nil, KafkaMend(fmt.Errorf("looking for the changes since an instant: %w", err))
		}
	}
	return p, nil
}

// End is the position after all changes announced so far.
func (c *ChangeLog) End(ctx context.Context) (Position, error) {
	bounds, err := c.bounds(ctx)
	if err != nil {
		return nil, err
	}
	end := make(Position, len(bounds))
	for part, b := range bounds {
		end[part.Partition] = b.Stable
	}
	return end, nil
}

func (c *ChangeLog) bounds(ctx context.Context) (map[wire.Partition]wire.Bounds, error) {
	lanes, err := c.lanes(ctx)
	if err != nil {
		return nil, err
	}
	bounds, err := c.cluster.Bounds(ctx, lanes)
	if err != nil {
		return nil, KafkaMend(fmt.Errorf("asking Kafka for the bounds of the tier changes: %w", err))
	}
	return bounds, nil
}

// Held is where reading can go on from p: p itself, and in lanes where that is no longer, or not yet, in the log, the
// oldest change that is. lost is whether there are such lanes, so that changes may have been missed. The error matches
// ErrNoPosition where p has another number of lanes.
func (c *ChangeLog) Held(ctx context.Context, p Position) (held Position, lost bool, err error) {
	bounds, err := c.bounds(ctx)
	if err != nil {
		return nil, false, err
	}
	if len(bounds) != len(p) {
		return nil, false, fmt.Errorf("%w: it has %d lanes, and there are %d", ErrNoPosition, len(p), len(bounds))
	}
	held = p.Clone()
	for part, b := range bounds {
		if at := &held[part.Partition]; *at < b.Start || *at > b.High {
			*at, lost = b.Start, true
		}
	}
	return held, lost, nil
}

// Follow gives each change from a position on to each, in the order of their lanes, until ctx ends, which is no error,
// or each returns one. Where Kafka is away it is waited for. Where retention was quicker, or the topic was made anew, it
// goes on with the oldest change there is, and says so in the log. A change is valid until each returns.
func (c *ChangeLog) Follow(ctx context.Context, after Position, each func(*Change) error) error {
	reader := c.Reader(after)
	defer reader.Close()
	for {
		changes, err := reader.Next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range changes {
			if err := each(&changes[i]); err != nil {
				return err
			}
		}
	}
}

// Reader reads changes from a position on. Close it after use. It belongs to one goroutine at a time.
func (c *ChangeLog) Reader(after Position) *ChangeReader {
	return &ChangeReader{log: c, fetcher: c.cluster.Fetcher(changesBytes), at: after.Clone()}
}

// ChangeReader reads changes from a position on, across all that Kafka may be unable to do for a while.
type ChangeReader struct {
	log     *ChangeLog
	fetcher *wire.Fetcher
	at      Position
	from    []wire.Position
	found   []Change
	came    int    // how many came last, for pace
	told    string // what was last said to be amiss
}

// Close ends what is in flight. What was read is not valid any longer.
func (r *ChangeReader) Close() { r.fetcher.Close() }

// Position is the position after all that Next has returned.
func (r *ChangeReader) Position() Position { return r.at.Clone() }

// Gather has brokers gather the changes to come before the next call of Next is answered, as if they came by the thousand:
// nobody waits for them.
func (r *ChangeReader) Gather() { r.came = manyChanges }

// Next waits for changes and returns them, in the order of their lanes. All of them is valid until the next call, which
// reads into the same memory: whoever keeps one for longer copies its texts. The error is ctx's, or matches ErrNoPosition.
func (r *ChangeReader) Next(ctx context.Context) ([]Change, error) {
	pause := pauses{first: 100 * time.Millisecond, now: 100 * time.Millisecond, least: 100 * time.Millisecond, most: 5 * time.Second}
	atLeast, wait := pace(r.came)
	r.found = r.found[:0]
	for {
		r.fetcher.AtLeast(atLeast)
		fetched, err := r.fetcher.Fetch(ctx, r.positions(), wait)
		if err != nil {
			return nil, fmt.Errorf("waiting for tier changes: %w", err)
		}
		var amiss error
		for i := range fetched {
			amiss = errors.Join(amiss, r.take(&fetched[i]))
		}
		if errors.Is(amiss, wire.ErrOffsetOutOfRange) {
			amiss = r.skip(ctx)
		}
		r.tell(ctx, amiss)
		if r.came = len(r.found); r.came > 0 {
			return r.found, nil
		}
		if errors.Is(amiss, ErrNoPosition) {
			return nil, amiss
		}
		if amiss != nil && !pause.wait(ctx) {
			return nil, fmt.Errorf("waiting for tier changes: %w", ctx.Err())
		}
		atLeast, wait = pace(0)
	}
}

// pace is how many bytes an answer is to hold at least, and how long to wait for it, when so many changes came last.
func pace(came int) (atLeast int, wait time.Duration) {
	if came < manyChanges {
		return 1, idleWait
	}
	return gatherBytes, gatherWait
}

func (r *ChangeReader) positions() []wire.Position {
	r.from = r.from[:0]
	for lane, offset := range r.at {
		r.from = append(r.from, wire.Position{Partition: wire.Partition{Topic: r.log.topic, Partition: lane}, Offset: offset})
	}
	return r.from
}

func (r *ChangeReader) take(f *wire.Fetched) error {
	if f.Err != nil {
		return f.Err
	}
	for i := range f.Records {
		if change, ok := changeOf(&f.Records[i]); ok {
			r.found = append(r.found, change)
		}
	}
	r.at[f.Partition.Partition] = f.Next
	return nil
}

// skip moves to what the log still holds.
func (r *ChangeReader) skip(ctx context.Context) error {
	held, lost, err := r.log.Held(ctx, r.at)
	if err != nil {
		return err
	}
	if lost {
		r.log.log.WarnContext(ctx, "tier changes were deleted before they were read, or their topic was made anew; going on with the oldest there is", "topic", r.log.topic)
	}
	r.at = held
	if !lost {
		return wire.ErrRetriable // the log was just being cut; it is looked at again after a pause
	}
	return nil
}

// tell logs what is amiss, once for each time that it begins, and that it is over.
func (r *ChangeReader) tell(ctx context.Context, amiss error) {
	text := ""
	if amiss != nil {
		text = gist(amiss)
	}
	switch {
	case ctx.Err() != nil:
	case text != "" && r.told == "":
		r.log.log.WarnContext(ctx, "tier changes can't be read; trying on", "error", KafkaMend(amiss))
	case text == "" && r.told != "":
		r.log.log.InfoContext(ctx, "tier changes can be read again")
	}
	r.told = text
}

// scan reads what is committed of a partition from offset at (or its start) to its present end.
func scan(ctx context.Context, cluster *wire.Cluster, part wire.Partition, at int64, each func(*events.Record) error) error {
	bounds, err := boundsOf(ctx, cluster, part)
	if err != nil {
		return err
	}
	fetcher := cluster.Fetcher(mostFetchBytes)
	defer fetcher.Close()
	return read(ctx, fetcher, part, max(at, bounds.Start), bounds.Stable, each)
}

// scanAll is scan of what was ever written, aborted or not.
func scanAll(ctx context.Context, cluster *wire.Cluster, part wire.Partition, at int64, each func(*events.Record) error) error {
	bounds, err := boundsOf(ctx, cluster, part)
	if err != nil {
		return err
	}
	fetcher := cluster.FetcherOfAll(mostFetchBytes)
	defer fetcher.Close()
	return read(ctx, fetcher, part, max(at, bounds.Start), bounds.High, each)
}

func boundsOf(ctx context.Context, cluster *wire.Cluster, part wire.Partition) (wire.Bounds, error) {
	bounds, err := cluster.Bounds(ctx, []wire.Partition{part})
	if err != nil {
		return wire.Bounds{}, fmt.Errorf("reading the bounds of %s[%d]: %w", part.Topic, part.Partition, err)
	}
	return bounds[part], nil
}

// read reads a partition from offset at up to end.
func read(ctx context.Context, fetcher *wire.Fetcher, part wire.Partition, at, end int64, each func(*events.Record) error) error {
	for at < end {
		fetched, err := fetcher.Fetch(ctx, []wire.Position{{Partition: part, Offset: at}}, idleWait)
		if err != nil {
			return fmt.Errorf("reading %s[%d] at %d: %w", part.Topic, part.Partition, at, err)
		}
		for i := range fetched {
			f := &fetched[i]
			if f.Err != nil {
				return fmt.Errorf("reading %s[%d] at %d: %w", part.Topic, part.Partition, at, f.Err)
			}
			for j := range f.Records {
				if err := each(&f.Records[j]); err != nil {
					return err
				}
			}
			at = f.Next
		}
	}
	return nil
}
