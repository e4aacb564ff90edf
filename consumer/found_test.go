package consumer

import (
	"errors"
	"strings"
	"testing"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/state"
)

var (
	clicks = wire.Partition{Topic: "lead.engagement", Partition: 2}
	inbox  = wire.Partition{Topic: "lead.inbox", Partition: 2}
)

// ledgerAt is a ledger of batch n that has folded both partitions up to next.
func ledgerAt(n uint64, next int64) *state.Ledger {
	return &state.Ledger{Batch: n, Offsets: map[string]int64{offsetKey(clicks): next, offsetKey(inbox): next}}
}

// committedAt is the committed position of batch m at next.
func committedAt(m uint64, next int64) *position {
	return &position{Batch: m, Offsets: map[wire.Partition]int64{clicks: next, inbox: next}}
}

// logs are the bounds of both partitions.
func logs(start, end int64) map[wire.Partition]wire.Bounds {
	b := wire.Bounds{Start: start, Stable: end, High: end}
	return map[wire.Partition]wire.Bounds{clicks: b, inbox: b}
}

// acknowledgedAt is a ledger whose announcements Kafka has acknowledged up to batch m.
func acknowledgedAt(m uint64, l *state.Ledger) *state.Ledger {
	l.Acknowledged = m
	return l
}

func stands(ledger *state.Ledger, committed *position, bounds map[wire.Partition]wire.Bounds, output wire.Bounds) found {
	return found{ledger: ledger, committed: committed, bounds: bounds, output: output, announced: output.High > 0}
}

// hangs is f with a transaction of ours undecided in the output.
func hangs(f found) found {
	f.hangs = true
	return f
}

func recovering(l *state.Ledger, phase string) *state.Ledger {
	l.Recovery = (&recovery{Phase: phase, Until: map[string]int64{}}).encode()
	return l
}

// TestTakingALaneOver is the table of the protocol, row by row.
// TestTheGroupsOffsetsWereFurther: what stands beside the newest changes tells.
func TestTheGroupsOffsetsWereFurther(t *testing.T) {
	for _, row := range []struct {
		what  string
		found found
		lost  bool
	}{
		{"further", found{ledger: ledgerAt(7, 50), committed: &position{Batch: 7, Grouped: 6}, grouped: 5}, true},
		{"as far", found{ledger: ledgerAt(7, 50), committed: &position{Batch: 7, Grouped: 5}, grouped: 5}, false},
		{"an older version does not say", found{ledger: ledgerAt(7, 50), committed: &position{Batch: 7}, grouped: 5}, false},
		{"the group's own position is the newest", found{ledger: ledgerAt(7, 50), committed: &position{Batch: 5}, grouped: 5}, false},
		{"Redis lost writes, too", found{ledger: ledgerAt(6, 50), committed: &position{Batch: 7, Grouped: 6}, grouped: 5}, false},
		{"Redis lost everything, too", found{committed: &position{Batch: 7, Grouped: 6}, grouped: 5}, false},
		{"nothing is committed", found{ledger: ledgerAt(6, 50)}, false},
	} {
		if got := row.found.lostGrouped(); got != row.lost {
			t.Errorf("%s: %v", row.what, got)
		}
	}
}

