package state

import (
	"context"

	"github.com/hotlead/hotlead/scorer"
)

// Lane is one worker's hold on one lane, over a connection of its own. One goroutine at a time may use it.
type Lane struct{}

// Lane is the lane numbered p. It connects when it is first used.
func (s *Store) Lane(p int) *Lane { return &Lane{} }

// Close gives the lane's connection up.
func (l *Lane) Close() error { return errNotYet }

// Reset drops the lane's connection, as after ErrUnknown; the next call opens another. The lane must then be claimed
// again.
func (l *Lane) Reset() error { return errNotYet }

// Read reads the ledger. Its errors: ErrNoLedger, ErrDamaged, ErrNewer.
func (l *Lane) Read(ctx context.Context) (*Ledger, error) { return nil, errNotYet }

// Claim makes write's owner the lane's, and the lane ready for Decide, if the ledger is still as found: nil where Read
// found none. Without a found ledger all of write is written, and whatever leads were left without a ledger are
// removed; else what differs from found. Its errors: ErrOvertaken, ErrFenced, ErrUnknown, ErrRefused.
func (l *Lane) Claim(ctx context.Context, found, write *Ledger) error { return errNotYet }

// Load reads leads and calls each once for every ID, in any order, with its index; blob is nil for a lead that is not
// stored. Blobs stay valid and are never written again; those of one call may share memory.
func (l *Lane) Load(ctx context.Context, ids []string, each func(i int, blob []byte)) error {
	return errNotYet
}

// Due are the leads whose timer is at or before until, earliest first, at most limit.
func (l *Lane) Due(ctx context.Context, until scorer.Instant, limit int) ([]string, error) {
	return nil, errNotYet
}

// NextDue is the earliest timer, Never where there is none.
func (l *Lane) NextDue(ctx context.Context) (scorer.Instant, error) { return 0, errNotYet }

// Walk calls each for some leads of a bucket, about count of them, beginning with cursor 0 and going on with next until
// that is 0. A lead that is there all the while comes at least once, possibly more often.
func (l *Lane) Walk(ctx context.Context, bucket int, cursor uint64, count int, each func(id string, blob []byte)) (next uint64, err error) {
	return 0, errNotYet
}

// Told is what was told of up to limit leads; with ToldDone written for them, the next call gives others, until there
// are none.
func (l *Lane) Told(ctx context.Context, limit int) (map[string][]byte, error) { return nil, errNotYet }

// Decide writes a batch in one transaction, provided that the ledger is still as this Lane last wrote it. Its errors:
// ErrOvertaken, ErrFenced, ErrUnknown, ErrRefused, ErrDamaged.
func (l *Lane) Decide(ctx context.Context, d *Decision) error { return errNotYet }

// Rearm makes the lane ready for Decide again after ErrRefused, by looking whether the ledger is still as this Lane
// last wrote it. Its errors: ErrOvertaken, ErrFenced, ErrUnknown (the connection broke), ErrRefused.
func (l *Lane) Rearm(ctx context.Context) error { return errNotYet }
