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
