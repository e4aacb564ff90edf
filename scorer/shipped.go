package scorer

import (
	"embed"
	"io/fs"
	"path"
	"strings"
)

//go:embed models/*.yaml
var shippedModels embed.FS

// DefaultModel is the name of the shipped model that is used where none is named.
const DefaultModel = "bant"

// ShippedModel is the text of the model file that comes with hotlead under this name, and whether there is one.
func ShippedModel(name string) ([]byte, bool) {
	text, err := shippedModels.ReadFile(path.Join("models", name+".yaml"))
	return text, err == nil
}

// ShippedModels are the names of the models that come with hotlead, in alphabetical order.
func ShippedModels() []string {
	files, err := fs.Glob(shippedModels, "models/*.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(path.Base(file), ".yaml")
	}
	return files
}
