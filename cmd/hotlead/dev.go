package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/cmd/internal/dev"
	"github.com/hotlead/hotlead/cmd/internal/dev/servers"
	"github.com/hotlead/hotlead/scorer"
)

func newDev() *cobra.Command {
	c := &cobra.Command{
		Use:   "dev",
		Short: "Try hotlead: everything in one process, nothing to install",
		Long: `Run everything in one process: an embedded Kafka and Redis, the service, its web page,
and simulated traffic, until Ctrl-C. Tier changes are printed as they happen. Nothing
is kept when it ends. Any Kafka client on this machine can take part.`,
		Args: cobra.NoArgs,
	}
	listen := c.Flags().String("listen", "127.0.0.1:8080", "`address` of the page, the API and the metrics")
	kafka := c.Flags().String("kafka", "127.0.0.1:9092", "loopback `address` of the embedded Kafka")
	model := c.Flags().String("model", "b2b-saas", "model `file`, or the name of a shipped model")
	complete(c, "model", completeModels)
	noTraffic := c.Flags().Bool("no-traffic", false, "simulate no leads; bring events of your own")
	c.RunE = func(c *cobra.Command, _ []string) error {
		loaded, err := app.LoadModel(*model)
		if err != nil {
			return err
		}
		named := *model
		if !slices.Contains(scorer.ShippedModels(), named) {
			if named, err = filepath.Abs(named); err != nil { // it may be asked for from elsewhere
				return fmt.Errorf("finding the model %s: %w", *model, err)
			}
		}
		options := dev.Options{
			Listen: *listen, Kafka: *kafka, Model: loaded, ModelName: named, Program: os.Args[0], Build: app.ReadBuild(),
			// What the service warns of is advice for servers that are kept; these are not.
			Out: c.OutOrStdout(), Log: app.NewLogger(c.ErrOrStderr(), app.Log{Level: "error", Format: "text"}),
		}
		if !*noTraffic {
			options.Traffic = dev.Simulate
		}
		ctx, done := stoppable(c.Context(), c.ErrOrStderr())
		defer done()
		err = dev.Run(ctx, options)
		var address *servers.AddressError
		if errors.As(err, &address) {
			return usageError{err}
		}
		return err
	}
	return c
}
