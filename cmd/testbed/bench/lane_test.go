package bench

import (
	"context"
	"io"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/cmd/testbed/workload"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

const lanes = 4

func TestMain(m *testing.M) { os.Exit(testbed.Run(m)) }

// BenchmarkLanes folds b.N events of the work, from Kafka through Redis to Kafka, exactly once. ns/op is an event's share
// of the time; the other figures are processor time an event, of this process, the broker and Redis (where they run as
// processes), and Redis' memory a lead. Run it with a number of events: -benchtime 1000000x.
func BenchmarkLanes(b *testing.B) {
	s := newService(b)
	s.produce(workload.New(1, workload.Leads, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), b.N)
	memory := usedMemory(b, s.raw)
	before := processorsSoFar(b)
	b.ResetTimer()
	stop := s.start()
	s.drained()
	b.StopTimer()
	after := processorsSoFar(b)
	stop()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	for who, total := range map[string]time.Duration{
		"hotlead": after.self - before.self, "kafka": after.kafka - before.kafka, "redis": after.redis - before.redis,
	} {
		b.ReportMetric(float64(total.Nanoseconds())/float64(b.N), who+"-ns/op")
	}
	b.ReportMetric((usedMemory(b, s.raw)-memory)/float64(s.leads()), "redisB/lead")
}

// processorsSoFar is the processor time so far.
func processorsSoFar(b *testing.B) processors {
	b.Helper()
	p, err := spent()
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// service is one set of topics, keys and options.
type service struct {
	b       *testing.B
	options consumer.Options
	client  *kgo.Client
	raw     *redis.Client
	ends    kadm.ListedOffsets
}

func newService(b *testing.B) *service {
	b.Helper()
	addr, redisAddr := testbed.BusyKafka(b).Addr, testbed.OwnRedis(b).Addr
	model, err := scorer.ReadModel("model.yaml", workload.Model)
	if err != nil {
		b.Fatal(err)
	}
	topics := consumer.Topics{
		Engagement: testbed.Unique(b, "engagement"), Qualification: testbed.Unique(b, "qualification"),
		TierChanges: testbed.Unique(b, "changes"), DeadLetters: testbed.Unique(b, "letters"), Inbox: testbed.Unique(b, "inbox"),
	}
	testbed.CreateTopics(b, addr, map[string]int{
		topics.Engagement: lanes, topics.Qualification: lanes, topics.TierChanges: lanes, topics.DeadLetters: lanes, topics.Inbox: lanes,
	}, kafka.ConfigEntry{ConfigName: "max.message.bytes", ConfigValue: "4194304"})
	s := &service{b: b, raw: redis.NewClient(&redis.Options{Addr: redisAddr})}
	b.Cleanup(func() { s.raw.Close() })
	s.client, err = kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topics.Engagement), kgo.DisableClientMetrics(),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.client.Close)
	store, err := state.Open(state.Options{Addrs: []string{redisAddr}, Prefix: testbed.Unique(b, "k")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { store.Close() })
	s.options = consumer.Options{
		Brokers: []string{addr}, ClientID: "bench", Group: testbed.Unique(b, "g"), Topics: topics, Store: store, Model: model,
		Limits: events.DefaultLimits(), MemoryBytes: 512 << 20,
		Metrics: consumer.NewMetrics(prometheus.NewRegistry()), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	return s
}

// produce writes the next n events.
func (s *service) produce(g *workload.Generator, n int) {
	s.b.Helper()
	if err := produceTo(s.b.Context(), s.client, g, n); err != nil {
		s.b.Fatal(err)
	}
	var err error
	if s.ends, err = kadm.NewClient(s.client).ListEndOffsets(s.b.Context(), s.options.Topics.Engagement); err != nil {
		s.b.Fatal(err)
	}
}

// produceTo writes the next n events into the client's topic.
func produceTo(ctx context.Context, client *kgo.Client, g *workload.Generator, n int) error {
	var first kgo.FirstErrPromise
	var slab []byte
	for range n {
		if cap(slab)-len(slab) < 1024 {
			slab = make([]byte, 0, 1<<18)
		}
		text, key := g.Append(slab[len(slab):])
		slab = slab[:len(slab)+len(text)]
		client.Produce(ctx, &kgo.Record{Key: text[:key:key], Value: text[key:]}, first.Promise())
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	return first.Err()
}

// start starts a worker; stop stops it, as planned.
func (s *service) start() (stop func()) {
	s.b.Helper()
	worker, err := consumer.New(s.options)
	if err != nil {
		s.b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.b.Context())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			s.b.Error(err)
		}
	}
}

// drained waits until the committed positions have reached the ends.
func (s *service) drained() {
	s.b.Helper()
	admin := kadm.NewClient(s.client)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		committed, err := admin.FetchOffsets(s.b.Context(), s.options.Group)
		if err == nil {
			left := int64(0)
			s.ends.Each(func(end kadm.ListedOffset) {
				at, ok := committed.Lookup(end.Topic, end.Partition)
				if !ok {
					at.At = 0
				}
				left += end.Offset - at.At
			})
			if left == 0 {
				return
			}
		}
		select {
		case <-tick.C:
		case <-s.b.Context().Done():
			s.b.Fatal("the events are not folded yet")
		}
	}
}

// usedMemory is Redis' used_memory, in bytes.
func usedMemory(b *testing.B, raw *redis.Client) float64 {
	b.Helper()
	info, err := raw.InfoMap(b.Context(), "memory").Result()
	if err != nil {
		b.Fatal(err)
	}
	used, err := strconv.ParseFloat(info["Memory"]["used_memory"], 64)
	if err != nil {
		b.Fatal(err)
	}
	return used
}

// leads are how many leads Redis holds.
func (s *service) leads() (n int64) {
	s.b.Helper()
	counts, err := s.options.Store.Counts(s.b.Context(), lanes)
	if err != nil {
		s.b.Fatal(err)
	}
	for _, c := range counts {
		n += c
	}
	return n
}
