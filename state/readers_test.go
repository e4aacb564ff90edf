package state

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hotlead/hotlead/scorer"
)

func TestReaders(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		for _, c := range []struct {
			name string
			run  func(b *bench)
		}{
			{"a lead by its ID, with the model it is under", testLeadByID},
			{"the top of a tier, over all lanes", testTop},
			{"a tier page by page", testPage},
			{"the counts, over all lanes", testCounts},
			{"what can't be read", testReadDamage},
		} {
			t.Run(c.name, func(t *testing.T) { c.run(newBench(t, s)) })
		}
	})
}

func (b *bench) fill(p int, leads ...LeadWrite) {
	b.Helper()
	l := b.store.Lane(p)
	defer func() { must(b.T, l.Close()) }()
	must(b.T, l.Claim(b.Context(), nil, newLedger()))
	must(b.T, l.Decide(b.Context(), &Decision{Batch: 1, Leads: leads}))
}

func hotLead(id string, rank float64) LeadWrite {
	lead := usualLead()
	lead.Tier = "hot"
	return LeadWrite{
		ID: id, Blob: AppendLead(nil, &lead), Due: scorer.Never, DueWas: scorer.Never, Tier: "hot", Indexed: true, Rank: rank,
	}
}

func testLeadByID(b *bench) {
	_, _, err := b.store.LeadByID(b.Context(), 2, "lead-42")
	b.is(err, ErrNoLead)
	_, err = b.store.ModelInForce(b.Context(), 2)
	b.is(err, ErrNoLedger)
	b.fill(2, hotLead("lead-42", 1))
	_, _, err = b.store.LeadByID(b.Context(), 2, "lead-43")
	b.is(err, ErrNoLead)
	lead, model, err := b.store.LeadByID(b.Context(), 2, "lead-42")
	must(b.T, err)
	want := usualLead()
	want.ID, want.Tier = "lead-42", "hot"
	diffLeads(b, want, *lead)
	b.equal(&newLedger().Model, model)
	model, err = b.store.ModelInForce(b.Context(), 2)
	must(b.T, err)
	b.equal(&newLedger().Model, model)
}

func testTop(b *bench) {
	b.fill(0, hotLead("a", 5), hotLead("d", 9), hotLead("nobody knows", math.NaN()))
	b.fill(2, hotLead("c", 7), hotLead("b", 9), hotLead("e", math.Inf(1)), hotLead("gone", 8))
	// An index may be ahead of the leads for a moment: it is not an error.
	keys := keysOf(b.Name(), 2)
	b.tamper("hdel", keys.leads(bucketOf("gone", 4)), "gone")
	top := func(limit int) (got []string) {
		all, err := b.store.Top(b.Context(), 4, "hot", limit)
		must(b.T, err)
		for _, at := range all {
			if at.Lead.Tier != "hot" {
				b.Errorf("%s is in %q", at.Lead.ID, at.Lead.Tier)
			}
			got = append(got, fmt.Sprint(at.Lane, " ", at.Lead.ID, " ", at.Rank))
		}
		return got
	}
	b.equal([]string{"2 e +Inf", "0 d 9", "2 b 9", "2 c 7", "0 a 5", "0 nobody knows -Inf"}, top(10))
	b.equal([]string{"2 e +Inf", "0 d 9"}, top(2))
	b.equal([]string(nil), top(0))
	none, err := b.store.Top(b.Context(), 4, "cold", 10)
	must(b.T, err)
	b.equal([]LeadAt(nil), none)
}

func testPage(b *bench) {
	// Many of equal rank, so that where a page ends among them matters.
	var all [3][]LeadWrite
	for i := range 60 {
		all[i*i%3] = append(all[i*i%3], hotLead(fmt.Sprintf("lead-%02d", i), float64(i%4)))
	}
	for p, leads := range all {
		b.fill(p, leads...)
	}
	for limit := 1; limit <= 61; limit += 7 {
		seen := map[string]bool{}
		last := math.Inf(1)
		after := make([]int64, 4)
		for pages := 0; after != nil; pages++ {
			page, next, err := b.store.Page(b.Context(), after, "hot", limit)
			must(b.T, err)
			if len(page) > limit || pages > 61 {
				b.Fatalf("page %d of at most %d has %d leads", pages, limit, len(page))
			}
			for _, at := range page {
				if seen[at.Lead.ID] || at.Rank > last {
					b.Errorf("pages of %d: %s comes twice, or rank %v after %v", limit, at.Lead.ID, at.Rank, last)
				}
				seen[at.Lead.ID], last = true, at.Rank
			}
			after = next
		}
		if len(seen) != 60 {
			b.Errorf("pages of %d hold %d of 60 leads", limit, len(seen))
		}
	}
}

func testCounts(b *bench) {
	b.fill(0, hotLead("a", 5), hotLead("b", 9))
	cold := hotLead("c", 7)
	cold.Tier, cold.Indexed = "cold", false
	b.fill(2, hotLead("d", 1), cold)
	got, err := b.store.Counts(b.Context(), 4)
	must(b.T, err)
	if diff := cmp.Diff(map[string]int64{"hot": 3, "cold": 1}, got); diff != "" {
		b.Error(diff)
	}
}

func testReadDamage(b *bench) {
	newer, broken := hotLead("newer", 2), hotLead("broken", 1)
	newer.Blob[0], broken.Blob = leadVersion+1, broken.Blob[:9]
	b.fill(3, newer, broken)
	_, _, err := b.store.LeadByID(b.Context(), 3, "newer")
	b.is(err, ErrNewer)
	_, _, err = b.store.LeadByID(b.Context(), 3, "broken")
	b.is(err, ErrDamaged)
	_, err = b.store.Top(b.Context(), 4, "hot", 1)
	b.is(err, ErrNewer)
	b.tamper("hset", b.keys.ledger, prefixCount+"hot", "many")
	_, err = b.store.Counts(b.Context(), 4)
	b.is(err, ErrDamaged)
	b.tamper("hset", b.keys.ledger, fieldFormat, LedgerFormat+1)
	_, err = b.store.ModelInForce(b.Context(), 3)
	b.is(err, ErrNewer)
	for _, key := range []string{b.keys.ledger, b.keys.tier("hot"), b.keys.timers, b.keys.told, b.keys.leads(0)} {
		b.tamper("set", key, "a string")
	}
	_, err = b.store.ModelInForce(b.Context(), 3)
	b.is(err, ErrDamaged)
	_, err = b.store.Counts(b.Context(), 4)
	b.is(err, ErrDamaged)
	_, err = b.store.Top(b.Context(), 4, "hot", 1)
	b.is(err, ErrDamaged)
	l := b.lane()
	err = l.Due(b.Context(), noon, 1, func(string) {})
	b.is(err, ErrDamaged)
	_, err = l.NextDue(b.Context())
	b.is(err, ErrDamaged)
	_, _, err = l.Told(b.Context(), 1)
	b.is(err, ErrDamaged)
	_, err = l.Walk(b.Context(), 0, 0, 1, func(string, []byte) {})
	b.is(err, ErrDamaged)
}
