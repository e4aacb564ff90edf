package state

import "errors"

// What a Lane's calls may come to, matched by errors.Is. The comment says what is known of the write, and what to do.
var (
	// ErrNoLedger: the lane has no ledger. It is new, or Redis lost it.
	ErrNoLedger = errors.New("the lane has no ledger")
	// ErrOvertaken: nothing was written, for the ledger is not as it was last seen: somebody else wrote it, or Redis lost
	// writes. Take the lane over again.
	ErrOvertaken = errors.New("the lane's ledger was written by somebody else or lost writes")
	// ErrFenced: nothing was written, for the same producer ID with a higher epoch owns the ledger. Drop the lane.
	ErrFenced = errors.New("a newer owner has the lane")
	// ErrUnknown: the answer never came, so the write took effect or did not. Take the lane over again: the ledger's batch
	// number says which.
	ErrUnknown = errors.New("whether the write to the lane took effect is not known")
	// ErrRefused: nothing was written, and Redis said so (out of memory, read-only, loading, …). Rearm, then try again.
	ErrRefused = errors.New("redis refused the write to the lane")
	// ErrDamaged: what is stored is not what hotlead writes: a ledger or lead that can't be read, a key of another type.
	// Nothing mends this but a person; refuse the lane.
	ErrDamaged = errors.New("what redis holds of the lane can't be read")
	// ErrNewer: what is stored was written by a newer hotlead, in a format that this one does not know.
	ErrNewer = errors.New("what redis holds of the lane was written by a newer hotlead")
	// ErrNoLead: no event has reached this lead.
	ErrNoLead = errors.New("no such lead")
)
