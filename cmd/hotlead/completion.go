package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/scorer"
)

func newCompletion() *cobra.Command {
	const described = true
	shell := func(name, how string, script func(*cobra.Command, io.Writer) error) *cobra.Command {
		return &cobra.Command{
			Use: name, Short: "Print the script that has " + name + " complete hotlead's commands and flags", Args: cobra.NoArgs,
			Long: "Print the script that has " + name + " complete hotlead's commands, flags and their values. To have it in every\nnew shell:\n\n" + how,
			RunE: func(c *cobra.Command, _ []string) error { return script(c.Root(), c.OutOrStdout()) },
		}
	}
	return group("completion", "Print a script that has your shell complete hotlead's commands",
		shell("bash", "  hotlead completion bash > ~/.local/share/bash-completion/completions/hotlead\n\nIt needs the package bash-completion.",
			func(c *cobra.Command, out io.Writer) error { return c.GenBashCompletionV2(out, described) }),
		shell("zsh", "  hotlead completion zsh > \"${fpath[1]}/_hotlead\"", (*cobra.Command).GenZshCompletion),
		shell("fish", "  hotlead completion fish > ~/.config/fish/completions/hotlead.fish",
			func(c *cobra.Command, out io.Writer) error { return c.GenFishCompletion(out, described) }))
}

// complete has the shells complete the value of a flag of c.
func complete(c *cobra.Command, flag string, values cobra.CompletionFunc) {
	if err := c.RegisterFlagCompletionFunc(flag, values); err != nil {
		panic(err) // there is no such flag, or it has one already
	}
}

// completeModels completes a model: a file, or the name of a shipped one.
func completeModels(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return scorer.ShippedModels(), cobra.ShellCompDirectiveDefault
}
