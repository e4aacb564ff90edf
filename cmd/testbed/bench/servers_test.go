package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/cmd/testbed/workload"
)

// patience is how long is waited for what must come.
const patience = 10 * time.Minute

// servers are what all contenders share.
type servers struct {
	b            *testing.B
	programs     programs
	kafka, redis string // addresses
	raw          *redis.Client
	client       *kgo.Client
	admin        *kadm.Client
	dir          string
	cpus         int
}

func newServers(b *testing.B) *servers {
	b.Helper()
	s := &servers{b: b, programs: build(b), kafka: testbed.BusyKafka(b).Addr, redis: testbed.OwnRedis(b).Addr, dir: b.TempDir(), cpus: runtime.NumCPU()}
	s.raw = redis.NewClient(&redis.Options{Addr: s.redis})
	b.Cleanup(func() { s.raw.Close() })
	var err error
	s.client, err = kgo.NewClient(append(producing(s.kafka), kgo.ProducerLinger(5*time.Millisecond))...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.client.Close)
	s.admin = kadm.NewClient(s.client)
	return s
}

// producing are the options of a client that writes events as other producers do: by the key's murmur2, uncompressed.
func producing(addr string) []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(addr), kgo.DisableClientMetrics(), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(100_000)}
}

// say tells of progress.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}

// work is a topic full of events.
type work struct {
	topic  string
	lanes  int
	events int64
	ends   kadm.ListedOffsets
	// byHotlead is what hotlead must announce of them, byPeers those that look at a lead only when an event comes.
	byHotlead, byPeers tally
	// file holds the same events, one a line; "" where nobody asked for it.
	file string
}

// endOf is how many records partition p holds.
func (w *work) endOf(p int) int64 {
	end, _ := w.ends.Lookup(w.topic, int32(p))
	return end.Offset
}

// write writes the next n events of g into a new topic, and into each.
func (s *servers) write(g *workload.Generator, n, lanes int, each ...func(value []byte) error) *work {
	s.b.Helper()
	w := &work{topic: testbed.Unique(s.b, "engagement"), lanes: lanes}
	testbed.CreateTopics(s.b, s.kafka, map[string]int{w.topic: lanes}, forever)
	s.append(w, g, n, each...)
	return w
}

// append writes the next n events of g behind what w holds. A record's timestamp is its event's time, as in a topic that
// has been written all along.
func (s *servers) append(w *work, g *workload.Generator, n int, each ...func(value []byte) error) {
	s.b.Helper()
	var first kgo.FirstErrPromise
	var slab []byte
	for range n {
		if cap(slab)-len(slab) < 1024 {
			slab = make([]byte, 0, 1<<18)
		}
		at := g.Time()
		text, key := g.Append(slab[len(slab):])
		slab = slab[:len(slab)+len(text)]
		s.client.Produce(s.b.Context(), &kgo.Record{Topic: w.topic, Key: text[:key:key], Value: text[key:], Timestamp: at}, first.Promise())
		for _, f := range each {
			if err := f(text[key:]); err != nil {
				s.b.Fatal(err)
			}
		}
	}
	err := errors.Join(s.client.Flush(s.b.Context()), first.Err())
	if err == nil {
		w.ends, err = s.admin.ListEndOffsets(s.b.Context(), w.topic)
	}
	if err != nil {
		s.b.Fatalf("writing %d events: %v", n, err)
	}
	w.events += int64(n)
}

// w1 writes the whole work, its newest event as of now, and finds out what must be announced of it.
func (s *servers) w1(n int) *work {
	s.b.Helper()
	begin := time.Now().Truncate(time.Second).Add(-time.Duration(n) * workload.Every)
	file, err := os.Create(filepath.Join(s.dir, "events.ndjson"))
	if err != nil {
		s.b.Fatal(err)
	}
	defer file.Close()
	lines, peers := bufio.NewWriterSize(file, 1<<20), newEventOnly()
	w := s.write(workload.New(1, workload.Leads, begin), n, lanes, peers.fold, func(value []byte) error {
		_, err := lines.Write(value)
		return errors.Join(err, lines.WriteByte('\n'))
	})
	if err := lines.Flush(); err != nil {
		s.b.Fatal(err)
	}
	if n == workload.Events && peers.tally.byEvents != workload.Changes {
		s.b.Fatalf("the work makes %d changes, want %d: it is another work", peers.tally.byEvents, workload.Changes)
	}
	w.file, w.byPeers = file.Name(), peers.tally
	// No error is dropped: the other is how quick it was, which is measured once the broker is at rest.
	w.byHotlead, _ = s.offline(w)
	return w
}

