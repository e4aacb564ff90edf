package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

func newScore() *cobra.Command {
	c := &cobra.Command{
		Use:   "score [FILE…]",
		Short: "Fold events from files, without Kafka and Redis, and print the changes",
		Long: `Fold events from files, one CloudEvents JSON a line, without Kafka and Redis, and
print the change events in the order of the input. Then time goes on to --at for all
leads, and the changes that it makes are printed in the order of their instants.
Files may be compressed (gzip, zstd). Without a file, or for -, standard input is read.

With --explain the output is a timeline of one lead instead, for people: what each
event gave by which rules, what had decayed until then, and why the lead moved.

A line that can't be scored is reported on standard error with its number; the others
go on, and the exit status is 1. So it is where a file can't be read to its end; the
changes of the lines before are printed then.`,
	}
	model := c.Flags().String("model", scorer.DefaultModel, "model `file`, or the name of a shipped model")
	at := c.Flags().String("at", "", "let time go on to this `instant`, and leave out later events; default the last event's time")
	leads := c.Flags().Bool("leads", false, "print each lead as of then instead of the changes")
	explain := c.Flags().String("explain", "", "tell what happened to this `lead`, step by step, instead of the changes")
	c.MarkFlagsMutuallyExclusive("leads", "explain")
	c.RunE = func(c *cobra.Command, files []string) error {
		if c.Flags().Changed("explain") && *explain == "" {
			return usageError{errors.New("--explain needs the ID of a lead")}
		}
		loaded, err := app.LoadModel(*model)
		if err != nil {
			return err
		}
		instant, err := parseInstant(*at)
		if err != nil {
			return err
		}
		options := app.FoldOptions{Model: loaded, Limits: events.DefaultLimits(), Errors: c.ErrOrStderr()}
		if !instant.IsZero() {
			options.Until = scorer.InstantOf(instant)
		}
		switch {
		case *explain != "":
			options.Timeline = app.NewTimeline(loaded, *explain, c.OutOrStdout())
		case !*leads:
			options.Changes = c.OutOrStdout()
		}
		fold := app.NewFold(options)
		if err := foldFiles(c.Context(), fold, files, c.InOrStdin()); err != nil {
			return errors.Join(err, fold.Refused())
		}
		switch {
		case *explain != "":
			err = fold.Explain()
		case *leads:
			err = fold.WriteLeads(c.OutOrStdout())
		default:
			err = fold.Finish()
		}
		return errors.Join(err, fold.Refused())
	}
	return c
}

// foldFiles folds the files named, in turn; "-", or no name at all, is standard input.
func foldFiles(ctx context.Context, fold *app.Fold, files []string, stdin io.Reader) error {
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		if name == "-" {
			if err := fold.Read(ctx, "standard input", stdin); err != nil {
				return err
			}
			continue
		}
		if err := foldFile(ctx, fold, name); err != nil {
			return err
		}
	}
	return nil
}

func foldFile(ctx context.Context, fold *app.Fold, name string) (err error) {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("opening the events: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return fold.Read(ctx, name, file)
}
