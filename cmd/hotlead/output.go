package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// The values of --output.
const (
	asTable = "table"
	asJSON  = "json"
)

// outputFlag adds --output to a command and returns how to say which it is: where it is not given, a table for people on
// a terminal, and JSON for what reads it otherwise.
func outputFlag(c *cobra.Command) func() (string, error) {
	form := c.Flags().String("output", "", "`table` or json; default table on a terminal, json elsewhere")
	complete(c, "output", cobra.FixedCompletions([]string{asTable, asJSON}, cobra.ShellCompDirectiveNoFileComp))
	return func() (string, error) {
		switch {
		case *form == asTable, *form == asJSON:
			return *form, nil
		case *form != "":
			return "", usageError{fmt.Errorf("--output=%s is not known; there are table and json", *form)}
		case shows(c.OutOrStdout()):
			return asTable, nil
		default:
			return asJSON, nil
		}
	}
}

// shows is whether what is written to w is shown on a terminal, of whichever kind.
func shows(w io.Writer) bool {
	file, is := w.(*os.File)
	return is && term.IsTerminal(int(file.Fd()))
}

// color is a way to write on a terminal, by its number (ECMA-48, Select Graphic Rendition).
type color int

const (
	green  color = 32
	yellow color = 33
	cyan   color = 36
)

// paint colours text.
type paint func(color, string) string

// paintOn is how to colour what is written to w: not at all where w is no terminal that can, or where its user has set
// NO_COLOR (no-color.org).
func paintOn(w io.Writer) paint {
	if !isTerminal(w) || os.Getenv("NO_COLOR") != "" {
		return func(_ color, text string) string { return text }
	}
	return func(c color, text string) string { return fmt.Sprintf("\x1b[%dm%s\x1b[0m", c, text) }
}
