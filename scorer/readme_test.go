package scorer

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// example is a model of README.md, or a part of one, and what the page says comes of it.
type example struct {
	line     int // of README.md
	model    string
	story    string // events and what holds after them; "" none
	mistakes string // as hotlead tells them; "" none
}

// readmeExamples are the examples of README.md in their order.
func readmeExamples(t *testing.T) []example {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []example
	kind, block := "", ""
	for i, line := range strings.Split(string(text), "\n") {
		fence, is := strings.CutPrefix(line, "```")
		switch {
		case is && kind == "":
			kind, block = fence, ""
			if kind == "yaml" {
				all = append(all, example{line: i + 1})
			}
		case is:
			switch last := len(all) - 1; kind {
			case "yaml":
				all[last].model = block
			case "text":
				all[last].story = block
			case "console":
				all[last].mistakes = block
			}
			kind = ""
		case kind != "":
			block += line + "\n"
		}
	}
	return all
}

// whole is the example as a whole model: what it leaves out is as little as can be.
func (e example) whole() string {
	text := e.model
	if strings.HasPrefix(text, "- ") {
		text = "engagement:\n  rules:\n    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ") + "\n"
	}
	if !strings.HasPrefix(text, "name:") {
		text = "name: example\nversion: 1\n" + text
	}
	if !strings.Contains(text, "\ntiers:") {
		text += "tiers:\n  - {name: cold}\n"
	}
	return text
}

// The examples of the page do what the page says.
func TestReadmeExamples(t *testing.T) {
	examples := readmeExamples(t)
	for _, e := range examples {
		t.Run("line "+strconv.Itoa(e.line), func(t *testing.T) {
			model, err := ReadModel("model.yaml", []byte(e.whole()))
			if e.mistakes != "" || err != nil {
				if got := fmt.Sprint(err) + "\n"; got != e.mistakes {
					t.Errorf("the mistakes are\n%s\nwant\n%s", got, e.mistakes)
				}
				return
			}
			if e.story == "" {
				t.Error("the page does not say what comes of it")
			}
			s := &story{t: t, folder: model.Folder()}
			s.lead.Clear("lead-42")
			for line := range strings.Lines(e.story) {
				s.readmeLine(strings.TrimSpace(line))
			}
		})
	}
	if len(examples) < 20 {
		t.Errorf("the page has %d examples only: is this test still reading it?", len(examples))
	}
}

// readmeLine is one line of an example: when, what happens, and what holds after it.
func (s *story) readmeLine(line string) {
	s.t.Helper()
	what, then, ok := strings.Cut(line, "→")
	when, what, alsoOK := strings.Cut(strings.TrimSpace(what), " ")
	after, err := ParseDuration(when)
	if !ok || !alsoOK || err != nil {
		s.t.Fatalf("%q is no line of an example: %v", line, err)
	}
	if what = strings.TrimSpace(what); what == "-" {
		s.advance(after)
	} else {
		s.apply(after, readmeEvent(s.t, what))
	}
	for claim := range strings.SplitSeq(then, ",") {
		s.readmeClaim(line, strings.Fields(claim))
	}
}

// readmeEvent is an event of an example: its type, and its data or its id.
func readmeEvent(t testing.TB, text string) Event {
	t.Helper()
	eventType, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	e := Event{Type: eventType}
	if id, is := strings.CutPrefix(rest, "id="); is {
		e.ID = id
		return e
	}
	if rest == "" {
		return e
	}
	e.Data = []byte(rest)
	var data struct {
		Criterion   string
		Rating      float64
		Ratings     map[string]float64
		Attributes  map[string]any
		Disposition string
	}
	if !slices.Contains(qualificationTypes(), eventType) {
		return e
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	q := &Qualification{Disposition: data.Disposition}
	if data.Criterion != "" {
		q.Ratings = append(q.Ratings, CriterionRating{data.Criterion, data.Rating})
	}
	for criterion, rating := range data.Ratings {
		q.Ratings = append(q.Ratings, CriterionRating{criterion, rating})
	}
	for name, value := range data.Attributes {
		switch v := value.(type) {
		case nil:
			q.Attributes = append(q.Attributes, Attribute{Name: name})
		case string:
			q.Attributes = append(q.Attributes, word(name, v))
		case float64:
			q.Attributes = append(q.Attributes, Attribute{Name: name, Value: Value{Kind: Number, Number: v}})
		default:
			t.Fatalf("%s: what is %v?", text, value)
		}
	}
	e.Qualification = q
	return e
}

// readmeClaim holds one claim of a line: tier hot, group web 30.
func (s *story) readmeClaim(line string, claim []string) {
	s.t.Helper()
	standing := s.folder.Explain(&s.lead, s.lead.Clock)
	texts := map[string]string{"tier": s.lead.Tier, "stage": s.lead.Stage, "route": standing.Route, "grade": standing.Grade}
	numbers := map[string]float64{
		"engagement": standing.Engagement, "score": standing.Score, "fit": standing.Fit, "rank": standing.Rank,
		"total": standing.Total, "floor": standing.Floor, "ceiling": standing.Ceiling,
	}
	for _, g := range standing.Groups {
		numbers["group "+g.Name] = g.Points
	}
	name, want := strings.Join(claim[:len(claim)-1], " "), claim[len(claim)-1]
	if text, is := texts[name]; is {
		if text != want {
			s.t.Errorf("%s\n%s is %s", line, name, text)
		}
		return
	}
	number, err := strconv.ParseFloat(want, 64)
	if got, is := numbers[name]; !is || err != nil || math.Abs(got-number) > 1e-9 {
		s.t.Errorf("%s\n%s is %v", line, name, got)
	}
}

// readerKeys are the keys that the reader knows, by what it calls the mapping that they stand in, out of its source.
func readerKeys(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("read*.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range parsed.Decls {
			f, is := declared.(*ast.FuncDecl)
			if !is || strings.HasSuffix(file, "_test.go") || f.Name.Name == "ruleFields" {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, is := n.(*ast.CallExpr)
				if !is {
					return true
				}
				method, is := call.Fun.(*ast.SelectorExpr)
				switch {
				case is && method.Sel.Name == "fields":
					what := textsIn(call.Args[1])[0]
					all[strings.TrimSpace(what)] = textsOf(call.Args[2:])
				case is && method.Sel.Name == "ruleFields":
					all[f.Name.Name] = textsOf(call.Args[1:])
				}
				return true
			})
		}
	}
	return all
}

