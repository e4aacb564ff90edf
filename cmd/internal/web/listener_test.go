package web

import (
	"bufio"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serve serves everything on a listener with room for most connections and returns its address.
func serve(t *testing.T, most int) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(New(options(hotAndWarm())), slog.New(slog.DiscardHandler))
	ended := make(chan error)
	go func() { ended <- server.Serve(limitTo(most, l)) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// dial connects and sends a request; answer reads the status of the answer to it.
func dial(t *testing.T, address, request string) (conn net.Conn, answer func() int) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	return conn, func() int {
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
}

const probe = "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n"

func TestConnectionsBeyondTheBoundWait(t *testing.T) {
	address := serve(t, 2)
	first, answer := dial(t, address, probe)
	if status := answer(); status != 200 {
		t.Fatalf("the first: status %d", status)
	}
	_, answer = dial(t, address, probe)
	if status := answer(); status != 200 {
		t.Fatalf("the second: status %d", status)
	}
	third, answer := dial(t, address, probe)
	if err := third.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var timeout net.Error
	if _, err := third.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("the third is served beside two others: %v", err)
	}
	if err := errors.Join(first.Close(), third.SetReadDeadline(time.Now().Add(20*time.Second))); err != nil {
		t.Fatal(err)
	}
	if status := answer(); status != 200 {
		t.Errorf("the third, once the first has gone: status %d", status)
	}
}

func TestHugeHeadersAreRefused(t *testing.T) {
	address := serve(t, 10)
	for name, request := range map[string]string{
		"a header":     "GET /livez HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 80<<10) + "\r\n\r\n",
		"a query":      "GET /v1/leads?tier=" + strings.Repeat("x", 80<<10) + " HTTP/1.1\r\nHost: h\r\n\r\n",
		"many headers": "GET /livez HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: y\r\n", 20<<10) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, answer := dial(t, address, request); answer() != http.StatusRequestHeaderFieldsTooLarge {
				t.Error("it was served")
			}
		})
	}
}
