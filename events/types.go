package events

import "strings"

// typeNames are event types that have been met. Events are folded long after they were read, and in another order; that
// their types are then texts which are always at hand, and not each in its own record, spares the processor the wait.
type typeNames struct {
	names [64]string // by slotOf; the first type of a slot keeps it, so that a stranger's types cost no memory
}

// longestTypeName bounds the types that are kept, in bytes.
const longestTypeName = 64

// known is typ, as the text that was kept of it.
func (t *typeNames) known(typ string) string {
	slot := &t.names[t.slotOf(typ)]
	if *slot == typ {
		return *slot
	}
	if *slot == "" && len(typ) <= longestTypeName {
		*slot = strings.Clone(typ)
		return *slot
	}
	return typ
}

// slotOf spreads types, which are not empty, by what tells most of them apart.
func (t *typeNames) slotOf(typ string) int {
	n := len(typ)
	return (n*7 + int(typ[0])*31 + int(typ[n/2])*5 + int(typ[n-1])) % len(t.names)
}
