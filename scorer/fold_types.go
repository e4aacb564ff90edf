package scorer

import "math/bits"

// typeTable finds the rules of an event type, among those that the model names, with one look at a few of its bytes:
// open addressing, linear probing. It is at least four times as long as they are many.
type typeTable []typeRules

// typeRules are the rules of one event type; none in an empty slot.
type typeRules struct {
	on    string
	rules []int
}

func typeTableOf(byType map[string][]int) typeTable {
	t := make(typeTable, 4<<bits.Len(uint(len(byType))))
	for on, rules := range byType {
		at := t.slot(on)
		for t[at].rules != nil {
			at = (at + 1) & (len(t) - 1)
		}
		t[at] = typeRules{on, rules}
	}
	return t
}

func (t typeTable) slot(on string) int {
	n := len(on)
	if n == 0 {
		return 0
	}
	at := n ^ int(on[0])<<1 ^ int(on[n/2])<<3 ^ int(on[n-1])<<4
	return (at ^ at>>5) & (len(t) - 1)
}

func (t typeTable) find(on string) []int {
	for at := t.slot(on); t[at].rules != nil; at = (at + 1) & (len(t) - 1) {
		if t[at].on == on {
			return t[at].rules
		}
	}
	return nil
}
