package app

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hotlead/hotlead/scorer"
)

// TestALeadTableIsAMap holds a table against a map of leads that grow and shrink, past what is packed and back.
func TestALeadTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, want := newLeadTable(), map[string]*scorer.Lead{}
		for range rapid.IntRange(1, 200).Draw(t, "puts") {
			id := "lead-" + strconv.Itoa(rapid.IntRange(0, 30).Draw(t, "lead"))
			place, known := table.find(id)
			if _, is := want[id]; known != is {
				t.Fatalf("%s is known: %v, want %v", id, known, is)
			}
			lead := table.begin(id)
			if known {
				var err error
				if lead, err = table.open(place); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want[id], lead, cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("%s (-want +got):\n%s", id, diff)
				}
			}
			lead.Clock += 1000
			lead.Tier, lead.Account = rapid.SampledFrom([]string{"hot", "cold"}).Draw(t, "tier"), "acme"
			if rapid.IntRange(0, 9).Draw(t, "forgets") == 0 {
				lead.Seen.Clear()
			}
			for range rapid.IntRange(0, 40).Draw(t, "events") {
				lead.Seen.Add(scorer.Seen{Hash: rapid.Uint64().Draw(t, "hash"), At: lead.Clock})
			}
			copied := *lead
			copied.ID, copied.Tier, copied.Account = id, strings.Clone(lead.Tier), strings.Clone(lead.Account)
			copied.Seen.Detach()
			want[id] = &copied
			table.put(place, lead)
		}
		got := table.ids()
		slices.Sort(got)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), got); diff != "" {
			t.Fatalf("the IDs (-want +got):\n%s", diff)
		}
	})
}

func TestALeadTableFindsEachOfManyLeads(t *testing.T) {
	table := newLeadTable()
	const leads = 50_000
	for i := range leads {
		place, known := table.find(strconv.Itoa(i))
		if known {
			t.Fatalf("%d is there already", i)
		}
		lead := table.begin(strconv.Itoa(i))
		lead.Clock, lead.Tier = scorer.Instant(i), "cold"
		table.put(place, lead)
	}
	for i := range leads {
		place, _ := table.find(strconv.Itoa(i))
		lead, err := table.open(place)
		if err != nil || lead.Clock != scorer.Instant(i) || lead.ID != strconv.Itoa(i) {
			t.Fatalf("%d: %+v, %v", i, lead, err)
		}
	}
}

// What a lead takes in memory is within twice what it takes stored.
func TestLeadsAreHeldInLittleMoreThanTheyAreStoredIn(t *testing.T) {
	text := stream(100_000)
	for _, model := range benchmarkModels(t) {
		stored, held := leadBytes(t, model, text)
		for tries := 1; held < stored && tries < 5; tries++ { // what tests before left was collected meanwhile
			stored, held = leadBytes(t, model, text)
		}
		if held < stored || held > 2*stored {
			t.Errorf("%s: a lead of %.0f bytes takes %.0f", model.Name, stored, held)
		}
	}
}

// TestABusyLeadKnowsItsDuplicates sends each of many events of one lead again, at once and after all others.
func TestABusyLeadKnowsItsDuplicates(t *testing.T) {
	const events = 1000
	line := func(i int) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":"e%d","source":"s","type":"page.viewed","subject":"busy","time":"2026-01-01T00:00:00Z"}`+"\n", i)
	}
	var text strings.Builder
	for i := range events {
		text.WriteString(line(i) + line(i))
	}
	for i := range events {
		text.WriteString(line(i))
	}
	f := foldStream(t, smallModel(t), []byte(text.String()), io.Discard)
	place, _ := f.leads.find("busy")
	busy, err := f.leads.open(place)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.counts.Events; busy.Seen.Len() != events || got != 3*events {
		t.Errorf("of %d events %d are remembered, want %d", got, busy.Seen.Len(), events)
	}
}
