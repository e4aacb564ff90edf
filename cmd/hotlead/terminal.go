package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal is whether what is written to w shows on a terminal that can rewrite a line.
func isTerminal(w io.Writer) bool {
	file, is := w.(*os.File)
	return is && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}
