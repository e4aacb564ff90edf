package consumer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// planVariable holds the plan of a worker in a process of its own: this test binary, run again.
const planVariable = "HOTLEAD_PROOF_PLAN"

func TestMain(m *testing.M) {
	if text := os.Getenv(planVariable); text != "" {
		os.Exit(work(text))
	}
	os.Exit(testbed.Run(m))
}

// strike is what a worker does to itself: Signal at the Batch-th time, over all lanes, that it comes to Step. With no
// signal nothing.
type strike struct {
	Step   Step
	Batch  int64
	Signal syscall.Signal
}

// hook is the strike as a step hook.
func (s strike) hook() func(int, Step) {
	var count atomic.Int64
	continued := make(chan os.Signal, 1)
	if s.Signal == syscall.SIGSTOP {
		signal.Notify(continued, syscall.SIGCONT)
	}
	return func(_ int, at Step) {
		if s.Signal == 0 || at != s.Step || count.Add(1) != s.Batch {
			return
		}
		fmt.Fprintln(os.Stdout, "struck")
		if err := syscall.Kill(os.Getpid(), s.Signal); err != nil {
			panic(err)
		}
		<-continued // a signal to oneself may come a moment late; SIGKILL's is never followed by anything
	}
}

// work is the main of a worker's process. It ends when its standard input does, so it can't outlive the test.
func work(text string) int {
	var p plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, cancel := context.WithCancel(context.Background()) //nolint:forbidigo // stands where main stands
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	o, err := p.options(prometheus.NewRegistry(), slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	o.step = p.Strike.hook()
	worker, err := New(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if err := worker.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child is a worker in a process of its own.
type child struct {
	w      *world
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	ended  chan error
	struck chan struct{} // closed when its strike comes
	stop   func() error  // a planned stop; waits
}

// spawn starts a worker in a process of its own.
func (w *world) spawn(s strike) *child {
	w.t.Helper()
	text, err := json.Marshal(plan{Kafka: w.kafka, Redis: w.redis, Prefix: w.prefix, Group: w.group, Topics: w.topics, Model: w.text, Strike: s})
	if err != nil {
		w.t.Fatal(err)
	}
	c := &child{w: w, cmd: exec.Command(os.Args[0]), ended: make(chan error, 1), struck: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), planVariable+"="+string(text))
	c.cmd.Stderr = w.log
	announce := sync.OnceFunc(func() { close(c.struck) })
	c.cmd.Stdout = writer(func([]byte) { announce() })
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		w.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() { c.ended <- c.cmd.Wait() }()
	c.stop = sync.OnceValue(func() error {
		c.stdin.Close()
		return <-c.ended
	})
	w.t.Cleanup(func() {
		_ = c.cmd.Process.Signal(syscall.SIGCONT) // it may have ended long ago
		_ = c.stop()
	})
	return c
}

// awaitStrike waits until the worker has struck itself.
func (c *child) awaitStrike() {
	c.w.t.Helper()
	select {
	case <-c.struck:
	case err := <-c.ended:
		c.ended <- err
		// Killed, its last word may be lost.
		if state := c.cmd.ProcessState; state == nil || !state.Sys().(syscall.WaitStatus).Signaled() {
			c.w.t.Fatalf("the worker ended before it came to its strike: %v", err)
		}
	case <-c.w.limited().Done():
		c.w.t.Fatal("the worker never came to its strike")
	}
}

// killed waits until the worker has killed itself.
func (c *child) killed() {
	c.w.t.Helper()
	c.awaitStrike()
	err := <-c.ended
	c.ended <- err
	if err == nil {
		c.w.t.Fatal("the worker ended by itself; it was to be killed")
	}
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

// TestASilentRedisDoesNotHideKafka: whoever asks what is amiss is told of the server that does not answer, and of no other.
func TestASilentRedisDoesNotHideKafka(t *testing.T) {
	t.Parallel()
	r := testbed.Redis(t)
	proxy := testbed.NewProxy(t, r.Addr)
	w := newWorldOn(t, testbed.Kafka(t).Addr, r.Addr, nil)
	w.redis = proxy.Addr()
	worker := w.start()
	worker.ready()
	proxy.BlackHole()
	w.eventually("the worker to miss Redis alone", func(ctx context.Context) error {
		err := worker.Ready(ctx)
		if err == nil || !strings.Contains(err.Error(), "redis does not answer") || strings.Contains(err.Error(), "kafka does not answer") {
			return fmt.Errorf("it says %w", cmp.Or(err, errors.New("nothing")))
		}
		return nil
	})
	proxy.Restore()
	worker.ready()
}

// TestKafkaChangesHowItsTransactionsWork, as when it is upgraded, or set back, while a worker runs.
func TestKafkaChangesHowItsTransactionsWork(t *testing.T) {
	t.Parallel()
	k := testbed.OwnKafka(t)
	testbed.SetTransactionVersion(t, k.Addr, 1)
	w := newWorldOn(t, k.Addr, testbed.Redis(t).Addr, nil)
	traffic := w.traffic(60)
	for _, level := range []int16{2, 1, 2} {
		worker := w.start()
		w.sendAstray(some(traffic, 300)...)
		w.check(strictly)
		testbed.SetTransactionVersion(t, k.Addr, level)
		w.sendAstray(some(traffic, 300)...)
		w.check(strictly)
		worker.stop()
	}
	w.start()
	w.sendAstray(some(traffic, 300)...)
	w.check(strictly)
}
