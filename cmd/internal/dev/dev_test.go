package dev

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/cmd/internal/words"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func model(t *testing.T, name string) *scorer.Model {
	t.Helper()
	m, err := app.LoadModel(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestALineSaysWhoMovedWhereAndWhy(t *testing.T) {
	for want, text := range map[string]string{
		"10:00:00  lead-42                            warm → hot         102.5  page.viewed: pricing-page +30, bounced -10.2, demo +20, rated 21 by 5, not interested": `{
			"type":"lead.tier.changed","time":"2026-11-20T10:00:00Z","data":{"lead":"lead-42","from":"warm","to":"hot","score":102.46,
			"cause":{"kind":"event","type":"page.viewed"},"qualification":{"total":21,"rated":5,"disposition":"not_interested"},
			"contributions":[{"rule":"pricing-page","points":30},{"rule":"bounced","points":-10.2},{"rule":"demo","points":20},{"rule":"fourth","points":1}]}}`,
		"10:00:00  lead-42                            hot → warm            30  time passed": `{
			"type":"lead.tier.changed","time":"2026-11-20T10:00:00Z","data":{"lead":"lead-42","from":"hot","to":"warm","score":30,"cause":{"kind":"time"}}}`,
		"10:00:00  lead-42                            reached MQL            0  corrected after a recovery": `{
			"type":"lead.stage.reached","time":"2026-11-20T10:00:00Z","data":{"lead":"lead-42","from":"hot","to":"hot","stage":"MQL","cause":{"kind":"recovery"}}}`,
	} {
		c, err := words.ReadChange([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := line(c, time.UTC); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// fold lets so many acts of a crowd happen, without Kafka and Redis, and gives the changes that they make. Every act
// must be one that can be scored.
func fold(t *testing.T, m *scorer.Model, seed uint64, acts int) []scorer.Change {
	t.Helper()
	s := newSimulation(m, rand.New(rand.NewPCG(seed, seed)))
	folder, decoder := m.Folder(), events.NewDecoder(events.DefaultLimits())
	leads := map[string]*scorer.Lead{}
	begin := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	var changes []scorer.Change
	var last time.Duration
	for i := range acts {
		at, a := s.next()
		if at < last {
			t.Fatalf("act %d happens at %v, after one at %v", i, at, last)
		}
		last = at
		value, err := a.event(strconv.Itoa(i), begin.Add(at))
		if err != nil {
			t.Fatal(err)
		}
		var e scorer.Event
		if _, err := decoder.Decode(&events.Record{Value: value}, &e); err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		if leads[e.Lead] == nil {
			leads[e.Lead] = &scorer.Lead{ID: e.Lead}
		}
		if changes, _, err = folder.Apply(leads[e.Lead], &e, changes); err != nil {
			t.Fatalf("%s: %v", value, err)
		}
	}
	return changes
}

func TestEveryActCanBeScoredByEveryShippedModel(t *testing.T) {
	for _, name := range scorer.ShippedModels() {
		changes := fold(t, model(t, name), 1, 1500)
		// The gitlab model scores types of its own, so it takes the acts and leaves everyone where they are.
		if len(changes) == 0 && name != "gitlab" {
			t.Errorf("%s: nobody moves", name)
		}
	}
}

func TestWithinSecondsSomeTurnHotAndSomeCool(t *testing.T) {
	m := model(t, "b2b-saas")
	for seed := range uint64(20) {
		moves := map[string]scorer.Instant{} // the first of each
		for _, c := range fold(t, m, seed, 600) {
			if move := c.From + " → " + c.To; moves[move] == 0 && c.Kind == scorer.TierChanged {
				moves[move] = c.At
			}
		}
		begin := scorer.InstantOf(time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC))
		for move, within := range map[string]time.Duration{
			"cold → warm": 10 * time.Second, "warm → hot": 20 * time.Second, "hot → warm": 90 * time.Second, "warm → cold": 120 * time.Second,
		} {
			if at := moves[move]; at == 0 || at.Sub(begin) > within {
				t.Errorf("seed %d: %s after %v", seed, move, at.Sub(begin))
			}
		}
	}
}

func TestACrowdIsMadeOfAllPersonas(t *testing.T) {
	if len(personas) != 12 || crowd < len(personas) {
		t.Errorf("%d personas in a crowd of %d", len(personas), crowd)
	}
}

// running is hotlead dev, with its output.
type running struct {
	lines *bufio.Scanner
	stop  context.CancelFunc
	ended chan error
}

func runDev(t *testing.T, o Options) *running {
	t.Helper()
	out, in := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{lines: bufio.NewScanner(out), stop: stop, ended: make(chan error, 1)}
	o.ModelName, o.Program = "own model.yaml", "hotlead"
	o.Out, o.Log, o.Listen, o.Kafka = in, slog.New(slog.DiscardHandler), "127.0.0.1:0", "127.0.0.1:0"
	go func() {
		err := Run(ctx, o)
		in.Close()
		r.ended <- err
	}()
	t.Cleanup(stop)
	return r
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDevShowsLeadsTurningHot(t *testing.T) {
	// The traffic of this test is one lead that does all it can at once.
	r := runDev(t, Options{Model: model(t, "b2b-saas"), Traffic: func(ctx context.Context, _ *scorer.Model, send Sender) error {
		for _, a := range personas[0].story(rand.New(rand.NewPCG(1, 1))) {
			if a.Data["criterion"] == "interest" {
				continue
			}
			a.Lead = "mara@northwind-labs"
			if err := send(ctx, a); err != nil {
				return err
			}
		}
		<-ctx.Done()
		return ctx.Err()
	}})
	var seen []string
	for r.lines.Scan() {
		seen = append(seen, r.lines.Text())
		if strings.Contains(r.lines.Text(), "→ hot") {
			break
		}
	}
	all := strings.Join(seen, "\n")
	for _, want := range []string{"page     http://127.0.0.1:", "/metrics", "Kafka    127.0.0.1:", "mara@northwind-labs", "cold → warm", "→ hot"} {
		if !strings.Contains(all, want) {
			t.Errorf("the output lacks %q:\n%s", want, all)
		}
	}
	// Acts came in by the topic that they belong to.
	metrics := fetch(t, regexp.MustCompile(`http://\S+/metrics`).FindString(all))
	for _, want := range []string{`hotlead_events_total{result="scored",topic="lead.engagement"}`, `hotlead_events_total{result="scored",topic="lead.qualification"}`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	r.stop()
	last := ""
	for r.lines.Scan() { // until all is closed
		last = r.lines.Text()
	}
	if last != "hotlead has ended; nothing of it is kept" {
		t.Errorf("its last words are %q", last)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("a planned stop ends with %v", err)
	}
}

func TestTrafficThatFailsEndsDev(t *testing.T) {
	broken := errors.New("broken")
	r := runDev(t, Options{Model: model(t, "bant"), Traffic: func(context.Context, *scorer.Model, Sender) error { return broken }})
	for r.lines.Scan() {
	}
	if err := <-r.ended; !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
}

func TestAPortThatIsTakenIsAnErrorWithTheFlag(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	busy := taken.Addr().String()
	for flag, o := range map[string]Options{
		"--kafka":  {Listen: "127.0.0.1:0", Kafka: busy},
		"--listen": {Listen: busy, Kafka: "127.0.0.1:0"},
	} {
		o.Model, o.Out, o.Log = model(t, "bant"), io.Discard, slog.New(slog.DiscardHandler)
		if err := Run(t.Context(), o); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

func TestSimulateKeepsSendingUntilItIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var types []string
	err := Simulate(ctx, model(t, "bant"), func(_ context.Context, a Act) error {
		if types = append(types, a.Type); len(types) == 5 {
			stop()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(types) < 5 || slices.Contains(types, "") {
		t.Errorf("%v after %v", err, types)
	}
	broken := errors.New("broken")
	if err := Simulate(t.Context(), model(t, "bant"), func(context.Context, Act) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
}
