package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/cmd/internal/app"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and Go version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			b := app.ReadBuild()
			_, err := fmt.Fprintf(c.OutOrStdout(), "hotlead %s\ncommit  %s\nbuilt by %s\n", b.Version, orUnknown(b.Commit), orUnknown(b.Go))
			return err
		},
	}
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}
