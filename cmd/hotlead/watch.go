package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/cmd/internal/words"
	"github.com/hotlead/hotlead/consumer"
)

func newWatch() *cobra.Command {
	c := &cobra.Command{
		Use:   "watch",
		Short: "Follow tier changes as they are announced",
		Long: `Follow tier changes as they are announced, until Ctrl-C. Each is a line: when it became
true, which lead, what happened, the route, the score, and why. It needs only what the
configuration says of Kafka, moves nothing there, and waits for a Kafka that goes away.

With --output=json each line is the whole event.`,
		Args: cobra.NoArgs,
	}
	config, output := configFlag(c), outputFlag(c)
	tiers := c.Flags().StringSlice("tier", nil, "only changes to this `tier`; may be given several times")
	routes := c.Flags().StringSlice("route", nil, "only changes of this `route`; may be given several times")
	since := c.Flags().Duration("since", 0, "begin with the changes of the last `1h`, 30m, …")
	c.RunE = func(c *cobra.Command, _ []string) (err error) {
		form, err := output()
		if err != nil {
			return err
		}
		if *since < 0 {
			return usageError{fmt.Errorf("--since=%s lies ahead; write it as 1h", *since)}
		}
		loaded, err := loadConfig(*config)
		if err != nil {
			return err
		}
		ctx, done := stoppable(c.Context(), c.ErrOrStderr())
		defer done()
		log, err := app.OpenChangeLog(loaded.Kafka, app.NewLogger(c.ErrOrStderr(), loaded.Log))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, log.Close()) }()
		w := watcher{tiers: *tiers, routes: *routes, tell: printer(c.OutOrStdout(), form)}
		err = w.follow(ctx, log, *since)
		if ctx.Err() != nil {
			return nil // Ctrl-C is how it ends
		}
		return err
	}
	return c
}

// watcher prints those changes that were asked for.
type watcher struct {
	tiers, routes []string // empty: all
	since         time.Time
	tell          func(text []byte) error
}

func (w *watcher) follow(ctx context.Context, log *consumer.ChangeLog, since time.Duration) error {
	begin, err := log.End(ctx)
	if since > 0 && err == nil {
		w.since = time.Now().Add(-since)
		begin, err = log.At(ctx, w.since)
	}
	if err != nil {
		return err
	}
	return log.Follow(ctx, begin, func(change *consumer.Change) error {
		if !w.wants(change) || !change.Whole() {
			return nil
		}
		return w.tell(change.JSON)
	})
}

func (w *watcher) wants(c *consumer.Change) bool {
	return (len(w.tiers) == 0 || slices.Contains(w.tiers, c.To)) &&
		(len(w.routes) == 0 || slices.Contains(w.routes, c.Route)) &&
		!c.At.Time().Before(w.since)
}

// printer is how to write changes, each as its JSON.
func printer(out io.Writer, form string) func(text []byte) error {
	if form == asJSON {
		return func(text []byte) error {
			_, err := fmt.Fprintf(out, "%s\n", text)
			return err
		}
	}
	t := table{paint: paintOn(out)}
	return func(text []byte) error {
		change, err := words.ReadChange(text)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, t.line(change))
		return err
	}
}

// table lays changes out below each other. A column is as wide as what it has held so far.
type table struct {
	paint            paint
	who, what, route int
}

func (t *table) line(c *words.Change) string {
	hue := yellow
	switch {
	case c.Reached():
		hue = cyan
	case c.Data.Direction == "up":
		hue = green
	}
	return c.Time.Local().Format(time.DateTime) + "  " + wide(&t.who, c.Who()) + "  " +
		t.paint(hue, wide(&t.what, c.What())) + "  " + wide(&t.route, c.Route()) +
		fmt.Sprintf(" %6s  ", words.Points(c.Data.Score)) + c.Why()
}

// widest is how many characters a column widens to at most: one lead with a very long ID is out of line, and not all that
// come after it.
const widest = 40

// wide is text with so many spaces behind it that it is as wide as its column, which widens for it.
func wide(column *int, text string) string {
	n := utf8.RuneCountInString(text)
	*column = max(*column, min(n, widest))
	return text + strings.Repeat(" ", max(*column-n, 0))
}
