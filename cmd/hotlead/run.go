package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/cmd/internal/app"
)

// fromRetained is the value of --rebuild, spelled out so that nobody gives the word by accident.
const fromRetained = "from-retained"

func newRun() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the service",
		Long: `Run the service: until it is told to stop (SIGTERM or Ctrl-C), when it finishes and
announces what it has in hand. Told again, it ends at once.

Each key of the configuration file is also an environment variable, which goes
before the file; lists are separated by commas there. With types and defaults:
https://github.com/hotlead/hotlead/blob/main/deploy/configuration.md

` + app.ConfigHelp(),
		Args: cobra.NoArgs,
	}
	config := configFlag(c)
	rebuild := c.Flags().String("rebuild", "", "`from-retained`: where Kafka no longer holds events that Redis has lost as well, count\nthem as lost and go on, instead of refusing the lane")
	complete(c, "rebuild", cobra.FixedCompletions([]string{fromRetained}, cobra.ShellCompDirectiveNoFileComp))
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *rebuild != "" && *rebuild != fromRetained {
			return usageError{fmt.Errorf("--rebuild=%s is not known; there is --rebuild=%s", *rebuild, fromRetained)}
		}
		loaded, err := loadConfig(*config)
		if err != nil {
			return err
		}
		model, err := app.LoadModel(loaded.Model)
		if err != nil {
			return err
		}
		limitMemory(loaded.Limits.MemoryBytes)
		ctx, done := stoppable(c.Context(), c.ErrOrStderr())
		defer done()
		return app.Run(ctx, app.Options{
			Config: loaded, Model: model, Build: app.ReadBuild(), Log: app.NewLogger(c.ErrOrStderr(), loaded.Log),
			RebuildFromRetained: *rebuild == fromRetained,
		})
	}
	return c
}

// working is what the service takes beside the leads that it keeps in memory: the batches in hand, and what they leave.
const working = 256 << 20

// limitMemory has the collector run early enough that the process stays near what it is told to take. By itself it would
// let what is left behind grow as large as all that is kept. A GOMEMLIMIT goes before it.
func limitMemory(leads int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(leads + working)
	}
}
