package group

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/joingroup"
	"github.com/segmentio/kafka-go/protocol/syncgroup"
)

const (
	// patience is how much longer than the rebalance timeout an answer to JoinGroup or SyncGroup is waited for.
	patience = 5 * time.Second
	// goodbye is how long a stop takes at most to tell the coordinator. One that cannot be told finds out by itself.
	goodbye = 3 * time.Second
	// Pauses after failures: short at first, because the commonest failure is an idle connection that a restarted
	// broker has forgotten.
	firstPause = 10 * time.Millisecond
	lastPause  = 2 * time.Second
)

// session is one Run.
type session struct {
	*Member
	owner Owner
	// id is the member ID, "" before the coordinator has given one. It is kept until the coordinator disowns it.
	id string
	// claim is what was last assigned, which the next JoinGroup asks to keep.
	claim claim
	// held is the generation whose lanes the owner has, running or standing still; zero where it has none.
	held Generation
}

func (s *session) run(ctx context.Context) error {
	s.change(func(state *State) { state.Rebalancing = true })
	for ctx.Err() == nil {
		g, lanes, err := s.join(ctx)
		if err != nil {
			break // ctx has ended: everything else is tried again
		}
		s.assigned(g, lanes)
		if err := s.hold(ctx); errors.Is(err, ErrNotMember) {
			s.lost(err)
			continue
		}
		s.drain(ctx)
	}
	err := s.leave(ctx)
	s.change(func(state *State) { *state = State{Rebalances: state.Rebalances, Heard: state.Heard, Err: err} })
	return err
}

// join forms a new generation together with the other members. It tries until it succeeds or ctx ends.
func (s *session) join(ctx context.Context) (Generation, []int, error) {
	var pause pauses
	for {
		g, lanes, err := s.tryJoin(ctx)
		if err == nil {
			return g, lanes, nil
		}
		if ctx.Err() != nil {
			return Generation{}, nil, ctx.Err()
		}
		if errors.Is(err, ErrNotMember) {
			s.lost(err)
		}
		// That another rebalance began before this one was done is no failure, but is not repeated without pause either.
		if !rebalancing(err) {
			s.failed("joining the consumer group fails, trying again", err, pause.count)
		}
		pause.wait(ctx, lastPause)
	}
}

func (s *session) tryJoin(ctx context.Context) (Generation, []int, error) {
	wait := s.options.RebalanceTimeout + patience
	answer, err := s.coordinator.join(ctx, wait, s.joinRequest())
	if errors.Is(err, kafka.MemberIDRequired) {
		s.id = answer.MemberID
		answer, err = s.coordinator.join(ctx, wait, s.joinRequest())
	}
	if err != nil {
		return Generation{}, nil, err
	}
	s.id = answer.MemberID
	g := Generation{ID: int(answer.GenerationID), Member: s.id}

	request := &syncgroup.Request{
		GenerationID: answer.GenerationID,
		MemberID:     s.id,
		ProtocolType: protocolType,
		ProtocolName: protocolName,
	}
	if answer.LeaderID == s.id {
		request.Assignments = s.deal(answer.Members)
	}
	heard := time.Now()
	assignment, err := s.coordinator.sync(ctx, wait, request)
	if err != nil {
		return Generation{}, nil, err
	}
	lanes, err := lanesOf(assignment, s.options.Lanes)
	if err != nil {
		return Generation{}, nil, fmt.Errorf("assignment of consumer group %q, generation %d: %w", s.options.ID, g.ID, err)
	}
	s.change(func(state *State) { state.Heard = heard })
	return g, lanes, nil
}

func (s *session) joinRequest() *joingroup.Request {
	return &joingroup.Request{
		SessionTimeoutMS:   int32(s.options.SessionTimeout.Milliseconds()),
		RebalanceTimeoutMS: int32(s.options.RebalanceTimeout.Milliseconds()),
		MemberID:           s.id,
		ProtocolType:       protocolType,
		Protocols: []joingroup.RequestProtocol{
			{Name: protocolName, Metadata: appendSubscription(nil, s.options.Topics, s.claim)},
		},
	}
}

// deal is the leader's part: it assigns the lanes to all members.
func (s *session) deal(members []joingroup.ResponseMember) []syncgroup.RequestAssignment {
	claims := make([]claim, len(members))
	for i, m := range members {
		claims[i] = claimOf(m.MemberID, m.Metadata)
	}
	o := s.options
	var assignments []syncgroup.RequestAssignment
	for member, lanes := range balance(o.Lanes, claims) {
		assignments = append(assignments, syncgroup.RequestAssignment{
			MemberID:   member,
			Assignment: appendAssignment(nil, o.Lanes, o.Topics, o.Partitions, lanes),
		})
	}
	return assignments
}

