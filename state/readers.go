package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hotlead/hotlead/scorer"
	"github.com/redis/go-redis/v9"
)

// LeadAt is a lead as an index found it.
type LeadAt struct {
	Lane int
	// Rank is the lead's rank as of its last write.
	Rank float64
	// Lead is the lead as it was last written; its tier may be another by now.
	Lead *scorer.Lead
}

// LeadByID is a lead of lane p and the model that the lane is under. Its errors: ErrNoLead (also for a lane without a
// ledger), ErrDamaged, ErrNewer.
func (s *Store) LeadByID(ctx context.Context, p int, id string) (*scorer.Lead, *ModelInForce, error) {
	lead, model, err := s.leadByID(ctx, p, id)
	if err != nil {
		return nil, nil, fmt.Errorf("read a lead of lane %d: %w", p, err)
	}
	return lead, model, nil
}

func (s *Store) leadByID(ctx context.Context, p int, id string) (*scorer.Lead, *ModelInForce, error) {
	model, buckets, err := s.underModel(ctx, p)
	if errors.Is(err, ErrNoLedger) {
		return nil, nil, ErrNoLead
	}
	if err != nil {
		return nil, nil, err
	}
	blob, err := s.client.HGet(ctx, keysOf(s.prefix, p).leads(bucketOf(id, buckets)), id).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil, ErrNoLead
	}
	if err != nil {
		return nil, nil, damagedIfWrongType(err)
	}
	lead := &scorer.Lead{ID: id}
	if err := DecodeLead(blob, lead); err != nil {
		return nil, nil, err
	}
	return lead, model, nil
}

// ModelInForce is the model that lane p is under. Its errors: ErrNoLedger, ErrDamaged, ErrNewer.
func (s *Store) ModelInForce(ctx context.Context, p int) (*ModelInForce, error) {
	model, _, err := s.underModel(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("read the model of lane %d: %w", p, err)
	}
	return model, nil
}

// underModel reads the model of a lane, and over how many buckets its leads are spread.
func (s *Store) underModel(ctx context.Context, p int) (*ModelInForce, int, error) {
	names := []string{fieldFormat, fieldModelName, fieldModelVersion, fieldModelText, fieldModelSince, fieldBuckets}
	values, err := s.client.HMGet(ctx, keysOf(s.prefix, p).ledger, names...).Result()
	if err != nil {
		return nil, 0, damagedIfWrongType(err)
	}
	fields := make(map[string]string, len(names))
	for i, name := range names {
		if value, ok := values[i].(string); ok {
			fields[name] = value
		}
	}
	if len(fields) == 0 {
		return nil, 0, ErrNoLedger
	}
	if err := checkFormat(fields); err != nil {
		return nil, 0, err
	}
	r := fieldReader{fields: fields}
	model, buckets := r.model(), r.buckets()
	return &model, buckets, r.err
}

// Top are the first leads of a tier over lanes 0 to lanes−1, highest rank first and of equal rank the last by ID first,
// at most limit. A model's last tier has no index, so of it there are none. Its errors: ErrDamaged, ErrNewer.
func (s *Store) Top(ctx context.Context, lanes int, tier string, limit int) ([]LeadAt, error) {
	top, _, err := s.page(ctx, make([]int64, lanes), tier, limit)
	if err != nil {
		return nil, fmt.Errorf("read the top of tier %q: %w", tier, err)
	}
	return top, nil
}

// Page are the next leads of a tier in the order of Top, at most limit: those after so many of each lane, which are the
// lanes 0 to len(after)−1. next is where the page after it begins; nil where
// there is none. A page may hold fewer than limit and still have a next. A lead that moves in between may be in two
// pages, or in none. Its errors: ErrDamaged, ErrNewer.
func (s *Store) Page(ctx context.Context, after []int64, tier string, limit int) (page []LeadAt, next []int64, err error) {
	page, next, err = s.page(ctx, after, tier, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("read a page of tier %q: %w", tier, err)
	}
	return page, next, nil
}

