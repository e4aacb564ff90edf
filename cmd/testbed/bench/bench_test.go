package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed/workload"
)

var (
	rounds        = flag.Int("rounds", 5, "how often every contender folds the work, in turns")
	folded        = flag.Int("events", workload.Events, "events of the work")
	parts         = flag.String("parts", "throughput,latency,alone", "what to measure, of throughput, latency and alone, with commas between them")
	sizes         = flag.String("sizes", "10000,100000,1000000", "how many leads there are when the cost of an event is measured, with commas between them")
	latencyRounds = flag.Int("latency-rounds", 3, "how often every contender works at the steady rate, in turns")
	outDir        = flag.String("out", "", "directory for report.json, report.md and the pictures; none: nowhere")
)

// BenchmarkAll measures hotlead beside its peers on one machine, prints the report as Markdown, and writes it down:
//
//	HOTLEAD_TESTBED=process go test -run '^$' -bench '^BenchmarkAll$' -benchtime 1x -timeout 0 ./cmd/testbed/bench -args -rounds 5
//
// which is what `make bench` does. It fails where a contender announced something else than it must.
func BenchmarkAll(b *testing.B) {
	runtime.LockOSThread() // children that are to die with their parent die with the thread that started them
	defer runtime.UnlockOSThread()
	s := newServers(b)
	report := &Report{Begun: time.Now(), Events: *folded, Offered: offered, Machine: thisMachine(s.cpus), Commit: commit(b)}
	if s.programs.absent != "" {
		report.Absent = append(report.Absent, s.programs.absent)
	}
	defer report.finish(b)
	asked := strings.Split(*parts, ",")
	if *rounds+*latencyRounds > 0 {
		s.warmUp()
	}
	for _, part := range []struct {
		name    string
		measure func()
	}{
		{"throughput", func() {
			say("writing %d events", *folded)
			s.throughput(report, s.w1(*folded), *rounds)
		}},
		{"latency", func() { s.latency(report, *latencyRounds) }},
		{"alone", func() {
			leads, err := numbers(*sizes)
			if err == nil {
				err = s.alone(report, leads)
			}
			if err != nil {
				report.Failed = append(report.Failed, err.Error())
			}
		}},
	} {
		for _, name := range asked {
			if name == part.name {
				part.measure()
			}
		}
	}
}

// finish prints the report and writes it down.
func (r *Report) finish(b *testing.B) {
	b.Helper()
	r.Took = time.Since(r.Begun).Seconds()
	text := r.Markdown()
	fmt.Fprint(os.Stdout, "\n"+text)
	if len(r.Failed) > 0 {
		b.Errorf("%d runs were none", len(r.Failed))
	}
	if *outDir == "" {
		return
	}
	all, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		b.Fatal(err)
	}
	if err := os.MkdirAll(*outDir, 0o755); err != nil {
		b.Fatal(err)
	}
	files := map[string][]byte{"report.json": all, "report.md": []byte(text)}
	pictures, err := r.Pictures()
	if err != nil {
		b.Error(err)
	}
	for name, picture := range pictures {
		files[name] = []byte(picture)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(*outDir, name), content, 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

// commit is that of the work tree, with a + where it has changes.
func commit(b *testing.B) string {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), "git", "describe", "--always", "--dirty=+").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
