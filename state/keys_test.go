package state

import (
	"hash/fnv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Stored leads are found by these names for ever.
func TestKeys(t *testing.T) {
	k := keysOf("hotlead", 12)
	got := []string{k.ledger, k.timers, k.told, k.leads(63), k.tier("hot")}
	want := []string{
		"{hotlead.12}:ledger", "{hotlead.12}:timers", "{hotlead.12}:told", "{hotlead.12}:leads:63", "{hotlead.12}:tier:hot",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{"", "lead-42", "größe"} {
		h := fnv.New32a()
		_, _ = h.Write([]byte(id))
		if got, want := bucketOf(id, 64), int(h.Sum32()%64); got != want {
			t.Errorf("%q is in bucket %d, want %d", id, got, want)
		}
	}
}
