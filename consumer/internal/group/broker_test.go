package group

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/hotlead/hotlead/cmd/testbed"
)

func TestMain(m *testing.M) { os.Exit(testbed.Run(m)) }

// The tests of this file run on whatever broker the testbed gives, a real one where there is one.

// optionsOn are options for a group of the test's own, with topics of its own.
func optionsOn(t testing.TB, addr string) Options {
	o := options(addr, testbed.Unique(t, "g"))
	o.Topics = []string{testbed.Unique(t, "engagement"), testbed.Unique(t, "inbox")}
	testbed.CreateTopics(t, addr, map[string]int{o.Topics[0]: 4, o.Topics[1]: 4})
	return o
}

func TestMembersComeAndGo(t *testing.T) {
	t.Parallel()
	o := optionsOn(t, testbed.Kafka(t).Addr)
	o.SessionTimeout = 5 * time.Minute // so nothing here waits for a session to end

	a := start(t, o)
	alone := a.next("assigned")
	disjoint(t, 4, alone.lanes)

	b := start(t, o)
	a.next("revoke")
	a.next("revoked")
	shared, other := a.next("assigned"), b.next("assigned")
	disjoint(t, 4, shared.lanes, other.lanes)
	subset(t, shared.lanes, alone.lanes)
	if shared.generation.ID != alone.generation.ID+1 || shared.generation.Member != alone.generation.Member {
		t.Errorf("%+v after %+v", shared.generation, alone.generation)
	}
	described(t, o, b.State())

	if err := a.stop(); err != nil {
		t.Error(err)
	}
	a.next("revoke")
	a.next("revoked")
	a.nothing()
	b.next("revoke")
	b.next("revoked")
	all := b.next("assigned")
	disjoint(t, 4, all.lanes)
	if all.generation.Member != other.generation.Member {
		t.Errorf("%+v after %+v", all.generation, other.generation)
	}
}

// described asks the coordinator for what standard tools show, which must be what the member was assigned.
func described(t testing.TB, o Options, s State) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(o.Brokers...), Transport: transport}
	res, err := client.DescribeGroups(t.Context(), &kafka.DescribeGroupsRequest{GroupIDs: []string{o.ID}})
	if err != nil || len(res.Groups) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	for _, m := range res.Groups[0].Members {
		if m.MemberID != s.Generation.Member {
			continue
		}
		topics := m.MemberAssignments.Topics
		if len(topics) != len(o.Topics) {
			t.Errorf("described as %+v", topics)
		}
		for _, topic := range topics {
			if !slices.Contains(o.Topics, topic.Topic) || !slices.Equal(topic.Partitions, s.Lanes) {
				t.Errorf("lanes %v are described as %+v", s.Lanes, topic)
			}
		}
		return
	}
	t.Errorf("%s is not among %+v", s.Generation.Member, res.Groups[0].Members)
}

// TestAZombieLearnsThatItIsOne cuts a member off for longer than its session, as SIGSTOP does, and lets it come back.
func TestAZombieLearnsThatItIsOne(t *testing.T) {
	t.Parallel()
	o := optionsOn(t, testbed.Kafka(t).Addr)
	b := start(t, o)
	b.next("assigned")

	proxy := testbed.NewProxy(t, o.Brokers[0])
	o.Transport = through(t, proxy)
	a := start(t, o)
	before := a.next("assigned").generation
	b.nextAssigned(2)
	if err := a.Check(t.Context()); err != nil || a.Suspect() {
		t.Fatalf("a member: %v, suspect %v", err, a.Suspect())
	}

	proxy.Pause()
	taken := b.nextAssigned(4).generation // its session is over
	eventually(t, "the silence is suspect", a.Suspect)
	if g := a.State().Generation; g != before {
		t.Fatalf("%+v, but nobody has said so", g)
	}
	proxy.Resume()
	if err := a.Check(t.Context()); !errors.Is(err, ErrNotMember) {
		t.Errorf("%v", err)
	}
	a.next("lost")
	again := a.next("assigned")
	if again.generation.Member == before.Member || again.generation.ID <= taken.ID {
		t.Errorf("%+v after %+v", again.generation, before)
	}
	disjoint(t, 4, again.lanes, b.nextAssigned(2).lanes)
}

