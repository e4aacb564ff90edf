package consumer

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// The proofs of this package run workers against whatever Kafka and Redis the testbed gives, and hold what they announce
// and what they keep against an oracle that shares no code with them.

const (
	lanesOfTests = 4
	// patienceOfTests bounds how long a test waits for what must come.
	patienceOfTests = 90 * time.Second
	// sessionOfTests is how long a worker that was killed is waited for.
	sessionOfTests = 1500 * time.Millisecond
)

// world is one test's topics, group, keys and oracle.
type world struct {
	t            *testing.T
	seed         uint64
	kafka, redis string // addresses
	prefix       string
	group        string
	topics       Topics
	partitions   map[string]int
	text         []byte // of the model
	client       *kgo.Client
	raw          *redis.Client
	log          *journal

	mu     sync.Mutex
	oracle *testbed.Oracle
}

// newWorld makes topics on the shared servers.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, testbed.Kafka(t).Addr, testbed.Redis(t).Addr, nil)
}

// newWorldOn makes topics on those servers; partitions says of which topics (engagement, qualification) the partition
// count is another than the lane count.
func newWorldOn(t *testing.T, kafkaAddr, redisAddr string, partitions map[string]int) *world {
	t.Helper()
	w := &world{
		t: t, seed: testbed.Seed(t), kafka: kafkaAddr, redis: redisAddr,
		prefix: testbed.Unique(t, "k"), group: testbed.Unique(t, "g"),
		text: testbed.ProofModel(1), oracle: testbed.NewOracle(), log: newJournal(t), partitions: map[string]int{},
	}
	name := func(what string) string {
		topic := testbed.Unique(t, what)
		w.partitions[topic] = lanesOfTests
		if n := partitions[what]; n > 0 {
			w.partitions[topic] = n
		}
		return topic
	}
	w.topics = Topics{Engagement: name("engagement"), Qualification: name("qualification"), TierChanges: name("changes"),
		DeadLetters: name("letters"), Inbox: name("inbox")}
	testbed.CreateTopics(t, w.kafka, w.partitions, kafka.ConfigEntry{ConfigName: "max.message.bytes", ConfigValue: "4194304"})
	w.client = w.franz()
	w.raw = redis.NewClient(&redis.Options{Addr: w.redis})
	t.Cleanup(func() { w.raw.Close() })
	return w
}

// franz is a client of another make, which puts records where they say.
func (w *world) franz(opts ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(w.kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableClientMetrics(),
		kgo.ProducerBatchCompression(kgo.NoCompression()), // so that what spoil overwrites is what lanes read
		kgo.ProducerLinger(0), kgo.MetadataMinAge(100 * time.Millisecond), kgo.ProducerBatchMaxBytes(4 << 20),
	}, opts...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

func (w *world) admin() *kadm.Client { return kadm.NewClient(w.client) }

// limited is a context that fails the test rather than hang it.
func (w *world) limited() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), patienceOfTests)
	w.t.Cleanup(cancel)
	return ctx
}

// record is an event on its way: in its lead's lane, or where else the test says.
func (w *world) record(e *testbed.Event) *kgo.Record {
	topic := w.topics.Engagement
	if testbed.QualificationOnly(e.Lead) {
		topic = w.topics.Qualification
	}
	return &kgo.Record{
		Topic: topic, Partition: int32(events.Lane(e.Lead, w.partitions[topic])), Key: []byte(e.Lead), Value: e.JSON(), Timestamp: e.Time,
	}
}

// send sends events and has the oracle fold them.
func (w *world) send(list ...testbed.Event) {
	w.t.Helper()
	if err := w.trySend(w.limited(), list...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) trySend(ctx context.Context, list ...testbed.Event) error {
	records := make([]*kgo.Record, len(list))
	w.mu.Lock()
	for i := range list {
		records[i] = w.record(&list[i])
		w.oracle.Fold(&list[i])
	}
	w.mu.Unlock()
	return w.client.ProduceSync(ctx, records...).FirstErr()
}

// some are the next n events of traffic.
func some(traffic *testbed.Traffic, n int) []testbed.Event {
	list := make([]testbed.Event, n)
	for i := range list {
		list[i] = traffic.Next()
	}
	return list
}

// traffic is random traffic of so many leads, by the test's seed.
func (w *world) traffic(leads int) *testbed.Traffic {
	return testbed.NewTraffic(w.seed, leads, time.Now())
}

// load sends events until halt is called, which returns when the last one is sent.
func (w *world) load(traffic *testbed.Traffic) (halt func()) {
	stop, done := make(chan struct{}), make(chan error, 1)
	ctx := w.limited()
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				done <- nil
				return
			case <-tick.C:
			}
			if err := w.trySend(ctx, some(traffic, 10)...); err != nil {
				done <- err
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(stop)
		if err := <-done; err != nil {
			w.t.Errorf("producing under load: %v", err)
		}
	})
}

