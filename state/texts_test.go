package state

import (
	"bytes"
	"encoding"
	"testing"
)

// Whatever stands in for a lead's ID on the way to Redis says the same, of batches of all sizes one after the other.
func TestTextsAreTheLeads(t *testing.T) {
	var texts leadTexts
	for _, n := range []int{0, 1, inHand - 1, inHand, 10*inHand + 3, 2} {
		leads := make([]LeadWrite, n)
		args := make([]any, 0, 2*n)
		texts.begin(n)
		for i := range leads {
			leads[i] = LeadWrite{ID: leadName(i)[i%8:], Blob: bytes.Repeat([]byte{byte(i)}, 20*i)}
			id, blob := texts.of(&leads[i])
			args = append(args, id, blob)
		}
		for i := range leads {
			if id, blob := written(t, args[2*i]), written(t, args[2*i+1]); id != leads[i].ID || blob != string(leads[i].Blob) {
				t.Errorf("lead %d of %d: %q and %x are written, not %q and %x", i, n, id, blob, leads[i].ID, leads[i].Blob)
			}
		}
		texts.clear()
	}
}

// written is what go-redis writes of an argument.
func written(t *testing.T, arg any) string {
	t.Helper()
	switch arg := arg.(type) {
	case *string:
		return *arg
	case encoding.BinaryMarshaler:
		text, err := arg.MarshalBinary()
		must(t, err)
		return string(text)
	}
	t.Fatalf("a %T", arg)
	return ""
}
