package chaos_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer"
)

const (
	lanes = 4
	// session is how long a worker that died is waited for.
	session = 2 * time.Second
)

// place is where a trial takes place: its servers and how its topics are cut.
type place struct {
	brokers []string // how services and traffic reach Kafka; none: the shared one
	redis   []string // how services reach Redis; none: the shared one
	cluster bool     // redis is a Redis Cluster
	// store is how the checks reach Redis, where it is not as services do.
	store []string
	// replicas of each partition; 0: 1
	replicas int
	// partitions of engagement and qualification, where they are not as many as lanes.
	engagement, qualification int
	// plain keeps transactions out of the traffic: where the way to brokers is cut, the outcome of a test's own is not known
	// for sure.
	plain bool
}

// world is one trial's topics, group, keys, services, traffic and oracle.
type world struct {
	place
	t        *trial
	prefix   string
	group    string
	topics   consumer.Topics
	clock    string // the file by which the services' clocks are stepped
	client   *kgo.Client
	asker    *kgo.Client // for the group's offsets; nil after an error
	raw      redis.UniversalClient
	log      *journal
	services []*service
	count    int

	traffic *traffic
	random  *rand.Rand // of the trial's own goroutine; the traffic has its own
}

// at makes topics at a place.
func (t *trial) at(p place) *world {
	t.Helper()
	if len(p.brokers) == 0 {
		p.brokers = []string{testbed.Kafka(t).Addr}
	}
	if len(p.redis) == 0 {
		p.redis = []string{testbed.Redis(t).Addr}
	}
	if len(p.store) == 0 {
		p.store = p.redis
	}
	w := &world{place: p, t: t, prefix: testbed.Unique(t, "k"), group: testbed.Unique(t, "g"), log: newJournal(t),
		clock: filepath.Join(t.TempDir(), "off"),
		topics: consumer.Topics{Engagement: testbed.Unique(t, "engagement"), Qualification: testbed.Unique(t, "qualification"),
			TierChanges: testbed.Unique(t, "changes"), DeadLetters: testbed.Unique(t, "letters"), Inbox: testbed.Unique(t, "inbox")}}
	w.client = w.franz()
	w.createTopics()
	w.raw = redis.NewUniversalClient(&redis.UniversalOptions{Addrs: p.store, IsClusterMode: p.cluster})
	t.Cleanup(func() { w.raw.Close() })
	w.traffic = newTraffic(w)
	w.random = rand.New(rand.NewPCG(t.seed, 1))
	return w
}

// createTopics makes the five topics, with room for the largest record, and waits for their leaders.
func (w *world) createTopics() {
	w.t.Helper()
	room := "4194304"
	settings := map[string]*string{"max.message.bytes": &room}
	cut := map[string]int{w.topics.Engagement: lanes, w.topics.Qualification: lanes, w.topics.TierChanges: lanes,
		w.topics.DeadLetters: lanes, w.topics.Inbox: lanes}
	if w.engagement > 0 {
		cut[w.topics.Engagement] = w.engagement
	}
	if w.qualification > 0 {
		cut[w.topics.Qualification] = w.qualification
	}
	for topic, partitions := range cut {
		w.createTopic(topic, partitions, settings)
	}
}

func (w *world) createTopic(topic string, partitions int, settings map[string]*string) {
	w.t.Helper()
	w.eventually("the topic "+topic, func(ctx context.Context) error {
		made, err := w.admin().CreateTopic(ctx, int32(partitions), int16(max(w.replicas, 1)), settings, topic)
		if err == nil {
			err = made.Err
		}
		if err != nil && !strings.Contains(err.Error(), "TOPIC_ALREADY_EXISTS") {
			return err
		}
		listed, err := w.admin().ListTopics(ctx, topic)
		if err != nil {
			return err
		}
		led := 0
		listed.EachPartition(func(p kadm.PartitionDetail) {
			if p.Err == nil && p.Leader >= 0 {
				led++
			}
		})
		if led != partitions {
			return fmt.Errorf("%d of %d partitions have a leader", led, partitions)
		}
		return nil
	})
}

func (w *world) partitions(topic string) int {
	switch {
	case topic == w.topics.Engagement && w.engagement > 0:
		return w.engagement
	case topic == w.topics.Qualification && w.qualification > 0:
		return w.qualification
	}
	return lanes
}

// franz is a Kafka client of another make, which puts records where they say.
func (w *world) franz(opts ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableClientMetrics(),
		kgo.ProducerLinger(0), kgo.MetadataMinAge(100 * time.Millisecond), kgo.ProducerBatchMaxBytes(4 << 20),
	}, opts...)...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

func (w *world) admin() *kadm.Client { return kadm.NewClient(w.client) }

// inputs are the topics that lanes read.
func (w *world) inputs() []string {
	return []string{w.topics.Engagement, w.topics.Qualification, w.topics.Inbox}
}

// limited is a context that fails the trial rather than hang it.
func (w *world) limited() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), *patience)
	w.t.Cleanup(cancel)
	return ctx
}

// eventually tries every 50 ms until there is no error.
func (w *world) eventually(what string, try func(context.Context) error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), *patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
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

// dwell lets a fault last, for no condition tells when it has lasted long enough.
func (w *world) dwell(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.t.Context().Done():
	}
}

// offsets are the group's. They are asked for by a client that is made anew after each error: one that once knew a
// coordinator which is gone may ask for it for minutes.
func (w *world) offsets(ctx context.Context) (kadm.OffsetResponses, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if w.asker == nil {
		w.asker = w.franz()
	}
	offsets, err := kadm.NewClient(w.asker).FetchOffsets(ctx, w.group)
	if err != nil {
		w.asker.Close()
		w.asker = nil
	}
	return offsets, err
}

// committed is the sum of all committed positions.
func (w *world) committed() (sum int64) {
	w.t.Helper()
	w.eventually("the group's offsets", func(ctx context.Context) error {
		offsets, err := w.offsets(ctx)
		if err != nil {
			return err
		}
		sum = 0
		offsets.Each(func(o kadm.OffsetResponse) { sum += max(o.At, 0) })
		return nil
	})
	return sum
}

// progress waits until so many more records have been folded and committed.
func (w *world) progress(records int64) {
	w.t.Helper()
	before := w.committed()
	w.eventually("progress", func(context.Context) error {
		if now := w.committed(); now < before+records {
			return fmt.Errorf("the committed positions sum up to %d, from %d on", now, before)
		}
		return nil
	})
}

// ledger is the key of a lane's ledger.
func (w *world) ledger(lane int) string { return fmt.Sprintf("{%s.%d}:ledger", w.prefix, lane) }

// journal keeps what services log, and shows the end of it when the trial has failed.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func newJournal(t testing.TB) *journal {
	j := &journal{}
	t.Cleanup(func() {
		if t.Failed() {
			j.mu.Lock()
			defer j.mu.Unlock()
			t.Logf("the services' log:\n%s", strings.Join(j.lines[max(0, len(j.lines)-150):], "\n"))
		}
	})
	return j
}

func (j *journal) add(service, line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, service+": "+line)
}

// with are the lines that hold a text.
func (j *journal) with(text string) (lines []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range j.lines {
		if strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
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

// logged waits until a line of the services' log holds all of the words.
func (w *world) logged(words ...string) {
	w.t.Helper()
	w.eventually("a line in the log", func(context.Context) error {
		if !w.log.says(words...) {
			return fmt.Errorf("no line has %q", words)
		}
		return nil
	})
}

// chance is a number from 0 to below n, by the trial's seed.
func (w *world) chance(n int64) int64 { return w.random.Int64N(n) }
