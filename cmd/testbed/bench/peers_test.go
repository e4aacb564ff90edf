//go:build peers

package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/cmd/testbed/workload"
)

var (
	rounds = flag.Int("rounds", 5, "how often every contender runs, in turns")
	folded = flag.Int("events", workload.Events, "events of the work")
	out    = flag.String("out", "", "directory for figures.json and peers.svg; none: nowhere")
)

// TestPeers measures hotlead beside Kafka Streams and Flink on one machine, in turns, and prints the figures.
//
//	go test -tags peers -run '^TestPeers$' -timeout 3h ./cmd/testbed/bench -args -rounds 5
func TestPeers(t *testing.T) {
	s := newServers(t)
	s.produce(*folded)
	figures := map[string][]figure{}
	for round := range *rounds {
		for i := range throughput {
			c := throughput[(round+i)%len(throughput)] // no one always follows the same one
			f := s.fold(c)
			t.Logf("round %d: %v", round+1, f)
			figures[c.name] = append(figures[c.name], f)
		}
	}
	report(t, figures)
}

// servers are what all contenders share.
type servers struct {
	t            *testing.T
	builds       builds
	kafka, redis string // addresses
	input        string // topic
	client       *kgo.Client
	ends         kadm.ListedOffsets
}

func newServers(t *testing.T) *servers {
	t.Helper()
	s := &servers{t: t, builds: build(t), kafka: testbed.BusyKafka(t).Addr, redis: testbed.OwnRedis(t).Addr, input: testbed.Unique(t, "engagement")}
	testbed.CreateTopics(t, s.kafka, map[string]int{s.input: lanes})
	var err error
	s.client, err = kgo.NewClient(kgo.SeedBrokers(s.kafka), kgo.DefaultProduceTopic(s.input), kgo.DisableClientMetrics(),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	return s
}

// produce writes n events of the work into the input topic.
func (s *servers) produce(n int) {
	s.t.Helper()
	g := workload.New(1, workload.Leads, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err := produceTo(s.t.Context(), s.client, g, n); err != nil {
		s.t.Fatal(err)
	}
	var err error
	if s.ends, err = kadm.NewClient(s.client).ListEndOffsets(s.t.Context(), s.input); err != nil {
		s.t.Fatal(err)
	}
}

// figure is one run of a contender.
type figure struct {
	Contender string  `json:"contender"`
	Events    int64   `json:"events"` // folded while it was measured
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"events_per_second"`
	// Processor time in seconds for a million events.
	Own, Kafka, Redis, All float64
	// Peak is the most resident memory of the contender, in MiB.
	Peak int64 `json:"peak_mib"`
}

func (f figure) String() string {
	return fmt.Sprintf("%s: %.0f events/s, %.2f s of processors a million (own %.2f, Kafka %.2f, Redis %.2f), %d MiB",
		f.Contender, f.PerSecond, f.All, f.Own, f.Kafka, f.Redis, f.Peak)
}

// fold runs c over the whole input. It is measured from its first commit, so that nobody's start counts, to its last.
func (s *servers) fold(c contender) figure {
	s.t.Helper()
	r := s.start(c)
	defer r.stop()
	total := int64(*folded)
	first := s.committed(r, 1)
	begun, before := time.Now(), spent(s.t)
	s.committed(r, total)
	seconds, after := time.Since(begun).Seconds(), spent(s.t)
	f := figure{Contender: c.name, Events: total - first, Seconds: seconds, Peak: peakMemory(r.cmd.Process.Pid) >> 20}
	if f.Events < total/4 {
		s.t.Fatalf("%s had committed %d of %d events at its first commit: too few are left to measure", c.name, first, total)
	}
	millions := float64(f.Events) / 1e6
	f.PerSecond = float64(f.Events) / seconds
	pid := r.cmd.Process.Pid
	f.Own = (after.others[pid] - before.others[pid]).Seconds() / millions
	f.Kafka = (after.kafka - before.kafka).Seconds() / millions
	f.Redis = (after.redis - before.redis).Seconds() / millions
	f.All = f.Own + f.Kafka + f.Redis
	return f
}

// committed waits until the group has committed at least so many events, and returns how many.
func (s *servers) committed(r *running, least int64) int64 {
	s.t.Helper()
	ctx, cancel := context.WithTimeoutCause(s.t.Context(), 10*time.Minute, errors.New("ten minutes are over"))
	defer cancel()
	admin := kadm.NewClient(s.client)
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	for {
		var sum int64
		if offsets, err := admin.FetchOffsets(ctx, r.group); err == nil {
			s.ends.Each(func(end kadm.ListedOffset) {
				if at, ok := offsets.Lookup(end.Topic, end.Partition); ok && at.At > 0 {
					sum += at.At
				}
			})
		}
		if sum >= least {
			return sum
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			s.t.Fatalf("waiting for %d events of %s, %d are committed: %v; it said:\n%s", least, r.group, sum, context.Cause(ctx), r.words())
		}
	}
}

// median is the middle one, by what of tells.
func median(figures []figure, of func(figure) float64) float64 {
	all := make([]float64, len(figures))
	for i, f := range figures {
		all[i] = of(f)
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// peakMemory is the most resident memory that a process has had, in bytes; 0 where it has ended.
func peakMemory(pid int) int64 {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}
