package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

const lanesOfChanges = 3

// toldTopic is a topic of tier changes, and who writes to it in transactions as a lane does.
type toldTopic struct {
	t      *testing.T
	name   string
	addr   string
	client *kgo.Client
	log    *ChangeLog
}

func newToldTopic(t *testing.T) *toldTopic {
	t.Helper()
	k := toldTopic{t: t, name: testbed.Unique(t, "changes"), addr: testbed.Kafka(t).Addr}
	testbed.CreateTopics(t, k.addr, map[string]int{k.name: lanesOfChanges})
	client, err := kgo.NewClient(kgo.SeedBrokers(k.addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableClientMetrics(),
		kgo.TransactionalID(testbed.Unique(t, "lane")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	k.client = client
	k.log = OpenChangeLog(ChangeLogOptions{Brokers: []string{k.addr}, Topic: k.name, reused: spoil, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { k.log.Close() })
	return &k
}

// toldAt is when the changes of these tests become true, a second after one another.
var toldAt = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// change is a lead's change of that number.
func (k *toldTopic) change(lead string, sequence int) *kgo.Record {
	c := scorer.Change{
		Kind: scorer.TierChanged, Lead: lead, Sequence: uint64(sequence), From: "cold", To: "hot", Route: "sales", Up: true,
		At: scorer.InstantOf(toldAt.Add(time.Duration(sequence) * time.Second)), Cause: scorer.Cause{Kind: scorer.ByTime},
		Model: scorer.ModelName{Name: "m", Version: 1},
	}
	r := new(events.ChangeRecords).Of(k.name, events.Lane(lead, lanesOfChanges), &c)
	return &kgo.Record{Topic: k.name, Partition: int32(r.Partition), Key: r.Key, Value: r.Value, Timestamp: time.UnixMilli(int64(r.Time))}
}

// write writes the records in one transaction, and returns once a reader of committed records gets past them: a broker
// acknowledges the end of a transaction before that.
func (k *toldTopic) write(end kgo.TransactionEndTry, records ...*kgo.Record) {
	k.t.Helper()
	if err := k.client.BeginTransaction(); err != nil {
		k.t.Fatal(err)
	}
	if err := k.client.ProduceSync(k.t.Context(), records...).FirstErr(); err != nil {
		k.t.Fatal(err)
	}
	if err := k.client.EndTransaction(k.t.Context(), end); err != nil {
		k.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(k.t.Context(), patienceOfTests)
	defer cancel()
	admin := kadm.NewClient(k.client)
	for decided := false; !decided; {
		ends, err := admin.ListEndOffsets(ctx, k.name)
		if err != nil {
			k.t.Fatal(err)
		}
		stable, err := admin.ListCommittedOffsets(ctx, k.name)
		if err != nil {
			k.t.Fatal(err)
		}
		decided = maps.EqualFunc(ends.Offsets()[k.name], stable.Offsets()[k.name], func(a, b kadm.Offset) bool { return a.At == b.At })
	}
}

// follow reads from a position on until so many changes came, as "lead/sequence", and gives the position after them.
func (k *toldTopic) follow(from Position, n int) ([]string, Position) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), patienceOfTests)
	defer cancel()
	var seen []string
	after := from.Clone()
	enough := errors.New("enough")
	err := k.log.Follow(ctx, from, func(c *Change) error {
		after.Pass(c)
		if seen = append(seen, fmt.Sprintf("%s/%d", c.Lead, c.Sequence)); len(seen) == n {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		k.t.Fatalf("after %v: %v", seen, err)
	}
	return seen, after
}

// of are the numbers of a lead's changes among those seen.
func of(lead string, seen []string) (numbers []string) {
	for _, s := range seen {
		if number, ok := strings.CutPrefix(s, lead+"/"); ok {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

func TestChangesAreReadInOrderAndOnlyOnceTheyAreCommitted(t *testing.T) {
	k := newToldTopic(t)
	leads := []string{"a", "b", "c", "d", "e"}
	begin, err := k.log.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for sequence := 1; sequence <= 2; sequence++ {
		for _, lead := range leads {
			k.write(kgo.TryAbort, k.change(lead, sequence))
			k.write(kgo.TryCommit, k.change(lead, sequence))
		}
	}
	seen, after := k.follow(begin, 2*len(leads))
	for _, lead := range leads {
		if got := of(lead, seen); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("the changes of %s came as %v", lead, got)
		}
	}

	// A position that went through its text goes on where it was.
	k.write(kgo.TryCommit, k.change("a", 3), k.change("e", 3))
	resumed, err := ParsePosition(after.String())
	if err != nil {
		t.Fatal(err)
	}
	seen, _ = k.follow(resumed, 2)
	slices.Sort(seen)
	if want := []string{"a/3", "e/3"}; !slices.Equal(seen, want) {
		t.Errorf("then came %v, want %v", seen, want)
	}
	// From an instant on: nothing of then or later is left out.
	for instant, held := range map[time.Duration]Position{0: begin, 3 * time.Second: after} {
		since, err := k.log.At(t.Context(), toldAt.Add(instant))
		if err != nil || !held.After(since) {
			t.Errorf("since %v after the beginning is %v (%v), and what was told then comes after %v", instant, since, err, held)
		}
	}
	if now, err := k.log.At(t.Context(), time.Now().Add(time.Hour)); err != nil || !now.After(after) {
		t.Errorf("since an hour to come is %v (%v), and there is more until %v", now, err, after)
	}
}

func TestTheChangesOfALead(t *testing.T) {
	k := newToldTopic(t)
	lane := events.Lane("a", lanesOfChanges)
	neighbour := "b"
	for i := 0; events.Lane(neighbour, lanesOfChanges) != lane; i++ {
		neighbour = fmt.Sprint("b", i)
	}
	forged := k.change("a", 7)
	forged.Key = []byte(neighbour)
	tombstone := &kgo.Record{Topic: k.name, Partition: int32(lane), Key: []byte("a")}
	noise := &kgo.Record{Topic: k.name, Partition: int32(lane), Key: []byte("a"), Value: []byte("{}")}
	cut := k.change("a", 8)
	cut.Value = cut.Value[:len(cut.Value)-1]
	k.write(kgo.TryCommit, k.change("a", 1), k.change(neighbour, 1), forged, tombstone, noise, cut)
	k.write(kgo.TryAbort, k.change("a", 99))
	k.write(kgo.TryCommit, k.change("a", 2))

	changes, err := k.log.Of(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{string(k.change("a", 1).Value), string(k.change("a", 2).Value)}
	var got []string
	for _, c := range changes {
		got = append(got, string(c))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the changes of a are %v", got)
	}
	if changes, err := k.log.Of(t.Context(), "nobody"); err != nil || len(changes) > 0 {
		t.Errorf("nobody has the changes %s (%v)", changes, err)
	}
	// Of a lead with very many, the newest.
	var many []*kgo.Record
	for i := range 2*MostChanges + 5 {
		many = append(many, k.change(neighbour, 2+i))
	}
	k.write(kgo.TryCommit, many...)
	changes, err = k.log.Of(t.Context(), neighbour)
	if err != nil || len(changes) != MostChanges {
		t.Fatalf("%d changes, %v", len(changes), err)
	}
	for i, c := range changes {
		if want := many[len(many)-MostChanges+i].Value; string(c) != string(want) {
			t.Fatalf("change %d is %s, want %s", i, c, want)
		}
	}
}

func TestAPositionThatIsNotInTheLogGoesOnWithWhatIs(t *testing.T) {
	k := newToldTopic(t)
	lane := int32(events.Lane("a", lanesOfChanges))
	k.write(kgo.TryCommit, k.change("a", 1), k.change("a", 2), k.change("a", 3))
	begin := make(Position, lanesOfChanges)
	if held, lost, err := k.log.Held(t.Context(), begin); err != nil || lost || !slices.Equal(held, begin) {
		t.Errorf("the log's beginning is held as %v, lost %v, %v", held, lost, err)
	}
	eaten := kadm.Offsets{}
	eaten.Add(kadm.Offset{Topic: k.name, Partition: lane, At: 2})
	if _, err := kadm.NewClient(k.client).DeleteRecords(t.Context(), eaten); err != nil {
		t.Fatal(err)
	}
	ahead := make(Position, lanesOfChanges)
	ahead[lane] = 1000
	for name, from := range map[string]Position{"retention ate it": begin, "the topic was made anew": ahead} {
		held, lost, err := k.log.Held(t.Context(), from)
		if err != nil || !lost || held[lane] != 2 {
			t.Errorf("%s: held as %v, lost %v, %v", name, held, lost, err)
		}
		if seen, _ := k.follow(from, 1); seen[0] != "a/3" {
			t.Errorf("%s: the first to come is %v", name, seen)
		}
	}
	if _, _, err := k.log.Held(t.Context(), make(Position, lanesOfChanges+1)); !errors.Is(err, ErrNoPosition) {
		t.Errorf("a position of another topic: %v", err)
	}
}

func TestFollowingEndsWithItsContextAlsoWithKafkaAway(t *testing.T) {
	log := OpenChangeLog(ChangeLogOptions{Brokers: []string{"127.0.0.1:1"}, Topic: "changes", Log: slog.New(slog.DiscardHandler)})
	defer log.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := log.Follow(ctx, make(Position, 2), func(*Change) error { return nil }); err != nil {
		t.Error(err)
	}
	if _, err := log.Of(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the changes of a lead with Kafka away: %v", err)
	}
}

func TestPositionsAndTheirTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Position(rapid.SliceOfN(rapid.Int64Min(0), 1, 40).Draw(t, "offsets"))
		read, err := ParsePosition(p.String())
		if err != nil || !slices.Equal(read, p) {
			t.Fatalf("%v reads back as %v, %v", p, read, err)
		}
	})
	for _, text := range []string{"", "=", "AA==", "A", "gA", "____________8B", " AA", "AA ", "häh"} {
		if p, err := ParsePosition(text); !errors.Is(err, ErrNoPosition) {
			t.Errorf("%q is the position %v, %v", text, p, err)
		}
	}
}

// TestBrokersGatherChangesThatComeByTheHundred: and answer at once with one that comes alone, unless nobody waits for it.
func TestBrokersGatherChangesThatComeByTheHundred(t *testing.T) {
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	asked := make(chan int32, 100)
	kafka.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		kafka.KeepControl()
		asked <- r.(*kmsg.FetchRequest).MinBytes
		return nil, nil, false
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	log := OpenChangeLog(ChangeLogOptions{Brokers: kafka.ListenAddrs(), Topic: "t", Log: slog.New(slog.DiscardHandler)})
	defer log.Close()
	reader := log.Reader(Position{0})
	defer reader.Close()
	for _, step := range []struct {
		before  func()
		changes int
		atLeast int32
	}{{nil, 1, 1}, {nil, manyChanges, 1}, {nil, 2 * manyChanges, gatherBytes}, {nil, 1, gatherBytes}, {nil, 1, 1},
		{reader.Gather, 1, gatherBytes}, {nil, 1, 1}} {
		if step.before != nil {
			step.before()
		}
		var records []*kgo.Record
		for _, r := range fetchedChanges(step.changes).Records {
			records = append(records, &kgo.Record{Topic: "t", Key: r.Key, Value: r.Value})
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if changes, err := reader.Next(t.Context()); err != nil || len(changes) != step.changes {
			t.Fatalf("%d changes, %v, want %d", len(changes), err, step.changes)
		}
		if got := <-asked; got != step.atLeast {
			t.Errorf("for %d changes it asked for %d bytes at least, want %d", step.changes, got, step.atLeast)
		}
	}
}

// fetchedChanges are changes as a fetch brings them, of the size that a model of few rules makes them.
func fetchedChanges(n int) *wire.Fetched {
	var made events.ChangeRecords
	fetched := wire.Fetched{Next: int64(n)}
	for i := range n {
		out := made.Of("t", 0, &scorer.Change{
			Lead: fmt.Sprintf("lead-%07d", i), Account: fmt.Sprintf("acme-%d", i/10), Sequence: 1, From: "cold", To: "warm", Up: true,
			At: scorer.InstantOf(toldAt), Cause: scorer.Cause{Kind: scorer.ByEvent, Source: "mautic/eu", ID: "e000095819", Type: "form.submitted"},
			Standing: scorer.Standing{
				Score: 35.4179260379, Engagement: 35.4179260379, Groups: []scorer.Points{{Name: "acts", Points: 35.4179260379}},
				Contributions: []scorer.Points{{Name: "form", Points: 29.652150934}, {Name: "page", Points: 5.7657751039}},
			},
			Model: scorer.ModelName{Name: "w1", Version: 1},
		})
		fetched.Records = append(fetched.Records, events.Record{Topic: "t", Offset: int64(i), Key: out.Key, Value: out.Value})
	}
	return &fetched
}

func TestReadingChangesAllocatesNothing(t *testing.T) {
	fetched := fetchedChanges(1000)
	r := &ChangeReader{at: Position{0}}
	n := math.Inf(1)
	for range 10 { // what other goroutines allocate counts, too, but not in every run
		n = min(n, testing.AllocsPerRun(1, func() {
			r.found = r.found[:0]
			if err := r.take(fetched); err != nil || len(r.found) != 1000 {
				t.Fatal(err, len(r.found))
			}
		}))
	}
	if n != 0 {
		t.Errorf("%v allocations for 1,000 changes, want none", n)
	}
}

// BenchmarkTakeChanges goes through what a fetch brought. An operation is a change.
func BenchmarkTakeChanges(b *testing.B) {
	fetched := fetchedChanges(1000)
	r := &ChangeReader{at: Position{0}}
	b.ReportAllocs()
	for i := 0; i < b.N; i += len(fetched.Records) {
		r.found = r.found[:0]
		if err := r.take(fetched); err != nil {
			b.Fatal(err)
		}
	}
}
