package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// sendEvents sends a body to POST /v1/events.
func sendEvents(t *testing.T, o Options, contentType, body string, header ...string) *http.Response {
	t.Helper()
	if o.Token == "" {
		o.Token = "s3cret"
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/events", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer s3cret")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	holding(t, New(o)).ServeHTTP(w, r)
	return w.Result()
}

// some is an event in structured mode.
func some(id, lead string) string {
	return `{"specversion":"1.0","id":"` + id + `","source":"shop","type":"page.viewed","subject":"` + lead + `","data":{"url":"/pricing"}}`
}

// headersOf are a record's headers as "key: value", sorted.
func headersOf(e Event) (all []string) {
	for _, h := range e.Headers {
		all = append(all, h.Key+": "+string(h.Value))
	}
	slices.Sort(all)
	return all
}

func TestAnEventInStructuredMode(t *testing.T) {
	o := options(hotAndWarm())
	kafka := o.Sender.(*someKafka)
	r := sendEvents(t, o, "Application/CloudEvents+JSON; charset=utf-8", some("1", "Jörg"), "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if text := body(t, r); r.StatusCode != 202 || text != `{"accepted":1}`+"\n" {
		t.Fatalf("%d, %s", r.StatusCode, text)
	}
	sent := kafka.sent[0]
	if sent.Lead != "Jörg" || sent.Type != "page.viewed" || string(sent.Value) != some("1", "Jörg") {
		t.Errorf("sent %+v", sent)
	}
	is(t, headersOf(sent), "content-type: application/cloudevents+json; charset=UTF-8", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
}

func TestAnEventInBinaryMode(t *testing.T) {
	o := options(hotAndWarm())
	kafka := o.Sender.(*someKafka)
	r := sendEvents(t, o, "application/json", `{"criterion":"budget","rating":4}`,
		"ce-specversion", "1.0", "Ce-Id", "8f3c", "ce-source", `"crm \"eu\""`, "ce-type", "criterion.rated", "ce-subject", "J%C3%B6rg%20%25", "ce-time", "2026-11-20T10:00:00Z",
		"User-Agent", "curl")
	if text := body(t, r); r.StatusCode != 202 {
		t.Fatalf("%d, %s", r.StatusCode, text)
	}
	sent := kafka.sent[0]
	if sent.Lead != "Jörg %" || sent.Type != "criterion.rated" || string(sent.Value) != `{"criterion":"budget","rating":4}` {
		t.Errorf("sent %+v", sent)
	}
	is(t, headersOf(sent), "ce_id: 8f3c", `ce_source: crm "eu"`, "ce_specversion: 1.0", "ce_subject: Jörg %", "ce_time: 2026-11-20T10:00:00Z", "ce_type: criterion.rated", "content-type: application/json")
	// What is sent is what the lane reads.
	var e scorer.Event
	if _, err := events.NewDecoder(events.DefaultLimits()).Decode(&events.Record{Time: 1, Key: []byte(sent.Lead), Value: sent.Value, Headers: sent.Headers}, &e); err != nil || e.Source != `crm "eu"` {
		t.Errorf("%+v, %v", e, err)
	}
}

func TestABatchOfEvents(t *testing.T) {
	o := options(hotAndWarm())
	kafka := o.Sender.(*someKafka)
	r := sendEvents(t, o, "application/cloudevents-batch+json", " ["+some("1", "a")+" ,\n"+some("2", "b")+"]")
	if text := body(t, r); r.StatusCode != 202 || text != `{"accepted":2}`+"\n" || len(kafka.sent) != 2 || string(kafka.sent[1].Value) != some("2", "b") {
		t.Errorf("%d, %s, sent %+v", r.StatusCode, text, kafka.sent)
	}
	is(t, headersOf(kafka.sent[1]), "content-type: application/cloudevents+json; charset=UTF-8")
	if r := sendEvents(t, o, "application/cloudevents-batch+json", "[]"); r.StatusCode != 202 || body(t, r) != `{"accepted":0}`+"\n" {
		t.Errorf("an empty batch: %d", r.StatusCode)
	}
}

func TestEventsThatWouldBeDeadLettersAreRefusedWithTheirReasons(t *testing.T) {
	o := options(hotAndWarm())
	kafka := o.Sender.(*someKafka)
	o.Refuses = func(e *scorer.Event) *scorer.Refusal {
		if e.Type == "criterion.rated" {
			return &scorer.Refusal{Reason: events.ReasonUnknownCriterion, Detail: "no such criterion"}
		}
		return nil
	}
	batchOf := func(list ...string) string { return "[" + strings.Join(list, ",") + "]" }
	const one, many = structuredType, batchType
	for name, c := range map[string]struct {
		kind, body string
		status     int
		want       string // index and reason of each
	}{
		"no JSON":                {one, "{", 400, "0 invalid_json"},
		"nothing":                {one, "", 400, "0 invalid_json"},
		"not UTF-8":              {one, some("\xff", "a"), 400, "0 invalid_json"},
		"no ID":                  {one, `{"specversion":"1.0","source":"s","type":"t","subject":"a"}`, 400, "0 missing_id"},
		"no lead":                {one, `{"specversion":"1.0","id":"1","source":"s","type":"t"}`, 400, "0 missing_subject"},
		"an unknown disposition": {one, `{"specversion":"1.0","id":"1","source":"s","type":"lead.dispositioned","subject":"a","data":{"disposition":"?"}}`, 400, "0 unknown_disposition"},
		"an unknown criterion":   {one, `{"specversion":"1.0","id":"1","source":"s","type":"criterion.rated","subject":"a","data":{"criterion":"luck","rating":1}}`, 400, "0 unknown_criterion"},
		"too large":              {one, some("1", "a") + strings.Repeat(" ", 256<<10), 413, "0 too_large"},
		"too large with its key": {one, some("1", "a") + strings.Repeat(" ", 256<<10-len(some("1", "a"))-len("content-type"+structuredType+"; charset=UTF-8")), 413, "0 too_large"},
		"some of a batch":        {many, batchOf(some("1", "a"), some("", "a"), "7", some("4", "")), 400, "1 missing_id, 2 invalid_json, 3 invalid_subject"},
		"one of a batch too large": {many, batchOf(some("", "a"), some(strings.Repeat("x", 256<<10), "a")), 413,
			"0 missing_id, 1 too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			kafka.sent = nil
			r := sendEvents(t, o, c.kind, c.body)
			var p refusedProblem
			if err := json.Unmarshal([]byte(body(t, r)), &p); err != nil || r.Header.Get("Content-Type") != "application/problem+json" {
				t.Fatal(r.StatusCode, err)
			}
			var got []string
			for _, e := range p.Events {
				got = append(got, fmt.Sprint(e.Index, " ", e.Reason))
			}
			if r.StatusCode != c.status || p.Status != c.status || strings.Join(got, ", ") != c.want {
				t.Errorf("%d, %+v", r.StatusCode, p)
			}
			if len(kafka.sent) > 0 {
				t.Errorf("%d events were sent all the same", len(kafka.sent))
			}
		})
	}
}

func TestPostsThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		kind, body string
		header     []string
		status     int
		detail     string
	}{
		"plain JSON":              {"application/json", some("1", "a"), nil, 415, "send an event as application/cloudevents+json"},
		"no content type":         {"", some("1", "a"), nil, 415, "send an event as"},
		"another format":          {"application/cloudevents+avro", "x", []string{"ce-specversion", "1.0"}, 415, "send an event as"},
		"no content type at all":  {";;", "x", nil, 415, "the content type can't be read"},
		"compressed":              {structuredType, some("1", "a"), []string{"Content-Encoding", "gzip"}, 415, "no Content-Encoding is taken"},
		"no array":                {batchType, some("1", "a"), nil, 400, "a batch is a JSON array of events"},
		"null":                    {batchType, "null", nil, 400, "a batch is a JSON array of events"},
		"too many":                {batchType, "[" + strings.Repeat("1,", 1000) + "1]", nil, 413, "a batch has at most 1000 events"},
		"too much":                {batchType, "[" + strings.Repeat(" ", 4<<20) + "]", nil, 413, "a batch has at most 4194304 bytes"},
		"a page of another site":  {structuredType, some("1", "a"), []string{"Sec-Fetch-Site", "cross-site"}, 403, "a browser may only send this from hotlead's own page"},
		"another site, by Origin": {structuredType, some("1", "a"), []string{"Origin", "https://elsewhere.example"}, 403, "a browser may only send this from hotlead's own page"},
		"without the token":       {structuredType, some("1", "a"), []string{"Authorization", "Bearer no"}, 401, "show the token"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(hotAndWarm())
			r := sendEvents(t, o, c.kind, c.body, c.header...)
			if text := body(t, r); r.StatusCode != c.status || !strings.Contains(text, c.detail) {
				t.Errorf("%d, %s", r.StatusCode, text)
			}
			if sent := o.Sender.(*someKafka).sent; len(sent) > 0 {
				t.Errorf("%d events were sent all the same", len(sent))
			}
			if r.StatusCode == 415 && !strings.Contains(r.Header.Get("Accept-Post"), structuredType) {
				t.Errorf("Accept-Post is %q", r.Header.Get("Accept-Post"))
			}
		})
	}
	own := sendEvents(t, options(hotAndWarm()), structuredType, some("1", "a"), "Sec-Fetch-Site", "same-origin", "Origin", "http://example.com")
	if own.StatusCode != 202 {
		t.Errorf("the own page: %d", own.StatusCode)
	}
}

