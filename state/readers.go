package state

import (
	"context"

	"github.com/hotlead/hotlead/scorer"
)

// LeadAt is a lead as an index found it.
type LeadAt struct {
	Lane int
	// Rank is the lead's rank as of its last write.
	Rank float64
	Lead *scorer.Lead
}

// LeadByID is a lead of lane p and the model that the lane is under. Its errors: ErrNoLead (also for a lane without a
// ledger), ErrDamaged, ErrNewer.
func (s *Store) LeadByID(ctx context.Context, p int, id string) (*scorer.Lead, *ModelInForce, error) {
	return nil, nil, errNotYet
}

// Top are the first leads of a tier over lanes 0 to lanes−1, highest rank first, at most limit. A model's last tier has
// no index, so of it there are none.
func (s *Store) Top(ctx context.Context, lanes int, tier string, limit int) ([]LeadAt, error) {
	return nil, errNotYet
}

// Counts are the leads in each tier over lanes 0 to lanes−1; lanes without a ledger count nothing.
func (s *Store) Counts(ctx context.Context, lanes int) (map[string]int64, error) {
	return nil, errNotYet
}

// ModelInForce is the model that lane p is under. Its errors: ErrNoLedger, ErrDamaged.
func (s *Store) ModelInForce(ctx context.Context, p int) (*ModelInForce, error) {
	return nil, errNotYet
}