func (s *Store) page(ctx context.Context, after []int64, tier string, limit int) (page []LeadAt, next []int64, err error) {
	if limit <= 0 {
		return nil, nil, nil
	}
	pipe := s.client.Pipeline()
	indexes := make([]*redis.ZSliceCmd, len(after))
	for p, from := range after {
		indexes[p] = pipe.ZRevRangeWithScores(ctx, keysOf(s.prefix, p).tier(tier), from, from+int64(limit)-1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, nil, damagedIfWrongType(err)
	}
	for p, index := range indexes {
		for _, z := range index.Val() {
			id, _ := z.Member.(string)
			page = append(page, LeadAt{Lane: p, Rank: z.Score, Lead: &scorer.Lead{ID: id}})
		}
	}
	// As each index is ordered, so that of every lane a beginning is taken.
	slices.SortFunc(page, func(a, b LeadAt) int {
		return cmp.Or(cmp.Compare(b.Rank, a.Rank), cmp.Compare(b.Lead.ID, a.Lead.ID))
	})
	if len(page) >= limit { // else the indexes have no more
		page, next = page[:limit], slices.Clone(after)
		for _, at := range page {
			next[at.Lane]++
		}
	}
	page, err = s.fill(ctx, page)
	return page, next, err
}

// fill reads the leads of top, and leaves out any that its index has and its bucket has not, as when a lane is being
// folded anew.
func (s *Store) fill(ctx context.Context, top []LeadAt) ([]LeadAt, error) {
	if len(top) == 0 {
		return nil, nil
	}
	buckets, err := s.bucketsOf(ctx, top)
	if err != nil {
		return nil, err
	}
	pipe := s.client.Pipeline()
	blobs := make([]*redis.StringCmd, len(top))
	for i, at := range top {
		n, ok := buckets[at.Lane]
		if !ok {
			continue
		}
		blobs[i] = pipe.HGet(ctx, keysOf(s.prefix, at.Lane).leads(bucketOf(at.Lead.ID, n)), at.Lead.ID)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, damagedIfWrongType(err)
	}
	found := top[:0]
	for i, at := range top {
		if blobs[i] == nil {
			continue
		}
		blob, err := blobs[i].Bytes()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, damagedIfWrongType(err)
		}
		if err := DecodeLead(blob, at.Lead); err != nil {
			return nil, err
		}
		found = append(found, at)
	}
	return found, nil
}

// bucketsOf reads over how many buckets the lanes of top are spread; a lane without a ledger is not in it.
func (s *Store) bucketsOf(ctx context.Context, top []LeadAt) (map[int]int, error) {
	pipe := s.client.Pipeline()
	asked := make(map[int]*redis.StringCmd)
	for _, at := range top {
		if asked[at.Lane] == nil {
			asked[at.Lane] = pipe.HGet(ctx, keysOf(s.prefix, at.Lane).ledger, fieldBuckets)
		}
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, damagedIfWrongType(err)
	}
	buckets := make(map[int]int, len(asked))
	for p, cmd := range asked {
		text, err := cmd.Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, damagedIfWrongType(err)
		}
		r := fieldReader{fields: map[string]string{fieldBuckets: text}}
		buckets[p] = r.buckets()
		if r.err != nil {
			return nil, r.err
		}
	}
	return buckets, nil
}

// countsAtOnce is how many fields one HSCAN for Counts looks at: more than a ledger has.
const countsAtOnce = 1000

// Counts are the leads in each tier over lanes 0 to lanes−1; lanes without a ledger count nothing. A tier that no lead
// is in may be missing or 0.
func (s *Store) Counts(ctx context.Context, lanes int) (map[string]int64, error) {
	counts := make(map[string]int64)
	for p := range lanes {
		if err := s.addCounts(ctx, p, counts); err != nil {
			return nil, fmt.Errorf("count the leads of lane %d: %w", p, err)
		}
	}
	return counts, nil
}

// addCounts looks through the ledger for the counts alone, for its outbox and model may be large.
func (s *Store) addCounts(ctx context.Context, p int, counts map[string]int64) error {
	seen := make(map[string]bool)
	for cursor := uint64(0); ; {
		pairs, next, err := s.client.HScan(ctx, keysOf(s.prefix, p).ledger, cursor, prefixCount+"*", countsAtOnce).Result()
		if err != nil {
			return damagedIfWrongType(err)
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			// HSCAN may give a field twice.
			if seen[pairs[i]] {
				continue
			}
			seen[pairs[i]] = true
			n, err := strconv.ParseInt(pairs[i+1], 10, 64)
			if err != nil {
				return fmt.Errorf("%w: the field %q of its ledger: %w", ErrDamaged, pairs[i], err)
			}
			counts[strings.TrimPrefix(pairs[i], prefixCount)] += n
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
