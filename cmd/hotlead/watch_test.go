package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/internal/dev/servers"
)

// said collects what a command says while it runs.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// eventually waits until it has said something that matches.
func (s *said) eventually(t *testing.T, pattern string) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !regexp.MustCompile(pattern).MatchString(s.String()) {
		select {
		case <-deadline.C:
			t.Fatalf("it has not said %s, but\n%s", pattern, s)
		case <-tick.C:
		}
	}
}

// changesOf is a Kafka with a topic of tier changes, the configuration of it alone, and how to announce changes.
func changesOf(t *testing.T) (config string, announce func(values ...string), away func()) {
	t.Helper()
	kafka, err := servers.StartKafka("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	config = write(t, "hotlead.yaml", "kafka: {brokers: ['"+kafka.Addr()+"']}\n")
	if code, _, errOut := hotlead(t, "", "topics", "create", "--partitions", "1", "--config", config); code != exitDone {
		t.Fatal(errOut)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka.Addr()), kgo.DefaultProduceTopic("lead.tier-changes"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return config, func(values ...string) {
		for _, value := range values {
			var change struct{ Subject string }
			if err := json.Unmarshal([]byte(value), &change); err != nil {
				t.Fatal(err)
			}
			if err := client.ProduceSync(t.Context(), kgo.KeyStringRecord(change.Subject, value)).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}, kafka.Close
}

// watching is hotlead watch while it runs, and how to end it as Ctrl-C does.
func watching(t *testing.T, flags ...string) (out, errOut *said, end func()) {
	t.Helper()
	out, errOut = &said{}, &said{}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- execute(ctx, append([]string{"watch"}, flags...), strings.NewReader(""), out, errOut) }()
	end = sync.OnceFunc(func() {
		cancel()
		if code := <-ended; code != exitDone {
			t.Errorf("it ends with %d: %s", code, errOut)
		}
	})
	t.Cleanup(end)
	return out, errOut, end
}

// The changes of the tests: ada's of an hour ago, and what comes after.
var (
	adaCooled = change(`"lead.tier.changed"`, "ada", 1, time.Hour, `"from":"hot","to":"warm","direction":"down","score":30,"cause":{"kind":"time"}`)
	adaHot    = change(`"lead.tier.changed"`, "ada", 2, 0, `"from":"warm","to":"hot","direction":"up","route":"sales","score":72.46,
		"cause":{"kind":"event","type":"demo.requested"},"qualification":{"total":21,"rated":5},"contributions":[{"rule":"demo","points":50},{"rule":"bounced","points":-10.2}]`)
	bobCold = change(`"lead.tier.changed"`, `b\u001b[2Job`, 1, 0, `"from":"warm","to":"cold","direction":"down","route":"nurture","score":0,"cause":{"kind":"model"},"model":{"name":"b2b-saas","version":8}`)
	adaMQL  = change(`"lead.stage.reached"`, "ada", 3, 0, `"from":"hot","to":"hot","stage":"MQL","score":72.46,"cause":{"kind":"recovery"}`)
)

// change is a change as it is announced, on one line; it became true that long ago.
func change(typ, lead string, sequence int, ago time.Duration, data string) string {
	number := string(rune('0' + sequence))
	return strings.NewReplacer("\n", "", "\t", "").Replace(`{"specversion":"1.0","id":"` + lead + `/` + number + `","source":"hotlead/b2b-saas","type":` + typ +
		`,"subject":"` + lead + `","time":"` + time.Now().Add(-ago).UTC().Format(time.RFC3339) + `","data":{"lead":"` + lead + `","sequence":` + number + `,` + data + `}}`)
}

func TestWatchTellsWhatComes(t *testing.T) {
	config, announce, _ := changesOf(t)
	announce(adaCooled)
	out, errOut, end := watching(t, "--config", config, "--output", "table", "--since", "5m")
	announce(adaHot, bobCold, adaMQL)
	const day = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  `
	out.eventually(t, `^`+day+`ada  warm → hot  sales   72\.5  demo\.requested: demo \+50, bounced -10\.2, rated 21 by 5
`+day+`b`+"\uFFFD"+`\[2Job  warm → cold  nurture      0  the new model b2b-saas, version 8
`+day+`ada      reached MQL            72\.5  corrected after a recovery
$`)
	end()
	if errOut.String() != "" {
		t.Errorf("standard error holds %s", errOut)
	}
}

func TestALongIDDoesNotPushAwayWhatComesAfterIt(t *testing.T) {
	var column int
	for _, c := range []struct{ text, want string }{
		{"ada", "ada"},
		{"grace", "grace"},
		{"ada", "ada  "},
		{strings.Repeat("x", 256), strings.Repeat("x", 256)},
		{"ada", "ada" + strings.Repeat(" ", widest-3)},
	} {
		if got := wide(&column, c.text); got != c.want {
			t.Errorf("%q is written %q", c.text, got)
		}
	}
}

func TestWatchTellsWhatWasAskedFor(t *testing.T) {
	config, announce, _ := changesOf(t)
	// What begins as hotlead writes a change, and goes on otherwise, is none.
	forged := strings.Replace(change(`"lead.tier.changed"`, "eve", 1, 0, `"from":"warm","to":"hot","cause":{"kind":"time"},"to":"cold"`),
		`,"data":`, `,"datacontenttype":"application/json","data":`, 1)
	announce(adaCooled, adaHot, forged, bobCold, adaMQL)
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{nil, adaCooled + "\n" + adaHot + "\n" + bobCold + "\n" + adaMQL + "\n"},
		{[]string{"--tier", "hot"}, adaHot + "\n" + adaMQL + "\n"},
		{[]string{"--tier", "hot,warm", "--tier", "cold"}, adaCooled + "\n" + adaHot + "\n" + bobCold + "\n" + adaMQL + "\n"},
		{[]string{"--route", "nurture"}, bobCold + "\n"},
		{[]string{"--tier", "hot", "--route", "sales"}, adaHot + "\n"},
	} {
		out, _, end := watching(t, append(c.flags, "--config", config, "--since", "2h")...)
		out.eventually(t, "^"+regexp.QuoteMeta(c.want)+"$")
		end()
	}
}

func TestWatchWaitsForKafka(t *testing.T) {
	config, announce, away := changesOf(t)
	announce(adaHot)
	out, errOut, end := watching(t, "--config", config, "--since", "1h")
	out.eventually(t, "demo.requested")
	away()
	errOut.eventually(t, "tier changes can't be read; trying on")
	end()
	if code, _, said := hotlead(t, "", "watch", "--config", config); code != exitFailed || !strings.Contains(said, "Kafka") {
		t.Errorf("begun without Kafka it ends with %d: %s", code, said)
	}
}

func TestTheHistoryOfALead(t *testing.T) {
	config, announce, _ := changesOf(t)
	announce(adaCooled, bobCold, adaHot, adaMQL)
	code, out, errOut := hotlead(t, "", "lead", "history", "ada", "--config", config)
	if want := adaCooled + "\n" + adaHot + "\n" + adaMQL + "\n"; code != exitDone || out != want || errOut != "" {
		t.Errorf("exit %d\nout: %s\nerr: %s", code, out, errOut)
	}
	code, out, errOut = hotlead(t, "", "lead", "history", "ada", "--config", config, "--output", "table")
	if code != exitDone || errOut != "" || !regexp.MustCompile(`^.{19}  ada  hot → warm             30  time passed
.{19}  ada  warm → hot   sales   72\.5  demo\.requested: .*
.{19}  ada  reached MQL          72\.5  corrected after a recovery
$`).MatchString(out) {
		t.Errorf("exit %d\nout: %s\nerr: %s", code, out, errOut)
	}
	code, out, errOut = hotlead(t, "", "lead", "history", "eve", "--config", config)
	if code != exitFailed || out != "" || !strings.Contains(errOut, `nothing was announced of a lead "eve"`) {
		t.Errorf("of nobody: exit %d\nout: %s\nerr: %s", code, out, errOut)
	}
}

// A lead that was put together so that each line has something to say, and one of which nothing is known.
func TestALeadAsATable(t *testing.T) {
	var out bytes.Buffer
	if err := printLeadTable(&out, []byte(`{"lead":"ada","account":"acme","tier":"hot","since":"2026-11-20T10:00:00Z","stage":"MQL","score":102.46,
		"engagement":{"score":72.46,"groups":{"web":40,"email":32.46}},"fit":{"score":30,"grade":"B"},
		"qualification":{"total":21,"rated":2,"complete":true,"ratings":{"need":5,"budget":4},"disposition":"not_interested"},
		"contributions":[{"rule":"pricing","points":30},{"rule":"bounced","points":-10.2}],"next_change":{"at":"2026-11-24T14:05:00Z","to":"warm"},
		"sequence":3,"first_seen":"2026-11-01T08:00:00Z","last_seen":"2026-11-20T10:00:00Z","as_of":"2026-11-20T10:01:00Z","model":{"name":"b2b-saas","version":7}}`), time.UTC); err != nil {
		t.Fatal(err)
	}
	const want = `lead           ada
account        acme
tier           hot, since Fri 2026-11-20 10:00:00
stage          MQL
score          102.5
engagement     72.5: email 32.5, web 40
fit            30 B
qualification  21: budget 4, need 5, complete; not interested
made of        +30 pricing
               -10.2 bounced
next           warm, by time alone, on Tue 2026-11-24 14:05:00
first event    Sun 2026-11-01 08:00:00
last event     Fri 2026-11-20 10:00:00
as of          Fri 2026-11-20 10:01:00
model          b2b-saas, version 7
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	if err := printLead(io.Discard, asTable, json.RawMessage(`{`)); err == nil {
		t.Error("half a lead is shown")
	}
}