// textsIn are the texts that stand in an expression.
func textsIn(e ast.Expr) (all []string) {
	ast.Inspect(e, func(n ast.Node) bool {
		if literal, is := n.(*ast.BasicLit); is && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				all = append(all, text)
			}
		}
		return true
	})
	return all
}

func textsOf(list []ast.Expr) (all []string) {
	for _, e := range list {
		all = append(all, textsIn(e)...)
	}
	return all
}

// keysAt collects the keys that a part of an example has, by what the reader calls the mapping.
func keysAt(what string, part any, found map[string]map[string]bool) {
	below := map[string]string{
		"a model/engagement": "engagement", "engagement/groups": "*group", "engagement/rules": "readEngagement",
		"a model/fit": "fit", "fit/rules": "readFit", "a model/qualification": "qualification",
		"qualification/scale": "scale", "qualification/criteria": "*criterion", "a model/tiers": "tier", "a model/stages": "stage",
		"group/decay": "decay", "readEngagement/decay": "decay", "readEngagement/limit": "limit", "decay/steps": "a step",
	}
	switch part := part.(type) {
	case []any:
		for _, item := range part {
			keysAt(what, item, found)
		}
	case map[string]any:
		if each, is := strings.CutPrefix(what, "*"); is {
			for _, value := range part {
				keysAt(each, value, found)
			}
			return
		}
		for key, value := range part {
			if found[what] == nil {
				found[what] = map[string]bool{}
			}
			found[what][key] = true
			if next := below[what+"/"+key]; next != "" {
				keysAt(next, value, found)
			}
		}
	}
}

// Every key that the reader knows stands in an example, and so does every name that conditions know.
func TestReadmeHasEveryKeyAndName(t *testing.T) {
	found := map[string]map[string]bool{}
	written := ""
	for _, e := range readmeExamples(t) {
		if e.mistakes != "" {
			continue
		}
		var parsed any
		if err := yaml.Unmarshal([]byte(e.whole()), &parsed); err != nil {
			t.Fatal(err)
		}
		keysAt("a model", parsed, found)
		written += e.model
	}
	known := readerKeys(t)
	for what, keys := range known {
		for _, key := range keys {
			if !found[what][key] {
				t.Errorf("%s: no example has the key %s", what, key)
			}
		}
	}
	if len(known) != 14 {
		t.Errorf("the reader reads %d kinds of mappings, %v: does this test know them all?", len(known), known)
	}
	names := []string{"engagement.groups.", "qualification.ratings.", "profile.", "data.", "source ", "type ", "has("}
	for name := range leadNames() {
		names = append(names, name)
	}
	for _, name := range names {
		if !strings.Contains(written, name) {
			t.Errorf("no example has the name %s", name)
		}
	}
	for _, disposition := range dispositions() {
		text, err := os.ReadFile("README.md")
		if err != nil || !strings.Contains(string(text), "`"+disposition+"`") {
			t.Errorf("the page does not name the disposition %s (%v)", disposition, err)
		}
	}
}

// The bounds that the page names are the reader's.
func TestReadmeBounds(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.Join(strings.Fields(string(text)), " ")
	for _, want := range []string{
		fmt.Sprint(maxRules, " rules each"), fmt.Sprint(maxGroups, " groups"), fmt.Sprint(maxCriteria, " criteria"),
		fmt.Sprint(maxTiers, " tiers"), fmt.Sprint(maxTiers, " stages"), fmt.Sprint(maxLevels, " grades"), fmt.Sprint(maxSteps, " steps"),
		fmt.Sprint(maxModelText>>10, " KiB"), fmt.Sprint(marksMost, " events a rule"),
		fmt.Sprint(int(removedFor/Instant(24*time.Hour/time.Millisecond)), " days"),
	} {
		if !strings.Contains(plain, want) {
			t.Errorf("the page does not say: %s", want)
		}
	}
	if maxCounted != 1000 || seenMost != 4096 {
		t.Error("the page says 1,000 counted and 4,096 seen")
	}
}
