package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/cmd/internal/words"
)

func newLeadHistory() *cobra.Command {
	c := &cobra.Command{
		Use:   "history ID",
		Short: "Print what was announced of a lead, oldest first: each change, and why",
		Long: `Print what was announced of a lead, oldest first, at most the newest 1,000 changes: when
each became true, what happened, the route, the score, and why. The topic of the tier
changes is compacted: it keeps each lead's newest change for ever, older ones for a week
at least.

It needs only what the configuration says of Kafka. With --output=json each line is the
whole event.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	config, output := configFlag(c), outputFlag(c)
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		form, err := output()
		if err != nil {
			return err
		}
		loaded, err := loadConfig(*config)
		if err != nil {
			return err
		}
		log, err := app.OpenChangeLog(loaded.Kafka, app.NewLogger(c.ErrOrStderr(), loaded.Log))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, log.Close()) }()
		changes, err := log.Of(c.Context(), args[0])
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			return fmt.Errorf("nothing was announced of a lead %q: either no event has reached it, or none has moved it", args[0])
		}
		return printHistory(c.OutOrStdout(), form, changes)
	}
	return c
}

func printHistory(out io.Writer, form string, changes []json.RawMessage) error {
	if form == asJSON {
		for _, text := range changes {
			if _, err := fmt.Fprintf(out, "%s\n", text); err != nil {
				return err
			}
		}
		return nil
	}
	all, t := make([]*words.Change, len(changes)), table{paint: paintOn(out)}
	for i, text := range changes {
		var err error
		if all[i], err = words.ReadChange(text); err != nil {
			return err
		}
		t.line(all[i]) // so that every column is as wide as what it will hold
	}
	for _, change := range all {
		if _, err := fmt.Fprintln(out, t.line(change)); err != nil {
			return err
		}
	}
	return nil
}
