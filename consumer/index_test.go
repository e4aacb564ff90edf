package consumer

import (
	"testing"

	"pgregory.net/rapid"
)

// The index of a batch's leads against a map, over many rounds, with hashes that collide.
func TestTheIndexOfABatchKnowsItsLeads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x leadIndex
		for range rapid.IntRange(1, 6).Draw(t, "rounds") {
			x.clear()
			var names []string
			want := map[string]int{}
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 300), 0, 400).Draw(t, "ids") {
				id := string(rune('a' + n))
				lead, found := x.find(uint32(n%7), func(lead int) bool { return names[lead] == id })
				before, there := want[id]
				if found != there || there && lead != before || !there && lead != len(names) {
					t.Fatalf("%s is %d (%v), want %d (%v) of %d", id, lead, found, before, there, len(names))
				}
				if !found {
					want[id] = lead
					names = append(names, x.name(id))
				}
			}
			for id, lead := range want {
				if names[lead] != id {
					t.Fatalf("%s is named %s", id, names[lead])
				}
			}
		}
	})
}
