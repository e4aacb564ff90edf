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
		if _, err := hotlead.add([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, text := range []string{`{"data":{"lead":"b","to":"warm","cause":"e2"}}`, `{"data":{"lead":"a","to":"hot","cause":"e1"}}`} {
		if _, err := peer.add([]byte(text)); err != nil {
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
		if _, err := other.add([]byte(text)); err == nil {
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

func TestScheduleOfEvents(t *testing.T) {
	plan := schedule{begin: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), n: 20_000}
	g := plan.events()
	for i := range plan.n {
		if at := g.Time().Truncate(time.Millisecond); !at.Equal(plan.at(i)) {
			t.Fatalf("event %d happens at %v and is to be sent at %v", i, at, plan.at(i))
		}
		g.Append(nil)
	}
	if got := plan.at(plan.n).Sub(plan.begin); got != 2*time.Second {
		t.Errorf("20,000 events take %v", got)
	}
}

func TestInbox(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	in := &inbox{plan: schedule{begin: begin, n: 1_000_000}}
	in.take([]byte(`{"data":{"to":"hot","cause":"e000000007"}}`), begin.Add(time.Second))                                      // too early to count
	in.take([]byte(`{"data":{"to":"hot","cause":{"kind":"time"}}}`), begin.Add(warmFor))                                       // no event did it
	in.take([]byte(`{"data":{"to":"hot","cause":{"kind":"event","id":"e000200013"}}}`), begin.Add(warmFor+5*time.Millisecond)) // was to be sent a millisecond after warmFor
	got, took, err := in.await(tally{byEvents: 2})
	if err != nil || got.byEvents != 2 || got.byTime != 1 || len(took) != 1 || took[0] != 4*time.Millisecond {
		t.Errorf("%+v, %v, %v", got, took, err)
	}
	in.take([]byte(`{`), begin)
	if _, _, err := in.await(tally{}); err == nil {
		t.Error("what can't be read is an error")
	}
}
