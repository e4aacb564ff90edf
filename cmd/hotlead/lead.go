package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/cmd/internal/web"
)

func newLead() *cobra.Command {
	return group("lead", "Look at one lead", newLeadShow(), newLeadHistory())
}

func newLeadShow() *cobra.Command {
	c := &cobra.Command{
		Use:               "show ID",
		Short:             "Print a lead: where it stands, why, and when time alone will move it",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	config, output := configFlag(c), outputFlag(c)
	at := c.Flags().String("at", "", "as of this `instant`, such as 2026-11-20T10:00:00Z, or as of the newest event's time if\nthat is later; default now")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		form, err := output()
		if err != nil {
			return err
		}
		instant, err := parseInstant(*at)
		if err != nil {
			return err
		}
		loaded, err := loadConfig(*config)
		if err != nil {
			return err
		}
		model, err := app.LoadModel(loaded.Model)
		if err != nil {
			return err
		}
		store, err := app.OpenStore(loaded.Redis, app.NewLogger(c.ErrOrStderr(), loaded.Log))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, store.Close()) }()
		broker, err := app.OpenBroker(loaded.Kafka)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, broker.Close()) }()

		text, err := app.NewReader(store, broker.Lanes, model).Lead(c.Context(), args[0], instant)
		if errors.Is(err, web.ErrNoLead) {
			return fmt.Errorf("no event has reached a lead %q", args[0])
		}
		if err != nil {
			return err
		}
		if err := tellClock(c.ErrOrStderr(), text, instant); err != nil {
			return err
		}
		return printLead(c.OutOrStdout(), form, text)
	}
	return c
}

func printLead(out io.Writer, form string, text json.RawMessage) error {
	if form == asTable {
		return printLeadTable(out, text, time.Local)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "  "); err != nil {
		return fmt.Errorf("laying the lead out: %w", err)
	}
	_, err := fmt.Fprintln(out, pretty.String())
	return err
}

// tellClock says so where a lead is shown as of its clock, and not as of the earlier instant that was asked for.
func tellClock(errOut io.Writer, lead json.RawMessage, asked time.Time) error {
	var shown struct {
		AsOf time.Time `json:"as_of"`
	}
	if err := json.Unmarshal(lead, &shown); err != nil {
		return fmt.Errorf("reading as of when the lead is shown: %w", err)
	}
	if !asked.IsZero() && shown.AsOf.After(asked) {
		fmt.Fprintf(errOut, "hotlead: the lead is shown as of its clock, %s, and not as of %s: what it was before is not kept\n",
			shown.AsOf.Format(time.RFC3339Nano), asked.Format(time.RFC3339Nano))
	}
	return nil
}

// parseInstant reads the value of --at; "" is the zero time.
func parseInstant(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usageError{fmt.Errorf("--at %s is no instant; write it as 2026-11-20T10:00:00Z", text)}
	}
	return at, nil
}
