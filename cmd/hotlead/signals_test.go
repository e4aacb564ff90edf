package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// actAs, when set, makes the test binary something else: hotlead, or a service that is stuck as it stops.
const actAs = "ACT_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(actAs) {
	case "hotlead":
		main()
	case "stuck":
		stuck()
	}
	goleak.VerifyTestMain(m)
}

// stuck begins a planned stop and never ends it.
func stuck() {
	ctx, done := stoppable(context.Background(), os.Stderr) //nolint:forbidigo // stands where main stands
	defer done()
	fmt.Println("working")
	<-ctx.Done()
	fmt.Println("stopping")
	select {}
}

// process is hotlead as a process of its own, with what it says.
type process struct {
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	errOut bytes.Buffer
}

func start(t *testing.T, as string, args ...string) *process {
	t.Helper()
	return startFile(t, os.Args[0], as, args...)
}

func startFile(t *testing.T, file, as string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.CommandContext(t.Context(), file, args...)}
	p.cmd.Env = append(os.Environ(), actAs+"="+as)
	p.cmd.Stderr = &p.errOut
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// until reads what it says up to a line that holds part.
func (p *process) until(t *testing.T, part string) {
	t.Helper()
	for p.lines.Scan() {
		if strings.Contains(p.lines.Text(), part) {
			return
		}
	}
	t.Fatalf("it never said %q; standard error: %s", part, p.errOut.String())
}

// ends waits for its end and gives its exit code.
func (p *process) ends(t *testing.T) int {
	t.Helper()
	for p.lines.Scan() { // a pipe must be read to its end first
	}
	var exit *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return p.cmd.ProcessState.ExitCode()
}

func TestTheFirstSignalIsAPlannedStop(t *testing.T) {
	p := start(t, "hotlead", "dev", "--no-traffic", "--listen", "127.0.0.1:0", "--kafka", "127.0.0.1:0")
	p.until(t, "Stop with Ctrl-C")
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} { // at a time, they count as one
		if err := p.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	if code := p.ends(t); code != exitDone || p.errOut.Len() > 0 {
		t.Errorf("exit %d, standard error %s", code, p.errOut.String())
	}
}

func TestTheSecondSignalEndsAtOnce(t *testing.T) {
	p := start(t, "stuck")
	p.until(t, "working")
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.until(t, "stopping")
	ended := make(chan int, 1)
	go func() { ended <- p.ends(t) }()
	again := time.NewTicker(oneSignal / 4)
	defer again.Stop()
	for {
		select {
		case code := <-ended:
			if code != exitFailed || !strings.Contains(p.errOut.String(), "stopped at once") {
				t.Errorf("exit %d, standard error %s", code, p.errOut.String())
			}
			return
		case <-again.C:
			// It may have ended meanwhile, which the other case sees.
			_ = p.cmd.Process.Signal(os.Interrupt)
		}
	}
}
