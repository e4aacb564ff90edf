package wire

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/segmentio/kafka-go"
)

// patience is how long a question is asked again before its failure is the caller's.
const patience = 5 * time.Second

// untilDone is the patience of what must not be given up before ctx ends.
const untilDone time.Duration = 0

// sayAfter is how long a call is tried in silence.
const sayAfter = 2 * time.Second

// retry tries until there is no error that another try may mend, until ctx ends, or until the patience is used up.
func (c *Cluster) retry(ctx context.Context, patience time.Duration, what string, try func() error) error {
	begin, said := time.Now(), false
	for n := 0; ; n++ {
		err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil && !Retriable(err) {
			return fmt.Errorf("%s: %w", what, err)
		}
		pause := pauseAfter(err, n)
		if patience != untilDone && time.Since(begin)+pause > patience {
			return fmt.Errorf("%s (%d tries): %w", what, n+1, err)
		}
		if !said && time.Since(begin) > sayAfter {
			said = true
			c.log.WarnContext(ctx, "Kafka still can't answer; trying on", "doing", what, "error", err)
		}
		if sleep(ctx, pause) != nil {
			// The last try's error is for people only: what ended this is ctx, and that no caller should try again.
			return fmt.Errorf("%s (%d tries, the last: %s): %w", what, n+1, err.Error(), ctx.Err())
		}
	}
}

// pauseAfter is how long to wait after the try number n, from 0, ended in err.
//
// CONCURRENT_TRANSACTIONS is over within a fraction of a millisecond: the coordinator is still writing the markers of
// the transaction before. It comes about once per transaction when they follow each other at once, so a pause of
// ordinary length would be the longest part of each.
func pauseAfter(err error, n int) time.Duration {
	if errors.Is(err, kafka.ConcurrentTransactions) {
		switch {
		case n < 5:
			return 0
		case n < 200:
			return min(300*time.Microsecond+time.Duration(n-5)*50*time.Microsecond, time.Millisecond)
		}
		return 10 * time.Millisecond
	}
	pause := min(20*time.Millisecond<<min(n, 10), 500*time.Millisecond)
	return pause/2 + rand.N(pause/2)
}

// sleep waits, or returns ctx's error when that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