// offline folds the work by `hotlead score`: what it announces, and how many events it folds for a second of processor
// time.
func (s *servers) offline(w *work) (tally, float64) {
	s.b.Helper()
	model, out := filepath.Join(s.dir, "model.yaml"), filepath.Join(s.dir, "changes.ndjson")
	if err := os.WriteFile(model, workload.Model, 0o600); err != nil {
		s.b.Fatal(err)
	}
	changes, err := os.Create(out)
	if err != nil {
		s.b.Fatal(err)
	}
	defer changes.Close()
	var said bytes.Buffer
	score := exec.CommandContext(s.b.Context(), s.programs.hotlead, "score", "--model", model, w.file)
	score.Stdout, score.Stderr = changes, &said
	if err := score.Run(); err != nil {
		s.b.Fatalf("folding the work offline: %v\n%s", err, said.String())
	}
	text, err := os.ReadFile(out)
	if err != nil {
		s.b.Fatal(err)
	}
	var t tally
	for line := range bytes.Lines(text) {
		if _, err := t.add(line); err != nil {
			s.b.Fatal(err)
		}
	}
	return t, float64(w.events) / (score.ProcessState.UserTime() + score.ProcessState.SystemTime()).Seconds()
}

// committed waits until the group has committed so many events of the work.
func (s *servers) committed(r *running, w *work, least int64) {
	s.b.Helper()
	s.watch(r, w, func(at []int64) bool { return sum(at) >= least })
}

// watch shows enough what r's group has committed of each partition of the work, every 20 ms, until that says that it is.
func (s *servers) watch(r *running, w *work, enough func(at []int64) bool) {
	s.b.Helper()
	ctx, cancel := context.WithTimeoutCause(s.b.Context(), patience, fmt.Errorf("%v are over", patience))
	defer cancel()
	every := time.NewTicker(20 * time.Millisecond)
	defer every.Stop()
	at := make([]int64, w.lanes)
	for {
		if offsets, err := s.admin.FetchOffsets(ctx, r.group); err == nil {
			for p := range at {
				if o, ok := offsets.Lookup(w.topic, int32(p)); ok && o.At > 0 {
					at[p] = o.At
				}
			}
		}
		if enough(at) {
			return
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			s.b.Fatalf("following %s, which has committed %v of %d events: %v; it said:\n%s", r.name, at, w.events, context.Cause(ctx), r.words())
		}
	}
}

func sum(of []int64) (all int64) {
	for _, n := range of {
		all += n
	}
	return all
}

// audit reads what r has announced, as a reader of committed records sees it, until that is as much as it must be, and
// says so where it is something else.
func (s *servers) audit(r *running, must tally) (tally, error) {
	s.b.Helper()
	ctx, cancel := context.WithTimeout(s.b.Context(), 20*time.Second)
	defer cancel()
	reader, err := kgo.NewClient(kgo.SeedBrokers(s.kafka), kgo.ConsumeTopics(r.output), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DisableClientMetrics(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return tally{}, err
	}
	defer reader.Close()
	var t tally
	for t.byEvents < must.byEvents && ctx.Err() == nil {
		reader.PollFetches(ctx).EachRecord(func(record *kgo.Record) {
			if _, wrong := t.add(record.Value); wrong != nil {
				err = wrong
			}
		})
		if err != nil {
			return t, err
		}
	}
	if !t.same(must) {
		return t, fmt.Errorf("%s announced %d changes that events caused, and not the %d that it must; it said:\n%s", r.name, t.byEvents, must.byEvents, r.words())
	}
	return t, nil
}

// discard ends a run and removes what it leaves behind, so that the next one finds the servers as it did.
func (s *servers) discard(r *running) {
	s.b.Helper()
	r.stop()
	topics := slices.Collect(maps.Keys(r.topics))
	if all, err := s.admin.ListTopics(s.b.Context()); err == nil {
		for _, name := range all.Names() {
			if strings.HasPrefix(name, r.group) { // a changelog of Kafka Streams
				topics = append(topics, name)
			}
		}
	}
	_, err := s.admin.DeleteTopics(s.b.Context(), topics...)
	if r.http != "" {
		err = errors.Join(err, s.raw.FlushAll(s.b.Context()).Err())
	}
	if err := errors.Join(err, os.RemoveAll(r.dir)); err != nil {
		s.b.Fatalf("removing what %s leaves behind: %v", r.name, err)
	}
}
