package group

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// patienceOfTests is how long a test waits for what must come.
const patienceOfTests = 30 * time.Second

// happening is one call of an Owner's method.
type happening struct {
	what       string // assigned, revoke, revoked or lost
	generation Generation
	lanes      []int
	err        error
}

// lanes is an Owner that writes down what it is told. Its Revoke returns at once unless slow is set.
type lanes struct {
	t        testing.TB
	happened chan happening
	// slow, if not nil, is called by Revoke and holds it up.
	slow func(ctx context.Context)

	mu sync.Mutex
	in bool // a method is running
}

func (l *lanes) Assigned(g Generation, assigned []int) {
	defer l.alone()()
	l.happened <- happening{what: "assigned", generation: g, lanes: assigned}
}

func (l *lanes) Revoke(ctx context.Context) {
	defer l.alone()()
	l.happened <- happening{what: "revoke"}
	if l.slow != nil {
		l.slow(ctx)
	}
	l.happened <- happening{what: "revoked", err: ctx.Err()}
}

func (l *lanes) Lost(err error) {
	defer l.alone()()
	l.happened <- happening{what: "lost", err: err}
}

// alone fails the test if two methods run at a time.
func (l *lanes) alone() (done func()) {
	l.set(true)
	return func() { l.set(false) }
}

func (l *lanes) set(in bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.in == in {
		l.t.Error("two methods of the owner at a time")
	}
	l.in = in
}

// next is the next call, which must be the one named.
func (l *lanes) next(what string) happening {
	l.t.Helper()
	select {
	case h := <-l.happened:
		if h.what != what {
			l.t.Fatalf("%+v, want %s", h, what)
		}
		return h
	case <-time.After(patienceOfTests):
		l.t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// nextAssigned skips rebalances up to the assignment of so many lanes. A membership must not be lost on the way.
func (l *lanes) nextAssigned(count int) happening {
	l.t.Helper()
	for deadline := time.After(patienceOfTests); ; {
		select {
		case h := <-l.happened:
			if h.what == "lost" {
				l.t.Fatalf("lost: %v", h.err)
			}
			if h.what == "assigned" && len(h.lanes) == count {
				return h
			}
		case <-deadline:
			l.t.Fatalf("waited in vain for %d lanes", count)
		}
	}
}

// nothing fails the test if anything has happened that was not looked at.
func (l *lanes) nothing() {
	l.t.Helper()
	select {
	case h := <-l.happened:
		l.t.Fatalf("%+v, want nothing", h)
	default:
	}
}

// worker is a member that runs.
type worker struct {
	*Member
	*lanes
	cancel    context.CancelFunc
	ended     chan error
	transport *kafka.Transport
}

// stop ends Run and returns what it returned.
func (w *worker) stop() error {
	w.t.Helper()
	w.cancel()
	select {
	case err := <-w.ended:
		w.ended <- err
		return err
	case <-time.After(patienceOfTests):
		w.t.Fatal("Run does not return")
		panic("unreachable")
	}
}

// options for a quick test against the broker at addr.
func options(addr, group string) Options {
	return Options{
		Brokers:           []string{addr},
		ID:                group,
		ClientID:          "test",
		Topics:            []string{"engagement", "inbox"},
		Lanes:             4,
		SessionTimeout:    2 * time.Second,
		RebalanceTimeout:  20 * time.Second,
		HeartbeatInterval: 50 * time.Millisecond,
	}
}

// start runs a member, which the test's end stops.
func start(t testing.TB, o Options, adapt ...func(*lanes)) *worker {
	t.Helper()
	transport := &kafka.Transport{ClientID: "transport", MetadataTTL: 100 * time.Millisecond}
	if o.Transport == nil {
		o.Transport = transport
	}
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	ctx, cancel := context.WithCancel(t.Context())
	w := &worker{
		Member:    Join(o),
		lanes:     &lanes{t: t, happened: make(chan happening, 1000)},
		cancel:    cancel,
		ended:     make(chan error, 1),
		transport: transport,
	}
	for _, a := range adapt {
		a(w.lanes)
	}
	go func() { w.ended <- w.Run(ctx, w.lanes) }()
	t.Cleanup(func() {
		_ = w.stop() // tests that stop broken brokers under a member expect errors here
		transport.CloseIdleConnections()
	})
	return w
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patienceOfTests)
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// disjoint fails the test unless the lanes of all together are 0 to n-1, each once.
func disjoint(t testing.TB, n int, lanes ...[]int) {
	t.Helper()
	all := slices.Sorted(slices.Values(slices.Concat(lanes...)))
	for i := range n {
		if len(all) != n || all[i] != i {
			t.Fatalf("%v do not make up %d lanes", lanes, n)
		}
	}
}

// subset fails the test unless all of part is in whole.
func subset(t testing.TB, part, whole []int) {
	t.Helper()
	for _, lane := range part {
		if !slices.Contains(whole, lane) {
			t.Fatalf("lane %d of %v was not among %v", lane, part, whole)
		}
	}
}
