package group

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// claims draws any group: members that hold what earlier generations gave them, some claiming the same lanes, lanes
// that no longer exist, and none at all.
func claims(t *rapid.T, n int) []claim {
	return rapid.Custom(func(t *rapid.T) []claim {
		var cs []claim
		for i := range rapid.IntRange(1, 6).Draw(t, "members") {
			lanes := rapid.SliceOfDistinct(rapid.IntRange(0, n+2), rapid.ID[int]).Draw(t, "lanes")
			slices.Sort(lanes)
			cs = append(cs, claim{
				member:     fmt.Sprintf("m%d", i),
				generation: int32(rapid.IntRange(0, 2).Draw(t, "generation")),
				lanes:      lanes,
			})
		}
		return cs
	}).Draw(t, "claims")
}

func TestEveryLaneHasExactlyOneOwner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "n")
		cs := claims(t, n)
		assigned := balance(n, cs)
		if len(assigned) != len(cs) {
			t.Fatalf("%d members, %d assignments", len(cs), len(assigned))
		}
		var all []int
		fewest, most := n, 0
		for member, lanes := range assigned {
			if !slices.IsSorted(lanes) {
				t.Fatalf("lanes of %s do not ascend: %v", member, lanes)
			}
			all = append(all, lanes...)
			fewest, most = min(fewest, len(lanes)), max(most, len(lanes))
		}
		slices.Sort(all)
		if len(all) != n || len(slices.Compact(slices.Clone(all))) != n || n > 0 && (all[0] != 0 || all[n-1] != n-1) {
			t.Fatalf("of %d lanes these are assigned: %v", n, all)
		}
		if most-fewest > 1 {
			t.Fatalf("one member has %d lanes, another %d", most, fewest)
		}
	})
}

func TestBalanceDoesNotDependOnTheOrderOfMembers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "n")
		cs := claims(t, n)
		shuffled := rapid.Permutation(cs).Draw(t, "shuffled")
		if a, b := balance(n, cs), balance(n, shuffled); !maps.EqualFunc(a, b, slices.Equal) {
			t.Fatalf("%v or %v", a, b)
		}
	})
}

// TestBalanceMovesNoLaneWithoutNeed compares with the best of every way to share out the lanes that are left over
// when n does not divide evenly.
func TestBalanceMovesNoLaneWithoutNeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 12).Draw(t, "n")
		cs := claims(t, n)
		before := rightfulHolders(n, cs)
		kept := 0
		for member, lanes := range balance(n, cs) {
			for _, lane := range lanes {
				if before[lane] == member {
					kept++
				}
			}
		}
		best := 0
		for chosen := range 1 << len(cs) {
			sum, extras := 0, 0
			for i, c := range cs {
				quota := n / len(cs)
				if chosen&(1<<i) != 0 {
					quota++
					extras++
				}
				has := 0
				for _, member := range before {
					if member == c.member {
						has++
					}
				}
				sum += min(has, quota)
			}
			if extras == n%len(cs) {
				best = max(best, sum)
			}
		}
		if kept != best {
			t.Fatalf("%d lanes stay where they were, %d could", kept, best)
		}
	})
}

// rightfulHolders says who held each lane: of several that claim one, the newest generation, then the first by ID.
func rightfulHolders(n int, cs []claim) map[int]string {
	holders := make(map[int]string)
	for lane := range n {
		generation := int32(-1)
		for _, c := range cs { // drawn in the order of IDs
			if slices.Contains(c.lanes, lane) && c.generation > generation {
				holders[lane], generation = c.member, c.generation
			}
		}
	}
	return holders
}

func TestBalance(t *testing.T) {
	for _, test := range []struct {
		name   string
		n      int
		claims []claim
		want   map[string][]int
	}{
		{"the first member", 4, []claim{{member: "a"}}, map[string][]int{"a": {0, 1, 2, 3}}},
		{"a second joins", 4, []claim{{"a", 1, []int{0, 1, 2, 3}}, {member: "b"}},
			map[string][]int{"a": {0, 1}, "b": {2, 3}}},
		{"one has left", 4, []claim{{"b", 2, []int{2, 3}}}, map[string][]int{"b": {0, 1, 2, 3}}},
		{"more members than lanes", 1, []claim{{member: "a"}, {"b", 1, []int{0}}}, map[string][]int{"a": nil, "b": {0}}},
		{"one slept through a rebalance", 4, []claim{{"a", 1, []int{0, 1, 2, 3}}, {"b", 2, []int{0, 1}}},
			map[string][]int{"a": {2, 3}, "b": {0, 1}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := balance(test.n, test.claims); !maps.EqualFunc(got, test.want, slices.Equal) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
