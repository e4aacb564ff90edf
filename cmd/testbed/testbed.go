// Package testbed gives a test a Kafka and a Redis, in one of three ways, and says in the test's log which:
//
//   - containers: apache/kafka and redis images by testcontainers-go, where a Docker engine answers;
//   - process: Apache Kafka's own jars, fetched once by Maven into the user's cache directory, and redis-server from PATH;
//   - embedded: kfake and miniredis inside the test's process, which imitate and can't be faulted.
//
// Clusters, a Redis with a replica, secured servers and some faults are there as processes only: a test that needs them asks
// Processes first.
//
// Without a word from you the first that works is taken. HOTLEAD_TESTBED=containers|process|embedded forces one, and
// fails the test where it can't be had. With CI=true embedded servers count as a failure unless they are forced, so a
// broken machine can't pass as a green run.
//
// Kafka and Redis are shared by all tests of a test binary: name topics, groups and prefixes with Unique. A test that
// kills, stops or empties a server takes its own: OwnKafka, OwnRedis. A package that uses the shared ones has
//
//	func TestMain(m *testing.M) { os.Exit(testbed.Run(m)) }
//
// which stops them at the end and looks for goroutines that leaked.
//
// It is cmd/testbed and not cmd/internal/testbed because Go's internal rule would keep it from the tests of consumer
// and state. Only tests import it. It runs on Linux and macOS.
package testbed

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Mode is the way in which a server is run.
type Mode string

// The modes, as HOTLEAD_TESTBED names them.
const (
	Containers Mode = "containers"
	Process    Mode = "process"
	Embedded   Mode = "embedded"
)

// startLimit bounds the start of a server: a container's image may have to be pulled first.
const startLimit = 5 * time.Minute

// stopLimit bounds every other thing done to a server.
const stopLimit = 30 * time.Second

// machine is a server as something that can be faulted, whatever it runs in.
type machine interface {
	// kill ends it at once, as SIGKILL does; what it had written stays.
	kill(ctx context.Context) error
	// terminate asks it to end, as SIGTERM does, and waits until it has ended.
	terminate(ctx context.Context) error
	// start starts it again on the same address with what it had written.
	start(ctx context.Context) error
	pause(ctx context.Context) error
	resume(ctx context.Context) error
	// remove ends it and removes what it had written.
	remove(ctx context.Context) error
}

// shared is what all tests of a binary share. It is package state by intent: a broker takes seconds to start.
var shared struct {
	running atomic.Bool // inside Run
	kafka   once
	redis   once
}

// once starts a server on first use and remembers how that went.
type once struct {
	sync.Once
	addr string
	mode Mode
	host machine
	err  error
}

// Run runs the tests of a package, stops the shared servers, and fails if goroutines are left over. It returns the exit
// code for os.Exit.
func Run(m *testing.M) int {
	shared.running.Store(true)
	code := m.Run()
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit) //nolint:forbidigo // stands where main stands
	defer cancel()
	for _, s := range []*once{&shared.kafka, &shared.redis} {
		if s.host == nil {
			continue
		}
		if err := s.host.remove(ctx); err != nil {
			fmt.Fprintf(os.Stderr, "testbed: stopping %s: %v\n", s.addr, err)
			code = max(code, 1)
		}
	}
	if code != 0 {
		return code // a failed test may have left goroutines; its own message is the one to read
	}
	if err := goleak.Find(leftBehind()...); err != nil {
		fmt.Fprintf(os.Stderr, "testbed: goroutines are left over after the tests: %v\n", err)
		return 1
	}
	return 0
}

// leftBehind are goroutines of libraries that end by themselves, a while after what they serve was closed.
func leftBehind() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreAnyFunction("github.com/testcontainers/testcontainers-go.(*Reaper).connect.func1"),
	}
}

// candidates are the modes to try, in order. With one, it has to work.
func candidates() ([]Mode, error) {
	switch forced := Mode(os.Getenv("HOTLEAD_TESTBED")); forced {
	case Containers, Process, Embedded:
		return []Mode{forced}, nil
	case "":
	default:
		return nil, fmt.Errorf("HOTLEAD_TESTBED is %q: set it to %s, %s or %s, or leave it out", forced, Containers, Process, Embedded)
	}
	if inCI() {
		return []Mode{Containers, Process}, nil
	}
	return []Mode{Containers, Process, Embedded}, nil
}

// inCI is whether a machine and not a person reads the result.
func inCI() bool { return os.Getenv("CI") == "true" }

// choose runs start in the first mode that works. log hears why others did not.
func choose(log func(format string, args ...any), start func(Mode) error) (Mode, error) {
	modes, err := candidates()
	if err != nil {
		return "", err
	}
	var failed []error
	for _, mode := range modes {
		err := start(mode)
		if err == nil {
			return mode, nil
		}
		err = fmt.Errorf("%s: %w", mode, err)
		if len(modes) > 1 {
			log("testbed: not in the mode %v", err)
		}
		failed = append(failed, err)
	}
	return "", fmt.Errorf("no test servers in any of the modes %v: %w", modes, errors.Join(failed...))
}

