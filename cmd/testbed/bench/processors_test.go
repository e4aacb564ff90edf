package bench

import (
	"testing"
	"time"
)

func TestReadMachine(t *testing.T) {
	busy, stolen, err := readMachine("cpu  100 20 30 5000 60 7 8 90 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
	if err != nil || busy != 1650*time.Millisecond || stolen != 900*time.Millisecond {
		t.Errorf("busy %v, stolen %v, %v", busy, stolen, err)
	}
	for _, text := range []string{"", "intr 1 2 3 4 5 6 7 8 9", "cpu 1 2 3", "cpu a 2 3 4 5 6 7 8"} {
		if _, _, err := readMachine(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestOthers(t *testing.T) {
	begun := time.Unix(0, 0)
	before := processors{at: begun, self: time.Second, kafka: time.Second, busy: 10 * time.Second, others: map[int]time.Duration{7: time.Second}}
	after := processors{at: begun.Add(10 * time.Second), self: 2 * time.Second, kafka: 3 * time.Second, redis: time.Second, busy: 20 * time.Second,
		stolen: 2 * time.Second, others: map[int]time.Duration{7: 3 * time.Second, 8: time.Second}}
	// Ours: 1 + 2 + 1 + 2 + 1 of the 12 seconds that were had or stolen, on 2 processors for 10 seconds.
	if got := after.othersSince(before, 2); got != .25 {
		t.Errorf("others had %v of the processors, want a quarter", got)
	}
	if got, want := after.since(before, 7), (CPU{Own: 2, Kafka: 2, Redis: 1}); got != want || got.All() != 5 || got.over(2).Own != 1 {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestMetricIn(t *testing.T) {
	text := "# HELP hotlead_leads Leads.\nhotlead_leads{tier=\"hot room\"} 3\nhotlead_leads{tier=\"cold\"} 1e+06\nhotlead_leads_more 5\nup 1\n"
	if got := metricIn(text, "hotlead_leads"); got != 1_000_003 {
		t.Errorf("%v leads", got)
	}
	if got := metricIn(text, "up"); got != 1 {
		t.Errorf("up is %v", got)
	}
}
