package web

import (
	"bytes"
	"encoding/json"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	cleanpath "path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// described holds answers against the description of the API.
type described struct {
	document map[string]any
	compiler *jsonschema.Compiler
	routes   *http.ServeMux // finds the path of the description that a request is of
}

const descriptionURL = "mem:///openapi.json"

// description is read once, for it takes a while.
var description = sync.OnceValue(func() *described {
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(openAPI()))
	if err != nil {
		panic(err)
	}
	d := &described{document: text.(map[string]any), compiler: jsonschema.NewCompiler(), routes: http.NewServeMux()}
	d.compiler.AssertFormat()
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	if err := d.compiler.AddResource(descriptionURL, text); err != nil {
		panic(err)
	}
	for path, operations := range d.document["paths"].(map[string]any) {
		for method := range operations.(map[string]any) {
			d.routes.Handle(strings.ToUpper(method)+" "+path, http.NotFoundHandler())
		}
	}
	return d
})

// at is what stands at a place of the description, where references are followed, and the pointer to it.
func (d *described) at(path ...string) (found any, pointer string, ok bool) {
	found = d.document
	for _, name := range path {
		in, isObject := found.(map[string]any)
		if !isObject {
			return nil, "", false
		}
		if found, ok = in[name]; !ok {
			return nil, "", false
		}
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		if object, isObject := found.(map[string]any); isObject {
			if to, isReference := object["$ref"].(string); isReference && len(object) == 1 {
				return d.at(append(strings.Split(strings.TrimPrefix(to, "#/"), "/"), path[len(strings.Split(pointer, "/"))-1:]...)...)
			}
		}
	}
	return found, pointer, true
}

// schema compiles the schema at a place of the description.
func (d *described) schema(t testing.TB, pointer string) *jsonschema.Schema {
	t.Helper()
	schema, err := d.compiler.Compile(descriptionURL + "#" + pointer)
	if err != nil {
		t.Fatalf("%s: %v", pointer, err)
	}
	return schema
}

// hold fails the test where an answer is not as the description says.
func (d *described) hold(t testing.TB, r *http.Request, status int, header http.Header, body []byte) {
	t.Helper()
	_, pattern := d.routes.Handler(r)
	method, path, found := strings.Cut(pattern, " ")
	if !found || cleanpath.Clean(r.URL.Path) != r.URL.Path {
		return // no operation of the API, or by another method, or by a way round
	}
	where := r.Method + " " + r.URL.Path + ": " + http.StatusText(status)
	operation := []string{"paths", path, strings.ToLower(method), "responses"}
	code := strconv.Itoa(status)
	if !d.has(append(operation, code)...) {
		code = "default"
	}
	content := append(operation, code, "content")
	media, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Errorf("%s: the content type is %q", where, header.Get("Content-Type"))
		return
	}
	_, pointer, ok := d.at(append(content, media, "schema")...)
	if !ok {
		t.Errorf("%s as %s: not described", where, media)
		return
	}
	for name := range d.headers(append(operation, code, "headers")...) {
		if header.Get(name) == "" {
			t.Errorf("%s: without the header %s", where, name)
		}
	}
	if r.Method == http.MethodHead || !strings.HasSuffix(media, "json") {
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		t.Errorf("%s: %v in %s", where, err, body)
		return
	}
	if err := d.schema(t, pointer).Validate(value); err != nil {
		t.Errorf("%s: %s is not as described: %v", where, body, err)
	}
}

func (d *described) has(path ...string) bool {
	_, _, ok := d.at(path...)
	return ok
}

func (d *described) headers(path ...string) map[string]any {
	found, _, _ := d.at(path...)
	headers, _ := found.(map[string]any)
	return headers
}

// holding is a handler each of whose answers is held against the description.
func holding(t testing.TB, h http.Handler) http.Handler {
	t.Helper()
	d := description()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kept := httptest.NewRecorder()
		h.ServeHTTP(kept, r)
		d.hold(t, r, kept.Code, kept.Header(), kept.Body.Bytes())
		maps.Copy(w.Header(), kept.Header())
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes()) // a client that is gone needs no answer
	})
}

func TestTheDescriptionIsWhole(t *testing.T) {
	h := New(options(hotAndWarm()))
	r := get(t, h, "GET", "/openapi.json")
	var served map[string]any
	if err := json.Unmarshal([]byte(body(t, r)), &served); err != nil || r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%d, %v", r.StatusCode, err)
	}
	d := description()
	// Every reference leads somewhere, and every schema compiles.
	var walk func(at any, pointer string)
	walk = func(at any, pointer string) {
		switch at := at.(type) {
		case map[string]any:
			if to, is := at["$ref"].(string); is {
				if !d.has(strings.Split(strings.TrimPrefix(to, "#/"), "/")...) || !strings.HasPrefix(to, "#/") {
					t.Errorf("%s refers to %s", pointer, to)
				}
			}
			for _, name := range slices.Sorted(maps.Keys(at)) {
				walk(at[name], pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
				if name == "schema" {
					d.schema(t, pointer+"/schema")
				}
			}
		case []any:
			for i, of := range at {
				walk(of, pointer+"/"+strconv.Itoa(i))
			}
		}
	}
	walk(d.document, "")
	// Every operation is served, and only by GET what is described as GET.
	for path, operations := range d.document["paths"].(map[string]any) {
		for method, operation := range operations.(map[string]any) {
			target := strings.ReplaceAll(path, "{id}", "lead-7")
			if r := get(t, h, strings.ToUpper(method), target); r.StatusCode == 404 && path != "/v1/leads/{id}" || r.StatusCode == 405 {
				t.Errorf("%s %s is described and answers %d", method, path, r.StatusCode)
			}
			if id, _ := operation.(map[string]any)["operationId"].(string); id == "" {
				t.Errorf("%s %s has no operationId", method, path)
			}
		}
	}
}

func TestTheExamplesAreAsDescribed(t *testing.T) {
	d := description()
	hold := func(schema string, example any) {
		t.Helper()
		if err := d.schema(t, schema).Validate(example); err != nil {
			t.Errorf("%v is not as described: %v", example, err)
		}
	}
	content, _, _ := d.at("paths", "/v1/events", "post", "requestBody", "content")
	structured := content.(map[string]any)[structuredType].(map[string]any)["examples"].(map[string]any)
	for _, example := range structured {
		hold("/components/schemas/Event", example.(map[string]any)["value"])
	}
	batch := content.(map[string]any)[batchType].(map[string]any)["example"]
	for _, example := range batch.([]any) {
		hold("/components/schemas/Event", example)
	}
	problem, _, _ := d.at("components", "schemas", "RefusedEvents", "example")
	hold("/components/schemas/RefusedEvents", problem)
}
