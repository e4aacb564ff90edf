package wire

import (
	"context"
	"time"

	"github.com/hotlead/hotlead/events"
)

// Fetcher reads partitions, read committed. It belongs to one goroutine at a time.
type Fetcher struct{}

// Fetched is what one Fetch found in one partition.
type Fetched struct {
	Partition
	// Records are the committed records at and after the position asked for, in order. The slice and its Headers are
	// valid until the next Fetch; the bytes of Key, Value and headers stay as they are for as long as they are kept.
	Records []events.Record
	// Next is the position after everything seen: past aborted and control records and the gaps that compaction left,
	// so it may move without any Records.
	Next int64
	// Stable and High are the partition's bounds as its leader saw them, -1 where Err is set.
	Stable, High int64
	// Err says why the partition could not be read: ErrOffsetOutOfRange, ErrCorrupt, or one that is Retriable. The
	// other partitions' records are good all the same.
	Err error
}

// Fetcher makes a Fetcher whose answers are at most about maxBytes large in all; a single record batch larger than that
// comes through.
func (c *Cluster) Fetcher(maxBytes int) *Fetcher { return &Fetcher{} }

// Fetch waits until there is something to read at any of the positions, or for as long as wait, and returns one Fetched
// per partition about which there is something to say, in no particular order; none at all when the wait is over.
// A leader that moves is followed within the wait; what is still amiss then is in Fetched.Err. The error is ctx's.
func (f *Fetcher) Fetch(ctx context.Context, from []Position, wait time.Duration) ([]Fetched, error) {
	return nil, nil
}

// Close ends the requests in flight and waits for them.
func (f *Fetcher) Close() {}
