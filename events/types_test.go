package events

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

// Events of a type that has been met share its text, and whatever else strangers send, no more is kept than there are
// slots.
func TestTypesAreKeptOnce(t *testing.T) {
	var types typeNames
	first := types.known(strings.Clone("page.viewed"))
	if again := types.known(strings.Clone("page.viewed")); again != "page.viewed" || unsafe.StringData(again) != unsafe.StringData(first) {
		t.Errorf("the second time it is %q, elsewhere", again)
	}
	long := strings.Repeat("x", longestTypeName+1)
	if got := types.known(long); got != long || unsafe.StringData(got) != unsafe.StringData(long) {
		t.Errorf("a long one is kept: %q", got)
	}
	for i := range 10_000 {
		typ := fmt.Sprintf("a.b%d", i)
		if got := types.known(typ); got != typ {
			t.Fatalf("%q is known as %q", typ, got)
		}
	}
	if again := types.known(strings.Clone("page.viewed")); unsafe.StringData(again) != unsafe.StringData(first) {
		t.Error("strangers' types took its place")
	}
}
