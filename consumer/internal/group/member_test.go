package group

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fake starts an embedded broker, which can be told to answer wrongly.
func fake(t testing.TB, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{
		kfake.NumBrokers(1), kfake.SeedTopics(4, "engagement", "inbox"), kfake.GroupMinSessionTimeout(100 * time.Millisecond),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func addr(c *kfake.Cluster) string { return c.ListenAddrs()[0] }

// answer has the cluster answer requests of the kind with a code instead of heeding them.
func answer(c *kfake.Cluster, key kmsg.Key, err *kerr.Error, count int) *kfake.FaultHandle {
	return c.Fault(kfake.Fault{Keys: []kmsg.Key{key}, TopLevel: true, Err: err, Count: count})
}

// cut has the cluster close the connection at the next requests of the kind, heeding none.
func cut(c *kfake.Cluster, key kmsg.Key, count int) {
	for range count {
		c.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) { return nil, errors.New("cut"), true })
	}
}

func TestStandardToolsSeeThePartitionsOfALane(t *testing.T) {
	t.Parallel()
	c := fake(t, kfake.SeedTopics(6, "wide"))
	o := options(addr(c), "g")
	o.Topics = append(o.Topics, "wide")
	o.Partitions = map[string]int{"wide": 6}
	a := start(t, o)
	a.next("assigned")
	b := start(t, o)
	lanesOfB := b.next("assigned").lanes
	a.nextAssigned(2)
	info, err := c.WaitGroupStable(t.Context(), "g", 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range info.Members {
		if m.MemberID != b.State().Generation.Member {
			continue
		}
		want := map[string][]int32{}
		for _, topic := range o.Topics {
			for q := range int32(map[string]int{"engagement": 4, "inbox": 4, "wide": 6}[topic]) {
				if slices.Contains(lanesOfB, int(q)%4) {
					want[topic] = append(want[topic], q)
				}
			}
		}
		if !reflect.DeepEqual(m.Assignment, want) {
			t.Errorf("lanes %v are shown as %v, want %v", lanesOfB, m.Assignment, want)
		}
		if m.ClientID != "test" || !strings.HasPrefix(m.MemberID, "test-") {
			t.Errorf("client ID %q, member ID %q", m.ClientID, m.MemberID)
		}
		return
	}
	t.Errorf("%+v does not list the member", info.Members)
}

// TestAnswersToAHeartbeat is every answer a heartbeat may get, and what the owner hears of it.
func TestAnswersToAHeartbeat(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answer *kerr.Error
		hears  []string
		keeps  bool // the member ID
	}{
		{kerr.UnknownMemberID, []string{"lost", "assigned"}, false},
		{kerr.FencedInstanceID, []string{"lost", "assigned"}, false},
		{kerr.IllegalGeneration, []string{"lost", "assigned"}, true},
		{kerr.RebalanceInProgress, []string{"revoke", "revoked", "assigned"}, true},
		{kerr.NotCoordinator, nil, true},
		{kerr.CoordinatorNotAvailable, nil, true},
		{kerr.CoordinatorLoadInProgress, nil, true},
	} {
		t.Run(test.answer.Message, func(t *testing.T) {
			t.Parallel()
			c := fake(t)
			a := start(t, options(addr(c), "g"))
			first := a.next("assigned").generation
			h := answer(c, kmsg.Heartbeat, test.answer, 1)
			if err := h.Wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			last := first
			for _, what := range test.hears {
				got := a.next(what)
				if what == "lost" && !errors.Is(got.err, ErrNotMember) {
					t.Errorf("lost with %v", got.err)
				}
				if what == "assigned" {
					last = got.generation
				}
			}
			if (last.Member == first.Member) != test.keeps {
				t.Errorf("member %s became %s", first.Member, last.Member)
			}
			eventually(t, "the heartbeats are answered again", func() bool { return a.Check(t.Context()) == nil })
			eventually(t, "the trouble is forgotten", func() bool { return a.State().Err == nil })
			a.nothing()
		})
	}
}

func TestACutConnectionCostsNothing(t *testing.T) {
	t.Parallel()
	c := fake(t)
	a := start(t, options(addr(c), "g"))
	g := a.next("assigned").generation
	cut(c, kmsg.Heartbeat, 5)
	seen := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, TopLevel: true, Observe: true, Count: -1})
	if err := seen.Wait(t.Context(), 2); err != nil { // those after the cut ones
		t.Fatal(err)
	}
	if s := a.State(); s.Generation != g || a.Suspect() {
		t.Errorf("%+v, suspect %v", s, a.Suspect())
	}
	a.nothing()
}

