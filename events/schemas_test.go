package events

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hotlead/hotlead/scorer"
)

// schemas compiles the embedded schemas, formats asserted.
type schemas struct{ compiler *jsonschema.Compiler }

const schemaBase = "mem:///schemas/"

func openSchemas(t *testing.T) schemas {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	for _, name := range schemaNames(t) {
		text, err := fs.ReadFile(Schemas(), name)
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(name, err)
		}
		if err := c.AddResource(schemaBase+name, document); err != nil {
			t.Fatal(name, err)
		}
	}
	return schemas{c}
}

func schemaNames(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(Schemas(), "*.json")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	return names
}

func (s schemas) validate(t *testing.T, name string, text []byte) error {
	t.Helper()
	schema, err := s.compiler.Compile(schemaBase + name)
	if err != nil {
		t.Fatal(name, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return schema.Validate(value)
}

func TestSchemasCompile(t *testing.T) {
	s := openSchemas(t)
	for _, name := range schemaNames(t) {
		if _, err := s.compiler.Compile(schemaBase + name); err != nil {
			t.Error(name, err)
		}
	}
}

// schemaOf is the schema of the events of a type.
func schemaOf(typ string) string {
	if IsQualificationType(typ) {
		return typ + ".json"
	}
	return "engagement.json"
}

func TestEventsThatDecodeValidate(t *testing.T) {
	s := openSchemas(t)
	values := map[string]string{
		viewed: "page.viewed",
		`{"specversion":"1.0","id":"1","source":"s","type":"page.viewed","subject":null,"time":null,"data":null,"data_base64":null,"datacontenttype":null,"traceparent":null}`: "page.viewed",
		event("subject", `"<script>é\u2028"`, "datacontenttype", `"application/vnd.acme+JSON; charset=utf-8"`, "data", `[1]`, "extension", `{}`):                               "page.viewed",
	}
	for _, c := range qualificationSeeds {
		values[event("type", `"`+c[0]+`"`, "data", c[1])] = c[0]
	}
	for value, typ := range values {
		decode(t, structuredRecord(value))
		if err := s.validate(t, schemaOf(typ), []byte(value)); err != nil {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// What neither the decoder takes nor a schema allows.
func TestEventsThatAreRefusedDoNotValidate(t *testing.T) {
	s := openSchemas(t)
	long := `"` + strings.Repeat("x", 1025) + `"`
	values := [][2]string{
		{"page.viewed", `[]`},
		{"page.viewed", event("specversion", "")},
		{"page.viewed", event("specversion", `"0.3"`)},
		{"page.viewed", event("id", "")},
		{"page.viewed", event("id", `""`)},
		{"page.viewed", event("id", `7`)},
		{"page.viewed", event("id", long)},
		{"page.viewed", event("source", "")},
		{"page.viewed", event("source", `"\u0085"`)},
		{"page.viewed", event("type", "")},
		{"page.viewed", event("type", `null`)},
		{"page.viewed", event("subject", `""`)},
		{"page.viewed", event("subject", `"\u0000"`)},
		{"page.viewed", event("subject", long)},
		{"page.viewed", event("time", `"yesterday"`)},
		{"page.viewed", event("time", `7`)},
		{"page.viewed", event("datacontenttype", `"text/xml"`)},
		{"page.viewed", event("data_base64", `"AA=="`)},
		{"page.viewed", event("data", `{"account_id":7}`)},
		{typeCriterionRated, `{"criterion":"budget"}`},
		{typeCriterionRated, `{"rating":4}`},
		{typeCriterionRated, `{"criterion":"","rating":4}`},
		{typeCriterionRated, `{"criterion":"budget","rating":"4"}`},
		{typeCriteriaRated, `{}`},
		{typeCriteriaRated, `{"ratings":{}}`},
		{typeCriteriaRated, `{"ratings":{"budget":null}}`},
		{typeProfiled, `{"attributes":[]}`},
		{typeProfiled, `{"attributes":{"":1}}`},
		{typeProfiled, `{"attributes":{"a":{}}}`},
		{typeDispositioned, `{"disposition":"perhaps"}`},
		{typeConverted, `{"outcome":"drawn"}`},
		{typeConverted, `{"outcome":"won","amount":"1"}`},
	}
	for _, c := range values {
		typ, value := c[0], c[1]
		if IsQualificationType(typ) {
			value = event("type", `"`+typ+`"`, "data", value)
		}
		if refused := refusal(t, NewDecoder(Limits{}), structuredRecord(value)); refused == nil {
			t.Errorf("%.100s is taken", value)
		}
		if s.validate(t, schemaOf(typ), []byte(value)) == nil {
			t.Errorf("%s allows %.100s", schemaOf(typ), value)
		}
	}
	if s.validate(t, "engagement.json", []byte(event("type", `"lead.profiled"`))) == nil {
		t.Error("engagement.json allows a qualification event")
	}
}

// outputs are schemas with what is written under them: as full and as bare as it gets.
func outputs() map[string][][]byte {
	full, bare, stage, bareStage := contractChange(), bareChange(), stageChange(), bareChange()
	full.Stage, full.Traceparent = "MQL", trace
	bareStage.Kind, bareStage.Stage = scorer.StageReached, "SQL"
	standing := contractStanding()
	lead := &scorer.Lead{ID: "lead-42", Account: "acme", Tier: "hot", Since: 1, Stage: "MQL", Sequence: 3, FirstSeen: 1, LastSeen: 2}
	model := scorer.ModelName{Name: "m", Version: 1}
	return map[string][][]byte{
		"lead.tier.changed.json":  {AppendChange(nil, full), AppendChange(nil, bare)},
		"lead.stage.reached.json": {AppendChange(nil, stage), AppendChange(nil, bareStage)},
		"lead.json": {
			AppendLead(nil, lead, &standing, &NextChange{At: 3, To: "warm"}, model),
			AppendLead(nil, &scorer.Lead{ID: "l", Tier: "cold"}, &scorer.Standing{At: 1}, nil, model),
		},
	}
}

func TestOutputValidates(t *testing.T) {
	s := openSchemas(t)
	for name, texts := range outputs() {
		for _, text := range texts {
			if err := s.validate(t, name, text); err != nil {
				t.Errorf("%s\n%v", text, err)
			}
		}
	}
}

// Every member that is always written is required, and every member has a kind: taking one out of the barest output, or
// giving one of the fullest another kind, is noticed. A member that the schemas do not know would not be.
func TestMutatedOutputDoesNotValidate(t *testing.T) {
	s := openSchemas(t)
	for name, texts := range outputs() {
		mutate(t, texts[1], func(object map[string]any, member string) { delete(object, member) }, func(path string, text []byte) {
			if s.validate(t, name, text) == nil {
				t.Errorf("%s does not require %s", name, path)
			}
		})
		mutate(t, texts[0], func(object map[string]any, member string) { object[member] = []any{nil} }, func(path string, text []byte) {
			if s.validate(t, name, text) == nil {
				t.Errorf("%s says nothing of %s", name, path)
			}
		})
	}
}

// mutate calls visit with text changed at each of its members in turn.
func mutate(t *testing.T, text []byte, change func(map[string]any, string), visit func(path string, text []byte)) {
	t.Helper()
	read := func() (root map[string]any) {
		if err := json.Unmarshal(text, &root); err != nil {
			t.Fatal(err)
		}
		return root
	}
	var walk func(path []string, object map[string]any)
	walk = func(path []string, object map[string]any) {
		for member, value := range object {
			here := append(slices.Clone(path), member)
			root := read()
			at := root
			for _, step := range path {
				at = at[step].(map[string]any)
			}
			change(at, member)
			mutated, err := json.Marshal(root)
			if err != nil {
				t.Fatal(err)
			}
			visit(strings.Join(here, "."), mutated)
			if inner, ok := value.(map[string]any); ok {
				walk(here, inner)
			}
		}
	}
	walk(nil, read())
}

func TestOutputOfAnotherKindDoesNotValidate(t *testing.T) {
	s := openSchemas(t)
	good := string(AppendChange(nil, contractChange()))
	for from, to := range map[string]string{
		`"specversion":"1.0"`:             `"specversion":"1.1"`,
		`"id":"lead-42/3"`:                `"id":"lead-42/0"`,
		`"source":"hotlead/b2b-saas"`:     `"source":"b2b-saas"`,
		`lead.tier.changed`:               `lead.stage.reached`,
		`"direction":"up"`:                `"direction":"sideways"`,
		`"time":"2026-11-20T10:00:00Z"`:   `"time":"2026-11-20T11:00:00+01:00"`,
		`"kind":"event"`:                  `"kind":"time"`,
		`"kind":"event","source"`:         `"kind":"event","sauce"`,
		`"sequence":3`:                    `"sequence":0`,
		`"to":"hot"`:                      `"to":""`,
		`"disposition":"interested"`:      `"disposition":""`,
		`{"rule":"pricing-page",`:         `{`,
		`"previous_change":"2026-11-02T0`: `"previous_change":"2026-11-32T0`,
	} {
		mutated := strings.Replace(good, from, to, 1)
		if mutated == good {
			t.Fatalf("%s is not in the output", from)
		}
		if s.validate(t, "lead.tier.changed.json", []byte(mutated)) == nil {
			t.Errorf("%s for %s is allowed", to, from)
		}
	}
}

func headerObject(t *testing.T, all []Header) []byte {
	t.Helper()
	object := map[string]any{}
	for _, h := range all {
		if object[h.Key] = string(h.Value); h.Value == nil {
			object[h.Key] = nil
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestHeadersValidate(t *testing.T) {
	s := openSchemas(t)
	r := structuredRecord("x")
	for name, all := range map[string][]Header{
		"dead-letter.headers.json": DeadLetter(r, refused).Headers,
		"forward.headers.json":     Forward(r, "lead").Headers,
	} {
		if err := s.validate(t, name, headerObject(t, all)); err != nil {
			t.Error(name, err)
		}
		for i, h := range all {
			if less := slices.Delete(slices.Clone(all), i, i+1); h.Key != HeaderKey && s.validate(t, name, headerObject(t, less)) == nil {
				t.Errorf("%s does not require %s", name, h.Key)
			}
		}
	}
	unknown := DeadLetter(r, &scorer.Refusal{Reason: "bad_luck", Detail: "x"}).Headers
	if s.validate(t, "dead-letter.headers.json", headerObject(t, unknown)) == nil {
		t.Error("an unknown reason is allowed")
	}
}

// reasons are the codes of reason.go.
func reasons(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("reason.go")
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, m := range regexp.MustCompile(`(?m)^\tReason\w+ = "(\w+)"$`).FindAllSubmatch(source, -1) {
		codes = append(codes, string(m[1]))
	}
	return codes
}

func TestReasonsAreDocumented(t *testing.T) {
	codes := reasons(t)
	if len(codes) < 20 {
		t.Fatalf("only %v", codes)
	}
	if !slices.Equal(codes, Reasons()) {
		t.Errorf("Reasons are\n%v, want\n%v", Reasons(), codes)
	}
	table, err := os.ReadFile("REASONS.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| [^|]+ \\| [^|]+ \\|$").FindAllSubmatch(table, -1) {
		if !strings.HasPrefix(string(m[1]), "hotlead_") {
			listed = append(listed, string(m[1]))
		}
	}
	if !slices.Equal(codes, listed) {
		t.Errorf("REASONS.md lists\n%v, want\n%v", listed, codes)
	}
	var schema struct {
		Properties map[string]struct{ Enum []string }
	}
	text, err := fs.ReadFile(Schemas(), "dead-letter.headers.json")
	if err != nil || json.Unmarshal(text, &schema) != nil {
		t.Fatal(err)
	}
	if enum := schema.Properties[HeaderReason].Enum; !slices.Equal(codes, enum) {
		t.Errorf("dead-letter.headers.json lists\n%v, want\n%v", enum, codes)
	}
}

func TestAsyncAPI(t *testing.T) {
	var document map[string]any
	if err := yaml.Unmarshal(AsyncAPI(), &document); err != nil {
		t.Fatal(err)
	}
	if document["asyncapi"] != "3.0.0" {
		t.Error(document["asyncapi"])
	}
	var topics []string
	for _, channel := range document["channels"].(map[string]any) {
		topics = append(topics, channel.(map[string]any)["address"].(string))
	}
	slices.Sort(topics)
	if want := []string{"lead.dead-letters", "lead.engagement", "lead.inbox", "lead.qualification", "lead.tier-changes"}; !slices.Equal(topics, want) {
		t.Errorf("channels %v, want %v", topics, want)
	}
	named := map[string]bool{}
	resolve(t, document, document, named)
	for _, name := range schemaNames(t) {
		// The others are parts of these, or no message's.
		if !named[name] && name != "standing.json" && name != "lead.json" {
			t.Errorf("no message is described by %s", name)
		}
	}
}

// resolve follows every $ref below node and notes the schemas that they name.
func resolve(t *testing.T, document map[string]any, node any, named map[string]bool) {
	switch node := node.(type) {
	case []any:
		for _, inner := range node {
			resolve(t, document, inner, named)
		}
	case map[string]any:
		for _, inner := range node {
			resolve(t, document, inner, named)
		}
		ref, ok := node["$ref"].(string)
		if !ok {
			return
		}
		if file, inside := strings.CutPrefix(ref, "#/"); inside {
			var at any = document
			for step := range strings.SplitSeq(file, "/") {
				object, _ := at.(map[string]any)
				if at = object[step]; at == nil {
					t.Errorf("%s leads nowhere", ref)
					return
				}
			}
			return
		}
		if dir, name := path.Split(ref); dir != "schemas/" {
			t.Errorf("%s is no embedded schema", ref)
		} else if _, err := fs.Stat(Schemas(), name); err != nil {
			t.Errorf("%s: %v", ref, err)
		} else {
			named[name] = true
		}
	}
}
