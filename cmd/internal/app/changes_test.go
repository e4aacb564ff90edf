package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

const lanesOfChanges = 3

// told is a topic of tier changes of its own, and Changes that follow it.
type told struct {
	t       *testing.T
	topic   string
	client  *kgo.Client
	changes *Changes
}

func newTold(t *testing.T) *told {
	t.Helper()
	addr := testbed.Kafka(t).Addr
	k := &told{t: t, topic: testbed.Unique(t, "changes")}
	testbed.CreateTopics(t, addr, map[string]int{k.topic: lanesOfChanges})
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	k.client = client
	c := Kafka{Brokers: []string{addr}, Topics: Topics{TierChanges: k.topic}}
	log, err := OpenChangeLog(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	k.changes = NewChanges(log, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	t.Cleanup(func() {
		stop()
		<-done
		log.Close()
	})
	go func() {
		defer close(done)
		k.changes.Run(ctx)
	}()
	k.until("it has begun", func() bool {
		k.changes.mu.Lock()
		defer k.changes.mu.Unlock()
		return k.changes.at != nil
	})
	return k
}

// until waits for a condition, for half a minute.
func (k *told) until(what string, holds func() bool) {
	k.t.Helper()
	deadline, tick := time.NewTimer(30*time.Second), time.NewTicker(5*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline.C:
			k.t.Fatalf("still not: %s", what)
		case <-tick.C:
		}
	}
}

// changeOf is a lead's change of that number, true now.
func changeOf(lead string, sequence int) *scorer.Change {
	return &scorer.Change{
		Kind: scorer.TierChanged, Lead: lead, Sequence: uint64(sequence), From: "cold", To: "hot", Route: "sales", Up: true,
		At: scorer.InstantOf(time.Now()), Cause: scorer.Cause{Kind: scorer.ByTime}, Model: scorer.ModelName{Name: "m", Version: 1},
	}
}

// announce writes changes of leads in turns, from one number to another.
func (k *told) announce(leads []string, from, to int) {
	k.t.Helper()
	var records []*kgo.Record
	for sequence := from; sequence <= to; sequence++ {
		for _, lead := range leads {
			r := new(events.ChangeRecords).Of(k.topic, events.Lane(lead, lanesOfChanges), changeOf(lead, sequence))
			records = append(records, &kgo.Record{Topic: k.topic, Partition: int32(r.Partition), Key: r.Key, Value: r.Value})
		}
	}
	if err := k.client.ProduceSync(k.t.Context(), records...).FirstErr(); err != nil {
		k.t.Fatal(err)
	}
}

func (k *told) follow(after string) web.Following {
	k.t.Helper()
	f, err := k.changes.Follow(k.t.Context(), after, web.Wanted{})
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(f.Close)
	return f
}

// take takes n changes, as "lead/sequence", and holds that positions are those after each.
func (k *told) take(f web.Following, n int) (seen []web.Change) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), 30*time.Second)
	defer cancel()
	for len(seen) < n {
		changes, err := f.Next(ctx)
		if err != nil {
			k.t.Fatalf("after %d changes: %v", len(seen), err)
		}
		seen = append(seen, changes...)
	}
	return seen
}

// sequences are the numbers of a lead's changes.
func sequences(t *testing.T, lead string, changes []web.Change) (numbers []int) {
	t.Helper()
	for _, c := range changes {
		a, err := events.ReadChange(c.JSON)
		if err != nil {
			t.Fatal(err)
		}
		if a.Lead != c.Lead || c.To != "hot" || c.Route != "sales" || c.Type != "lead.tier.changed" || c.At.IsZero() {
			t.Fatalf("%+v", c)
		}
		if c.Lead == lead {
			numbers = append(numbers, int(a.Sequence))
		}
	}
	return numbers
}

