package wire_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
)

func TestCommitIsSeenByAnotherClient(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name, group := topic(t, c, 3), testbed.Unique(t, "group")
	id := testbed.Unique(t, "id")
	p := started(t, c, id)
	records := []events.OutRecord{
		{Topic: name, Partition: 0, Time: 1_790_000_000_123, Key: []byte("lead-1"), Value: []byte(`{"a":1}`), Headers: []events.Header{
			{Key: "content-type", Value: []byte("application/json")}, {Key: "none"}, {Key: "", Value: []byte{}},
		}},
		{Topic: name, Partition: 2, Time: 1_790_000_000_500},
		{Topic: name, Partition: 0, Time: 1_789_000_000_000, Key: []byte{}, Value: []byte{}},
	}
	offsets := []wire.Position{position(name, 0, 17), position(name, 1, 1<<40)}
	committed, err := p.Commit(limited(t), wire.Transaction{Records: records, Group: group, Generation: -1, Offsets: offsets, Metadata: "batch 4"})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[wire.Partition]int64{{Topic: name}: 0, {Topic: name, Partition: 2}: 0}; fmt.Sprint(committed.Base) != fmt.Sprint(want) {
		t.Errorf("base offsets %v, want %v", committed.Base, want)
	}

	reader := franz(t, addr, kgo.ConsumeTopics(name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	var got []string
	for len(got) < 3 {
		fetches := reader.PollFetches(limited(t))
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			line := fmt.Sprintf("%d@%d %d %#v %#v", r.Partition, r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Value)
			for _, h := range r.Headers {
				line += fmt.Sprintf(" %q=%#v", h.Key, h.Value)
			}
			got = append(got, line)
		})
	}
	slices.Sort(got)
	want := []string{
		fmt.Sprintf(`0@0 1790000000123 %#v %#v "content-type"=%#v "none"=[]byte(nil) ""=[]byte{}`, []byte("lead-1"), []byte(`{"a":1}`), []byte("application/json")),
		"0@1 1789000000000 []byte{} []byte{}",
		"2@0 1790000000500 []byte(nil) []byte(nil)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("read\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// The next owner sees the positions as soon as it is the owner.
	started(t, c, id)
	commits, err := c.Committed(limited(t), group, []wire.Partition{{Topic: name}, {Topic: name, Partition: 1}, {Topic: name, Partition: 2}})
	if err != nil {
		t.Fatal(err)
	}
	wantCommits := map[wire.Partition]wire.Commit{
		{Topic: name}: {Offset: 17, Metadata: "batch 4"}, {Topic: name, Partition: 1}: {Offset: 1 << 40, Metadata: "batch 4"},
	}
	if fmt.Sprint(commits) != fmt.Sprint(wantCommits) {
		t.Errorf("positions %v, want %v", commits, wantCommits)
	}
}

// A successor must never read a position that is about to change: that is why it takes the transactional ID over first.
func TestPositionsAreSettledByInit(t *testing.T) {
	c := dial(t, testbed.Kafka(t).Addr)
	name, group, id := topic(t, c, 1), testbed.Unique(t, "group"), testbed.Unique(t, "id")
	for i := range int64(50) {
		p := started(t, c, id)
		if i > 0 {
			commits, err := c.Committed(limited(t), group, []wire.Partition{{Topic: name}})
			if want := (wire.Commit{Offset: i, Metadata: fmt.Sprint(i)}); err != nil || commits[wire.Partition{Topic: name}] != want {
				t.Fatalf("read %v, %v after Init, want %v", commits, err, want)
			}
		}
		_, err := p.Commit(limited(t), wire.Transaction{
			Records: out(name, 0, int(i), 1), Group: group, Generation: -1,
			Offsets: []wire.Position{position(name, 0, i+1)}, Metadata: fmt.Sprint(i + 1),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSequencesGoOnAcrossTransactions(t *testing.T) {
	c := dial(t, testbed.Kafka(t).Addr)
	name, group := topic(t, c, 2), testbed.Unique(t, "group")
	p := started(t, c, testbed.Unique(t, "id"))
	const transactions = 500
	var want [2][]string
	begin := time.Now()
	for i := range transactions {
		records := append(out(name, 0, 2*i, 2), out(name, 1, i, i%3)...)
		for _, r := range records {
			want[r.Partition] = append(want[r.Partition], string(r.Value))
		}
		committed, err := p.Commit(limited(t), wire.Transaction{
			Records: records, Group: group, Generation: -1, Offsets: []wire.Position{position(name, 0, int64(i))},
		})
		if err != nil {
			t.Fatalf("transaction %d: %v", i, err)
		}
		// Before it were two records and a marker for each transaction.
		if base := committed.Base[wire.Partition{Topic: name}]; base != int64(3*i) {
			t.Fatalf("transaction %d begins at %d, want %d", i, base, 3*i)
		}
	}
	t.Logf("%v a transaction", time.Since(begin)/transactions)
	for partition, want := range want {
		stable := end(t, c, wire.Partition{Topic: name, Partition: partition})
		if got := readTo(t, fetcher(t, c), position(name, partition, 0), stable); !slices.Equal(got, want) {
			t.Errorf("partition %d: read %d records, not the %d in order that were written", partition, len(got), len(want))
		}
	}
}

func TestALargeTransactionIsSplit(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 2)
	p := started(t, c, testbed.Unique(t, "id"))
	large := strings.Repeat("x", 10_000)
	for range 2 { // the sequences go on behind a split
		var records []events.OutRecord
		for i := range 250 { // 2.5 MB, where a broker takes 1 MB in a batch
			records = append(records, events.OutRecord{Topic: name, Time: 1, Value: fmt.Appendf(nil, "%d %s", i, large)})
		}
		records = append(records, out(name, 1, 0, 1)...)
		if _, err := p.Commit(limited(t), wire.Transaction{Records: records}); err != nil {
			t.Fatal(err)
		}
	}
	got := readTo(t, fetcher(t, c), position(name, 0, 0), end(t, c, wire.Partition{Topic: name}))
	if len(got) != 500 {
		t.Fatalf("read %d records, want 500", len(got))
	}
	for i, v := range got {
		if want := fmt.Sprintf("%d ", i%250); !strings.HasPrefix(v, want) {
			t.Fatalf("record %d begins with %.10q, want %q", i, v, want)
		}
	}
}

func TestARecordTooLarge(t *testing.T) {
	c := dial(t, testbed.Kafka(t).Addr)
	name := topic(t, c, 1)
	p := started(t, c, testbed.Unique(t, "id"))
	_, err := p.Commit(limited(t), wire.Transaction{Records: []events.OutRecord{{Topic: name, Value: make([]byte, 2<<20)}}})
	if !errors.Is(err, wire.ErrTooLarge) || errors.Is(err, wire.ErrUnknown) || wire.Retriable(err) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
	if _, err := p.Init(limited(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Commit(limited(t), wire.Transaction{Records: out(name, 0, 7, 1)}); err != nil {
		t.Fatal(err)
	}
	if got := readTo(t, fetcher(t, c), position(name, 0, 0), end(t, c, wire.Partition{Topic: name})); !slices.Equal(got, []string{"value-7"}) {
		t.Errorf("read %q, want only what came after", got)
	}
}

func TestANewOwnerFencesTheOld(t *testing.T) {
	c := dial(t, testbed.Kafka(t).Addr)
	name, group, id := topic(t, c, 1), testbed.Unique(t, "group"), testbed.Unique(t, "id")
	transaction := wire.Transaction{Records: out(name, 0, 1, 1), Group: group, Generation: -1, Offsets: []wire.Position{position(name, 0, 1)}}
	old := c.Producer(id, time.Minute)
	before, err := old.Init(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.Commit(limited(t), transaction); err != nil {
		t.Fatal(err)
	}
	next := c.Producer(id, time.Minute)
	after, err := next.Init(limited(t))
	if err != nil || after.ProducerID != before.ProducerID || after.Epoch <= before.Epoch {
		t.Errorf("epoch %v after %v, %v; want a higher one", after, before, err)
	}
	transaction.Records = out(name, 0, 2, 1)
	for _, lost := range []wire.Transaction{transaction, {Group: group, Generation: -1, Offsets: transaction.Offsets}} {
		zombie := *old // each as if it were the first thing that the old owner does
		if _, err := zombie.Commit(limited(t), lost); !errors.Is(err, wire.ErrFenced) || wire.Retriable(err) {
			t.Errorf("the old owner: %v, want ErrFenced", err)
		}
		if _, err := zombie.Commit(limited(t), lost); !errors.Is(err, wire.ErrUnknown) {
			t.Errorf("the old owner, again: %v, want to be told to Init", err)
		}
	}
	transaction.Records = out(name, 0, 3, 1)
	if _, err := next.Commit(limited(t), transaction); err != nil {
		t.Fatal(err)
	}
	got := readTo(t, fetcher(t, c), position(name, 0, 0), end(t, c, wire.Partition{Topic: name}))
	if !slices.Equal(got, []string{"value-1", "value-3"}) {
		t.Errorf("read %q, want what the owners wrote", got)
	}
}

func TestCommitNeedsTheGroupsGeneration(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name, group := topic(t, c, 1), testbed.Unique(t, "group")
	member := franz(t, addr, kgo.ConsumerGroup(group), kgo.ConsumeTopics(name))
	produce(t, member, text(name, 0, "a"))
	if err := member.PollFetches(limited(t)).Err(); err != nil { // it has joined when it gets something
		t.Fatal(err)
	}
	id, generation := member.GroupMetadata()
	transaction := wire.Transaction{Group: group, Offsets: []wire.Position{position(name, 0, 1)}, Member: id, Generation: int(generation)}
	p := started(t, c, testbed.Unique(t, "id"))
	if _, err := p.Commit(limited(t), transaction); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*wire.Transaction){
		"an older generation": func(t *wire.Transaction) { t.Generation-- },
		"a stranger":          func(t *wire.Transaction) { t.Member = "stranger" },
	} {
		t.Run(what, func(t *testing.T) {
			wrong := transaction
			change(&wrong)
			p := started(t, c, testbed.Unique(t, "id"))
			if _, err := p.Commit(limited(t), wrong); !errors.Is(err, wire.ErrGeneration) || errors.Is(err, wire.ErrUnknown) {
				t.Errorf("error %v, want ErrGeneration", err)
			}
		})
	}
}

func TestMetadataTooLarge(t *testing.T) {
	k := testbed.Kafka(t)
	c := dial(t, k.Addr)
	name := topic(t, c, 1)
	p := started(t, c, testbed.Unique(t, "id"))
	_, err := p.Commit(limited(t), wire.Transaction{
		Group: testbed.Unique(t, "group"), Generation: -1, Offsets: []wire.Position{position(name, 0, 1)}, Metadata: strings.Repeat("x", 5000),
	})
	if err == nil && k.Mode() == testbed.Embedded {
		return // it takes any
	}
	if !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
}

func TestInitGivesUpWhereTryingCantHelp(t *testing.T) {
	c := dial(t, testbed.Kafka(t).Addr)
	_, err := c.Producer(testbed.Unique(t, "id"), 24*time.Hour).Init(limited(t))
	if !errors.Is(err, kafka.InvalidTransactionTimeout) || wire.Retriable(err) {
		t.Errorf("error %v, want that the timeout is too long", err)
	}
}

func TestCommitBeforeInitAndOfNothing(t *testing.T) {
	c := dial(t, testbed.Kafka(t).Addr)
	p := c.Producer(testbed.Unique(t, "id"), time.Minute)
	if _, err := p.Commit(limited(t), wire.Transaction{}); !errors.Is(err, wire.ErrUnknown) {
		t.Errorf("before Init: %v, want ErrUnknown", err)
	}
	if _, err := p.Init(limited(t)); err != nil {
		t.Fatal(err)
	}
	if committed, err := p.Commit(limited(t), wire.Transaction{}); err != nil || len(committed.Base) != 0 {
		t.Errorf("of nothing: %v, %v", committed, err)
	}
}

func TestCommitGivesUpWithItsContext(t *testing.T) {
	c := dial(t, testbed.Kafka(t).Addr)
	p := started(t, c, testbed.Unique(t, "id"))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := p.Commit(ctx, wire.Transaction{Records: out(testbed.Unique(t, "missing"), 0, 0, 1)})
	if !errors.Is(err, wire.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want ErrUnknown and the context's", err)
	}
}
