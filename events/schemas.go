package events

import (
	"embed"
	"io/fs"
)

//go:embed schemas/*.json asyncapi.yaml
var documents embed.FS

// Schemas are the JSON Schemas (2020-12) of every event in and out, of the headers of dead letters and forwards, and of
// a lead: files by their names, such as engagement.json, which refer to each other by these names.
func Schemas() fs.FS {
	schemas, err := fs.Sub(documents, "schemas")
	if err != nil {
		panic(err) // The name is valid; nothing else can be wrong.
	}
	return schemas
}

// AsyncAPI is the AsyncAPI 3.0 document of the topics, as YAML. It names the schemas as schemas/NAME.json.
func AsyncAPI() []byte {
	document, err := documents.ReadFile("asyncapi.yaml")
	if err != nil {
		panic(err) // It is embedded above.
	}
	return document
}
