package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
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
	c := &cobra.Command{
		Use:   "check FILE…",
		Short: "Say what is wrong with model files, each mistake at its place",
		Long: `Check model files: every mistake is told at its place, with what would be right.

With --against OLD, the model that is in force now, it also says in plain words what
changes from OLD to FILE, and what becomes of the leads that there are: what holds for
every lead at once, and what only counts from then on.`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeModels,
	}
	against := c.Flags().String("against", "", "say what changes from this model, a `file` or the name of a shipped model, to FILE")
	complete(c, "against", completeModels)
	c.RunE = func(c *cobra.Command, files []string) error {
		if *against == "" {
			return checkModels(c.OutOrStdout(), c.ErrOrStderr(), files, nil)
		}
		if len(files) > 1 {
			return usageError{errors.New("--against compares with one FILE, and " + strconv.Itoa(len(files)) + " are given")}
		}
		var models []*scorer.Model
		err := checkModels(c.OutOrStdout(), c.ErrOrStderr(), []string{*against, files[0]}, func(m *scorer.Model) { models = append(models, m) })
		if err != nil {
			return err
		}
		return compareModels(c.OutOrStdout(), files[0], models[0], models[1])
	}
	return c
}

// checkModels says of each file that it has no mistakes, or which; take gets the models that have none.
func checkModels(out, errOut io.Writer, files []string, take func(*scorer.Model)) error {
	var all []error
	for _, file := range files {
		model, err := app.LoadModel(file)
		if err != nil {
			report(errOut, err)
			all = append(all, err)
			continue
		}
		fmt.Fprintf(out, "%s: %s, version %d: no mistakes\n", file, model.Name, model.Version)
		if take != nil {
			take(model)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", errReported, errors.Join(all...))
}

// compareModels says what changes from one model to the next, which file holds. The error is of a version that is not
// higher.
func compareModels(out io.Writer, file string, old, next *scorer.Model) error {
	if bytes.Equal(old.Text, next.Text) {
		fmt.Fprintf(out, "\nThe two are the same, word for word: nothing changes.\n")
		return nil
	}
	difference, err := words.Compare(old.Describe(), next.Describe())
	if err != nil {
		return fmt.Errorf("comparing %s: %w", file, err)
	}
	fmt.Fprintf(out, "\nFrom %s, version %d, to %s, version %d:\n", old.Name, old.Version, next.Name, next.Version)
	for _, part := range []struct {
		title string
		lines []string
	}{
		{"For every lead at once, as soon as the new version is in force (tier and stage changes that come of it are announced, with cause \"model\"):", difference.AtOnce},
		{"From then on only, since what is stored of a lead does not tell more:", difference.FromThenOn},
		{"Beside scores and tiers:", difference.Beside},
	} {
		if len(part.lines) > 0 {
			fmt.Fprintf(out, "\n%s\n  - %s\n", part.title, strings.Join(part.lines, "\n  - "))
		}
	}
	if difference.Empty() {
		fmt.Fprintf(out, "\nNothing that scores, tiers or people see.\n")
	}
	if len(difference.FromThenOn) > 0 {
		fmt.Fprintf(out, "\nTo make it exact, fold the history again: hotlead score --model %s EVENTS shows what comes of it;\n"+
			"a service that starts with an empty Redis folds all of it again, as long as Kafka still holds all.\n", file)
	}
	if next.Version <= old.Version {
		return usageError{fmt.Errorf("%s has version %d, which is not above %d: a service only moves to a higher version and would not take it; write version: %d",
			file, next.Version, old.Version, old.Version+1)}
	}
	return nil
}

func newModelShow() *cobra.Command {
	c := &cobra.Command{
		Use:   "show NAME",
		Short: "Print a model file; redirect it into a file of yours to begin with",
		Long: `Print a model, by the name of a shipped one or by its file: the file as it is, to begin
a file of yours with, or with --markdown a page that says in words what it does.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeModels,
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
