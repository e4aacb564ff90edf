package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/cmd/testbed/workload"
)

// beyondLeads is what the service may take in all beside limits.memory_bytes: with the default of 256 MiB, 600 MiB.
const beyondLeads = 344 << 20

// TestItTakesNoMoreMemoryThanItIsTold folds events of far more leads than memory is given for, as fast as it can, and
// asks the system for the most that the process ever held.
func TestItTakesNoMoreMemoryThanItIsTold(t *testing.T) {
	if testing.Short() {
		t.Log("only outside of -short")
		return
	}
	const (
		lanes  = 4
		events = 300_000
		memory = 16 << 20 // for about 80,000 leads
	)
	kafka, store := testbed.OwnKafka(t).Addr, testbed.OwnRedis(t).Addr
	topics := map[string]int{}
	for _, name := range []string{"engagement", "qualification", "changes", "letters", "inbox"} {
		topics[name] = lanes
	}
	testbed.CreateTopics(t, kafka, topics)
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka), kgo.DefaultProduceTopic("engagement"), kgo.DisableClientMetrics(),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.MaxBufferedRecords(50_000))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var first kgo.FirstErrPromise
	g := workload.New(1, 10*workload.Leads, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for i := range events {
		text, key := g.Append(nil)
		id := fmt.Appendf(nil, "lead-%07d", i%(events-1000)) // each about once, in place of the law by which some are busy
		client.Produce(t.Context(), &kgo.Record{Key: id, Value: bytes.Replace(text[key:], text[:key], id, 1)}, first.Promise())
	}
	if err := client.Flush(t.Context()); err != nil || first.Err() != nil {
		t.Fatal(err, first.Err())
	}
	config := write(t, "hotlead.yaml", fmt.Sprintf(`kafka:
  brokers: [%q]
  topics: {engagement: engagement, qualification: qualification, tier_changes: changes, dead_letters: letters, inbox: inbox}
redis: {addrs: [%q]}
model: %q
http: {listen: "127.0.0.1:0"}
limits: {memory_bytes: %d}
`, kafka, store, write(t, "model.yaml", string(workload.Model)), memory))
	// Not this binary: the race detector, where it is on, takes several times the memory.
	file := filepath.Join(t.TempDir(), "hotlead")
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		t.Fatalf("building hotlead: %v\n%s", err, said)
	}
	p := startFile(t, file, "hotlead", "run", "--config", config)
	ended := make(chan int, 1)
	go func() { ended <- p.ends(t) }()
	raw := redis.NewClient(&redis.Options{Addr: store})
	defer raw.Close()
	for tick := time.NewTicker(100 * time.Millisecond); counted(t, raw, lanes) < events-1000; {
		select {
		case <-tick.C:
		case code := <-ended:
			t.Fatalf("exit %d before its time, standard error %s", code, p.errOut.String())
		}
	}
	if most := peak(t, p.cmd.Process.Pid); most > memory+beyondLeads {
		t.Errorf("at most %d MiB were resident, and %d MiB for leads and %d for all else are allowed", most>>20, memory>>20, beyondLeads>>20)
	} else {
		t.Logf("at most %d MiB were resident", most>>20)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != exitDone {
		t.Errorf("exit %d, standard error %s", code, p.errOut.String())
	}
}

// counted are the leads that Redis holds, by the ledgers' counts.
func counted(t *testing.T, raw *redis.Client, lanes int) (n int64) {
	t.Helper()
	for lane := range lanes {
		fields, err := raw.HGetAll(t.Context(), fmt.Sprintf("{hotlead.%d}:ledger", lane)).Result()
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range fields {
			if tier, ok := bytes.CutPrefix([]byte(name), []byte("count:")); ok && len(tier) > 0 {
				leads, err := strconv.ParseInt(value, 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				n += leads
			}
		}
	}
	return n
}

// peak is the most memory that a process ever had resident, in bytes.
func peak(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := bytes.Cut(status, []byte("VmHWM:"))
	line, _, _ := bytes.Cut(after, []byte(" kB"))
	kib, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
	if !ok || err != nil {
		t.Fatalf("no VmHWM in %q: %v", status, err)
	}
	return kib << 10
}