func TestTakingALaneOver(t *testing.T) {
	told := wire.Bounds{Stable: 9, High: 9}
	for name, row := range map[string]struct {
		found   found
		want    action
		refusal string // its reason; "" none
	}{
		"nothing was ever folded":                        {found: found{bounds: logs(0, 50)}, want: begin},
		"nothing was ever folded, old log":               {found: found{bounds: logs(7, 50)}, want: begin},
		"n = m: clean":                                   {found: stands(ledgerAt(5, 50), committedAt(5, 50), logs(0, 80), told), want: resume},
		"n > m: announce the outbox":                     {found: stands(ledgerAt(7, 50), committedAt(5, 40), logs(0, 80), told), want: reannounce},
		"n < m: Redis rolled back":                       {found: stands(ledgerAt(3, 30), committedAt(5, 40), logs(0, 80), told), want: refold},
		"no ledger, m > 0":                               {found: stands(nil, committedAt(5, 40), logs(0, 80), told), want: rebuild},
		"no ledger, m > 0, log begins late":              {found: stands(nil, committedAt(5, 40), logs(3, 80), told), refusal: "retention"},
		"no ledger, no position, but the world was told": {found: stands(nil, nil, logs(0, 80), told), want: rebuild},
		"ledger, no committed position":                  {found: stands(ledgerAt(5, 50), nil, logs(0, 80), told), want: probe},
		"ledger below the log's start":                   {found: stands(ledgerAt(5, 50), committedAt(5, 50), logs(51, 80), told), refusal: "retention"},
		"ledger at the log's start":                      {found: stands(ledgerAt(5, 50), committedAt(5, 50), logs(50, 80), told), want: resume},
		"ledger above the log's end":                     {found: stands(ledgerAt(5, 50), committedAt(5, 50), logs(0, 49), told), refusal: "recreated"},
		"a refold was cut short":                         {found: stands(recovering(ledgerAt(3, 30), phaseRefold), committedAt(5, 40), logs(0, 80), told), want: recoverOn},
		"a reading of what was told was cut short":       {found: stands(recovering(ledgerAt(3, 30), phaseRead), committedAt(5, 40), logs(0, 80), told), want: recoverOn},
		"a reconcile was cut short":                      {found: stands(recovering(ledgerAt(6, 40), phaseReconcile), committedAt(5, 40), logs(0, 80), told), want: recoverOn},
		"Redis rolled back into a reconcile":             {found: stands(recovering(ledgerAt(6, 40), phaseReconcile), committedAt(9, 60), logs(0, 80), told), want: refold},
		"Kafka acknowledged a batch, and lost it":        {found: stands(acknowledgedAt(6, ledgerAt(7, 50)), committedAt(5, 40), logs(0, 80), told), want: retell},
		"the very batch, and no other after it":          {found: stands(acknowledgedAt(7, ledgerAt(7, 50)), committedAt(6, 40), logs(0, 80), told), want: retell},
		"Kafka has all that it acknowledged":             {found: stands(acknowledgedAt(5, ledgerAt(7, 50)), committedAt(5, 40), logs(0, 80), told), want: reannounce},
		"a transaction hangs, n > m":                     {found: hangs(stands(ledgerAt(7, 50), committedAt(5, 40), logs(0, 80), told)), want: retell},
		"a transaction hangs, n < m":                     {found: hangs(stands(ledgerAt(3, 30), committedAt(5, 40), logs(0, 80), told)), want: refold},
		"a transaction hangs, no position":               {found: hangs(stands(ledgerAt(5, 50), nil, logs(0, 80), told)), want: probe},
		"Kafka lost a batch of a reconcile":              {found: stands(recovering(acknowledgedAt(6, ledgerAt(7, 40)), phaseReconcile), committedAt(5, 40), logs(0, 80), told), want: retell},
		"Kafka lost a batch while it was retold":         {found: stands(recovering(acknowledgedAt(6, ledgerAt(7, 40)), phaseResend), committedAt(5, 40), logs(0, 80), told), want: retell},
		"telling again was cut short":                    {found: stands(recovering(acknowledgedAt(5, ledgerAt(7, 40)), phaseResend), committedAt(5, 40), logs(0, 80), told), want: recoverOn},
		"Kafka lost a batch during a refold":             {found: stands(recovering(acknowledgedAt(3, ledgerAt(3, 30)), phaseRefold), committedAt(2, 40), logs(0, 80), told), want: recoverOn},
		"a rebuild was cut short":                        {found: stands(recovering(ledgerAt(0, 10), phaseRefold), nil, logs(0, 80), told), want: recoverOn},
	} {
		t.Run(name, func(t *testing.T) {
			got, refusal := judge(row.found, false)
			switch {
			case refusal != nil && row.refusal == "":
				t.Fatalf("refused: %v", refusal)
			case refusal != nil:
				if refusal.Reason != row.refusal || !strings.Contains(refusal.Error(), "--rebuild=from-retained") {
					t.Fatalf("refused with %v; want reason %s and the mend", refusal, row.refusal)
				}
			case row.refusal != "":
				t.Fatalf("%v; want the refusal %s", got, row.refusal)
			case got != row.want:
				t.Fatalf("%v; want %v", got, row.want)
			}
		})
	}
}