// through makes a transport whose connections all go through the proxy.
func through(t testing.TB, proxy *testbed.Proxy) *kafka.Transport {
	transport := &kafka.Transport{Dial: proxy.DialContext, MetadataTTL: 100 * time.Millisecond}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func TestABrokerRestart(t *testing.T) {
	t.Parallel()
	k := testbed.OwnKafka(t)
	if !k.Faults() {
		return
	}
	t.Run("costs nothing", func(t *testing.T) {
		o := optionsOn(t, k.Addr)
		a, b := start(t, o), start(t, o)
		first, second := a.nextAssigned(2), b.nextAssigned(2)
		k.Kill()
		eventually(t, "both notice", func() bool { return a.State().Err != nil && b.State().Err != nil })
		eventually(t, "both are suspect", func() bool { return a.Suspect() && b.Suspect() })
		if err := a.Check(t.Context()); err == nil || errors.Is(err, ErrNotMember) {
			t.Errorf("asked nobody, answered %v", err)
		}
		k.Restart()
		for _, w := range []*worker{a, b} {
			eventually(t, "the membership is confirmed", func() bool { return w.Check(t.Context()) == nil && !w.Suspect() })
			w.nothing()
		}
		if a.State().Generation != first.generation || b.State().Generation != second.generation {
			t.Errorf("%+v and %+v became %+v and %+v", first, second, a.State(), b.State())
		}
	})
	t.Run("while one drains and another waits for it", func(t *testing.T) {
		o := optionsOn(t, k.Addr)
		drained := make(chan struct{})
		a := start(t, o, func(l *lanes) { l.slow = func(context.Context) { <-drained } })
		first := a.next("assigned").generation
		b := start(t, o)
		a.next("revoke")
		k.Kill()
		k.Restart()
		close(drained)
		if got := a.nextAssigned(2); got.generation.Member != first.Member {
			t.Errorf("%+v after %+v", got.generation, first)
		}
		disjoint(t, 4, a.State().Lanes, b.nextAssigned(2).lanes)
	})
}

func TestDrainingOnTheBrokerMayTakeLongerThanASession(t *testing.T) {
	t.Parallel()
	o := optionsOn(t, testbed.Kafka(t).Addr)
	enough := make(chan struct{})
	a := start(t, o, func(l *lanes) {
		l.slow = func(ctx context.Context) {
			select {
			case <-enough:
			case <-ctx.Done():
			}
		}
	})
	first := a.next("assigned")
	b := start(t, o)
	a.next("revoke")
	for deadline := time.Now().Add(2*o.SessionTimeout + o.SessionTimeout/2); time.Now().Before(deadline); {
		eventually(t, "a heartbeat goes out", func() bool { return a.State().Heard.After(time.Now().Add(-o.SessionTimeout / 4)) })
		if err := a.Check(t.Context()); err != nil {
			t.Fatalf("while draining: %v", err)
		}
	}
	close(enough)
	if err := a.next("revoked").err; err != nil {
		t.Fatalf("draining was cut short: %v", err)
	}
	got := a.next("assigned")
	if got.generation.ID != first.generation.ID+1 || got.generation.Member != first.generation.Member {
		t.Errorf("%+v after %+v", got.generation, first.generation)
	}
	disjoint(t, 4, got.lanes, b.next("assigned").lanes)
}

// TestAnAnswerThatGetsLost drops the coordinator's answer to a request that it has heeded.
func TestAnAnswerThatGetsLost(t *testing.T) {
	for _, key := range []protocol.ApiKey{protocol.JoinGroup, protocol.SyncGroup, protocol.Heartbeat} {
		t.Run(key.String(), func(t *testing.T) {
			t.Parallel()
			o := optionsOn(t, testbed.Kafka(t).Addr)
			proxy := testbed.NewProxy(t, o.Brokers[0])
			proxied := o
			proxied.Transport = through(t, proxy)
			a := start(t, proxied)
			before := a.next("assigned").generation
			proxy.DropRepliesTo(1, func(request []byte) bool {
				return len(request) > 6 && protocol.ApiKey(binary.BigEndian.Uint16(request[4:])) == key
			})
			b := start(t, o)
			disjoint(t, 4, b.nextAssigned(2).lanes, settled(t, a))
			if g := a.State().Generation; g.Member != before.Member {
				t.Errorf("%+v after %+v", g, before)
			}
		})
	}
}

// settled waits until the member has two lanes, whatever it loses on the way.
func settled(t testing.TB, w *worker) []int {
	t.Helper()
	eventually(t, "it has two lanes", func() bool { s := w.State(); return !s.Rebalancing && len(s.Lanes) == 2 })
	return w.State().Lanes
}
