package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/hotlead/hotlead/scorer"
)

// NoModelError is the error of a model that is neither shipped nor a file.
type NoModelError struct {
	// Name is the file or name that was asked for.
	Name string
}

func (e *NoModelError) Error() string {
	shipped := scorer.ShippedModels()
	if near := Nearest(e.Name, shipped); near != "" {
		return fmt.Sprintf("there is no model %s, neither a file nor shipped; did you mean %s?", e.Name, near)
	}
	return fmt.Sprintf("there is no model %s, neither a file nor shipped; shipped are %s", e.Name, strings.Join(shipped, ", "))
}

// ModelText is the text of a shipped model, by its name, or else of a model file. (The file bant is ./bant.) The error
// is a *NoModelError where there is neither.
func ModelText(name string) ([]byte, error) {
	if text, ok := scorer.ShippedModel(name); ok {
		return text, nil
	}
	text, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &NoModelError{Name: name}
	case err != nil:
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	return text, nil
}

// LoadModel reads a shipped model, by its name, or a model file. The error is a *NoModelError, scorer.ModelErrors with
// every mistake in the model, or says why the file can't be read.
func LoadModel(name string) (*scorer.Model, error) {
	text, err := ModelText(name)
	if err != nil {
		return nil, err
	}
	return scorer.ReadModel(name, text)
}
