// Package group keeps hotlead a member of its Kafka consumer group, by the classic protocol (JoinGroup, SyncGroup,
// Heartbeat, LeaveGroup), and deals out whole lanes: lane p is partition p of every input topic, and each lane is
// assigned to exactly one member.
//
// A member keeps its member ID over network errors and broker restarts, so that a restarted broker finds its group as
// it left it. It goes on heartbeating while lanes drain, so that draining may take longer than a session. It can ask at
// any moment whether its membership still stands, which is what tells a lane that lost its connection from one that
// lost its place.
package group

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// ErrNotMember is the error of Check, and of Lost, when the coordinator knows no such member of this generation: the
// lanes are, or soon will be, another's.
var ErrNotMember = errors.New("not a member of the consumer group any more")

// Options say which group to join, and how. All fields without a default are required.
type Options struct {
	// Brokers are the bootstrap addresses, host:port.
	Brokers []string
	// Transport carries the requests: connections, TLS, SASL, versions and the way to the coordinator are its own. It is
	// shared with whoever else uses it and is not closed here. Its MetadataTTL bounds how long a member takes to notice
	// that a broker it has never reached has come up; 1 s is a good value.
	Transport kafka.RoundTripper
	// ID is the group's name.
	ID string
	// ClientID begins the member ID and stands in the broker's logs and in tools; default "hotlead".
	ClientID string
	// Topics are the input topics.
	Topics []string
	// Lanes is how many lanes there are, numbered from 0.
	Lanes int
	// Partitions says how many partitions each topic has, for the view that standard tools show: partition q of a topic
	// belongs to lane q mod Lanes. A topic that is not in it is taken to have as many partitions as there are lanes.
	Partitions map[string]int

	// SessionTimeout is how long after its last heartbeat a member that died is still waited for; default 10 s. Brokers
	// refuse less than their group.min.session.timeout.ms (6 s by default).
	SessionTimeout time.Duration
	// RebalanceTimeout is how long a member may drain before the others go on without it; default 60 s.
	RebalanceTimeout time.Duration
	// HeartbeatInterval is the time between heartbeats; default 1 s, and never more than a third of the session. A
	// member learns of a rebalance by its next heartbeat, and a rebalance waits for the last member to learn of it, so
	// this bounds how long lanes stand still when a member comes or goes.
	HeartbeatInterval time.Duration

	// Log tells what befalls the membership; default none.
	Log *slog.Logger
}

// Generation is one settled division of the lanes, and this member's name in it. It goes with every commit of offsets.
// The zero Generation is none.
type Generation struct {
	ID     int
	Member string
}

// Owner is told which lanes are its. Run calls one method at a time, and never after it has returned.
type Owner interface {
	// Assigned gives the lanes (ascending) that are the owner's from now on, and replaces any earlier assignment. It
	// must not block: heartbeats wait for it. A lane that the owner held at the last Revoke, with no Lost since, was
	// nobody else's in between and is simply resumed.
	Assigned(g Generation, lanes []int)
	// Revoke comes before a rejoin and before leaving: pause every lane at its batch's end and return when all stand
	// still. Heartbeats go on meanwhile, so this may take up to RebalanceTimeout. The lanes are still the owner's until
	// it returns. ctx ends when that time is up or the membership is lost: then return at once.
	Revoke(ctx context.Context)
	// Lost says that the membership is gone, or that a generation passed without us: lanes held so far must be dropped
	// at once, without a hand-over, and taken over from the top if they are assigned again. err wraps ErrNotMember.
	Lost(err error)
}

// State is how the membership stands, for readiness and metrics.
type State struct {
	// Generation is the present one; zero while there is none.
	Generation Generation
	// Lanes are those assigned in it, ascending. They stand still while Rebalancing.
	Lanes []int
	// Rebalancing is whether lanes are draining or a new generation is being formed.
	Rebalancing bool
	// Rebalances counts the generations assigned so far.
	Rebalances int
	// Heard is when the coordinator last confirmed the membership; zero if never.
	Heard time.Time
	// Err is what keeps the member from joining or heartbeating now; nil while all is well.
	Err error
}

