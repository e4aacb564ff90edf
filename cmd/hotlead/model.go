package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/cmd/internal/words"
	"github.com/hotlead/hotlead/scorer"
)

func newModel() *cobra.Command {
	return group("model", "Check, show and list scoring models", newModelCheck(), newModelShow(), newModelList())
}

func newModelCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE…",
		Short: "Say what is wrong with model files, each mistake at its place",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			var all []error
			for _, file := range files {
				model, err := app.LoadModel(file)
				if err != nil {
					report(c.ErrOrStderr(), err)
					all = append(all, err)
					continue
				}
				fmt.Fprintf(c.OutOrStdout(), "%s: %s, version %d: no mistakes\n", file, model.Name, model.Version)
			}
			if len(all) == 0 {
				return nil
			}
			return fmt.Errorf("%w: %w", errReported, errors.Join(all...))
		},
	}
}

func newModelShow() *cobra.Command {
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Print a model file; redirect it into a file of yours to begin with",
		Long: `Print a model, by the name of a shipped one or by its file: the file as it is, to begin
a file of yours with, or with --markdown a page that says in words what it does.`,
		Args: cobra.ExactArgs(1),
	}
	markdown := c.Flags().Bool("markdown", false, "print a page about the model instead, in words: tiers, rules, what everything is worth")
	c.RunE = func(c *cobra.Command, args []string) error {
		if *markdown {
			return showPage(c.OutOrStdout(), args[0])
		}
		text, err := app.ModelText(args[0])
		if err != nil {
			return err
		}
		_, err = c.OutOrStdout().Write(text)
		return err
	}
	return c
}

// showPage prints the page about a model.
func showPage(out io.Writer, name string) error {
	model, err := app.LoadModel(name)
	if err != nil {
		return err
	}
	page, err := words.Page(model.Describe())
	if err != nil {
		return fmt.Errorf("saying what the model %s does: %w", name, err)
	}
	_, err = io.WriteString(out, page)
	return err
}

func newModelList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the models that come with hotlead",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "NAME\tVERSION\tTIERS")
			for _, name := range scorer.ShippedModels() {
				model, err := app.LoadModel(name)
				if err != nil {
					return err
				}
				var tiers []string
				for _, t := range model.Tiers() {
					tiers = append(tiers, t.Name)
				}
				fmt.Fprintf(table, "%s\t%d\t%s\n", name, model.Version, strings.Join(tiers, ", "))
			}
			return table.Flush()
		},
	}
}
