package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// terminal is a terminal's two ends: what is written to the one can be read from the other.
func terminal(t *testing.T) (inner, outer *os.File) {
	t.Helper()
	outer, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { outer.Close() })
	// Not by Fd, which would make its reads wait for ever.
	raw, err := outer.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	var unlocking, asking error
	if err := raw.Control(func(fd uintptr) {
		unlocking = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		number, asking = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	}); err != nil || unlocking != nil || asking != nil {
		t.Fatal(err, unlocking, asking)
	}
	inner, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return inner, outer
}

// seenOn is all that score shows on a terminal as standard error.
func seenOn(t *testing.T, args ...string) string {
	t.Helper()
	inner, outer := terminal(t)
	seen := make(chan string)
	go func() {
		text, _ := io.ReadAll(outer) // it ends in an error when the inner end is closed
		seen <- string(text)
	}()
	code := execute(t.Context(), append([]string{"score", "--model", "b2b-saas"}, args...), strings.NewReader(demo), io.Discard, inner)
	inner.Close()
	if code != exitDone {
		t.Errorf("exit %d", code)
	}
	return <-seen
}

func TestProgressIsShownOnATerminalOnly(t *testing.T) {
	t.Setenv("TERM", "xterm")
	file := write(t, "events.ndjson", demo)
	if got := seenOn(t, file); !strings.Contains(got, "\r\x1b[Kevents.ndjson: 100 %, 0 lines") || !strings.Contains(got, "\x1b[K2 events, 1 lead, 3 changes, 0 refused, ") {
		t.Errorf("on a terminal: %q", got)
	}
	if got := seenOn(t); !strings.Contains(got, "\r\x1b[Kstandard input: 0 lines") {
		t.Errorf("of standard input: %q", got)
	}
	t.Setenv("TERM", "dumb")
	if got := seenOn(t, file); got != "" {
		t.Errorf("on a dumb terminal: %q", got)
	}
	t.Setenv("TERM", "xterm")
	plain, err := os.Create(write(t, "log", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	var buffer bytes.Buffer
	for _, errOut := range []io.Writer{plain, &buffer} {
		if isTerminal(errOut) {
			t.Errorf("%T is a terminal", errOut)
		}
	}
	if code, _, errOut := hotlead(t, demo, "score", "--model", "b2b-saas"); code != exitDone || errOut != "" {
		t.Errorf("without a terminal: %q", errOut)
	}
}

// What is shown on a terminal is a table in colours, unless its user wants none.
func TestColoursAreForTerminals(t *testing.T) {
	for _, c := range []struct{ term, noColor, want string }{
		{"xterm", "", "  \x1b[32mwarm → hot\x1b[0m  sales"},
		{"xterm", "1", "  warm → hot  sales"},
		{"dumb", "", "  warm → hot  sales"},
	} {
		t.Setenv("TERM", c.term)
		t.Setenv("NO_COLOR", c.noColor)
		inner, outer := terminal(t)
		command, errs := &cobra.Command{}, make(chan error, 1)
		command.SetOut(inner)
		form, err := outputFlag(command)()
		if err != nil || form != asTable {
			t.Fatalf("it is shown as %q (%v)", form, err)
		}
		go func() { errs <- printer(inner, form)([]byte(adaHot)) }()
		line, err := bufio.NewReader(outer).ReadString('\n')
		if err != nil || <-errs != nil || !strings.Contains(line, c.want) {
			t.Errorf("%+v: %q (%v)", c, line, err)
		}
		inner.Close()
	}
}
