package group

import (
	"cmp"
	"slices"
)

// claim is what a member says of itself when it joins: the lanes that it was last assigned, and in which generation.
type claim struct {
	member     string
	generation int32
	lanes      []int
}

// balance deals lanes 0 to n-1 out to the members: each lane to exactly one, counts that differ by at most one, as few
// lanes taken from the member that had them as that allows, and the same whatever the order of the claims. The lanes of
// each member are ascending. Every member of claims is in the result.
func balance(n int, claims []claim) map[string][]int {
	members := slices.Clone(claims)
	slices.SortFunc(members, func(a, b claim) int { return cmp.Compare(a.member, b.member) })
	held := holdings(n, members)

	// Where n does not divide evenly, some get one more: those that hold the most keep it, or lanes would move for
	// nothing. The sort is stable, so ties go by member ID.
	slices.SortStableFunc(members, func(a, b claim) int {
		return cmp.Compare(len(held[b.member]), len(held[a.member]))
	})
	quota := func(i int) int {
		if i < n%len(members) {
			return n/len(members) + 1
		}
		return n / len(members)
	}

	assigned := make(map[string][]int, len(members))
	taken := make([]bool, n)
	for i, m := range members {
		keep := held[m.member]
		keep = keep[:min(len(keep), quota(i))]
		for _, lane := range keep {
			taken[lane] = true
		}
		assigned[m.member] = slices.Clip(keep)
	}
	lane := 0
	for i, m := range members {
		lanes := assigned[m.member]
		for ; len(lanes) < quota(i); lane++ {
			if !taken[lane] {
				lanes = append(lanes, lane)
			}
		}
		slices.Sort(lanes)
		assigned[m.member] = lanes
	}
	return assigned
}

// holdings is which of the lanes 0 to n-1 each member holds, ascending. Of several that claim one lane, the newest
// generation's is right: the others missed a rebalance. members are sorted by ID.
func holdings(n int, members []claim) map[string][]int {
	holder := make([]*claim, n)
	for i := range members {
		m := &members[i]
		for _, lane := range m.lanes {
			if lane >= 0 && lane < n && (holder[lane] == nil || holder[lane].generation < m.generation) {
				holder[lane] = m
			}
		}
	}
	held := make(map[string][]int, len(members))
	for lane, m := range holder {
		if m != nil {
			held[m.member] = append(held[m.member], lane)
		}
	}
	return held
}
