package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestProbe(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintf(w, "asked %s\n", r.URL.Path)
	}))
	for _, c := range []struct {
		name   string
		status int
		url    string
		code   int
		out    string
		err    string // a part
	}{
		{"ready", http.StatusOK, server.URL + "/readyz", 0, "asked /readyz\n", ""},
		{"not ready", http.StatusServiceUnavailable, server.URL + "/readyz", 1, "asked /readyz\n", "/readyz answers 503"},
		{"no URL", http.StatusOK, "127.0.0.1:8080", 2, "", "is no URL such as http://"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status = c.status
			code, out, errOut := hotlead(t, "", "probe", c.url)
			if code != c.code || out != c.out || !strings.Contains(errOut, c.err) || (c.err == "") != (errOut == "") {
				t.Errorf("exit code %d, want %d\n%s%s", code, c.code, out, errOut)
			}
		})
	}
	server.Close()
	if code, _, errOut := hotlead(t, "", "probe", server.URL); code != 1 || !strings.Contains(errOut, "does not answer") {
		t.Errorf("nothing answers: exit code %d\n%s", code, errOut)
	}
}
