package wire_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
)

// chain writes transactions of a record each, whose values are numbered on.
type chain struct {
	*testing.T
	cluster *wire.Cluster
	topic   string
	*wire.Producer
	apart time.Duration // of transactions whose partitions join
	n     int
}

func newChain(t *testing.T, addr string) *chain {
	t.Helper()
	c := dial(t, addr)
	return &chain{T: t, cluster: c, topic: topic(t, c, 1), Producer: c.Producer(testbed.Unique(t, "id"), time.Minute)}
}

// init takes over, and returns the owner's epoch, which is what comes next is written under.
func (c *chain) init() wire.Epoch {
	c.Helper()
	owner, err := c.Init(limited(c))
	if err != nil || owner != c.Writes() {
		c.Fatalf("the owner is %v, and writes as %v: %v", owner, c.Writes(), err)
	}
	return owner
}

// write commits a transaction, and says whether that brought another epoch.
func (c *chain) write() bool {
	c.Helper()
	before := c.Writes()
	c.KeepApart(c.apart)
	_, err := c.Commit(limited(c), wire.Transaction{
		Records: out(c.topic, 0, c.n, 1), Group: c.topic, Generation: -1, Offsets: []wire.Position{position(c.topic, 0, int64(c.n))},
	})
	if err != nil {
		c.Fatalf("transaction %d: %v", c.n, err)
	}
	c.n++
	return c.Writes() != before
}

// check reads what was written.
func (c *chain) check() {
	c.Helper()
	want := make([]string, c.n)
	for i := range want {
		want[i] = fmt.Sprintf("value-%d", i)
	}
	got := readTo(c, fetcher(c, c.cluster), position(c.topic, 0, 0), end(c, c.cluster, wire.Partition{Topic: c.topic}))
	if !slices.Equal(got, want) {
		c.Errorf("read %d records, not the %d in order that were written", len(got), len(want))
	}
}

func TestEachTransactionHasAnEpoch(t *testing.T) {
	c := newChain(t, testbed.Kafka(t).Addr)
	owner := c.init()
	for i := range int16(3) {
		c.write()
		if want := (wire.Epoch{ProducerID: owner.ProducerID, Epoch: owner.Epoch + i + 1}); c.Writes() != want {
			t.Fatalf("after transaction %d the next epoch is %v, want %v", i, c.Writes(), want)
		}
	}
	c.check()
}

// TestAnEndThatIsAskedForAgain: an answer that is an error leaves open whether the transaction has ended. A second request
// under its epoch says so, and brings the next epoch; under one before that, the producer is not ours any more.
func TestAnEndThatIsAskedForAgain(t *testing.T) {
	c := newChain(t, testbed.Kafka(t).Addr)
	owner := c.init()
	c.write()
	for _, c.apart = range []time.Duration{0, time.Hour} {
		before := c.Writes()
		c.write()
		for range 2 {
			if next, err := c.EndAgain(limited(t), before); err != nil || next != c.Writes() {
				t.Errorf("ended again, the next epoch is %v, %v; want %v", next, err, c.Writes())
			}
		}
	}
	if _, err := c.EndAgain(limited(t), owner); !errors.Is(err, wire.ErrFenced) {
		t.Errorf("the end of a transaction before that: %v, want ErrFenced", err)
	}
	c.write()
	c.check()
}

// TestPartitionsJoinWhereNothingIsVerified: a broker that does not ask the coordinator about transactions has partitions join
// them all the same, or their records would never be decided.
func TestPartitionsJoinWhereNothingIsVerified(t *testing.T) {
	k := testbed.OwnKafka(t)
	c := newChain(t, k.Addr)
	if k.Faults() {
		unchecked := "false"
		_, err := kadm.NewClient(franz(t, k.Addr)).AlterBrokerConfigs(limited(t), []kadm.AlterConfig{
			{Op: kadm.SetConfig, Name: "transaction.partition.verification.enable", Value: &unchecked}})
		if err != nil {
			t.Fatal(err)
		}
	}
	c.init()
	for range 3 {
		if !c.write() {
			t.Error("a transaction has no epoch of its own")
		}
	}
	c.check()
}

// TestKafkaChangesItsTransactions while a producer runs, both ways: it goes on as it began, and learns of it by Init.
func TestKafkaChangesItsTransactions(t *testing.T) {
	k := testbed.OwnKafka(t)
	c := newChain(t, k.Addr)
	for _, level := range []int16{1, 2, 1, 2} {
		testbed.SetTransactionVersion(t, k.Addr, level)
		if c.n > 0 {
			if had := c.write(); had != (level == 1) {
				t.Errorf("with %d now, and not Init'ed: an epoch each: %v", level, had)
			}
		}
		c.init()
		for range 3 {
			if has := c.write(); has != (level == 2) {
				t.Errorf("with %d: an epoch each: %v", level, has)
			}
		}
	}
	c.check()
}

