package state

import "github.com/hotlead/hotlead/scorer"

// LedgerFormat is the newest format of ledger and leads that this package reads, and the one that it writes.
const LedgerFormat = 1

// Ledger is what a lane remembers of itself: which batch it decided last, and everything that goes with that batch.
type Ledger struct {
	// Format is the format in which ledger and leads are written, LedgerFormat for a new lane.
	Format int
	// Batch is n, the number of batches decided. Step counts the decisions of a refold, during which n stands still.
	Batch, Step uint64
	// Owner is who may write: the newest owner that claimed the lane.
	Owner Owner
	// Offsets are the next offsets to fold, by "topic/partition".
	Offsets map[string]int64
	// Clock is the lane's clock as of batch n.
	Clock scorer.Instant
	// Outbox is the encoded output of batch n; empty where it has none.
	Outbox []byte
	// OutputOffset is the next offset of the lane's output partition as last known, −1 where it is not known.
	OutputOffset int64
	// Model is the model in force.
	Model ModelInForce
	// Cursor is the next bucket that a walk for a new model version will visit, −1 where none is under way.
	Cursor int
	// Recovery is how far a refold has come, in its owner's own words; empty where none is under way.
	Recovery []byte
	// Buckets is over how many hashes the leads are spread, fixed when the ledger is made.
	Buckets int
	// Counts are the leads in each tier.
	Counts map[string]int64
}

// Owner is a producer ID and epoch of the lane's transactional ID. Of the same producer ID, the higher epoch is newer.
type Owner struct {
	ProducerID int64
	Epoch      int16
}

// ModelInForce is the model that a lane's tiers were decided by.
type ModelInForce struct {
	Name    string
	Version int
	// Text is the model file as it was read.
	Text []byte
}
