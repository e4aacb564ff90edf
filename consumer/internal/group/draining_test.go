package group

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestDrainingMayTakeLongerThanASession(t *testing.T) {
	t.Parallel()
	c := fake(t)
	o := options(addr(c), "g")
	o.SessionTimeout = 300 * time.Millisecond
	a := start(t, o, func(l *lanes) {
		l.slow = func(ctx context.Context) {
			select {
			case <-time.After(4 * o.SessionTimeout):
			case <-ctx.Done():
			}
		}
	})
	g := a.next("assigned").generation
	b := start(t, o)
	a.next("revoke")
	if err := a.next("revoked").err; err != nil {
		t.Fatalf("draining was cut short: %v", err)
	}
	got := a.next("assigned")
	if got.generation.Member != g.Member || got.generation.ID != g.ID+1 {
		t.Errorf("%+v after %+v", got.generation, g)
	}
	disjoint(t, 4, got.lanes, b.next("assigned").lanes)
	b.cancel()
	a.next("revoke")
}

func TestDrainingEndsWithTheRebalanceTimeout(t *testing.T) {
	t.Parallel()
	c := fake(t)
	o := options(addr(c), "g")
	o.RebalanceTimeout = 200 * time.Millisecond
	a := start(t, o, func(l *lanes) { l.slow = func(ctx context.Context) { <-ctx.Done() } })
	a.next("assigned")
	answer(c, kmsg.Heartbeat, kerr.RebalanceInProgress, 1)
	a.next("revoke")
	if err := a.next("revoked").err; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("draining ended with %v", err)
	}
	a.next("lost")
	a.next("assigned")
}

func TestDrainingEndsWithTheMembership(t *testing.T) {
	t.Parallel()
	c := fake(t)
	o := options(addr(c), "g")
	lost := make(chan struct{})
	a := start(t, o, func(l *lanes) {
		l.slow = func(ctx context.Context) {
			select {
			case <-ctx.Done():
			case <-lost: // the second time
			}
		}
	})
	a.next("assigned")
	answer(c, kmsg.Heartbeat, kerr.RebalanceInProgress, 1)
	a.next("revoke")
	answer(c, kmsg.Heartbeat, kerr.UnknownMemberID, 1)
	if err := a.next("revoked").err; !errors.Is(err, context.Canceled) {
		t.Errorf("draining ended with %v", err)
	}
	a.next("lost")
	close(lost)
	a.next("assigned")
}

func TestStopsWhileOthersKeepItWaiting(t *testing.T) {
	t.Parallel()
	c := fake(t)
	o := options(addr(c), "g")
	released := make(chan struct{})
	a := start(t, o, func(l *lanes) { l.slow = func(context.Context) { <-released } })
	a.next("assigned")
	b := start(t, o)
	a.next("revoke") // b waits in JoinGroup now
	if err := b.stop(); err != nil {
		t.Error(err)
	}
	b.nothing()
	close(released)
	a.next("revoked")
	a.next("assigned")
}

func TestStopsWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	c := fake(t)
	a := start(t, options(addr(c), "g"))
	a.next("assigned")
	c.Close()
	eventually(t, "the state says so", func() bool { return a.State().Err != nil })
	begun := time.Now()
	err := a.stop()
	if err == nil || !strings.Contains(err.Error(), "session of 2s") {
		t.Errorf("stopped with %v", err)
	}
	if took := time.Since(begun); took > goodbye+time.Second {
		t.Errorf("stopping took %v", took)
	}
	a.next("revoke")
	a.next("revoked")
	a.nothing()
}
