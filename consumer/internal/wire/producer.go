package wire

import (
	"context"
	"time"

	"github.com/hotlead/hotlead/events"
)

// Epoch is what fences: of two producers with one transactional ID, the one with the lower epoch can't write any more.
type Epoch struct {
	ProducerID int64
	Epoch      int16
}

// Transaction is what one Commit makes true all at once, or not at all.
type Transaction struct {
	// Records to write; those of one partition keep their order. None: offsets alone.
	Records []events.OutRecord
	// Group, Generation and Member say in whose name Offsets are committed.
	Group      string
	Generation int
	Member     string
	// Offsets are the group's next positions.
	Offsets []Position
	// Metadata goes with each of the Offsets: at most 4,096 bytes by a broker's default.
	Metadata string
}

// Committed is what became of a Transaction.
type Committed struct {
	// Base is, for each partition written to, the offset of the transaction's first record there.
	Base map[Partition]int64
}

// Producer writes transactions under one transactional ID, one at a time. It belongs to one goroutine at a time.
type Producer struct{}

// Producer makes a producer. Init comes before the first Commit. timeout is how long the coordinator lets a transaction
// stay open before it aborts it; brokers allow 15 minutes by default.
func (c *Cluster) Producer(transactionalID string, timeout time.Duration) *Producer {
	return &Producer{}
}

// Init takes over the transactional ID: it fences whoever had it, settles what they left open and starts at sequence 0.
// It tries again until it succeeds or ctx ends, except where trying can't help (authorization, a timeout above what the
// broker allows).
func (p *Producer) Init(ctx context.Context) (Epoch, error) { return Epoch{}, nil }

// Commit writes and commits one transaction. What a broker can't do just now is tried again until ctx ends, always with
// the same sequence numbers, so nothing is written twice. After any error the producer must be Init'ed again: Commit
// before that fails with ErrUnknown, as a record under a sequence already used would be lost in silence.
//
// The error matches ErrFenced, ErrGeneration, ErrTooLarge (these three: not committed) or ErrUnknown (perhaps).
func (p *Producer) Commit(ctx context.Context, t Transaction) (Committed, error) {
	return Committed{}, nil
}
