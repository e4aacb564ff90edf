package state

import (
	"testing"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// TestHalfABatchThatComesBack: a Redis that loads a file torn within a transaction may leave the half that is there in
// the file, and run it when it loads the file once more (Redis 7.0 does). Folded again meanwhile, it must change nothing.
func TestHalfABatchThatComesBack(t *testing.T) {
	r := testbed.OwnRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	if !r.Faults() {
		return
	}
	counted := batch(1)
	counted.Leads[0].Tier, counted.Leads[0].TierWas = "hot", ""
	decide := func(found *Ledger) {
		t.Helper()
		l := openStore(t, Options{Addrs: []string{r.Addr}, Prefix: "torn"}).Lane(0)
		defer l.Close()
		if found != nil {
			var err error
			found, err = l.Read(t.Context())
			must(t, err)
		}
		must(t, l.Claim(t.Context(), found, newLedger()))
		must(t, l.Decide(t.Context(), counted))
	}
	decide(nil)
	r.Kill()
	r.TearTail(len("*1\r\n$4\r\nexec\r\n") + 20) // in the last command of the batch, the ledger's
	r.Restart()
	decide(newLedger())
	r.Restart()
	ledger, err := openStore(t, Options{Addrs: []string{r.Addr}, Prefix: "torn"}).Lane(0).Read(t.Context())
	must(t, err)
	if ledger.Counts["hot"] != 1 {
		t.Errorf("%d leads are counted hot, want 1", ledger.Counts["hot"])
	}
}
