package main

import (
	"io"
	"os"
)

// isTerminal is whether what is written to w shows on a terminal that can rewrite a line, and knows colours.
func isTerminal(w io.Writer) bool { return shows(w) && os.Getenv("TERM") != "dumb" }
