// Command integrating follows hotlead's tier changes and acts on each once: a program to begin your own with.
//
//	go run . 127.0.0.1:9092 lead.tier-changes
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"

	"github.com/twmb/franz-go/pkg/kgo"
)

// change is what this program needs of a change; what it does not know is passed over.
type change struct {
	Type string
	Data struct {
		Lead            string
		Sequence        uint64
		From, To, Route string
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := follow(ctx, os.Args[1], os.Args[2])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func follow(ctx context.Context, broker, topic string) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(broker),
		kgo.ConsumerGroup("crm"),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), // else changes that hotlead took back would be seen
		kgo.DisableAutoCommit(),
	)
	if err != nil {
		return fmt.Errorf("preparing to read %s: %w", topic, err)
	}
	defer client.Close()

	done := map[string]uint64{} // the newest sequence acted on, by lead: keep it where you keep what you do
	for {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("reading %s: %w", topic, err)
		}
		for _, record := range fetches.Records() {
			var c change
			if err := json.Unmarshal(record.Value, &c); err != nil {
				return fmt.Errorf("reading the change at offset %d: %w", record.Offset, err)
			}
			if c.Type != "lead.tier.changed" || c.Data.Sequence <= done[c.Data.Lead] {
				continue // a stage, or acted on before this program was started again
			}
			fmt.Fprintln(os.Stdout, c.Data.Lead, c.Data.Sequence, c.Data.From, "->", c.Data.To, c.Data.Route) // your work
			done[c.Data.Lead] = c.Data.Sequence
		}
		if err := client.CommitUncommittedOffsets(ctx); err != nil {
			return fmt.Errorf("committing how far %s was read: %w", topic, err)
		}
	}
}
