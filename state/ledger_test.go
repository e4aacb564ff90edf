package state

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fieldsOf makes a ledger's fields of a text, "name=value" a line.
func fieldsOf(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		fields[name] = value
	}
	return fields
}

func textOf(fields map[string]string) string {
	var b strings.Builder
	for name, value := range fields {
		b.WriteString(name + "=" + value + "\n")
	}
	return b.String()
}

// FuzzLedger: whatever somebody wrote into a lane's hash, reading it ends in a ledger that is written back as it was, or
// in an error that tells what to do.
func FuzzLedger(f *testing.F) {
	full := newLedger()
	full.Batch, full.Step, full.Outbox, full.Recovery = 7, 3, []byte{1, 0}, []byte(`{"phase":"read"}`)
	full.Counts = map[string]int64{"hot": 2, "cold": -1}
	full.Group, full.Output, full.Lanes = "g", "lead.tier-changes", 4
	for _, ledger := range []*Ledger{newLedger(), full} {
		f.Add(textOf(ledgerFields(ledger)))
	}
	f.Add("format=2\n")
	f.Add("format=1\nn=-1\nowner=9\nbuckets=65537\noffset:=x\n")
	f.Fuzz(func(t *testing.T, text string) {
		ledger, err := parseLedger(fieldsOf(text))
		if err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		if ledger.Buckets < 1 || ledger.Buckets > mostBuckets || ledger.Format < 1 || ledger.Format > LedgerFormat {
			t.Fatalf("read as %+v", ledger)
		}
		again, err := parseLedger(ledgerFields(ledger))
		if err != nil {
			t.Fatalf("what was read can't be written: %v", err)
		}
		if diff := cmp.Diff(ledger, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}
