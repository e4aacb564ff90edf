package web

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
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
