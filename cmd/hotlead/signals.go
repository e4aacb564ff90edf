package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// oneSignal is how long after the first signal another one still counts as the same: some tools send theirs to the
// process and to its group.
const oneSignal = 200 * time.Millisecond

// stoppable is ctx until the first SIGINT or SIGTERM ends it: a planned stop. The second ends the process at once. The
// caller calls done when nothing is left to be stopped. (Commands that have nothing to finish leave signals alone.)
func stoppable(ctx context.Context, errOut io.Writer) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		var first time.Time
		for range signals {
			switch {
			case first.IsZero():
				first = time.Now()
				cancel()
			case time.Since(first) > oneSignal:
				fmt.Fprintln(errOut, "hotlead: stopped at once; what was in hand is taken up at the next start")
				os.Exit(exitFailed)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals) // nothing sends to it any more
		cancel()
	}
}