// TestAnswersToJoining is every answer that may keep a new member from joining: it joins in the end.
func TestAnswersToJoining(t *testing.T) {
	t.Parallel()
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup} {
		for _, code := range []*kerr.Error{
			kerr.UnknownMemberID, kerr.FencedInstanceID, kerr.IllegalGeneration, kerr.RebalanceInProgress,
			kerr.NotCoordinator, kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress,
			kerr.GroupAuthorizationFailed, kerr.GroupMaxSizeReached, kerr.InconsistentGroupProtocol,
		} {
			t.Run(key.Name()+"/"+code.Message, func(t *testing.T) {
				t.Parallel()
				c := fake(t)
				h := answer(c, key, code, 2)
				a := start(t, options(addr(c), "g"))
				disjoint(t, 4, a.next("assigned").lanes)
				if h.Hits() != 2 {
					t.Errorf("answered %d times", h.Hits())
				}
				if s := a.State(); s.Err != nil || s.Rebalancing || s.Rebalances != 1 {
					t.Errorf("%+v", s)
				}
			})
		}
		t.Run(key.Name()+"/cut", func(t *testing.T) {
			t.Parallel()
			c := fake(t)
			cut(c, key, 3)
			a := start(t, options(addr(c), "g"))
			a.next("assigned")
		})
	}
}

// TestAnErrorSaysHowToMendIt keeps a member from joining and reads its state.
func TestAnErrorSaysHowToMendIt(t *testing.T) {
	t.Parallel()
	for code, mend := range map[*kerr.Error]string{
		kerr.InconsistentGroupProtocol: "kafka.group",
		kerr.GroupAuthorizationFailed:  "READ",
		kerr.InvalidSessionTimeout:     "group.min.session.timeout.ms",
		kerr.GroupMaxSizeReached:       "group.max.size",
		kerr.InvalidGroupID:            "kafka.group",
	} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			c := fake(t)
			answer(c, kmsg.JoinGroup, code, -1)
			a := start(t, options(addr(c), "g"))
			eventually(t, "the state says so", func() bool { return errors.Is(a.State().Err, kafka.Error(code.Code)) })
			if err := a.State().Err; !strings.Contains(err.Error(), mend) {
				t.Errorf("%v does not speak of %s", err, mend)
			}
			if !a.State().Rebalancing || !a.Suspect() {
				t.Errorf("%+v, suspect %v", a.State(), a.Suspect())
			}
			if err := a.stop(); err != nil {
				t.Error(err)
			}
			a.nothing()
		})
	}
}

// TestAGenerationMissedDropsTheLanes: in one that passed without us, our lanes may have been another's.
func TestAGenerationMissedDropsTheLanes(t *testing.T) {
	t.Parallel()
	l := &lanes{t: t, happened: make(chan happening, 10)}
	s := session{Member: Join(options("127.0.0.1:1", "g")), owner: l}
	for _, step := range []struct {
		generation int
		lost       bool
	}{{5, false}, {6, false}, {6, false}, {8, true}, {9, false}, {3, true}} {
		s.assigned(Generation{ID: step.generation, Member: "m"}, []int{1})
		if step.lost {
			if err := l.next("lost").err; !errors.Is(err, ErrNotMember) {
				t.Errorf("lost with %v", err)
			}
		}
		claims := claimOf("m", s.joinRequest().Protocols[0].Metadata)
		if claims.generation != int32(step.generation) || !slices.Equal(claims.lanes, []int{1}) {
			t.Errorf("the next join claims %+v", claims)
		}
		if g := l.next("assigned").generation; g.ID != step.generation || s.State().Generation != g {
			t.Errorf("%+v, state %+v, want generation %d", g, s.State(), step.generation)
		}
	}
}

