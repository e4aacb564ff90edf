package web

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/hotlead/hotlead/events"
)

// openAPIText is the description of the API but for the schemas of events and leads, which are events' own.
//
//go:embed openapi.yaml
var openAPIText []byte

// describe answers GET /openapi.json.
func (h *handler) describe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(h.openAPI) // The client that is gone needs no answer.
}

// openAPI is the whole description as JSON, in one piece: the schemas of package events are put among its own, and what
// they refer to is looked for there. All of it is embedded, so it panics where it can't be read.
func openAPI() []byte {
	var document map[string]any
	if err := yaml.Unmarshal(openAPIText, &document); err != nil {
		panic(fmt.Errorf("reading the description of the API: %w", err))
	}
	schemas := document["components"].(map[string]any)["schemas"].(map[string]any)
	names, err := fs.Glob(events.Schemas(), "*.json")
	if err != nil {
		panic(fmt.Errorf("looking for the schemas of events: %w", err))
	}
	for _, name := range names {
		if name == "forward.headers.json" {
			continue // hotlead's own
		}
		schema, err := readSchema(name)
		if err != nil {
			panic(fmt.Errorf("reading the schema %s: %w", name, err))
		}
		schemas[component(name)] = schema
	}
	text, err := json.Marshal(document)
	if err != nil {
		panic(fmt.Errorf("writing the description of the API: %w", err))
	}
	return text
}

// readSchema reads a schema of package events as one among others of a description.
func readSchema(name string) (map[string]any, error) {
	text, err := fs.ReadFile(events.Schemas(), name)
	if err != nil {
		return nil, err
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, err
	}
	delete(schema, "$schema") // the description's is the same
	refer(schema, name)
	return schema, nil
}

// refer turns what a schema refers to, by the names of files, into places in the description.
func refer(in any, own string) {
	switch in := in.(type) {
	case map[string]any:
		for key, value := range in {
			to, is := value.(string)
			if key != "$ref" || !is {
				refer(value, own)
				continue
			}
			file, within, _ := strings.Cut(to, "#")
			if file == "" {
				file = own
			}
			in[key] = "#/components/schemas/" + component(file) + within
		}
	case []any:
		for _, value := range in {
			refer(value, own)
		}
	}
}

// component is what the schema of a file is called in the description: criterion.rated.json is CriterionRated.
func component(file string) string {
	var name strings.Builder
	for _, word := range strings.FieldsFunc(strings.TrimSuffix(file, ".json"), func(r rune) bool { return r == '.' || r == '-' }) {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}
