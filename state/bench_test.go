package state

import (
	"testing"

	"github.com/hotlead/hotlead/scorer"
)

// BenchmarkDecide decides and loads 5,000 leads of a usual size at a time; the numbers are of one lead.
func BenchmarkDecide(b *testing.B) {
	if !haveRedis(b) {
		return
	}
	s := process(b)
	const leads = 5000
	lane := openStore(b, Options{Addrs: []string{s.addr}}).Lane(0)
	ledger := newLedger()
	ledger.Buckets = DefaultBuckets
	must(b, lane.Claim(b.Context(), nil, ledger))
	lead := usualLead()
	d := &Decision{Leads: make([]LeadWrite, leads)}
	ids := make([]string, leads)
	for i := range d.Leads {
		ids[i] = leadName(i)
		d.Leads[i] = LeadWrite{ID: ids[i], Blob: AppendLead(nil, &lead), Due: scorer.Never, DueWas: scorer.Never, Tier: "cold", TierWas: "cold"}
	}
	b.Run("Decide", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			d.Batch++
			must(b, lane.Decide(b.Context(), d))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/leads, "ns/lead")
	})
	b.Run("Load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(b, lane.Load(b.Context(), ids, func(int, []byte) {}))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/leads, "ns/lead")
	})
	must(b, lane.Close())
}

// TestLeadsCostNoAllocationEach: what Load, Due and Decide allocate is by bucket and by call. Only a real server shows it,
// for the embedded one allocates in this process.
func TestLeadsCostNoAllocationEach(t *testing.T) {
	if !haveRedis(t) {
		return
	}
	const leads = 5000
	lane := openStore(t, Options{Addrs: []string{process(t).addr}}).Lane(0)
	must(t, lane.Claim(t.Context(), nil, newLedger()))
	lead := usualLead()
	d := &Decision{Batch: 1, Leads: make([]LeadWrite, leads)}
	ids := make([]string, leads)
	for i := range d.Leads {
		ids[i] = leadName(i)
		d.Leads[i] = LeadWrite{ID: ids[i], Blob: AppendLead(nil, &lead), Due: noon, DueWas: scorer.Never, Tier: "hot", Indexed: true, Rank: float64(i)}
	}
	must(t, lane.Decide(t.Context(), d))
	for call, c := range map[string]struct {
		run  func() error
		most float64
	}{
		"Due":  {func() error { return lane.Due(t.Context(), noon, leads, func(string) {}) }, .1},
		"Load": {func() error { return lane.Load(t.Context(), ids, func(int, []byte) {}) }, .1 + allocatedByRace},
		"Decide": {func() error {
			d.Batch++
			return lane.Decide(t.Context(), d)
		}, .1},
	} {
		if n := testing.AllocsPerRun(5, func() { must(t, c.run()) }) / leads; n > c.most {
			t.Errorf("%s takes %.3f allocations a lead, want at most %.1f", call, n, c.most)
		} else {
			t.Logf("%s takes %.3f allocations a lead", call, n)
		}
	}
	must(t, lane.Close())
}
