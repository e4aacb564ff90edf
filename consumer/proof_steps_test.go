package consumer

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kadm"
)

var steps = map[string]Step{"Fetched": Fetched, "Loaded": Loaded, "Folded": Folded, "Decided": Decided, "Announced": Announced}

func TestEverythingOnceAndInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(some(w.traffic(60), 1500)...)
	w.start()
	w.check(strictly)
}

// TestKilledAtEachStep kills a worker by SIGKILL at each numbered step of a batch, and its successor at the same step.
func TestKilledAtEachStep(t *testing.T) {
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			halt := w.load(w.traffic(40))
			defer halt()
			for _, batch := range []int64{9, 6} {
				w.spawn(strike{step, batch, syscall.SIGKILL}).killed()
			}
			heir := w.start()
			heir.ready()
			halt()
			w.check(strictly)
			if step == Decided {
				heir.wantTookOver(reannounce)
			}
		})
	}
}

// TestKilledAgainAndAgainUnderLoad kills ten workers, each at a step and batch of its own, while events keep coming.
func TestKilledAgainAndAgainUnderLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	traffic := w.traffic(60)
	chance := rand.New(rand.NewPCG(w.seed, 1))
	halt := w.load(traffic)
	defer halt()
	for range 10 {
		s := strike{Fetched + Step(chance.IntN(5)), 1 + chance.Int64N(20), syscall.SIGKILL}
		w.spawn(s).killed()
		t.Logf("killed at step %d of batch %d", s.Step, s.Batch)
	}
	w.start().ready()
	halt()
	w.check(strictly)
}

// TestZombie stops a worker by SIGSTOP at each step for longer than its session, lets another take over, and then lets
// it go on: it must drop its lanes without a trace, and come back as a member like any other.
func TestZombie(t *testing.T) {
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			halt := w.load(w.traffic(40))
			defer halt()
			zombie := w.spawn(strike{step, 7, syscall.SIGSTOP})
			zombie.awaitStrike()
			heir := w.start()
			heir.ready()
			w.eventuallyOwns(heir, lanesOfTests)
			if err := zombie.cmd.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			w.eventuallyOwns(heir, lanesOfTests/2) // the zombie is a member again, and has its share
			halt()
			w.check(strictly)
			for _, layer := range []string{"kafka", "redis"} {
				if n := testutil.ToFloat64(heir.o.Metrics.fenced.WithLabelValues(layer)); n > 0 {
					t.Errorf("the rightful owner was fenced %v times (%s): the zombie took lanes over without asking", n, layer)
				}
			}
			if err := zombie.stop(); err != nil {
				t.Errorf("the zombie ended with: %v", err)
			}
		})
	}
}

// TestMembersComeAndGo lets one member join and another leave under load: lanes split and return, nothing is lost.
func TestMembersComeAndGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	halt := w.load(w.traffic(60))
	defer halt()
	first := w.start()
	w.eventuallyOwns(first, lanesOfTests)
	second := w.start()
	w.eventuallyOwns(first, lanesOfTests/2)
	w.eventuallyOwns(second, lanesOfTests/2)
	first.stop()
	w.eventuallyOwns(second, lanesOfTests)
	third := w.start()
	w.eventuallyOwns(third, lanesOfTests/2)
	second.stop()
	w.eventuallyOwns(third, lanesOfTests)
	halt()
	w.check(strictly)
	for _, r := range []*running{first, second, third} {
		for _, found := range []action{refold, rebuild, probe} {
			if n := r.tookOver(found); n > 0 {
				t.Errorf("%d lanes were taken over with %q, and nothing was ever lost", n, found)
			}
		}
	}
}

// TestPlannedStop: the batch in hand is finished and announced, so a start after it finds n = m.
func TestPlannedStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	halt := w.load(w.traffic(40))
	defer halt()
	for range 3 {
		r := w.start()
		r.ready()
		before := w.committed()
		w.eventuallyCommits(before)
		r.stop()
	}
	last := w.start()
	last.ready()
	if n := last.tookOver(resume); n != lanesOfTests {
		t.Errorf("%d lanes were found clean after a planned stop, want all %d", n, lanesOfTests)
	}
	halt()
	w.check(strictly)
}

// TestPlannedStopMidBatch: a stop that comes while a batch is being decided still announces it.
func TestPlannedStopMidBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(some(w.traffic(40), 800)...)
	inHand := make(chan struct{}, 1)
	r := w.start(func(o *Options) {
		o.step = func(_ int, at Step) {
			if at != Decided {
				return
			}
			select {
			case inHand <- struct{}{}:
			default:
			}
		}
	})
	<-inHand
	r.stop()
	next := w.start()
	next.ready()
	if next.tookOver(reannounce) > 0 || next.tookOver(resume) == 0 {
		t.Errorf("after a stop in the middle of a batch the lane was not clean: %d announced anew, %d resumed",
			next.tookOver(reannounce), next.tookOver(resume))
	}
	w.check(strictly)
}

// eventuallyOwns waits until a worker owns that many lanes, all of them settled.
func (w *world) eventuallyOwns(r *running, lanes int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("a worker to own %d lanes", lanes), func(ctx context.Context) error {
		r.mu.Lock()
		owned := len(r.lanes)
		r.mu.Unlock()
		if owned != lanes {
			return fmt.Errorf("it owns %d", owned)
		}
		return r.Ready(ctx)
	})
}

// committed is the sum of all committed positions.
func (w *world) committed() int64 {
	w.t.Helper()
	offsets, err := w.admin().FetchOffsets(w.limited(), w.group)
	if err != nil {
		w.t.Fatal(err)
	}
	sum := int64(0)
	offsets.Each(func(o kadm.OffsetResponse) { sum += o.At })
	return sum
}

// eventuallyCommits waits until the committed positions are beyond what they were.
func (w *world) eventuallyCommits(before int64) {
	w.t.Helper()
	w.eventually("progress", func(context.Context) error {
		if w.committed() <= before {
			return fmt.Errorf("the committed positions still sum up to %d", before)
		}
		return nil
	})
}
