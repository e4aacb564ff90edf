package wire_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

func TestMain(m *testing.M) { os.Exit(testbed.Run(m)) }

// limited is a context that fails the test rather than hang it.
func limited(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// dial is a Cluster at addr that is closed after the test.
func dial(t testing.TB, addr string) *wire.Cluster {
	t.Helper()
	c := wire.Dial(wire.Options{Brokers: []string{addr}, ClientID: "wire-test", Reused: spoil})
	t.Cleanup(c.Close)
	return c
}

// spoil overwrites what was fetched, once it is free to be used again.
func spoil(memory []byte) {
	for i := range memory {
		memory[i] = '#'
	}
}

// topic makes a topic of that many partitions.
func topic(t testing.TB, c *wire.Cluster, partitions int) string {
	t.Helper()
	name := testbed.Unique(t, "topic")
	err := c.CreateTopics(limited(t), []wire.TopicSpec{{Name: name, Partitions: partitions, Replication: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// franz is another client, to hold this one against.
func franz(t testing.TB, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableClientMetrics(),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func produce(t testing.TB, c *kgo.Client, records ...*kgo.Record) {
	t.Helper()
	if err := c.ProduceSync(limited(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// transact writes one transaction by another client.
func transact(t testing.TB, c *kgo.Client, end kgo.TransactionEndTry, records ...*kgo.Record) {
	t.Helper()
	if err := c.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, c, records...)
	if err := c.EndTransaction(limited(t), end); err != nil {
		t.Fatal(err)
	}
}

// text is a record of a topic's partition with a value.
func text(topic string, partition int32, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: partition, Value: []byte(value)}
}

// position is the place of an offset.
func position(topic string, partition int, offset int64) wire.Position {
	return wire.Position{Partition: wire.Partition{Topic: topic, Partition: partition}, Offset: offset}
}

// fetcher is a Fetcher that is closed after the test.
func fetcher(t testing.TB, c *wire.Cluster) *wire.Fetcher {
	t.Helper()
	f := c.Fetcher(1 << 20)
	t.Cleanup(f.Close)
	return f
}

// readTo fetches one partition from a position on until next, and returns the values of what it read.
func readTo(t testing.TB, f *wire.Fetcher, from wire.Position, next int64) (values []string) {
	t.Helper()
	ctx := limited(t)
	for from.Offset < next {
		fetched, err := f.Fetch(ctx, []wire.Position{from}, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if len(fetched) == 0 {
			t.Fatalf("nothing comes at offset %d of %s, where %d is to be reached", from.Offset, from.Topic, next)
		}
		for _, p := range fetched {
			if p.Err != nil {
				t.Fatal(p.Err)
			}
			for _, r := range p.Records {
				values = append(values, string(r.Value))
			}
			from.Offset = p.Next
		}
	}
	if from.Offset > next {
		t.Fatalf("the position is %d, past %d", from.Offset, next)
	}
	return values
}

// end is a partition's stable end once that is all there is: no transaction is open, and its last marker is written.
func end(t testing.TB, c *wire.Cluster, of wire.Partition) int64 {
	t.Helper()
	ctx := limited(t)
	for {
		bounds, err := c.Bounds(ctx, []wire.Partition{of})
		if err != nil {
			t.Fatal(err)
		}
		if b := bounds[of]; b.Stable == b.High {
			return b.High
		}
	}
}

// started is a producer that has taken over its transactional ID.
func started(t testing.TB, c *wire.Cluster, id string) *wire.Producer {
	t.Helper()
	p := c.Producer(id, time.Minute)
	if _, err := p.Init(limited(t)); err != nil {
		t.Fatal(err)
	}
	return p
}

// out are n records to a partition, numbered from first.
func out(topic string, partition, first, n int) []events.OutRecord {
	records := make([]events.OutRecord, n)
	for i := range records {
		records[i] = events.OutRecord{
			Topic: topic, Partition: partition, Time: scorer.Instant(1_790_000_000_000 + int64(i)),
			Key: fmt.Appendf(nil, "lead-%d", first+i), Value: fmt.Appendf(nil, "value-%d", first+i),
		}
	}
	return records
}
