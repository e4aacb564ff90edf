package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/cmd/internal/app"
)

// usualLanes is how many partitions topics get where nothing is said: as many workers can share the load, ever.
const usualLanes = 12

func newTopics() *cobra.Command {
	return group("topics", "Check and create hotlead's topics", newTopicsCheck(), newTopicsCreate())
}

func newTopicsCheck() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Say what is missing or wrong about the topics",
		Args:  cobra.NoArgs,
	}
	config := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return withBroker(c.Context(), *config, func(ctx context.Context, b *app.Broker) error {
			findings, err := b.CheckTopics(ctx)
			if err != nil {
				return err
			}
			var wrong int
			for _, f := range findings {
				kind := "advice"
				if f.Fatal {
					kind = "wrong"
					wrong++
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: %s %s\n", kind, f.Topic, f.What)
			}
			switch {
			case wrong > 0:
				return fmt.Errorf("the topics won't do yet: %d wrong", wrong)
			case len(findings) == 0:
				fmt.Fprintln(c.OutOrStdout(), "the topics are as they should be")
			}
			return nil
		})
	}
	return c
}

func newTopicsCreate() *cobra.Command {
	c := &cobra.Command{
		Use:   "create",
		Short: "Create the topics that are missing",
		Long: `Create the topics that are missing, and leave those that exist as they are.

The number of partitions of the inbox is the number of lanes: so many workers can
share the load at most. It can't be changed later.

Dead letters and the inbox take records of up to 2 MiB and keep them for 7 days. The
tier changes are compacted, no sooner than 7 days after they were written, so that a
reader who is behind still sees each. How long the inputs are kept is the broker's
default; hotlead topics check says whether it will do.`,
		Args: cobra.NoArgs,
	}
	config := configFlag(c)
	partitions := c.Flags().Int("partitions", usualLanes, "partitions of each new topic")
	replicas := c.Flags().Int("replicas", 0, "replicas of each new topic; 0: the broker's default")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *partitions < 1 || *replicas < 0 {
			return usageError{errors.New("--partitions is 1 or more, --replicas 0 or more")}
		}
		return withBroker(c.Context(), *config, func(ctx context.Context, b *app.Broker) error {
			created, err := b.CreateTopics(ctx, *partitions, *replicas)
			for _, t := range created {
				fmt.Fprintf(c.OutOrStdout(), "created %s with %d partitions\n", t.Name, t.Partitions)
			}
			if err == nil && len(created) == 0 {
				fmt.Fprintln(c.OutOrStdout(), "all topics were there; hotlead topics check says whether they will do")
			}
			return err
		})
	}
	return c
}

// withBroker gives do the Kafka of a configuration.
func withBroker(ctx context.Context, config string, do func(context.Context, *app.Broker) error) (err error) {
	c, err := loadConfig(config)
	if err != nil {
		return err
	}
	broker, err := app.OpenBroker(c.Kafka)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.Close()) }()
	return do(ctx, broker)
}
