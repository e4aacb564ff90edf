package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// FuzzRequest sends whatever a stranger can: it is answered, by no server error, with the headers that keep browsers in
// check, and with nothing of a lead where the token is not shown.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/v1/leads", "tier=hot&limit=1", "Bearer s3cret", "")
	f.Add("GET", "/v1/leads/lead-7", "at=2026-11-22T10:00:00%2B01:00", "bearer s3cret", "")
	f.Add("GET", "/v1/leads/a%2Fb%20c", "at=9999-12-31T23:59:59Z&at=x", "Basic YW55OnMzY3JldA==", "")
	f.Add("HEAD", "/", "", "", "")
	f.Add("POST", "/assets/..%2fweb.go", "%zz", "Basic x", "{}")
	f.Add("GET", "/metrics/../v1/leads", "tier=%00&limit=-1", "Bearer", "x")
	o := options(hotAndWarm())
	o.Token = "s3cret"
	h := New(o)
	f.Fuzz(func(t *testing.T, method, path, query, authorization, body string) {
		at, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(path, "/") {
			return // no server would call a handler with it
		}
		at.RawQuery = query
		r := (&http.Request{Method: method, URL: at, RequestURI: path, Host: "h", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Authorization": {authorization}}, Body: http.NoBody}).WithContext(t.Context())
		if body != "" {
			r.Body = http.MaxBytesReader(nil, readCloser{strings.NewReader(body)}, 1<<20)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		answer := w.Result()
		if answer.StatusCode >= 500 || answer.StatusCode < 200 {
			t.Fatalf("status %d", answer.StatusCode)
		}
		if answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatal("no nosniff")
		}
		text := w.Body.String()
		if answer.StatusCode >= 400 && !json.Valid([]byte(text)) {
			t.Fatalf("status %d with %q", answer.StatusCode, text)
		}
		if shownToken(r) != "s3cret" && (strings.Contains(text, "acme") || strings.Contains(text, "pricing-page")) {
			t.Fatalf("a lead is told without the token: %q", text)
		}
	})
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// FuzzEvents posts whatever bodies a stranger can, in each of the modes: none makes a server error, what is accepted is
// read by the lane, to the last event, and of what is refused nothing is sent.
func FuzzEvents(f *testing.F) {
	f.Add(structuredType, some("1", "a"), "", "", "")
	f.Add(structuredType+"; charset=utf-8", `{"specversion":"1.0","id":"1","source":"s","type":"lead.profiled","subject":"a","data":{"attributes":{"title":"CTO","fax":null}}}`, "", "", "")
	f.Add(batchType, "["+some("1", "a")+","+some("2", "b")+"]", "", "", "")
	f.Add(batchType, `[{"specversion":"1.0","id":"1","source":"s","type":"t","subject":"a","data":"`+"\xff"+`"},null,[[]]]`, "", "", "")
	f.Add("application/json", `{"url":"/pricing","account_id":"acme"}`, "1.0", "page.viewed", "J%C3%B6rg")
	f.Add("text/plain", "{}", "1.0", `"quoted \" "`, "%zz")
	f.Add("", "", "1.0", "lead.converted", "a")
	o := options(hotAndWarm())
	o.Token = "s3cret"
	kafka := o.Sender.(*someKafka)
	h := New(o)
	f.Fuzz(func(t *testing.T, contentType, body, specversion, kind, subject string) {
		kafka.sent = nil
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/events", strings.NewReader(body))
		r.Header = http.Header{"Authorization": {"Bearer s3cret"}, "Content-Type": {contentType}}
		if specversion != "" {
			for name, value := range map[string]string{"Specversion": specversion, "Type": kind, "Subject": subject, "Id": "1", "Source": "s"} {
				r.Header.Set("Ce-"+name, value)
			}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		description().hold(t, r, w.Code, w.Header(), w.Body.Bytes())
		switch w.Code {
		case http.StatusAccepted:
			decoder := events.NewDecoder(o.Limits)
			for _, sent := range kafka.sent {
				var e scorer.Event
				record := events.Record{Time: 1_800_000_000_000, Key: []byte(sent.Lead), Value: sent.Value, Headers: sent.Headers}
				if _, err := decoder.Decode(&record, &e); err != nil || e.Lead != sent.Lead || e.Type != sent.Type {
					t.Fatalf("accepted, and then %+v, %v", e, err)
				}
			}
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
			if len(kafka.sent) > 0 {
				t.Fatalf("refused with %d, and %d events are sent", w.Code, len(kafka.sent))
			}
		default:
			t.Fatalf("status %d", w.Code)
		}
	})
}
