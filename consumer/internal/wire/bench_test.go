package wire_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
)

// BenchmarkFetch reads records of 320 bytes from a broker, as the events of a lane are.
func BenchmarkFetch(b *testing.B) {
	const records = 100_000
	addr := testbed.Kafka(b).Addr
	c := dial(b, addr)
	name := topic(b, c, 1)
	value := bytes.Repeat([]byte("v"), 300)
	batch := make([]*kgo.Record, records)
	for i := range batch {
		batch[i] = &kgo.Record{Topic: name, Key: fmt.Appendf(nil, "lead-%07d", i), Value: value}
	}
	produce(b, franz(b, addr, kgo.ProducerBatchCompression(kgo.NoCompression())), batch...)
	f := c.Fetcher(4 << 20)
	defer f.Close()
	b.ReportAllocs()
	read := 0
	for b.Loop() {
		for next := int64(0); next < records; {
			fetched, err := f.Fetch(b.Context(), []wire.Position{position(name, 0, next)}, time.Second)
			if err != nil || len(fetched) != 1 || fetched[0].Err != nil {
				b.Fatal(fetched, err)
			}
			read += len(fetched[0].Records)
			next = fetched[0].Next
		}
	}
	b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkCommit commits 100 records over four partitions, and an offset, by either kind of transaction.
func BenchmarkCommit(b *testing.B) {
	k := testbed.OwnKafka(b)
	for _, level := range []int16{1, 2} {
		b.Run(fmt.Sprintf("transaction.version=%d", level), func(b *testing.B) {
			testbed.SetTransactionVersion(b, k.Addr, level)
			commit(b, k.Addr)
		})
	}
}

func commit(b *testing.B, addr string) {
	c := dial(b, addr)
	name := topic(b, c, 4)
	p := started(b, c, testbed.Unique(b, "id"))
	t := wire.Transaction{Group: testbed.Unique(b, "group"), Generation: -1, Offsets: []wire.Position{position(name, 0, 1)}}
	for partition := range 4 {
		t.Records = append(t.Records, out(name, partition, 0, 25)...)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Commit(b.Context(), t); err != nil {
			b.Fatal(err)
		}
	}
}