// TestAKafkaWithoutEpochsEach is served as it always was.
func TestAKafkaWithoutEpochsEach(t *testing.T) {
	for name, opts := range map[string][]kfake.Opt{
		"Kafka 3.9": {kfake.MaxVersions(kversion.V3_9_0())},
		"Kafka 2.5": {kfake.MaxVersions(kversion.V2_5_0())},
	} {
		t.Run(name, func(t *testing.T) {
			k, _ := fake(t, 1, opts...)
			c := newChain(t, k.ListenAddrs()[0])
			c.init()
			for range 2 {
				if c.write() {
					t.Error("each transaction has an epoch")
				}
			}
			c.check()
		})
	}
	t.Run("that does not say", func(t *testing.T) {
		k, _ := fake(t, 1)
		c := newChain(t, k.ListenAddrs()[0])
		k.ControlKey(int16(protocol.ApiVersions), func(request kmsg.Request) (kmsg.Response, error, bool) {
			k.KeepControl()
			if request.GetVersion() < 3 {
				return nil, nil, false
			}
			return nil, errors.New("cut"), true
		})
		c.init()
		if c.write() {
			t.Error("each transaction has an epoch")
		}
		c.check()
	})
}

// TestATransactionWithAnEpochIsTwoRequests, and one more with offsets.
func TestATransactionWithAnEpochIsTwoRequests(t *testing.T) {
	k, _ := fake(t, 1)
	c := newChain(t, k.ListenAddrs()[0])
	c.init()
	c.write()
	asked := make(chan string, 100)
	k.Control(func(request kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		if request.Key() != int16(protocol.ApiVersions) { // which each new connection begins with
			asked <- fmt.Sprintf("%s %d", kmsg.NameForKey(request.Key()), request.GetVersion())
		}
		return nil, nil, false
	})
	c.write()
	if _, err := c.Commit(limited(t), wire.Transaction{Records: out(c.topic, 0, c.n, 1)}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for len(asked) > 0 {
		got = append(got, <-asked)
	}
	if want := []string{"Produce 12", "TxnOffsetCommit 5", "EndTxn 5", "Produce 12", "EndTxn 5"}; !slices.Equal(got, want) {
		t.Errorf("asked %q, want %q", got, want)
	}
}

// TestAnEndWithoutANextEpoch leaves nothing to go on with but Init.
func TestAnEndWithoutANextEpoch(t *testing.T) {
	k, _ := fake(t, 1)
	c := newChain(t, k.ListenAddrs()[0])
	c.init()
	k.ControlKey(int16(protocol.EndTxn), func(request kmsg.Request) (kmsg.Response, error, bool) {
		return failing(request, 0), nil, true
	})
	if _, err := c.Commit(limited(t), wire.Transaction{Records: out(c.topic, 0, 7, 1)}); !errors.Is(err, wire.ErrUnknown) {
		t.Errorf("error %v, want ErrUnknown", err)
	}
	c.init()
	c.write()
	c.check()
}

// TestEpochsRunOut: the end of a transaction then brings another producer ID.
func TestEpochsRunOut(t *testing.T) {
	k, _ := fake(t, 1)
	c := newChain(t, k.ListenAddrs()[0])
	owner := c.init()
	for range math.MaxInt16 + 10 {
		if !c.write() {
			t.Fatalf("transaction %d has no epoch of its own", c.n)
		}
	}
	if c.Writes().ProducerID == owner.ProducerID {
		t.Errorf("it writes as %v, with more transactions than there are epochs", c.Writes())
	}
	c.check()
}

// TestBothWaysToBeginInTurn: whether partitions join a transaction or are added to it, it has an epoch of its own, and
// shares it with none: what is written to it is part of no other.
func TestBothWaysToBeginInTurn(t *testing.T) {
	c := newChain(t, testbed.Kafka(t).Addr)
	c.init()
	for i := range 200 {
		c.apart = 0
		if i%2 == 0 || i%7 > 4 {
			c.apart = time.Hour
		}
		if !c.write() {
			t.Fatalf("transaction %d has no epoch of its own", i)
		}
	}
	c.check()
}

// TestWhatHangsIsDecidedBetweenTransactions: Keep and Discard add partitions and group by requests of their own, whichever
// way the transactions before and after them go.
func TestWhatHangsIsDecidedBetweenTransactions(t *testing.T) {
	k := testbed.OwnKafka(t)
	for _, level := range []int16{2, 1} {
		testbed.SetTransactionVersion(t, k.Addr, level)
		c := newChain(t, k.Addr)
		parts := []wire.Partition{{Topic: c.topic}}
		c.init()
		c.write()
		for range 3 {
			for _, decide := range []func(context.Context, []wire.Partition, string) (wire.Epoch, error){c.Keep, c.Discard} {
				c.init()
				before := c.Writes()
				owner, err := decide(limited(t), parts, c.topic)
				if err != nil || owner != c.Writes() || owner == before {
					t.Fatalf("with %d: the owner is %v after %v, %v", level, owner, before, err)
				}
				c.write()
				c.write()
			}
		}
		c.check()
	}
}
