package consumer

import (
	"testing"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/state"
)

// TestALaneKnowsWhichLeadsAreNew: one that has begun knows at once; one that was taken over, once it has read them all.
func TestALaneKnowsWhichLeadsAreNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, traffic, ctx := w.owner(), w.traffic(40), w.limited()
	nobody := func(l *lane) bool { return l.leads.Lack(l.leads.Hash("nobody")) }
	if !nobody(l) {
		t.Error("a lane that has begun does not know that it has no leads")
	}
	fold := func(l *lane) {
		t.Helper()
		list := make([]testbed.Event, 150)
		for i := range list {
			list[i] = traffic.Next()
		}
		w.send(list...)
		w.foldAll(l)
	}
	fold(l)
	heir := w.owner()
	if nobody(heir) {
		t.Error("a lane that was taken over has read no leads yet, and calls one new")
	}
	for heir.filling.underWay() {
		if err := heir.next(ctx, ctx); err != nil {
			t.Fatal(err)
		}
	}
	if !nobody(heir) {
		t.Error("a lane that has read its leads does not know that another is new")
	}
	there := 0
	for bucket := range heir.ledger.Buckets {
		for cursor := uint64(0); ; {
			next, err := heir.store.Walk(ctx, bucket, cursor, 100, func(id string, blob []byte) {
				there++
				if held, ok := heir.leads.Get(heir.leads.Hash(id), id); !ok || string(held) != string(blob) {
					t.Errorf("%s is in memory: %v, %x; in Redis %x", id, ok, held, blob)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	if there < 3 || heir.leads.Len() != there {
		t.Errorf("%d leads in memory, %d in Redis", heir.leads.Len(), there)
	}
	// And it goes on so.
	fold(heir)
	if now := int(heir.ledger.Leads()); heir.leads.Len() != now || now < there {
		t.Errorf("%d leads in memory of %d", heir.leads.Len(), now)
	}
}

// A lane that has more leads than there is room for does not begin to read them all.
func TestALaneOfTooManyLeadsIsNotReadIntoMemory(t *testing.T) {
	for leads, want := range map[int64]bool{10: true, 100_000: false} {
		l := &lane{memory: 1 << 20, ledger: &state.Ledger{Buckets: 4, Counts: map[string]int64{"hot": leads / 2, "cold": leads / 2}}}
		if l.emptyMemory(); l.filling.underWay() != want {
			t.Errorf("%d leads are read into memory: %v", leads, !want)
		}
	}
}
