package words

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/hotlead/hotlead/scorer"
)

var update = flag.Bool("update", false, "write the pages anew")

// describe is the description of a model file.
func describe(t *testing.T, text string) scorer.Description {
	t.Helper()
	m, err := scorer.ReadModel("model.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m.Describe()
}

// golden holds got against a file; -update writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s\n(go test ./cmd/internal/words -update writes it anew)", file, want, got)
	}
}

// Beside each shipped model stands the page that is made from it.
func TestPagesOfShippedModels(t *testing.T) {
	for _, name := range scorer.ShippedModels() {
		text, _ := scorer.ShippedModel(name)
		got, err := Page(describe(t, string(text)))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("..", "..", "..", "scorer", "models", name+".md"), got)
	}
}

// A page of a model with everything that shipped ones lack.
func TestPageOfEveryForm(t *testing.T) {
	text, err := os.ReadFile("testdata/forms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Page(describe(t, string(text)))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/forms.md", got)
}