// options are those of a worker of this world.
func (w *world) options(registry prometheus.Registerer) Options {
	w.t.Helper()
	return w.optionsOn(w.redis, registry)
}

// optionsOn are options by another way to Redis.
func (w *world) optionsOn(redisAddr string, registry prometheus.Registerer) Options {
	w.t.Helper()
	o, err := plan{
		Kafka: w.kafka, Redis: redisAddr, Prefix: w.prefix, Group: w.group, Topics: w.topics, Model: w.text,
	}.options(registry, slog.New(slog.NewTextHandler(w.log, nil)))
	if err != nil {
		w.t.Fatal(err)
	}
	return o
}

// plan is what a worker is made of, also in another process.
type plan struct {
	Kafka, Redis, Prefix, Group string
	Topics                      Topics
	Model                       []byte
	Strike                      strike
}

func (p plan) options(registry prometheus.Registerer, log *slog.Logger) (Options, error) {
	model, err := scorer.ReadModel("proof.yaml", p.Model)
	if err != nil {
		return Options{}, err
	}
	store, err := state.Open(state.Options{Addrs: []string{p.Redis}, Prefix: p.Prefix})
	return Options{
		Brokers: []string{p.Kafka}, ClientID: "proof", Group: p.Group, Topics: p.Topics, Store: store, Model: model,
		MemoryBytes: 16 << 20, Metrics: NewMetrics(registry), Log: log,
		SessionTimeout: sessionOfTests, RebalanceTimeout: 20 * time.Second, reused: spoil, stretchRecords: 7, toldAtOnce: 7,
	}, err
}

// spoil overwrites what was fetched, once it is free to be used again: whoever still reads it finds that it is no event, no
// change, and nobody's name.
func spoil(memory []byte) {
	for i := range memory {
		memory[i] = '#'
	}
}

// running is a worker in this process.
type running struct {
	w *world
	*Worker
	cancel context.CancelFunc
	ended  chan error
	stop   func() // a planned stop; waits
}

// start starts a worker; each edit may change its options.
func (w *world) start(edits ...func(*Options)) *running {
	w.t.Helper()
	o := w.options(prometheus.NewRegistry())
	for _, edit := range edits {
		edit(&o)
	}
	worker, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	r := &running{w: w, Worker: worker, cancel: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- worker.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-r.ended; err != nil {
			w.t.Errorf("the worker ended with: %v", err)
		}
		if err := o.Store.Close(); err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(r.stop)
	return r
}

// ready waits until the worker says that it is.
func (r *running) ready() {
	r.w.t.Helper()
	r.w.eventually("the worker to be ready", func(ctx context.Context) error { return r.Ready(ctx) })
}

// tookOver is how many lanes the worker found to be so when it took them over.
func (r *running) tookOver(found action) int {
	return int(testutil.ToFloat64(r.o.Metrics.takeOvers.WithLabelValues(found.String())))
}

// wantTookOver fails the test unless the worker found at least one lane so.
func (r *running) wantTookOver(found action) {
	r.w.t.Helper()
	if r.tookOver(found) == 0 {
		r.w.t.Errorf("no lane was taken over with %q", found)
	}
}

// wantCounted fails the test unless the worker counted so many events; a duplicate counts as scored.
func (r *running) wantCounted(want map[outcome]int) {
	r.w.t.Helper()
	got, duplicates := map[outcome]int{}, 0
	for _, topic := range r.o.Topics.inputs() {
		counters := r.o.Metrics.ofTopic(topic)
		for became := range outcomes {
			n := int(testutil.ToFloat64(counters[became]))
			if became == duplicate {
				duplicates += n
				became = scored
			}
			if n > 0 {
				got[became] += n
			}
		}
	}
	if !maps.Equal(got, want) {
		r.w.t.Errorf("counted were %v, want %v", got, want)
	}
	if n := int(testutil.ToFloat64(r.o.Metrics.duplicates)); n != duplicates {
		r.w.t.Errorf("%d duplicates were counted by topic and %d in all", duplicates, n)
	}
}

// eventually tries every 20 ms until there is no error.
func (w *world) eventually(what string, try func(context.Context) error) {
	w.t.Helper()
	ctx := w.limited()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("waiting for %s: %v", what, err)
		case <-tick.C:
		}
	}
}

// journal keeps what workers log, and shows the end of it when the test has failed.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func newJournal(t *testing.T) *journal {
	j := &journal{}
	t.Cleanup(func() {
		if t.Failed() {
			j.mu.Lock()
			defer j.mu.Unlock()
			t.Logf("the workers' log:\n%s", strings.Join(j.lines[max(0, len(j.lines)-120):], ""))
		}
	})
	return j
}

func (j *journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, string(line))
	return len(line), nil
}

// says is whether a line holds all of the words.
func (j *journal) says(words ...string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range j.lines {
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			return true
		}
	}
	return false
}