// TestWhatHangsIsDecided: kept where it is certainly committed or in the outbox, else thrown away.
func TestWhatHangsIsDecided(t *testing.T) {
	announcing := func(l *state.Ledger) *state.Ledger {
		l.Outbox = []byte("something")
		return l
	}
	for name, row := range map[string]struct {
		found found
		want  verdict
	}{
		"nothing hangs":              {stands(announcing(ledgerAt(7, 50)), committedAt(5, 40), logs(0, 80), wire.Bounds{}), nothing},
		"n = m":                      {hangs(stands(announcing(ledgerAt(5, 50)), committedAt(5, 50), logs(0, 80), wire.Bounds{})), keep},
		"n > m, nothing to announce": {hangs(stands(ledgerAt(7, 50), committedAt(5, 40), logs(0, 80), wire.Bounds{})), keep},
		"n > m, an outbox":           {hangs(stands(announcing(ledgerAt(7, 50)), committedAt(5, 40), logs(0, 80), wire.Bounds{})), keep},
		"n < m":                      {hangs(stands(ledgerAt(3, 30), committedAt(5, 40), logs(0, 80), wire.Bounds{})), discard},
		"more was acknowledged":      {hangs(stands(acknowledgedAt(6, ledgerAt(7, 50)), committedAt(5, 40), logs(0, 80), wire.Bounds{})), discard},
		"it may hang elsewhere":      {stands(acknowledgedAt(6, ledgerAt(7, 50)), committedAt(5, 40), logs(0, 80), wire.Bounds{}), discard},
		"a refold under way":         {hangs(stands(recovering(ledgerAt(5, 50), phaseRefold), committedAt(5, 50), logs(0, 80), wire.Bounds{})), discard},
		"no position":                {hangs(stands(ledgerAt(5, 50), nil, logs(0, 80), wire.Bounds{})), discard},
		"no ledger":                  {hangs(stands(nil, committedAt(5, 50), logs(0, 80), wire.Bounds{})), discard},
	} {
		t.Run(name, func(t *testing.T) {
			if got := row.found.hanging(); got != row.want {
				t.Errorf("%v, want %v", got, row.want)
			}
		})
	}
}

// TestTheOperatorsWord lifts each refusal that only the operator can lift.
func TestTheOperatorsWord(t *testing.T) {
	for name, row := range map[string]struct {
		found found
		want  action
	}{
		"no ledger, log begins late":   {stands(nil, committedAt(5, 40), logs(3, 80), wire.Bounds{}), rebuild},
		"ledger below the log's start": {stands(ledgerAt(5, 50), committedAt(5, 50), logs(51, 80), wire.Bounds{}), resume},
		"ledger above the log's end":   {stands(ledgerAt(5, 50), committedAt(5, 50), logs(0, 49), wire.Bounds{}), resume},
	} {
		t.Run(name, func(t *testing.T) {
			got, refusal := judge(row.found, true)
			if refusal != nil || got != row.want {
				t.Fatalf("%v, %v; want %v", got, refusal, row.want)
			}
		})
	}
}

func TestAGroupThatKeepsItsStateElsewhereIsNotOurs(t *testing.T) {
	_, err := readPosition(map[wire.Partition]wire.Commit{clicks: {Offset: 3, Metadata: metadata{Batch: 4, Prefix: "there"}.String()}}, "here")
	if !errors.Is(err, errOtherPrefix) {
		t.Errorf("%v", err)
	}
}

func TestOffsetsThatSomebodyElseWroteAreNotTrusted(t *testing.T) {
	for _, text := range []string{"", "{}", "x", `{"batch":0}`} {
		_, err := readPosition(map[wire.Partition]wire.Commit{clicks: {Offset: 3, Metadata: text}}, "here")
		if err == nil {
			t.Errorf("metadata %q was taken for ours", text)
		}
	}
	p, err := readPosition(map[wire.Partition]wire.Commit{clicks: {Offset: 3, Metadata: metadata{Batch: 4, Clock: 9, Prefix: "here"}.String()}}, "here")
	if err != nil || p.Batch != 4 || p.Clock != 9 || p.Offsets[clicks] != 3 {
		t.Errorf("%+v, %v", p, err)
	}
}