// Member is one membership of a consumer group. Its methods are safe for concurrent use.
type Member struct {
	options     Options
	coordinator coordinator
	// look asks Run to heartbeat at once, because Check has seen something that concerns it.
	look chan struct{}

	mu    sync.Mutex
	state State
}

// Join prepares a membership; nothing is sent before Run.
func Join(o Options) *Member {
	o.ClientID = cmp.Or(o.ClientID, "hotlead")
	o.SessionTimeout = cmp.Or(o.SessionTimeout, 10*time.Second)
	o.RebalanceTimeout = cmp.Or(o.RebalanceTimeout, time.Minute)
	o.HeartbeatInterval = min(cmp.Or(o.HeartbeatInterval, time.Second), o.SessionTimeout/3)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("group", o.ID)
	return &Member{
		options: o,
		coordinator: coordinator{
			transport: o.Transport,
			addr:      kafka.TCP(o.Brokers...),
			group:     o.ID,
			clientID:  o.ClientID,
		},
		look: make(chan struct{}, 1),
	}
}

// Run joins the group and stays in it until ctx ends; then it revokes the lanes and leaves the group, so that others
// take them over at once. What goes wrong in between is tried again, with growing pauses, and shows in State. The error
// is nil, or says that the group could not be told of the leaving: then the others wait for the session to time out.
// Run is called once.
func (m *Member) Run(ctx context.Context, owner Owner) error {
	s := session{Member: m, owner: owner}
	return s.run(ctx)
}

// Check asks the coordinator, now, with a heartbeat of the present generation, whether the membership still stands. nil:
// yes (a rebalance that has begun takes nothing away until Revoke has returned). An error that wraps ErrNotMember: no.
// Any other error: it could not be asked, and may be asked again.
func (m *Member) Check(ctx context.Context) error {
	for {
		g := m.State().Generation
		if g == (Generation{}) {
			return fmt.Errorf("check of consumer group %q: %w", m.options.ID, ErrNotMember)
		}
		err := m.beat(ctx, g)
		switch {
		case rebalancing(err):
			m.lookNow()
			return nil
		case errors.Is(err, ErrNotMember) && m.State().Generation != g:
			continue // a newer generation was joined while we asked about the old one
		case errors.Is(err, ErrNotMember):
			m.lookNow()
		}
		return err
	}
}

// Suspect is whether the coordinator has not confirmed the membership for longer than a session, so that it may have
// given the lanes away: the broker was out of reach, or this process was stopped. Check then decides. It costs nothing
// and may be asked before every batch.
func (m *Member) Suspect() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state.Generation == (Generation{}) || elapsed(m.state.Heard, time.Now()) > m.options.SessionTimeout
}

// State is how the membership stands now.
func (m *Member) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.state
	s.Lanes = slices.Clone(s.Lanes)
	return s
}

func (m *Member) change(edit func(*State)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	edit(&m.state)
}

// beat sends one heartbeat. The session counts from when it was sent: the answer may have waited for us to wake up.
func (m *Member) beat(ctx context.Context, g Generation) error {
	sent := time.Now()
	err := m.coordinator.heartbeat(ctx, m.options.SessionTimeout/2, g)
	if err == nil || rebalancing(err) {
		m.change(func(s *State) {
			if s.Generation == g && sent.After(s.Heard) {
				s.Heard = sent
			}
		})
	}
	return err
}

// lookNow has Run heartbeat at once; it does nothing where that is already asked for.
func (m *Member) lookNow() {
	select {
	case m.look <- struct{}{}:
	default:
	}
}

// elapsed is the time from one instant to another by the clock that went further: the monotonic clock stands still
// while a machine is suspended, the wall clock may be set back.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}
