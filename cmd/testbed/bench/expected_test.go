package bench

import (
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed/workload"
)

func TestTally(t *testing.T) {
	var hotlead, peer, other tally
	for _, text := range []string{
		`{"type":"lead.tier.changed","data":{"lead":"a","from":"cold","to":"hot","cause":{"kind":"event","source":"s","id":"e1"}}}`,
		`{"type":"lead.tier.changed","data":{"lead":"a","from":"hot","to":"warm","cause":{"kind":"time"}}}`,
		`{"type":"lead.tier.changed","data":{"lead":"b","from":"cold","to":"warm","cause":{"kind":"event","source":"s","id":"e2"}}}`,
	} {
		if err := hotlead.add([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{`{"data":{"lead":"b","to":"warm","cause":"e2"}}`, `{"data":{"lead":"a","to":"hot","cause":"e1"}}`} {
		if err := peer.add([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if !hotlead.same(peer) || hotlead.byEvents != 2 || hotlead.byTime != 1 {
		t.Errorf("%+v and %+v are of the same events", hotlead, peer)
	}
	other.event("e1", "hot")
	other.event("e2", "hot")
	if other.same(peer) {
		t.Error("a change to another tier is told apart")
	}
	for _, text := range []string{`{`, `{"data":{"cause":"e1"}}`, `{"data":{"to":"hot"}}`} {
		if err := other.add([]byte(text)); err == nil {
			t.Errorf("%s is a change", text)
		}
	}
}

// TestTheWorkMakesItsChanges holds the fold that looks at a lead only when an event comes against the number that every
// program measured so far made of the whole work, scaled to its first tenth, which is pinned here.
func TestTheWorkMakesItsChanges(t *testing.T) {
	g, peers := workload.New(1, workload.Leads, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), newEventOnly()
	var text []byte
	for range workload.Events / 10 {
		var key int
		text, key = g.Append(text[:0])
		if err := peers.fold(text[key:]); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := peers.tally.byEvents, 7886; got != want {
		t.Errorf("the first tenth of the work makes %d changes, want %d", got, want)
	}
}
