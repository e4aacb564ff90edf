package scorer

import (
	"fmt"
	"strings"
)

// ModelError is one mistake in a model file, at the place where it stands.
type ModelError struct {
	// File is the file's name as it was given to ReadModel.
	File string
	// Line and Column count from 1; a column is a character, not a byte.
	Line, Column int
	// Message says what is wrong, Mend what to do about it ("" where the message says it all).
	Message, Mend string
	// Source is the line that the mistake stands in, with its number, and below it carets under the mistake; "" where
	// the mistake is of the file as a whole.
	Source string
}

// Error is the mistake as people read it: place, message and mend on one line, the source and its carets below.
func (e ModelError) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
	if e.Mend != "" {
		text += "; " + e.Mend
	}
	if e.Source != "" {
		text += "\n" + e.Source
	}
	return text
}

// ModelErrors are all the mistakes of a model file, in the order of the file.
type ModelErrors []ModelError

func (e ModelErrors) Error() string {
	texts := make([]string, len(e))
	for i, one := range e {
		texts[i] = one.Error()
	}
	return strings.Join(texts, "\n")
}

// Unwrap gives the mistakes one by one, for errors.As.
func (e ModelErrors) Unwrap() []error {
	all := make([]error, len(e))
	for i, one := range e {
		all[i] = one
	}
	return all
}
