package main

import (
	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/cmd/internal/app"
)

func newRun() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the service",
		Long: `Run the service: until it is told to stop (SIGTERM or Ctrl-C), when it finishes and
announces what it has in hand. Told again, it ends at once.

Each key of the configuration file is also an environment variable, which goes
before the file; lists are separated by commas there.

` + app.ConfigHelp(),
		Args: cobra.NoArgs,
	}
	config := configFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		loaded, err := loadConfig(*config)
		if err != nil {
			return err
		}
		model, err := app.LoadModel(loaded.Model)
		if err != nil {
			return err
		}
		return app.Run(c.Context(), app.Options{
			Config: loaded, Model: model, Build: app.ReadBuild(), Log: app.NewLogger(c.ErrOrStderr(), loaded.Log),
		})
	}
	return c
}
