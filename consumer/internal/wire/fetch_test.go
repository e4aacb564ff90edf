package wire_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
)

func TestFetchLeavesOutTheAborted(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 1)
	one := franz(t, addr, kgo.TransactionalID(testbed.Unique(t, "one")))
	other := franz(t, addr, kgo.TransactionalID(testbed.Unique(t, "other")))
	plain := franz(t, addr)

	// Two transactions at a time, interleaved, with records outside of any in between.
	var want []string
	for i := range 8 {
		if err := one.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := other.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produce(t, one, text(name, 0, fmt.Sprintf("one-%d-a", i)))
		produce(t, other, text(name, 0, fmt.Sprintf("other-%d-a", i)))
		produce(t, plain, text(name, 0, fmt.Sprintf("plain-%d", i)))
		produce(t, one, text(name, 0, fmt.Sprintf("one-%d-b", i)))
		produce(t, other, text(name, 0, fmt.Sprintf("other-%d-b", i)))
		endOne, endOther := kgo.TransactionEndTry(i%2 == 0), kgo.TransactionEndTry(i%3 == 0)
		if err := other.EndTransaction(limited(t), endOther); err != nil {
			t.Fatal(err)
		}
		if err := one.EndTransaction(limited(t), endOne); err != nil {
			t.Fatal(err)
		}
		for _, r := range []struct {
			value string
			keep  kgo.TransactionEndTry
		}{{"one-%d-a", endOne}, {"other-%d-a", endOther}, {"plain-%d", true}, {"one-%d-b", endOne}, {"other-%d-b", endOther}} {
			if r.keep {
				want = append(want, fmt.Sprintf(r.value, i))
			}
		}
	}
	stable := end(t, c, wire.Partition{Topic: name})
	if got := readTo(t, fetcher(t, c), position(name, 0, 0), stable); !slices.Equal(got, want) {
		t.Errorf("read\n%v, want\n%v", got, want)
	}
	// In the middle of an aborted transaction the answer begins with a batch that is no more than a part of it.
	for from := range stable {
		got := readTo(t, fetcher(t, c), position(name, 0, from), stable)
		if !slices.Equal(got, want[len(want)-len(got):]) {
			t.Errorf("from offset %d: read\n%v, want the end of\n%v", from, got, want)
		}
	}
}

func TestFetchMovesPastWhatIsNoRecord(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 1)
	p := franz(t, addr, kgo.TransactionalID(testbed.Unique(t, "id")))
	transact(t, p, kgo.TryCommit, text(name, 0, "a"))
	transact(t, p, kgo.TryAbort, text(name, 0, "b"))

	stable := end(t, c, wire.Partition{Topic: name})
	if stable != 4 {
		t.Fatalf("the log ends at %d, want 4: two records and their markers", stable)
	}
	f := fetcher(t, c)
	if got := readTo(t, f, position(name, 0, 0), stable); !slices.Equal(got, []string{"a"}) {
		t.Errorf("read %q, want a", got)
	}
	fetched, err := f.Fetch(limited(t), []wire.Position{position(name, 0, stable)}, 50*time.Millisecond)
	if err != nil || len(fetched) != 0 {
		t.Errorf("at the end: %v, %v; want nothing", fetched, err)
	}
}

func TestFetchStopsBeforeAnOpenTransaction(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 1)
	produce(t, franz(t, addr), text(name, 0, "before"))
	p := franz(t, addr, kgo.TransactionalID(testbed.Unique(t, "id")))
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, p, text(name, 0, "open"))

	f := fetcher(t, c)
	fetched, err := f.Fetch(limited(t), []wire.Position{position(name, 0, 0)}, 5*time.Second)
	if err != nil || len(fetched) != 1 {
		t.Fatalf("%v, %v; want one partition", fetched, err)
	}
	got := fetched[0]
	if len(got.Records) != 1 || string(got.Records[0].Value) != "before" || got.Next != 1 || got.Stable != 1 || got.High != 2 {
		t.Errorf("%+v, want the record before, next 1, stable 1, high 2", got)
	}
	bounds, err := c.Bounds(limited(t), []wire.Partition{{Topic: name}})
	if want := (wire.Bounds{Start: 0, Stable: 1, High: 2}); err != nil || bounds[wire.Partition{Topic: name}] != want {
		t.Errorf("bounds %v, %v; want %v", bounds, err, want)
	}
	if err := p.EndTransaction(limited(t), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if got := readTo(t, f, position(name, 0, 1), 3); !slices.Equal(got, []string{"open"}) {
		t.Errorf("read %q after the commit, want open", got)
	}
}

