package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/cmd/internal/words"
)

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
			c, err := words.ReadChange(r.Value)
			if err != nil {
				return fmt.Errorf("at offset %d: %w", r.Offset, err)
			}
			fmt.Fprintln(out, line(c, time.Local))
		}
	}
}

// line is the change as a person reads it: when, who, what, and why.
func line(c *words.Change, zone *time.Location) string {
	return strings.TrimRight(fmt.Sprintf("%s  %-34s %-18s %5s  %s", c.Time.In(zone).Format(time.TimeOnly), c.Who(), c.What(),
		words.Points(c.Data.Score), c.Why()), " ")
}
