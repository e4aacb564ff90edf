// Package smoke_test runs the binary as a person would, and looks at it from outside only: by a Kafka client that is not
// hotlead's own, and by HTTP.
package smoke_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// patience bounds a test once hotlead is built, on a slow machine too.
const patience = time.Minute

func TestMain(m *testing.M) { os.Exit(testbed.Run(m)) }

// TestDevTurnsALeadHot is the first thing that a person tries: `hotlead dev`, an event, a hot lead.
func TestDevTurnsALeadHot(t *testing.T) {
	file := build(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	kafkaAddr, webAddr := testbed.FreeAddr(t), testbed.FreeAddr(t)
	dev := start(ctx, t, file, "dev", "--no-traffic", "--model", "bant", "--kafka", kafkaAddr, "--listen", webAddr)
	dev.await(ctx, "readiness", func() bool { return get(ctx, webAddr, "/readyz").status == http.StatusOK })

	client, err := kgo.NewClient(kgo.SeedBrokers(kafkaAddr),
		kgo.ConsumeTopics("lead.tier-changes"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	event := `{"specversion":"1.0","id":"1","source":"smoke","type":"criteria.rated","subject":"lead-42","time":"2026-11-20T10:00:00Z",` +
		`"data":{"ratings":{"need":5,"interest":4,"timeframe":5,"budget":4,"authority":5}}}`
	for range 2 { // the same event twice counts once
		record := &kgo.Record{Topic: "lead.qualification", Key: []byte("lead-42"), Value: []byte(event)}
		if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}

	change := firstChange(ctx, t, client)
	if change.Subject != "lead-42" || change.Data.To != "hot" || change.Data.Sequence != 1 {
		t.Errorf("announced is lead %q to %q with sequence %d, want lead-42 to hot with 1", change.Subject, change.Data.To, change.Data.Sequence)
	}
	dev.await(ctx, "the line about the change", func() bool { return strings.Contains(dev.output(), "lead-42") })
	if page := get(ctx, webAddr, "/"); page.status != http.StatusOK || !strings.Contains(page.body, "<html") {
		t.Errorf("the page answers %d:\n%s", page.status, page.body)
	}
	if lead := get(ctx, webAddr, "/v1/leads/lead-42"); lead.status != http.StatusOK || !strings.Contains(lead.body, `"tier":"hot"`) {
		t.Errorf("the lead answers %d:\n%s", lead.status, lead.body)
	}
	if hot := get(ctx, webAddr, "/v1/leads?tier=hot"); hot.status != http.StatusOK || !strings.Contains(hot.body, "lead-42") {
		t.Errorf("the hot leads answer %d:\n%s", hot.status, hot.body)
	}
	if metrics := get(ctx, webAddr, "/metrics"); !strings.Contains(metrics.body, "hotlead_tier_changes_total{") {
		t.Errorf("the metrics lack hotlead_tier_changes_total:\n%s", metrics.body)
	}
	dev.interrupt()
}

// change is what this test reads of an announcement.
type change struct {
	Subject string `json:"subject"`
	Data    struct {
		To       string `json:"to"`
		Sequence int    `json:"sequence"`
	} `json:"data"`
}

// firstChange reads the first announcement as a read_committed consumer does.
func firstChange(ctx context.Context, t *testing.T, client *kgo.Client) change {
	t.Helper()
	for {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("waiting for a tier change: %v", err)
		}
		for _, record := range fetches.Records() {
			var c change
			if err := json.Unmarshal(record.Value, &c); err != nil {
				t.Fatalf("%v in %s", err, record.Value)
			}
			return c
		}
	}
}

// binary is one run of hotlead.
type binary struct {
	t    *testing.T
	cmd  *exec.Cmd
	done chan struct{}

	mu   sync.Mutex
	text bytes.Buffer
}

// build makes the binary, as `go run` would.
func build(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "hotlead")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", file, "../../hotlead").CombinedOutput(); err != nil {
		t.Fatalf("building hotlead: %v\n%s", err, out)
	}
	return file
}

// start runs hotlead with args. It is killed when the test ends and it did not.
func start(ctx context.Context, t *testing.T, file string, args ...string) *binary {
	t.Helper()
	b := &binary{t: t, cmd: exec.CommandContext(context.WithoutCancel(ctx), file, args...), done: make(chan struct{})}
	b.cmd.Stdout, b.cmd.Stderr = b, b
	if err := b.cmd.Start(); err != nil {
		t.Fatalf("starting hotlead: %v", err)
	}
	go func() {
		defer close(b.done)
		_ = b.cmd.Wait() // interrupt looks at the exit code
	}()
	t.Cleanup(func() {
		if t.Failed() { // where it stands is what one wants to know: SIGQUIT prints every goroutine
			_ = b.cmd.Process.Signal(syscall.SIGQUIT)
			select {
			case <-b.done:
			case <-time.After(5 * time.Second):
			}
		}
		_ = b.cmd.Process.Kill() // most have ended already
		<-b.done
		if t.Failed() {
			t.Logf("hotlead printed:\n%s", b.output())
		}
	})
	return b
}

// Write keeps what hotlead prints.
func (b *binary) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

func (b *binary) output() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// await looks again and again until it is so, hotlead has ended, or patience has.
func (b *binary) await(ctx context.Context, what string, so func() bool) {
	b.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			b.t.Fatalf("waiting for %s: %v", what, ctx.Err())
		case <-b.done:
			b.t.Fatalf("waiting for %s: hotlead has ended: %v", what, b.cmd.ProcessState)
		case <-tick.C:
		}
	}
}

// interrupt is Ctrl-C: a planned stop, which is no failure.
func (b *binary) interrupt() {
	b.t.Helper()
	if err := b.cmd.Process.Signal(syscall.SIGINT); err != nil {
		b.t.Fatalf("interrupting hotlead: %v", err)
	}
	select {
	case <-b.done:
		if code := b.cmd.ProcessState.ExitCode(); code != 0 {
			b.t.Errorf("interrupted, hotlead ends with %d, want 0", code)
		}
	case <-time.After(20 * time.Second):
		b.t.Error("interrupted, hotlead goes on for 20 s")
	}
}

// answer is an HTTP answer, status 0 where none came.
type answer struct {
	status int
	body   string
}

func get(ctx context.Context, addr, path string) answer {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, http.NoBody)
	if err != nil {
		return answer{body: err.Error()}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{body: err.Error()}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{body: fmt.Sprintf("%d, then %v", res.StatusCode, err)}
	}
	return answer{status: res.StatusCode, body: string(body)}
}
