package testbed_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// TestTheCheckerSeesWhatIsWrong: a checker that finds nothing proves something only if it would find it.
func TestTheCheckerSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	change := func(sequence uint64, from, to string) testbed.Change {
		return testbed.Change{Type: "lead.tier.changed", Lead: "lead-1", Sequence: sequence, From: from, To: to}
	}
	elsewhere := change(2, "warm", "cold")
	elsewhere.Partition = 1
	for name, row := range map[string]struct {
		changes []testbed.Change
		said    string // "" for nothing
	}{
		"whole":               {[]testbed.Change{change(1, "cold", "warm"), change(2, "warm", "cold")}, ""},
		"repeated":            {[]testbed.Change{change(1, "cold", "warm"), change(1, "cold", "warm")}, "sequence 1 stands where 2 belongs"},
		"gap":                 {[]testbed.Change{change(1, "cold", "warm"), change(3, "warm", "cold")}, "sequence 3 stands where 2 belongs"},
		"late beginning":      {[]testbed.Change{change(2, "cold", "warm")}, "sequence 2 stands where 1 belongs"},
		"wrong order":         {[]testbed.Change{change(2, "warm", "cold"), change(1, "cold", "warm")}, "sequence 2 stands where 1 belongs"},
		"broken chain":        {[]testbed.Change{change(1, "cold", "warm"), change(2, "hot", "cold")}, "is from hot, but the lead was warm"},
		"nothing new":         {[]testbed.Change{change(1, "cold", "cold")}, "announces nothing new"},
		"in two partitions":   {[]testbed.Change{change(1, "cold", "warm"), elsewhere}, "stands in partition 1"},
		"nothing at all":      {nil, ""},
		"one that was silent": {[]testbed.Change{change(1, "cold", "hot")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			announced := map[string][]testbed.Change{"lead-1": row.changes}
			said := strings.Join(testbed.CheckChains(announced, testbed.Strictness{}), "\n")
			if row.said == "" && said != "" || !strings.Contains(said, row.said) {
				t.Errorf("said %q, want %q", said, row.said)
			}
			leave := name == "gap" || name == "late beginning"
			if said := testbed.CheckChains(announced, testbed.Strictness{Gaps: true}); len(said) > 0 == (row.said == "" || leave) {
				t.Errorf("where Kafka may have lost some, said %q", said)
			}
		})
	}
}

// TestTheOracleComparesWhatItIsAskedTo: paths where they must agree, ends where they need not.
func TestTheOracleComparesWhatItIsAskedTo(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_790_000_000_000)
	oracle := testbed.NewOracle()
	for i, minutes := range []int{30, 30, 30} {
		oracle.Fold(&testbed.Event{Lead: "lead-1", Source: "s", ID: string(rune('a' + i)), Type: "webinar.attended",
			Time: at.Add(time.Duration(i) * time.Second), Data: map[string]any{"minutes": minutes}})
	}
	lead := oracle.Leads()["lead-1"]
	if lead.Tier != "hot" || lead.Stage != "MQL" || lead.Score != 90 || len(lead.Changes) != 3 {
		t.Fatalf("%+v; want hot with 90, by warm, hot and MQL", lead)
	}
	path, end := testbed.Strictness{Path: true, Times: true}, testbed.Strictness{}
	as := func(edit func([]testbed.Change) []testbed.Change) map[string][]testbed.Change {
		return map[string][]testbed.Change{"lead-1": edit(append([]testbed.Change(nil), lead.Changes...))}
	}
	same := as(func(c []testbed.Change) []testbed.Change { return c })
	later := as(func(c []testbed.Change) []testbed.Change { c[1].Milliseconds++; return c })
	other := as(func(c []testbed.Change) []testbed.Change { c[1].CauseID = "z"; return c })
	short := as(func(c []testbed.Change) []testbed.Change { return c[:1] })
	for name, row := range map[string]struct {
		announced map[string][]testbed.Change
		how       testbed.Strictness
		differs   bool
	}{
		"same":                      {same, path, false},
		"another instant":           {later, path, true},
		"another instant, paths":    {later, testbed.Strictness{Path: true}, false},
		"another cause":             {other, testbed.Strictness{Path: true}, true},
		"another cause, ends":       {other, end, false},
		"cut short":                 {short, end, true},
		"nothing":                   {nil, end, true},
		"a lead that nobody knows":  {map[string][]testbed.Change{"lead-1": lead.Changes, "x": lead.Changes}, end, true},
		"the same, ends are enough": {same, end, false},
	} {
		if said := oracle.Differences(row.announced, row.how); (len(said) > 0) != row.differs {
			t.Errorf("%s: %q", name, said)
		}
	}
}