func TestFetchReadsEveryCodec(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			name := topic(t, c, 1)
			p := franz(t, addr, kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(20*time.Millisecond))
			var records []*kgo.Record
			var want []string
			for i := range 500 {
				want = append(want, fmt.Sprintf("%d %s", i, strings.Repeat("lead ", 40)))
				records = append(records, text(name, 0, want[i]))
			}
			produce(t, p, records...)
			if got := readTo(t, fetcher(t, c), position(name, 0, 0), 500); !slices.Equal(got, want) {
				t.Errorf("read %d values, not as written", len(got))
			}
			if got := readTo(t, fetcher(t, c), position(name, 0, 123), 500); !slices.Equal(got, want[123:]) {
				t.Errorf("from the middle of a batch: read %d values, not as written", len(got))
			}
		})
	}
}

func TestFetchKeepsNilAndEmptyApart(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 1)
	at := time.UnixMilli(1_790_000_123_456)
	produce(t, franz(t, addr),
		&kgo.Record{Topic: name, Timestamp: at},
		&kgo.Record{Topic: name, Timestamp: at.Add(-time.Hour), Key: []byte{}, Value: []byte{}},
		&kgo.Record{Topic: name, Timestamp: at.Add(time.Hour), Key: []byte("k"), Value: []byte("v"), Headers: []kgo.RecordHeader{
			{Key: "h", Value: []byte("1")}, {Key: "h", Value: nil}, {Key: "", Value: []byte{}},
		}})
	var got []string
	f := fetcher(t, c)
	for next := int64(0); next < 3; {
		fetched, err := f.Fetch(limited(t), []wire.Position{position(name, 0, next)}, 5*time.Second)
		if err != nil || len(fetched) != 1 || fetched[0].Err != nil {
			t.Fatal(fetched, err)
		}
		for _, r := range fetched[0].Records {
			got = append(got, fmt.Sprintf("%s/%d@%d %d %#v %#v", r.Topic, r.Partition, r.Offset, r.Time, r.Key, r.Value))
			for _, h := range r.Headers {
				got = append(got, fmt.Sprintf("%q %#v", h.Key, h.Value))
			}
		}
		next = fetched[0].Next
	}
	want := []string{
		name + "/0@0 1790000123456 []byte(nil) []byte(nil)",
		name + "/0@1 1789996523456 []byte{} []byte{}",
		name + `/0@2 1790003723456 []byte{0x6b} []byte{0x76}`,
		`"h" []byte{0x31}`, `"h" []byte(nil)`, `"" []byte{}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("read\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFetchOutOfRange(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 2)
	p := franz(t, addr)
	produce(t, p, text(name, 0, "a"), text(name, 0, "b"), text(name, 0, "c"))
	deleteBefore(t, p, name, 2)

	for _, offset := range []int64{1, 4} {
		fetched, err := fetcher(t, c).Fetch(limited(t), []wire.Position{position(name, 0, offset), position(name, 1, 0)}, 5*time.Second)
		if err != nil || len(fetched) != 1 {
			t.Fatalf("offset %d: %v, %v; want one partition", offset, fetched, err)
		}
		got := fetched[0]
		if !errors.Is(got.Err, wire.ErrOffsetOutOfRange) || wire.Retriable(got.Err) || got.Next != offset || got.Partition.Partition != 0 {
			t.Errorf("offset %d: %+v, want ErrOffsetOutOfRange and to stay", offset, got)
		}
	}
	if got := readTo(t, fetcher(t, c), position(name, 0, 2), 3); !slices.Equal(got, []string{"c"}) {
		t.Errorf("read %q, want c", got)
	}
	bounds, err := c.Bounds(limited(t), []wire.Partition{{Topic: name}})
	if want := (wire.Bounds{Start: 2, Stable: 3, High: 3}); err != nil || bounds[wire.Partition{Topic: name}] != want {
		t.Errorf("bounds %v, %v; want %v", bounds, err, want)
	}
}

func TestFetchABatchLargerThanAsked(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 2)
	large := bytes.Repeat([]byte("x"), 300_000)
	produce(t, franz(t, addr, kgo.ProducerBatchCompression(kgo.NoCompression())),
		&kgo.Record{Topic: name, Partition: 0, Value: large}, &kgo.Record{Topic: name, Partition: 1, Value: large})
	f := c.Fetcher(1000)
	defer f.Close()
	from := []wire.Position{position(name, 0, 0), position(name, 1, 0)}
	for range 20 { // each takes its turn, so neither waits for the other to be read to its end
		fetched, err := f.Fetch(limited(t), from, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range fetched {
			if p.Err != nil || len(p.Records) != 1 || !bytes.Equal(p.Records[0].Value, large) {
				t.Fatalf("partition %d: %v, %d records", p.Partition.Partition, p.Err, len(p.Records))
			}
			from = slices.DeleteFunc(from, func(at wire.Position) bool { return at.Partition == p.Partition })
		}
		if len(from) == 0 {
			return
		}
	}
	t.Errorf("still waiting for %v", from)
}

func TestFetchTakesTurns(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 3)
	p := franz(t, addr, kgo.ProducerBatchCompression(kgo.NoCompression()))
	for i := range 6 { // one batch each
		for partition := range int32(3) {
			produce(t, p, text(name, partition, strings.Repeat("x", 5000)+fmt.Sprint(i)))
		}
	}
	f := c.Fetcher(6000)
	defer f.Close()
	seen := map[int]bool{}
	from := []wire.Position{position(name, 0, 0), position(name, 1, 0), position(name, 2, 0)}
	for range 3 { // from the same positions every time
		fetched, err := f.Fetch(limited(t), from, 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range fetched {
			seen[p.Partition.Partition] = true
		}
	}
	if len(seen) != 3 {
		t.Errorf("three fetches read the partitions %v, want all three: one with much to read keeps none waiting", seen)
	}
}

// TestFetchedIsGoodUntilTheNextFetch: and no longer, so that its memory can be used again.
func TestFetchedIsGoodUntilTheNextFetch(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 1)
	p := franz(t, addr)
	produce(t, p, text(name, 0, "first"))
	f := fetcher(t, c)
	fetched, err := f.Fetch(limited(t), []wire.Position{position(name, 0, 0)}, 5*time.Second)
	if err != nil || len(fetched) != 1 || len(fetched[0].Records) != 1 {
		t.Fatal(fetched, err)
	}
	kept := fetched[0].Records[0].Value
	produce(t, p, text(name, 0, "other"))
	f.Ahead(t.Context(), []wire.Position{position(name, 0, 1)}, 5*time.Second)
	if got := readTo(t, fetcher(t, c), position(name, 0, 1), 2); !slices.Equal(got, []string{"other"}) {
		t.Errorf("another fetcher read %q, want other", got)
	}
	if string(kept) != "first" {
		t.Errorf("before the next fetch it became %q", kept)
	}
	if got := readTo(t, f, position(name, 0, 1), 2); !slices.Equal(got, []string{"other"}) {
		t.Errorf("read %q, want other", got)
	}
	if string(kept) == "first" {
		t.Error("its memory was not given back")
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 1)
	f := fetcher(t, c)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := f.Fetch(ctx, []wire.Position{position(name, 0, 0)}, 30*time.Second)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the context's", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v after its context had ended", took)
	}
	// It can be used again.
	produce(t, franz(t, addr), text(name, 0, "a"))
	if got := readTo(t, f, position(name, 0, 0), 1); !slices.Equal(got, []string{"a"}) {
		t.Errorf("read %q, want a", got)
	}
}

func TestFetchWaitsForAsMuchAsItIsToBring(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 1)
	p := franz(t, addr, kgo.ProducerBatchCompression(kgo.NoCompression()))
	produce(t, p, text(name, 0, "little"))
	f := fetcher(t, c)
	f.AtLeast(10_000)
	const wait = 300 * time.Millisecond
	begin := time.Now()
	fetched, err := f.Fetch(limited(t), []wire.Position{position(name, 0, 0)}, wait)
	for err == nil && len(fetched) == 0 { // the answer takes longer than a busy machine is waited for
		fetched, err = f.Fetch(limited(t), []wire.Position{position(name, 0, 0)}, wait)
	}
	if took := time.Since(begin); err != nil || took < wait*9/10 {
		t.Errorf("%v, %v after %v, want little and not before %v", fetched, err, took, wait)
	}
	produce(t, p, text(name, 0, strings.Repeat("much ", 5000)))
	begin = time.Now()
	fetched, err = f.Fetch(limited(t), []wire.Position{position(name, 0, 0)}, 30*time.Second)
	if took := time.Since(begin); err != nil || len(fetched) != 1 || took > 15*time.Second {
		t.Errorf("%v, %v after %v, want much at once", fetched, err, took)
	}
}

// A poll that is called off leaves nothing behind, not even until the broker would have answered.
func TestFetchLeavesNothingBehind(t *testing.T) {
	k, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(2, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	for partition := range int32(2) {
		if err := k.MoveTopicPartition("t", partition, partition); err != nil {
			t.Fatal(err)
		}
	}
	before := goleak.IgnoreCurrent()
	c := wire.Dial(wire.Options{Brokers: k.ListenAddrs()})
	f := c.Fetcher(1 << 20)
	from := []wire.Position{position("t", 0, 0), position("t", 1, 0)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := f.Fetch(ctx, from, time.Hour)
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	// One broker answers, and the other's poll stays in flight until Close.
	if _, err := started(t, c, "id").Commit(limited(t), wire.Transaction{Records: out("t", 0, 0, 1)}); err != nil {
		t.Fatal(err)
	}
	if fetched, err := f.Fetch(t.Context(), from, time.Hour); err != nil || len(fetched) != 1 {
		t.Errorf("%v, %v; want what one broker had", fetched, err)
	}
	f.Close()
	c.Close()
	goleak.VerifyNone(t, before)
}

func TestFetchOfATopicThatIsNotThere(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 1)
	missing := testbed.Unique(t, "missing")
	produce(t, franz(t, addr), text(name, 0, "a"))
	f := fetcher(t, c)
	from := []wire.Position{position(missing, 0, 0), position(name, 0, 0)}
	fetched, err := f.Fetch(limited(t), from, 300*time.Millisecond)
	if err != nil || len(fetched) != 2 {
		t.Fatalf("%v, %v; want both partitions", fetched, err)
	}
	for _, p := range fetched {
		if p.Topic == missing && !wire.Retriable(p.Err) {
			t.Errorf("the missing one: %+v, want a retriable error", p)
		}
		if p.Topic == name && (p.Err != nil || len(p.Records) != 1) {
			t.Errorf("the other: %+v, want its record", p)
		}
	}
	// Once it is there it is read, within one Fetch.
	from[1].Offset = 1
	made := make(chan error, 1)
	go func() {
		made <- c.CreateTopics(limited(t), []wire.TopicSpec{{Name: missing, Partitions: 1, Replication: 1}})
	}()
	defer func() {
		if err := <-made; err != nil {
			t.Error(err)
		}
	}()
	fetched, err = f.Fetch(limited(t), from, 2*time.Second)
	if err != nil || len(fetched) != 0 {
		t.Errorf("%v, %v; want nothing to say of an empty topic", fetched, err)
	}
}

// TestAheadIsTakenUp: what was asked for ahead is what the next Fetch hands out, and only if it is what that wants.
func TestAheadIsTakenUp(t *testing.T) {
	t.Parallel()
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 1)
	f := c.Fetcher(1 << 20)
	t.Cleanup(f.Close)
	client := franz(t, addr)
	produce(t, client, &kgo.Record{Topic: name, Value: []byte("first")}, &kgo.Record{Topic: name, Value: []byte("second")})
	at := position(name, 0, 0)
	if _, err := f.Fetch(t.Context(), []wire.Position{at}, time.Minute); err != nil {
		t.Fatal(err)
	}
	f.Ahead(t.Context(), []wire.Position{position(name, 0, 2)}, time.Minute)
	produce(t, client, &kgo.Record{Topic: name, Value: []byte("third")})
	got, err := f.Fetch(t.Context(), []wire.Position{position(name, 0, 2)}, time.Minute)
	if err != nil || len(got) != 1 || len(got[0].Records) != 1 || string(got[0].Records[0].Value) != "third" {
		t.Fatalf("after asking ahead: %+v, %v", got, err)
	}
	f.Ahead(t.Context(), []wire.Position{position(name, 0, 3)}, time.Minute)
	got, err = f.Fetch(t.Context(), []wire.Position{position(name, 0, 1)}, time.Minute)
	if err != nil || len(got) != 1 || len(got[0].Records) != 2 || string(got[0].Records[0].Value) != "second" {
		t.Fatalf("after asking ahead for something else: %+v, %v", got, err)
	}
}
