package state

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hotlead/hotlead/scorer"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"
)

// Whatever is decided, Redis holds what a few maps hold that are told the same.
func TestRedisAgreesWithAModel(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		store := openStore(t, Options{Addrs: []string{s.addr}, Prefix: "model"})
		rapid.Check(t, func(rt *rapid.T) {
			must(t, s.raw.FlushAll(t.Context()).Err())
			lane := store.Lane(0)
			defer func() { must(t, lane.Close()) }()
			ledger := newLedger()
			ledger.Buckets = rapid.IntRange(1, 8).Draw(rt, "buckets")
			must(t, lane.Claim(t.Context(), nil, ledger))
			m := modelLane{tiers: make(map[string]modelLead), ledger: ledger}
			for n := range rapid.IntRange(1, 6).Draw(rt, "batches") {
				must(t, lane.Decide(t.Context(), m.decide(rt, uint64(n+1))))
			}
			m.check(t, rt, s.raw, lane)
		})
	})
}

// modelLane is what the lane should hold.
type modelLane struct {
	tiers  map[string]modelLead
	ledger *Ledger
}

type modelLead struct {
	blob, tier string
	due        scorer.Instant
	indexed    bool
	rank       float64
}

func (m *modelLane) decide(t *rapid.T, n uint64) *Decision {
	d := &Decision{Batch: n, Step: n % 3, Acknowledged: n / 2, Clock: noon + scorer.Instant(n), OutputOffset: int64(n), Cursor: int(n) - 2, Offsets: make(map[string]int64)}
	d.Offsets[fmt.Sprintf("topic-%d/0", n%3)] = int64(n)
	d.Outbox = []byte(rapid.SampledFrom([]string{"", "", "out"}).Draw(t, "outbox"))
	d.Recovery = []byte(rapid.SampledFrom([]string{"", "", "half way"}).Draw(t, "recovery"))
	ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 30), 0, 20, rapid.ID[int]).Draw(t, "leads")
	for _, i := range ids {
		d.Leads = append(d.Leads, m.write(t, fmt.Sprint("lead ", i), n))
	}
	l := m.ledger
	l.Acknowledged = d.Acknowledged
	l.Batch, l.Step, l.Clock, l.OutputOffset, l.Cursor, l.Outbox, l.Recovery = n, d.Step, d.Clock, d.OutputOffset, d.Cursor, d.Outbox, d.Recovery
	maps.Copy(l.Offsets, d.Offsets)
	return d
}

func (m *modelLane) write(t *rapid.T, id string, n uint64) LeadWrite {
	was, known := m.tiers[id]
	if !known {
		was.due = scorer.Never
	}
	is := modelLead{
		blob: fmt.Sprint(id, " as of ", n, strings.Repeat(" ", int(n))),
		tier: rapid.SampledFrom([]string{"hot", "warm", "cold"}).Draw(t, "tier"),
		due:  rapid.SampledFrom([]scorer.Instant{scorer.Never, noon, noon + 1, was.due}).Draw(t, "due"),
		rank: rapid.SampledFrom([]float64{-1.5, 0, 3, 1e300}).Draw(t, "rank"),
		// A new model version may index a tier that was its last, and the other way round.
		indexed: rapid.Bool().Draw(t, "indexed"),
	}
	m.tiers[id] = is
	return LeadWrite{
		ID: id, Blob: []byte(is.blob), Due: is.due, DueWas: was.due, Tier: is.tier, TierWas: was.tier,
		Indexed: is.indexed, IndexedWas: was.indexed, Rank: is.rank,
	}
}

func (m *modelLane) check(t *testing.T, rt *rapid.T, raw *redis.Client, lane *Lane) {
	ctx := t.Context()
	timers, indexes, counts := map[string]float64{}, map[string]map[string]float64{}, map[string]int64{}
	for _, tier := range []string{"hot", "warm", "cold"} {
		indexes[tier] = map[string]float64{}
	}
	for id, lead := range m.tiers {
		counts[lead.tier]++
		if lead.due != scorer.Never {
			timers[id] = float64(lead.due)
		}
		if lead.indexed {
			indexes[lead.tier][id] = lead.rank
		}
	}
	same := func(what string, want, got any) {
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			rt.Errorf("%s: -want +got:\n%s", what, diff)
		}
	}
	zset := func(key string) map[string]float64 {
		all, err := raw.ZRangeWithScores(ctx, key, 0, -1).Result()
		must(t, err)
		got := make(map[string]float64)
		for _, z := range all {
			got[z.Member.(string)] = z.Score
		}
		return got
	}
	same("timers", timers, zset(lane.keys.timers))
	for tier, want := range indexes {
		same("index of "+tier, want, zset(lane.keys.tier(tier)))
	}
	got, err := lane.Read(ctx)
	must(t, err)
	for tier, n := range got.Counts {
		if n == 0 {
			delete(got.Counts, tier)
		}
	}
	m.ledger.Counts = counts
	same("ledger", m.ledger, got)
	ids := slices.Sorted(maps.Keys(m.tiers))
	must(t, lane.Load(ctx, ids, func(i int, blob []byte) { same("lead "+ids[i], m.tiers[ids[i]].blob, string(blob)) }))
}
