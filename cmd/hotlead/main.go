// Command hotlead scores leads as they act and announces the moment one changes tier.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/scorer"
)

// What the process ends with.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong usage, configuration or model
)

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// execute runs one command line and says how it went.
func execute(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	// What fails before a command's own work begins, fails for how it was called.
	var begun bool
	onRun(root, func() { begun = true })
	called, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitDone
	case !begun && called != root:
		err = usageError{fmt.Errorf("%w (see %s --help)", err, called.CommandPath())}
	case !begun:
		err = usageError{err}
	}
	report(errOut, err)
	if isUsage(err) {
		return exitUsage
	}
	return exitFailed
}

// newRoot is the tree of all commands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "hotlead",
		Short: "Scores leads as they act and announces the moment one changes tier",
		Long: `hotlead scores leads as they act and announces the moment one changes tier.

Engagement and qualification events come in from Kafka, are folded into per-lead
score state in Redis, and leave as tier-change events on Kafka.

Try it without installing anything:  hotlead dev`,
		SilenceUsage:               true,
		SilenceErrors:              true,
		SuggestionsMinimumDistance: 2,
	}
	root.AddCommand(newDev(), newRun(), newScore(), newModel(), newTopics(), newLead(), newWatch(), newProbe(), newCompletion(), newVersion())
	return root
}

// onRun has begin called before the work of each command.
func onRun(c *cobra.Command, begin func()) {
	if work := c.RunE; work != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			begin()
			return work(c, args)
		}
	}
	for _, sub := range c.Commands() {
		onRun(sub, begin)
	}
}

// usageError is the error of a command that was called with something it can't work with.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func isUsage(err error) bool {
	var usage usageError
	var config *app.ConfigError
	var noModel *app.NoModelError
	var model scorer.ModelErrors
	return errors.As(err, &usage) || errors.As(err, &config) || errors.As(err, &noModel) || errors.As(err, &model)
}

// report tells the user what went wrong. Mistakes in files begin with their place, as editors like it.
func report(errOut io.Writer, err error) {
	var config *app.ConfigError
	var model scorer.ModelErrors
	switch {
	case errors.Is(err, errReported):
	case errors.As(err, &config):
		fmt.Fprintln(errOut, config)
	case errors.As(err, &model):
		fmt.Fprintln(errOut, model)
	default:
		fmt.Fprintln(errOut, "hotlead:", err)
	}
}

// errReported ends a command that has told the user already what went wrong.
var errReported = errors.New("reported already")

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   use,
		Short: short,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("hotlead " + use + " needs to know what to do; see hotlead " + use + " --help")}
			}
			text := fmt.Sprintf("unknown command %q for %q", args[0], c.CommandPath())
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				text += "; did you mean " + near[0] + "?"
			}
			return usageError{errors.New(text)}
		},
		SuggestionsMinimumDistance: 2,
	}
	c.AddCommand(subs...)
	return c
}

// configFlag adds --config to a command and returns where its value will be.
func configFlag(c *cobra.Command) *string {
	return c.Flags().String("config", "", "configuration `file` (YAML); without it, defaults and HOTLEAD_ variables")
}

// loadConfig reads the configuration of a command, the environment included.
func loadConfig(file string) (app.Config, error) {
	config, err := app.LoadConfig(file, os.Environ())
	if errors.Is(err, os.ErrNotExist) {
		return config, usageError{err}
	}
	return config, err
}