// upTo are the numbers from one to another.
func upTo(from, to int) (numbers []int) {
	for n := from; n <= to; n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

func TestFollowersSeeWhatComesInEachLeadsOrder(t *testing.T) {
	k := newTold(t)
	leads := []string{"a", "b", "c", "d"}
	k.announce(leads, 1, 2)
	k.until("all is known", func() bool { return len(k.changes.Recent(100)) == 8 })
	first, second := k.follow(""), k.follow("")
	k.announce(leads, 3, 5)
	seen := k.take(first, 12)
	for _, lead := range leads {
		if got := sequences(t, lead, seen); !slices.Equal(got, upTo(3, 5)) {
			t.Errorf("the changes of %s came as %v", lead, got)
		}
	}
	if got := k.take(second, 12); len(got) != 12 || first.Position() != second.Position() {
		t.Errorf("another follower sees %d changes, up to %s and not %s", len(got), second.Position(), first.Position())
	}
	// From after any of them on, the rest comes, nothing twice.
	for i, c := range seen {
		f := k.follow(c.Position)
		k.announce(leads[:1], 6+i, 6+i)
		want := sequences(t, "a", seen[i+1:])
		want = append(want, upTo(6, 6+i)...)
		var got []int
		for len(got) < len(want) {
			got = append(got, sequences(t, "a", k.take(f, 1))...)
		}
		if !slices.Equal(got, want) || f.Lost() {
			t.Errorf("after change %d: %v, want %v", i, got, want)
		}
		f.Close()
	}
}

func TestRecentAndHours(t *testing.T) {
	k := newTold(t)
	k.announce([]string{"a", "b"}, 1, 3)
	k.until("all is known", func() bool { return len(k.changes.Recent(100)) == 6 })
	recent := k.changes.Recent(3)
	if len(recent) != 3 {
		t.Fatalf("%d recent changes of the newest 3", len(recent))
	}
	for i := 1; i < len(recent); i++ {
		if recent[i].At.After(recent[i-1].At) {
			t.Errorf("%v comes before the newer %v", recent[i-1].At, recent[i].At)
		}
	}
	count := 0
	hours := k.changes.Hours()
	for i, h := range hours {
		if i > 0 && !h.Begin.Equal(hours[i-1].Begin.Add(time.Hour)) {
			t.Errorf("hour %v follows %v", h.Begin, hours[i-1].Begin)
		}
		for _, m := range h.Moves {
			if m.From != "cold" || m.To != "hot" {
				t.Errorf("a move from %s to %s", m.From, m.To)
			}
			count += m.Count
		}
	}
	if len(hours) != 24 || count != 6 {
		t.Errorf("%d moves in %d hours", count, len(hours))
	}
	of, err := k.changes.Of(t.Context(), "a")
	if err != nil || len(of) != 3 {
		t.Errorf("%d changes of a, %v", len(of), err)
	}
}

func TestOldChangesComeFromKafkaAndNewOnesFromMemory(t *testing.T) {
	k := newTold(t)
	f := k.follow("")
	start := f.Position()
	f.Close()
	leads := []string{"a", "b", "c", "d", "e"}
	const each = changesKept/5 + 200
	k.announce(leads, 1, each)
	k.until("the ring has wrapped", func() bool {
		k.changes.mu.Lock()
		defer k.changes.mu.Unlock()
		return k.changes.first > 900
	})
	f = k.follow(start)
	seen := k.take(f, each*len(leads)-10)
	k.announce(leads, each+1, each+2)
	for len(seen) < (each+2)*len(leads) {
		seen = append(seen, k.take(f, 1)...)
	}
	for _, lead := range leads {
		if got := sequences(t, lead, seen); !slices.Equal(got, upTo(1, each+2)) {
			t.Errorf("the changes of %s came as %v", lead, got)
		}
	}
	if f.(*following).reader != nil {
		t.Error("it still reads from Kafka")
	}
}

func TestAsManyAsCanBeReadOldChanges(t *testing.T) {
	k := newTold(t)
	k.changes.mu.Lock()
	k.changes.before[0] = 1 // as if something were in front of the ring
	k.changes.mu.Unlock()
	begin := make(consumer.Position, lanesOfChanges).String()
	var all []web.Following
	for range catchingUp {
		all = append(all, k.follow(begin))
	}
	if _, err := k.changes.Follow(t.Context(), begin, web.Wanted{}); !errors.Is(err, web.ErrBusy) {
		t.Errorf("one more: %v", err)
	}
	all[0].Close()
	k.follow(begin)
}

func TestOldChangesThatAreNotWantedArePassed(t *testing.T) {
	k := newTold(t)
	start := make(consumer.Position, lanesOfChanges).String()
	k.announce([]string{"a", "b"}, 1, 5)
	k.until("all is known", func() bool { return len(k.changes.Recent(20)) == 10 })
	k.changes.mu.Lock()
	for lane := range k.changes.before {
		k.changes.before[lane]++ // as if something were in front of the ring
	}
	k.changes.mu.Unlock()
	for wanted, want := range map[web.Wanted]int{{Tier: "hot"}: 10, {Route: "nurture"}: 0} {
		f, err := k.changes.Follow(t.Context(), start, wanted)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		seen := 0
		for err == nil {
			var changes []web.Change
			changes, err = f.Next(ctx)
			seen += len(changes)
		}
		cancel()
		if seen != want || !errors.Is(err, context.DeadlineExceeded) || f.Position() != k.changes.at.String() {
			t.Errorf("%+v: %d changes, %v; it stands at %s", wanted, seen, err, f.Position())
		}
		f.Close()
	}
}

func TestAFollowerThatIsTooSlowIsToldSo(t *testing.T) {
	k := newTold(t)
	f := k.follow("")
	for i := range changesKept + 1 {
		k.changes.push(inMemory("a", i))
	}
	if _, err := f.Next(t.Context()); !errors.Is(err, web.ErrBehind) {
		t.Errorf("the error is %v", err)
	}
}

func TestATopicMadeAnewCutsFollowersOff(t *testing.T) {
	c := NewChanges(nil, slog.New(slog.DiscardHandler))
	c.begin(consumer.Position{0}, consumer.Position{0})
	c.push(inMemory("a", 7))
	f, err := c.Follow(t.Context(), "", web.Wanted{})
	if err != nil {
		t.Fatal(err)
	}
	c.push(inMemory("a", 0))
	if _, err := f.Next(t.Context()); !errors.Is(err, web.ErrBehind) {
		t.Errorf("the error is %v", err)
	}
}

func TestChangesThatWereLostAreToldOf(t *testing.T) {
	k := newTold(t)
	k.announce([]string{"a"}, 1, 3)
	k.until("all is known", func() bool { return len(k.changes.Recent(9)) == 3 })
	eaten := kadm.Offsets{}
	eaten.Add(kadm.Offset{Topic: k.topic, Partition: int32(events.Lane("a", lanesOfChanges)), At: 2})
	if _, err := kadm.NewClient(k.client).DeleteRecords(t.Context(), eaten); err != nil {
		t.Fatal(err)
	}
	f := k.follow(make(consumer.Position, lanesOfChanges).String())
	if got := sequences(t, "a", k.take(f, 1)); !f.Lost() || got[0] != 3 {
		t.Errorf("lost %v, then came %v", f.Lost(), got)
	}
	for _, text := range []string{"!", make(consumer.Position, lanesOfChanges+1).String()} {
		if _, err := k.changes.Follow(t.Context(), text, web.Wanted{}); !errors.Is(err, web.ErrNoPosition) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestNobodyFollowsBeforeKafkaAnswered(t *testing.T) {
	c := NewChanges(nil, slog.New(slog.DiscardHandler))
	if _, err := c.Follow(t.Context(), "", web.Wanted{}); !errors.Is(err, errNotYet) {
		t.Errorf("the error is %v", err)
	}
	if recent, hours := c.Recent(5), c.Hours(); len(recent) != 0 || len(hours) != 24 {
		t.Errorf("%d recent changes in %d hours", len(recent), len(hours))
	}
}

func TestEventsAreSentToTheirTopicAndPartition(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := Kafka{Brokers: []string{addr}, Topics: Topics{Engagement: testbed.Unique(t, "engagement"), Qualification: testbed.Unique(t, "qualification"),
		TierChanges: "changes", DeadLetters: "letters", Inbox: "inbox"}}
	testbed.CreateTopics(t, addr, map[string]int{c.Topics.Engagement: 5, c.Topics.Qualification: 2})
	broker, err := OpenBroker(c)
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	var list []web.Event
	for i := range 60 {
		kind := "page.viewed"
		if i%3 == 0 {
			kind = "criterion.rated"
		}
		list = append(list, web.Event{
			Lead: fmt.Sprint("lead-", i%7), Type: kind, Value: fmt.Appendf(make([]byte, 0, 100<<10), "%05d", i)[:100<<10],
			Headers: []events.Header{{Key: "content-type", Value: []byte("text/plain")}},
		})
	}
	if err := NewSender(broker).Send(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	came, last := 0, map[string]string{}
	for topic, partitions := range map[string]int{c.Topics.Engagement: 5, c.Topics.Qualification: 2} {
		for _, r := range testbed.ReadTopic(t, addr, topic) {
			came++
			lead, n := string(r.Key), string(r.Value[:5])
			if int(r.Partition) != events.Lane(lead, partitions) || len(r.Headers) != 1 || string(r.Headers[0].Value) != "text/plain" {
				t.Errorf("%s went to partition %d of %s with %v", lead, r.Partition, topic, r.Headers)
			}
			if last[topic+lead] > n {
				t.Errorf("of %s came %s after %s", lead, n, last[topic+lead])
			}
			last[topic+lead] = n
		}
	}
	if came != len(list) {
		t.Errorf("%d of %d events came", came, len(list))
	}
	if err := NewSender(broker).Send(t.Context(), []web.Event{{Lead: "a", Type: "x", Value: make([]byte, 2<<20)}}); !errors.Is(err, web.ErrTooLarge) {
		t.Errorf("an event that no topic takes: %v", err)
	}
}

func TestSendingEndsWithItsContextWhereKafkaIsAway(t *testing.T) {
	broker, err := OpenBroker(Kafka{Brokers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := NewSender(broker).Send(ctx, []web.Event{{Lead: "a", Type: "x"}}); err == nil || errors.Is(err, web.ErrTooLarge) {
		t.Errorf("the error is %v", err)
	}
}

// TestBrokersGatherChangesThatNobodyFollows: and no longer once somebody does.
func TestBrokersGatherChangesThatNobodyFollows(t *testing.T) {
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	gathered := make(chan bool, 1000)
	kafka.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		kafka.KeepControl()
		gathered <- r.(*kmsg.FetchRequest).MinBytes > 1
		return nil, nil, false
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(kafka.ListenAddrs()...), kgo.DisableClientMetrics())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	log := consumer.OpenChangeLog(consumer.ChangeLogOptions{Brokers: kafka.ListenAddrs(), Topic: "t", Log: slog.New(slog.DiscardHandler)})
	defer log.Close()
	changes := NewChanges(log, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { changes.Run(ctx) })
	defer running.Wait()
	defer cancel()
	announce := func() {
		r := new(events.ChangeRecords).Of("t", 0, changeOf("lead-1", 1))
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Key: r.Key, Value: r.Value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	if !<-gathered {
		t.Error("nobody follows, and the first answer was not to be gathered")
	}
	following, err := changes.Follow(t.Context(), "", web.Wanted{})
	if err != nil {
		t.Fatal(err)
	}
	announce() // ends what was asked for while nobody followed
	if _, err := following.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	announce()
	if _, err := following.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := true
	for len(gathered) > 0 {
		last = <-gathered
	}
	if last {
		t.Error("somebody follows, and the last answer was still to be gathered")
	}
	following.Close()
	announce() // ends what was asked for while somebody did
	for again := false; !again; {
		select {
		case again = <-gathered:
		case <-time.After(30 * time.Second):
			t.Fatal("nobody follows any more, and answers are not gathered again")
		}
	}
}
