package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

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

Where standard error is a terminal, a line there shows how far reading has come.

A line that can't be scored is reported on standard error with its number; the others
go on, and the exit status is 1. So it is where a file can't be read to its end; the
changes of the lines before are printed then.`,
	}
	model := c.Flags().String("model", scorer.DefaultModel, "model `file`, or the name of a shipped model")
	complete(c, "model", completeModels)
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
		out, errOut := c.OutOrStdout(), c.ErrOrStderr()
		var progress *app.Progress
		if isTerminal(errOut) {
			progress = app.NewProgress(errOut, time.Now)
			errOut = progress.Beside(errOut)
			if isTerminal(out) {
				out = progress.Beside(out)
			}
		}
		options := app.FoldOptions{Model: loaded, Limits: events.DefaultLimits(), Progress: progress, Errors: errOut}
		if *at != "" {
			options.Until = max(1, scorer.InstantOf(instant)) // no event is older, and 0 is no instant to a Fold
		}
		finish := (*app.Fold).Finish
		switch {
		case *explain != "":
			options.Timeline = app.NewTimeline(loaded, *explain, out)
			finish = (*app.Fold).Explain
		case *leads:
			finish = func(f *app.Fold) error { return f.WriteLeads(out) }
		default:
			options.Changes = out
		}
		fold := app.NewFold(options)
		if err = foldFiles(c.Context(), fold, progress, files, c.InOrStdin()); err == nil {
			err = finish(fold)
		}
		if progress != nil {
			progress.End(fold.Counts())
		}
		if newest := fold.Newest().Time(); *at == "" && newest.After(time.Now()) {
			fmt.Fprintf(errOut, "the newest event is of %s, which is still to come, and time went on until then; say by --at how far it shall go\n",
				newest.Format(time.RFC3339))
		}
		return errors.Join(err, fold.Refused())
	}
	return c
}

// foldFiles folds the files named, in turn; "-", or no name at all, is standard input. A nil progress shows nothing.
func foldFiles(ctx context.Context, fold *app.Fold, progress *app.Progress, files []string, stdin io.Reader) error {
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, name := range files {
		if name == "-" {
			name = "standard input"
			if err := fold.Read(ctx, name, watched(progress, name, stdin)); err != nil {
				return err
			}
			continue
		}
		if err := foldFile(ctx, fold, progress, name); err != nil {
			return err
		}
	}
	return nil
}

func foldFile(ctx context.Context, fold *app.Fold, progress *app.Progress, name string) (err error) {
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("opening the events: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return fold.Read(ctx, name, watched(progress, name, file))
}

// watched is in, with progress told how much of it is read, and how large it is where that is known.
func watched(progress *app.Progress, name string, in io.Reader) io.Reader {
	if progress == nil {
		return in
	}
	var size int64
	if file, is := in.(*os.File); is {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
	}
	return progress.Input(name, size, in)
}