// TestDisownedWhileRejoining: the lanes stand still already, and are dropped all the same.
func TestDisownedWhileRejoining(t *testing.T) {
	t.Parallel()
	c := fake(t)
	a := start(t, options(addr(c), "g"))
	g := a.next("assigned").generation
	answer(c, kmsg.JoinGroup, kerr.UnknownMemberID, 1)
	answer(c, kmsg.Heartbeat, kerr.RebalanceInProgress, 1)
	a.next("revoke")
	a.next("revoked")
	a.next("lost")
	if got := a.next("assigned").generation; got.Member == g.Member {
		t.Errorf("%+v after %+v", got, g)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	c := fake(t)
	o := options(addr(c), "g")
	o.HeartbeatInterval = time.Hour // so a third of the session: what Run notices before, it noticed by Check
	o.SessionTimeout = 5 * time.Minute
	a := start(t, o)
	g := a.next("assigned").generation
	if err := a.Check(t.Context()); err != nil || a.Suspect() {
		t.Errorf("a member: %v, suspect %v", err, a.Suspect())
	}

	cut(c, kmsg.Heartbeat, 1)
	if err := a.Check(t.Context()); err == nil || errors.Is(err, ErrNotMember) {
		t.Errorf("the connection cut: %v", err)
	}
	answer(c, kmsg.Heartbeat, kerr.CoordinatorLoadInProgress, 1)
	if err := a.Check(t.Context()); !errors.Is(err, kafka.GroupLoadInProgress) || errors.Is(err, ErrNotMember) {
		t.Errorf("the coordinator loading: %v", err)
	}

	answer(c, kmsg.Heartbeat, kerr.RebalanceInProgress, 2) // Run's is the second
	if err := a.Check(t.Context()); err != nil {
		t.Errorf("a rebalance in progress: %v", err)
	}
	a.next("revoke")
	a.next("revoked")
	a.next("assigned")

	kick(t, c, g.Member)
	if err := a.Check(t.Context()); !errors.Is(err, ErrNotMember) || !errors.Is(err, kafka.UnknownMemberId) {
		t.Errorf("kicked out: %v", err)
	}
	a.next("lost")
	a.next("assigned")

	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	if err := a.Check(t.Context()); !errors.Is(err, ErrNotMember) {
		t.Errorf("after leaving: %v", err)
	}
}

func TestCheckBeforeRun(t *testing.T) {
	t.Parallel()
	if m := Join(Options{ID: "g"}); !errors.Is(m.Check(t.Context()), ErrNotMember) || !m.Suspect() {
		t.Errorf("%v, suspect %v", m.Check(t.Context()), m.Suspect())
	}
}

// TestCheckFollowsANewGeneration asks about a generation that ends while the question is under way.
func TestCheckFollowsANewGeneration(t *testing.T) {
	t.Parallel()
	c := fake(t)
	o := options(addr(c), "g")
	a := start(t, o)
	a.next("assigned")
	var once atomic.Bool
	proceed := make(chan struct{})
	c.ControlKey(int16(kmsg.Heartbeat), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if once.CompareAndSwap(false, true) {
			c.SleepControl(func() { <-proceed })
			resp := r.ResponseKind().(*kmsg.HeartbeatResponse)
			resp.ErrorCode = kerr.IllegalGeneration.Code
			return resp, nil, true
		}
		return nil, nil, false
	})
	a.change(func(s *State) { s.Generation.ID-- }) // as if a rebalance were just ending
	checked := make(chan error, 1)
	go func() { checked <- a.Check(t.Context()) }()
	eventually(t, "the question is under way", once.Load)
	a.change(func(s *State) { s.Generation.ID++ })
	close(proceed)
	if err := <-checked; err != nil {
		t.Errorf("a member of the new generation: %v", err)
	}
}

// kick makes the coordinator forget a member, as if its session were over.
func kick(t testing.TB, c *kfake.Cluster, member string) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(addr(c)), Transport: transport}
	res, err := client.LeaveGroup(t.Context(), &kafka.LeaveGroupRequest{
		GroupID: "g", Members: []kafka.LeaveGroupRequestMember{{ID: member}},
	})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestSilenceForASessionIsSuspect(t *testing.T) {
	t.Parallel()
	c := fake(t)
	o := options(addr(c), "g")
	o.SessionTimeout = 300 * time.Millisecond
	a := start(t, o)
	a.next("assigned")
	if a.Suspect() {
		t.Error("suspect from the beginning")
	}
	var silent atomic.Bool
	silent.Store(true)
	c.ControlKey(int16(kmsg.Heartbeat), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return nil, errors.New("silence"), silent.Load()
	})
	eventually(t, "the silence is suspect", a.Suspect)
	if a.State().Err == nil {
		t.Error("the state does not say why")
	}
	silent.Store(false)
	eventually(t, "it is a member beyond doubt, the old or a new one", func() bool { return !a.Suspect() && a.Check(t.Context()) == nil })
}

func TestWaitsForABrokerThatComesLater(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	a := start(t, options(l.Addr().String(), "g"))
	eventually(t, "the state says so", func() bool { return a.State().Err != nil })
	n, _ := strconv.Atoi(port)
	fake(t, kfake.Ports(n))
	a.next("assigned")
	if err := a.stop(); err != nil { // while the broker is there
		t.Error(err)
	}
}

// TestTheCoordinatorMoves has three brokers, of which one coordinates the group and others are asked first.
func TestTheCoordinatorMoves(t *testing.T) {
	t.Parallel()
	c := fake(t, kfake.NumBrokers(3))
	var members []*worker
	for i := range 6 { // so many groups that not all of them have the coordinator that is asked first
		w := start(t, options(addr(c), fmt.Sprint("g", i)))
		w.next("assigned")
		members = append(members, w)
	}
	c.RehashCoordinators()
	for _, w := range members {
		eventually(t, "the coordinator is found again", func() bool { return w.Check(t.Context()) == nil })
	}
}

func TestPausesGrow(t *testing.T) {
	t.Parallel()
	var p pauses
	for _, full := range []time.Duration{10, 20, 40, 80, 100, 100} {
		full *= time.Millisecond
		if d := p.next(100 * time.Millisecond); d > full || d < full/2 {
			t.Errorf("%v, want %v to %v", d, full/2, full)
		}
	}
	p.count = 1000
	if d := p.next(time.Second); d < time.Second/2 || d > time.Second {
		t.Errorf("%v", d)
	}
}
