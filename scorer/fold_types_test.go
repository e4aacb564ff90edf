package scorer

import (
	"fmt"
	"slices"
	"testing"
)

// TestRulesAreFoundByTheirType finds the rules of many types whose bytes that the table looks at are the same, and none of
// a type that no rule names.
func TestRulesAreFoundByTheirType(t *testing.T) {
	for n := range 40 {
		byType := map[string][]int{}
		for i := range n {
			byType[fmt.Sprintf("page.%02d.viewed", i)] = []int{i, i + 100}
		}
		types := typeTableOf(byType)
		for on, want := range byType {
			if got := types.find(on); !slices.Equal(got, want) {
				t.Fatalf("of %d types, %s has the rules %v, not %v", n, on, got, want)
			}
		}
		for _, on := range []string{"", "p", "page.99.viewed", "page.00.viewee", "page.00.viewed."} {
			if got := types.find(on); got != nil {
				t.Fatalf("of %d types, %q has the rules %v", n, on, got)
			}
		}
	}
}
