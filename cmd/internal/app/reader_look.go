package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
)

const (
	// lookedThrough is through how many leads of a tier those of a route or an account are looked for, lookedAtOnce how many
	// of them are in memory at a time, and looksAtOnce how many may look at a time: each takes a good part of a core. lookWait
	// is how long to wait for others.
	lookedThrough = 20_000
	lookedAtOnce  = 4_000
	looksAtOnce   = 2
	lookWait      = 10 * time.Second
)

// look waits until few enough look through many leads; whoever may then calls done.
func (r *Reader) look(ctx context.Context) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	select {
	case r.looks <- struct{}{}:
		return func() { <-r.looks }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for others who look for leads: %w", ctx.Err())
	}
}

// lookThrough are the first leads of a route or an account, highest rank first, and how many there are among the first
// 20,000 of the tier.
func (r *Reader) lookThrough(ctx context.Context, s web.Sought, lanes int) (shown []shownLead, total int64, err error) {
	done, err := r.look(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	v := r.views()
	account := strings.ToLower(s.Account)
	// A lead that moves down meanwhile may come once more.
	seen := map[string]bool{}
	next := make([]int64, lanes)
	for looked := 0; next != nil && looked < lookedThrough; looked += lookedAtOnce {
		found, after, err := r.store.Page(ctx, next, s.Tier, lookedAtOnce)
		if err != nil {
			return nil, 0, consumer.RedisMend(fmt.Errorf("listing the leads of a tier: %w", err))
		}
		for _, f := range found {
			// Asked first, for it needs no reckoning.
			if !strings.Contains(strings.ToLower(f.Lead.Account), account) || seen[f.Lead.ID] {
				continue
			}
			lead, err := v.show(ctx, f)
			if err != nil {
				return nil, 0, err
			}
			// The index is as of each lead's last write; time may have moved one on since.
			if lead.lead.Tier == s.Tier && (s.Route == "" || s.Route == lead.standing.Route) {
				shown, seen[lead.lead.ID] = append(shown, lead), true
			}
		}
		sortByRank(shown)
		clear(shown[min(len(shown), s.Limit):])
		shown, next = shown[:min(len(shown), s.Limit)], after
	}
	return shown, int64(len(seen)), nil
}
