//go:build chaos

package app

import (
	"cmp"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hotlead/hotlead/consumer"
)

// The variables by which the fault matrix strikes at a service from within. They do not begin with HOTLEAD_: what does
// is a setting, or refused.
const (
	// strikeVariable is STEP:COUNT:SIGNAL: at the COUNT-th time, over all lanes, that the worker comes to STEP, it sends
	// itself SIGNAL, kill or stop.
	strikeVariable = "CHAOS_STRIKE"
	// sessionVariable is the group's session timeout, so that a test need not wait ten seconds for a worker that died.
	sessionVariable = "CHAOS_SESSION"
	// clockVariable names a file that holds by how much the wall clock of the lanes is off, as Go writes durations.
	clockVariable = "CHAOS_CLOCK"
)

// tamper does to the worker what the variables ask for.
func tamper(o *consumer.Options) error {
	if text := os.Getenv(strikeVariable); text != "" {
		hook, err := strike(text)
		if err != nil {
			return fmt.Errorf("%s: %w", strikeVariable, err)
		}
		o.OnStep(hook)
	}
	if text := os.Getenv(sessionVariable); text != "" {
		session, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%s: %w", sessionVariable, err)
		}
		o.SessionTimeout = session
	}
	if file := os.Getenv(clockVariable); file != "" {
		o.SetClock(offBy(file))
	}
	return nil
}

// strike is the hook that sends this process the signal.
func strike(text string) (func(int, consumer.Step), error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return nil, fmt.Errorf("%q is not STEP:COUNT:SIGNAL", text)
	}
	step, known := consumer.Steps()[parts[0]]
	if !known {
		return nil, fmt.Errorf("there is no step %q", parts[0])
	}
	count, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the count: %w", err)
	}
	sent, known := map[string]syscall.Signal{"kill": syscall.SIGKILL, "stop": syscall.SIGSTOP}[parts[2]]
	if !known {
		return nil, fmt.Errorf("there is no signal %q", parts[2])
	}
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	var passed atomic.Int64
	return func(_ int, at consumer.Step) {
		if at != step || passed.Add(1) != count {
			return
		}
		fmt.Fprintln(os.Stderr, "struck at", parts[0])
		if err := syscall.Kill(os.Getpid(), sent); err != nil {
			panic(err)
		}
		<-continued // a signal to oneself may come a moment late; nothing ever follows SIGKILL
	}, nil
}

// offBy is a clock that is off by what the file says now. Differences between its instants are off as well when it is
// stepped in between, which is worse than what stepping a machine's clock does to a Go program.
func offBy(file string) func() time.Time {
	return func() time.Time {
		text, _ := os.ReadFile(file) // not there yet: not off
		off, err := time.ParseDuration(cmp.Or(strings.TrimSpace(string(text)), "0s"))
		if err != nil {
			panic(err)
		}
		return time.Now().Add(off)
	}
}
