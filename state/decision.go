package state

import "github.com/hotlead/hotlead/scorer"

// Decision is all that one batch changes, written at once or not at all. What the ledger holds is given as it is to be
// afterwards.
type Decision struct {
	// Batch and Step are n and the refold step after this decision.
	Batch, Step uint64
	// Acknowledged replaces the ledger's.
	Acknowledged uint64
	// Offsets are the next offsets that moved, by "topic/partition"; others stay as they are.
	Offsets map[string]int64
	// Clock, Outbox, OutputOffset, Cursor and Recovery replace the ledger's; an empty Outbox or Recovery clears it.
	Clock        scorer.Instant
	Outbox       []byte
	OutputOffset int64
	Cursor       int
	Recovery     []byte
	// Model replaces the model in force; nil leaves it.
	Model *ModelInForce
	// Leads are the leads that changed, each at most once.
	Leads []LeadWrite
	// ToldFirst are written only where nothing is told of the lead yet, Told in any case, and ToldDone are removed, in
	// this order.
	ToldFirst []ToldWrite
	Told      []ToldWrite
	ToldDone  []string
}

// LeadWrite is one changed lead. Neither ID nor Blob may change until Decide has returned.
type LeadWrite struct {
	ID string
	// Blob is the lead as AppendLead encodes it.
	Blob []byte
	// Due is when time will move the lead, Never where it won't; DueWas is the timer as it stands in Redis (Never for none,
	// as for a new lead). The timer is written only where they differ, so a caller that leaves a timer too early gives
	// both the same.
	Due, DueWas scorer.Instant
	// Tier and TierWas are the lead's tiers after and before; TierWas "" is a new lead. The counts follow them.
	Tier, TierWas string
	// Indexed and IndexedWas say whether Tier and TierWas are indexed: all tiers are but a model's last. IndexedWas is of
	// the model under which the lead was written.
	Indexed, IndexedWas bool
	// Rank orders the lead within its tier's index, highest first; written whenever Indexed. NaN comes last.
	Rank float64
}

// ToldWrite is what is known to have been announced of a lead; Value is the caller's own.
type ToldWrite struct {
	ID    string
	Value []byte
}