// assigned tells the owner its lanes. Where a generation passed in which lanes that stand still here may have been
// another's, they are dropped first.
func (s *session) assigned(g Generation, lanes []int) {
	if s.held != (Generation{}) && g.ID != s.held.ID && g.ID != s.held.ID+1 {
		s.lost(fmt.Errorf("consumer group %q went from generation %d to %d: %w of those between",
			s.options.ID, s.held.ID, g.ID, ErrNotMember))
	}
	s.held = g
	s.claim = claim{generation: int32(g.ID), lanes: lanes}
	s.change(func(state *State) {
		state.Generation, state.Lanes, state.Rebalancing, state.Err = g, lanes, false, nil
		state.Rebalances++
	})
	s.options.Log.Info("joined the consumer group", "generation", g.ID, "member", g.Member, "lanes", lanes)
	s.owner.Assigned(g, append([]int(nil), lanes...))
}

// hold heartbeats until ctx ends, a rebalance begins, or the membership is lost.
func (s *session) hold(ctx context.Context) error {
	return s.heartbeats(ctx, func(err error) bool { return rebalancing(err) || errors.Is(err, ErrNotMember) })
}

// drain has the owner pause its lanes, and heartbeats meanwhile in the generation that ends. It is for a rebalance as
// well as for a stop, so it goes on after ctx has ended.
func (s *session) drain(ctx context.Context) {
	s.change(func(state *State) { state.Rebalancing = true })
	s.options.Log.Info("lanes pause to be handed over", "generation", s.held.ID)
	ctx = context.WithoutCancel(ctx)
	revoke, cancel := context.WithTimeout(ctx, s.options.RebalanceTimeout)
	defer cancel()
	drained, finish := context.WithCancel(ctx)
	defer finish()
	go func() {
		defer finish()
		s.owner.Revoke(revoke)
	}()
	err := s.heartbeats(drained, func(err error) bool { return errors.Is(err, ErrNotMember) })
	if err == nil && revoke.Err() != nil {
		err = fmt.Errorf("consumer group %q: lanes did not stand still within the rebalance timeout of %v: %w",
			s.options.ID, s.options.RebalanceTimeout, ErrNotMember)
	}
	cancel()
	<-drained.Done()
	if err != nil {
		s.lost(err)
	}
}

// heartbeats go out until ctx ends, when it returns nil, or until one is answered with an error that ends them.
func (s *session) heartbeats(ctx context.Context, ends func(error) bool) error {
	timer := time.NewTimer(s.options.HeartbeatInterval)
	defer timer.Stop()
	var pause pauses
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.look:
		case <-timer.C:
		}
		err := s.beat(ctx, s.held)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && ends(err):
			return err
		case err == nil || rebalancing(err):
			s.change(func(state *State) { state.Err = nil })
			pause = pauses{}
			timer.Reset(s.options.HeartbeatInterval)
		default:
			s.failed("heartbeat to the consumer group fails, trying again", err, pause.count)
			timer.Reset(pause.next(s.options.HeartbeatInterval))
		}
	}
}

// lost forgets what the coordinator has disowned, and has the owner drop its lanes where it has any.
func (s *session) lost(err error) {
	// An unknown ID stays unknown. One that is only behind its group is good for the next generation.
	if errors.Is(err, kafka.UnknownMemberId) || errors.Is(err, kafka.FencedInstanceID) {
		s.id = ""
	}
	if s.held == (Generation{}) {
		return
	}
	s.held = Generation{}
	s.change(func(state *State) {
		state.Generation, state.Lanes, state.Rebalancing, state.Err = Generation{}, nil, true, err
	})
	s.options.Log.Warn("lost the membership of the consumer group, lanes are dropped", "error", err)
	s.owner.Lost(err)
}

// leave tells the coordinator that this member goes, so that the others need not wait for its session to end.
func (s *session) leave(ctx context.Context) error {
	if s.id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	var pause pauses
	for {
		err := s.coordinator.leave(ctx, goodbye, s.id)
		if err == nil || errors.Is(err, ErrNotMember) {
			s.options.Log.Info("left the consumer group")
			return nil
		}
		if pause.wait(ctx, lastPause); ctx.Err() != nil {
			return fmt.Errorf("its lanes wait for the session of %v to end: %w", s.options.SessionTimeout, err)
		}
	}
}

// failed makes a failure visible: always in the state, and in the log at the first, second, fourth, … time in a row.
func (s *session) failed(what string, err error, before int) {
	s.change(func(state *State) { state.Err = err })
	if n := before + 1; n&(n-1) == 0 {
		s.options.Log.Warn(what, "error", err, "attempts", n)
	}
}

// pauses grow from firstPause by doubling. Each is shortened by up to a half at random, so that members that failed
// together do not come back together. The zero pauses have not begun.
type pauses struct{ count int }

func (p *pauses) next(most time.Duration) time.Duration {
	d := min(firstPause<<min(p.count, 16), most)
	p.count++
	return d - rand.N(d/2+1)
}

func (p *pauses) wait(ctx context.Context, most time.Duration) {
	timer := time.NewTimer(p.next(most))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