func TestPostsWithKafkaAway(t *testing.T) {
	o := options(hotAndWarm())
	o.Sender = &someKafka{err: errors.New("dial tcp 10.1.2.3:9092: refused")}
	r := sendEvents(t, o, structuredType, some("1", "a"))
	if text := body(t, r); r.StatusCode != 503 || r.Header.Get("Retry-After") != "5" || strings.Contains(text, "10.1.2.3") {
		t.Errorf("%d, %s", r.StatusCode, text)
	}
	o.Sender = &someKafka{err: fmt.Errorf("sending: %w", ErrTooLarge)}
	if r := sendEvents(t, o, structuredType, some("1", "a")); r.StatusCode != 413 {
		t.Errorf("an event that Kafka does not take: %d", r.StatusCode)
	}
}

func TestWithoutATokenEventsAreTakenFromThisMachineAlone(t *testing.T) {
	for name, c := range map[string]struct {
		at     string // where the request came in
		host   string
		status int
	}{
		"this machine":                    {"127.0.0.1:8080", "localhost:8080", 202},
		"by its address":                  {"127.0.0.1:8080", "127.0.0.1:8080", 202},
		"by its newer address":            {"[::1]:8080", "[::1]:8080", 202},
		"without a port":                  {"[::1]:80", "[::1]", 202},
		"the network":                     {"10.1.2.3:8080", "localhost", 403},
		"a name of somebody's":            {"127.0.0.1:8080", "rebound.example:8080", 403},
		"a name that begins like it":      {"127.0.0.1:8080", "localhost.example", 403},
		"where nobody knows by which way": {"", "localhost", 403},
	} {
		o := options(hotAndWarm())
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/events", strings.NewReader(some("1", "a")))
		if at, err := net.ResolveTCPAddr("tcp", c.at); err == nil && c.at != "" {
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(at)))
		}
		r.Header.Set("Content-Type", structuredType)
		r.Host = c.host
		w := httptest.NewRecorder()
		holding(t, New(o)).ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d, %s", name, w.Code, w.Body)
		}
		rating := httptest.NewRequestWithContext(r.Context(), "POST", "/leads/a/disposition", strings.NewReader("disposition=invalid"))
		rating.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rating.Host = c.host
		w = httptest.NewRecorder()
		New(o).ServeHTTP(w, rating)
		if w.Code != c.status {
			t.Errorf("%s, by the page: %d, %s", name, w.Code, w.Body)
		}
		for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"} {
			passedOn := r.Clone(r.Context())
			passedOn.Header.Set(header, "10.1.2.3")
			w = httptest.NewRecorder()
			New(o).ServeHTTP(w, passedOn)
			if w.Code != 403 {
				t.Errorf("%s, through a proxy that says %s: %d, %s", name, header, w.Code, w.Body)
			}
		}
	}
}

func TestOnlySoManyPostsAreInHand(t *testing.T) {
	h := &handler{Options: options(hotAndWarm()), posts: make(chan struct{}, 1)}
	h.Token = "s3cret"
	h.posts <- struct{}{}
	w := httptest.NewRecorder()
	h.postEvents(w, httptest.NewRequestWithContext(t.Context(), "POST", "/v1/events", strings.NewReader("")))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d", w.Code)
	}
}