// Unique is a name for a topic, group or key prefix that no other test and no other run uses: what, the test's name and
// a random tail, in the letters that Kafka allows.
func Unique(t testing.TB, what string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '-' // dots and underscores collide with each other in Kafka's metric names
	}, what+"-"+t.Name())
	return clean[:min(len(clean), 100)] + "-" + strings.ToLower(rand.Text()[:8])
}

// Processes says whether servers can be run as processes, which clusters, replicas, secured servers and some faults need.
// Where they can't, that is logged; under CI it fails the test, unless HOTLEAD_TESTBED asks for another mode: then a run
// in the mode process is what proves it.
func Processes(t testing.TB) bool {
	t.Helper()
	err := processes()
	if err == nil {
		return true
	}
	if inCI() && os.Getenv("HOTLEAD_TESTBED") != string(Containers) {
		t.Errorf("testbed: this needs servers that run as processes, and CI=true: %v", err)
	} else {
		t.Logf("testbed: this needs servers that run as processes: %v", err)
	}
	return false
}

// processes is nil where servers may and can be run as processes.
func processes() error {
	if forced := os.Getenv("HOTLEAD_TESTBED"); forced != "" && forced != string(Process) {
		return fmt.Errorf("HOTLEAD_TESTBED is %s: set it to %s, or leave it out", forced, Process)
	}
	_, noJava := findJava()
	_, noRedis := findRedis()
	return errors.Join(noJava, noRedis)
}

// own binds a machine to the test that may fault it.
type own struct {
	t     testing.TB
	host  machine // nil for a shared server
	mode  Mode
	ready func(ctx context.Context) error
}

// Mode is the way in which the server runs.
func (o *own) Mode() Mode { return o.mode }

// Faults says whether the server can be killed, stopped and rolled back. Where it can't (embedded servers) that is
// logged, and under CI it fails the test: a test that asks and gets no for an answer proves less than its name says.
func (o *own) Faults() bool {
	o.t.Helper()
	if o.mode != Embedded {
		return true
	}
	if inCI() {
		o.t.Error("testbed: an embedded server can't be faulted, and CI=true: run with HOTLEAD_TESTBED=process or containers")
	} else {
		o.t.Log("testbed: an embedded server can't be faulted; for the whole test run with HOTLEAD_TESTBED=process or containers")
	}
	return false
}

// Kill ends the server at once, as SIGKILL does. What it had handed to the operating system stays.
// Like all methods that fault a server it is for the test's own goroutine: it fails the test at once.
func (o *own) Kill() { o.t.Helper(); o.do("killing", machine.kill) }

// Terminate asks the server to end, as SIGTERM does, and waits until it has: what a planned restart begins with.
func (o *own) Terminate() { o.t.Helper(); o.do("terminating", machine.terminate) }

// Restart starts the server again after Kill or Terminate, on the same address and with what it had written, and waits until it
// serves. A server that still runs is killed first.
func (o *own) Restart() {
	o.t.Helper()
	o.Kill()
	o.do("starting again", machine.start)
	o.do("waiting for", func(machine, context.Context) error { return o.ready(o.t.Context()) })
}

// Stop freezes the server as SIGSTOP does: connections stay open, nothing answers.
func (o *own) Stop() { o.t.Helper(); o.do("stopping", machine.pause) }

// Cont lets a stopped server go on.
func (o *own) Cont() { o.t.Helper(); o.do("continuing", machine.resume) }

// gone is whether a process was killed or stopped by the test and has not come back.
func (o *own) gone() bool {
	p, ok := o.host.(*process)
	return ok && (p.running == nil || p.running.paused)
}

func (o *own) do(what string, step func(machine, context.Context) error) {
	o.t.Helper()
	if o.host == nil {
		o.t.Fatalf("testbed: %s a shared server would fail other tests: take OwnKafka or OwnRedis", what)
	}
	if err := step(o.host, o.t.Context()); err != nil {
		o.t.Fatalf("testbed: %s the server (%s): %v", what, o.mode, err)
	}
}

// removeAfter removes the server when the test ends.
func (o *own) removeAfter() {
	o.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(o.t.Context()), stopLimit)
		defer cancel()
		if err := o.host.remove(ctx); err != nil {
			o.t.Errorf("testbed: removing the server (%s): %v", o.mode, err)
		}
	})
}

// embeddedHost is a server inside this process.
type embeddedHost struct{ close func() }

// errNoFaults is what an embedded server answers to a fault.
var errNoFaults = errors.New("an embedded server can't be faulted: ask Faults() first, or run with HOTLEAD_TESTBED=process or containers")

func (embeddedHost) kill(context.Context) error      { return errNoFaults }
func (embeddedHost) terminate(context.Context) error { return errNoFaults }
func (embeddedHost) start(context.Context) error     { return errNoFaults }
func (embeddedHost) pause(context.Context) error     { return errNoFaults }
func (embeddedHost) resume(context.Context) error    { return errNoFaults }
func (e embeddedHost) remove(context.Context) error  { e.close(); return nil }
