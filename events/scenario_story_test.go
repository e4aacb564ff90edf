package events

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// clockFormat is how stories write instants, in UTC.
const clockFormat = "2006-01-02 15:04"

// storyLine is one line of a story.
type storyLine struct {
	at      time.Time
	lead    string         // "" for what happens to all
	what    string         // an event type, or what people learned, or "time passes", or "a new model"
	data    map[string]any // the words behind it
	arrives time.Time      // zero: when it happens, or as soon as what stands above it has arrived
	id      string         // "": one of its own
}

// readStory reads the lines of a story. A line is a time and what happens then:
//
//	2026-11-20 10:00  ada  page.viewed url=/pricing
//	2026-11-20 10:05  ada  rated need=5 budget=4
//	2026-11-20 10:05  ada  profiled title=CTO employees=900 fax=null
//	2026-11-20 10:05  ada  dispositioned invalid
//	2026-11-20 10:05  ada  converted won amount=12000
//	2026-12-01 00:00  time passes
//	2026-12-01 00:00  a new model
//
// An event without id=… gets one of its own; arrives=2026-11-20T09:00 says that it was sent at another time than it
// says of itself. What stands behind # is for people.
func readStory(t *testing.T, text string) []storyLine {
	t.Helper()
	var all []storyLine
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		at, err := time.Parse(clockFormat, line[:min(len(line), len(clockFormat))])
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		l := storyLine{at: at, data: map[string]any{}}
		rest := strings.Fields(line[len(clockFormat):])
		if said := strings.Join(rest, " "); said == "time passes" || said == "a new model" {
			l.what = said
			all = append(all, l)
			continue
		}
		if len(rest) < 2 {
			t.Fatalf("%q: want a lead and what they do", line)
		}
		l.lead, l.what = rest[0], rest[1]
		for _, word := range rest[2:] {
			l.learn(t, word)
		}
		if l.id == "" {
			l.id = "line " + line
		}
		all = append(all, l)
	}
	return all
}

// learn takes over one word behind what happens.
func (l *storyLine) learn(t *testing.T, word string) {
	t.Helper()
	name, value, pair := strings.Cut(word, "=")
	switch {
	case name == "id":
		l.id = value
	case name == "arrives":
		at, err := time.Parse("2006-01-02T15:04", value)
		if err != nil {
			t.Fatalf("%q: %v", word, err)
		}
		l.arrives = at
	case pair:
		var v any = value
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			v = value // a plain word
		}
		l.data[name] = v
	case l.what == "dispositioned":
		l.data["disposition"] = word
	case l.what == "converted":
		l.data["outcome"] = word
	default:
		t.Fatalf("%q: want name=value", word)
	}
}

// json is the event as a sender would write it.
func (l *storyLine) json(t *testing.T) []byte {
	t.Helper()
	typ, data := l.what, l.data
	switch l.what {
	case "rated":
		typ, data = "criteria.rated", map[string]any{"ratings": l.data}
	case "profiled":
		typ, data = "lead.profiled", map[string]any{"attributes": l.data}
	case "dispositioned", "converted":
		typ = "lead." + l.what
	}
	text, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": l.id, "source": "story", "type": typ, "subject": l.lead,
		"time": l.at.Format(time.RFC3339), "datacontenttype": "application/json", "data": data,
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func sorted(counts map[string]uint64) []string { return slices.Sorted(maps.Keys(counts)) }
