package app

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// running is a service on topics of its own that is ready.
func running(t *testing.T) *service {
	t.Helper()
	b, kafka := testBroker(t)
	if _, err := b.CreateTopics(t.Context(), 3, 0); err != nil {
		t.Fatal(err)
	}
	s := serviceOn(t, kafka, testbed.Redis(t).Addr)
	s.eventually(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
	return s
}

// post sends events to the service and gives its answer.
func (s *service) post(t *testing.T, contentType, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/v1/events", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// eventStream is what the service tells of changes.
type eventStream struct {
	t    *testing.T
	body io.ReadCloser
	from *bufio.Reader
	id   string // the newest
}

// follow follows the service's changes, after a position where that is not "".
func (s *service) follow(t *testing.T, after string) *eventStream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v1/tier-changes", nil)
	if err != nil {
		t.Fatal(err)
	}
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d, %v", answer.StatusCode, answer.Header)
	}
	return &eventStream{t: t, body: answer.Body, from: bufio.NewReader(answer.Body)}
}

// next is the data of the next event; "" at the stream's end.
func (s *eventStream) next() (data string) {
	s.t.Helper()
	for {
		line, err := s.from.ReadString('\n')
		if err != nil {
			return ""
		}
		line = strings.TrimRight(line, "\n")
		if text, is := strings.CutPrefix(line, "data: "); is {
			data = text
		}
		if id, is := strings.CutPrefix(line, "id: "); is {
			s.id = id
		}
		if line == "" && data != "" {
			return data
		}
	}
}

// described says what is wrong with a text, by a schema of the description that the service serves.
func (s *service) described(t *testing.T, schema, text string) error {
	t.Helper()
	_, description := s.get(t, "/openapi.json")
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(description))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:///openapi.json", document); err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return c.MustCompile("mem:///openapi.json#/components/schemas/" + schema).Validate(value)
}

func TestFromAPostedEventToItsChange(t *testing.T) {
	s := running(t)
	changes := s.follow(t, "")
	const event = `{"specversion":"1.0","id":"1","source":"web","type":"demo.requested","subject":"lead 42","data":{}}`
	for range 2 { // which counts once
		if status, text := s.post(t, "application/cloudevents+json", event); status != http.StatusAccepted {
			t.Fatalf("%d, %s", status, text)
		}
	}
	first := changes.next()
	if !strings.Contains(first, `"to":"hot"`) || !strings.Contains(first, `"sequence":1,`) {
		t.Fatalf("the first change is %s", first)
	}
	second := changes.next()
	if !strings.Contains(second, `"type":"lead.stage.reached"`) || !strings.Contains(second, `"sequence":2,`) {
		t.Fatalf("the second change is %s", second)
	}
	after := changes.id
	status, text := s.post(t, "application/cloudevents-batch+json",
		`[{"specversion":"1.0","id":"2","source":"web","type":"demo.requested","subject":"lead 43","data":{}},`+strings.Replace(event, "lead 42", "lead 44", 1)+`]`)
	if status != http.StatusAccepted {
		t.Fatalf("%d, %s", status, text)
	}
	live := []string{changes.next(), changes.next(), changes.next(), changes.next()} // a tier and a stage of each
	resumed := s.follow(t, after)
	for range live {
		// Of different leads they may come in another order.
		if got := resumed.next(); !slices.Contains(live, got) {
			t.Errorf("after a gap comes %s, where live came %s", got, live)
		}
	}

	var of struct{ Changes []json.RawMessage }
	_, text = s.get(t, "/v1/leads/lead%2042/changes")
	if err := json.Unmarshal([]byte(text), &of); err != nil || len(of.Changes) != 2 || string(of.Changes[0]) != first || string(of.Changes[1]) != second {
		t.Errorf("the changes of the lead are %s, %v", text, err)
	}
	_, lead := s.get(t, "/v1/leads/lead%2042")
	for text, schema := range map[string]string{first: "Change", second: "Change", lead: "Lead"} {
		if err := s.described(t, schema, text); err != nil {
			t.Errorf("%s is not as described: %v", text, err)
		}
	}
	if status, text := s.post(t, "application/cloudevents+json", strings.Replace(event, `"id":"1",`, "", 1)); status != http.StatusBadRequest || s.described(t, "RefusedEvents", text) != nil {
		t.Errorf("without an ID: %d, %s", status, text)
	}

	// A stop ends the streams, so that it does not wait for those who follow.
	begin := time.Now()
	s.stop()
	if rest := changes.next(); rest != "" {
		t.Errorf("at the end came %s", rest)
	}
	if err := <-s.ended; err != nil || time.Since(begin) > closeTimeout {
		t.Errorf("a stop with streams took %v and ended with %v", time.Since(begin), err)
	}
}

func TestALongListByTheAPI(t *testing.T) {
	s := running(t)
	const leads = 700
	var batch []string
	for i := range leads {
		batch = append(batch, `{"specversion":"1.0","id":"1","source":"web","type":"demo.requested","subject":"lead-`+string(rune('a'+i/26))+string(rune('a'+i%26))+`","data":{"account_id":"acme"}}`)
	}
	if status, text := s.post(t, "application/cloudevents-batch+json", "["+strings.Join(batch, ",")+"]"); status != http.StatusAccepted {
		t.Fatalf("%d, %s", status, text)
	}
	s.eventually(t, "/v1/leads?limit=1", func(_ int, text string) bool { return strings.Contains(text, `"total":700`) })
	for _, query := range []string{"limit=90", "limit=90&tier=hot", "limit=90&account=acme"} {
		seen := map[string]bool{}
		for cursor := ""; ; {
			_, text := s.get(t, "/v1/leads?"+query+cursor)
			var page struct {
				Leads []struct{ Lead string }
				Next  string
			}
			if err := json.Unmarshal([]byte(text), &page); err != nil {
				t.Fatal(err)
			}
			for _, l := range page.Leads {
				if seen[l.Lead] {
					t.Errorf("%s: %s comes twice", query, l.Lead)
				}
				seen[l.Lead] = true
			}
			if page.Next == "" {
				break
			}
			cursor = "&cursor=" + page.Next
		}
		if len(seen) != leads {
			t.Errorf("%s: %d of %d leads", query, len(seen), leads)
		}
	}
}
