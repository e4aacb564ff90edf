package dev

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/internal/app"
)

// reasonsShown is how many contributions a line names.
const reasonsShown = 3

// change is the part of a change event that a line shows.
type change struct {
	Type string
	Time time.Time
	Data struct {
		Lead, Account, From, To, Stage string
		Score                          float64
		Cause                          struct{ Kind, Type string }
		Qualification                  struct {
			Total       float64
			Rated       int
			Disposition string
		}
		Contributions []struct {
			Rule   string
			Points float64
		}
	}
}

// watch prints each change as a line, as any reader of the topic sees it, until ctx ends.
func watch(ctx context.Context, k app.Kafka, out io.Writer) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(k.Brokers...),
		kgo.ConsumeTopics(k.Topics.TierChanges),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
	if err != nil {
		return fmt.Errorf("preparing to watch tier changes: %w", err)
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.Canceled) {
				return fmt.Errorf("watching tier changes in %s: %w", e.Topic, e.Err)
			}
		}
		for _, r := range fetches.Records() {
			var c change
			if err := json.Unmarshal(r.Value, &c); err != nil {
				return fmt.Errorf("reading a tier change at offset %d: %w", r.Offset, err)
			}
			fmt.Fprintln(out, c.line(time.Local))
		}
	}
}

// line is the change as a person reads it: when, who, what, and why.
func (c *change) line(zone *time.Location) string {
	what := c.Data.From + " → " + c.Data.To
	if c.Type == "lead.stage.reached" {
		what = "reached " + c.Data.Stage
	}
	line := fmt.Sprintf("%s  %-34s %-18s %5s  %s", c.Time.In(zone).Format(time.TimeOnly), c.Data.Lead, what, points(c.Data.Score), c.cause())
	if why := c.why(); why != "" {
		line += ": " + why
	}
	return strings.TrimRight(line, " ")
}

func (c *change) cause() string {
	switch c.Data.Cause.Kind {
	case "event":
		return c.Data.Cause.Type
	case "time":
		return "time passed"
	}
	return c.Data.Cause.Kind
}

// why is what moved the lead most.
func (c *change) why() string {
	var parts []string
	for _, p := range c.Data.Contributions[:min(len(c.Data.Contributions), reasonsShown)] {
		text := points(p.Points)
		if p.Points > 0 {
			text = "+" + text
		}
		parts = append(parts, p.Rule+" "+text)
	}
	if q := c.Data.Qualification; q.Rated > 0 {
		parts = append(parts, fmt.Sprintf("rated %s by %d", points(q.Total), q.Rated))
	}
	if d := c.Data.Qualification.Disposition; d != "" {
		parts = append(parts, strings.ReplaceAll(d, "_", " "))
	}
	return strings.Join(parts, ", ")
}

// points are points with at most one decimal.
func points(p float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(p, 'f', 1, 64), ".0")
}
