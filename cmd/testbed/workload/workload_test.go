package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/hotlead/hotlead/scorer"
)

// TestTheSameBytes holds the first thousand events of seed 1: what is compared must never change by accident.
func TestTheSameBytes(t *testing.T) {
	g := New(1, Leads, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	var all []byte
	for range 1000 {
		var key int
		before := len(all)
		all, key = g.Append(all)
		all = append(all[:before+key], append([]byte("\t"), all[before+key:]...)...)
		all = append(all, '\n')
	}
	sum := sha256.Sum256(all)
	const want = "83d33836c25a618fe7a915ddfa230c1ddc6cd45ae544e9e6c5d27e5b4a0a7b7c"
	if got := hex.EncodeToString(sum[:]); got != want {
		t.Errorf("the first thousand events hash to %s, want %s; the first:\n%s", got, want, all[:400])
	}
}

func TestModelReads(t *testing.T) {
	if _, err := scorer.ReadModel("model.yaml", Model); err != nil {
		t.Error(err)
	}
}
