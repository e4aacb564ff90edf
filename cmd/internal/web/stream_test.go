package web

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// serveOn serves options as the service does, on a connection of its own, and gives its address.
func serveOn(t *testing.T, o Options, change func(*http.Server)) string {
	t.Helper()
	server := NewServer(New(o), slog.New(slog.DiscardHandler))
	change(server)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
	return listener.Addr().String()
}

// ask asks for a path on a connection of its own and gives what comes.
func ask(t *testing.T, address, path string, header ...string) (*bufio.Reader, net.Conn) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	request := "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	for _, h := range header {
		request += h + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		t.Fatal(err)
	}
	return bufio.NewReader(conn), conn
}

// event reads what a stream brings up to an empty line, and past what has no event, such as the head of the answer.
func event(t *testing.T, from *bufio.Reader) (fields []string) {
	t.Helper()
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			t.Fatalf("after %q: %v", fields, err)
		}
		line = strings.TrimRight(line, "\r\n")
		if line != "" {
			if name, _, is := strings.Cut(line, ": "); is && slices.Contains([]string{"id", "event", "data", "retry", ""}, name) {
				fields = append(fields, line)
			}
			continue
		}
		if len(fields) > 0 {
			return fields
		}
	}
}

func is(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("came %q, want %q", got, want)
	}
}

func TestChangesAreFollowedAsTheyCome(t *testing.T) {
	o := options(hotAndWarm())
	changes := &someChanges{come: make(chan []Change)}
	o.Changes = changes
	address := serveOn(t, o, func(s *http.Server) {
		// Shorter than the test takes: a stream outlives the limits of ordinary requests.
		s.ReadTimeout, s.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	})
	stream, _ := ask(t, address, "/v1/tier-changes?tier=hot&route=sales", "Last-Event-ID: after-7")
	is(t, event(t, stream), "retry: 2000", "id: the beginning")
	if changes.after != "after-7" {
		t.Errorf("it follows after %q", changes.after)
	}
	first, cool, spaced := change("lead-7", 8), change("lead-7", 9), change("lead-7", 10)
	cool.To = "warm"
	spaced.JSON = []byte("{\n\"a\":\r\n1}")
	time.AfterFunc(100*time.Millisecond, func() { changes.come <- []Change{first, cool, spaced} })
	is(t, event(t, stream), "event: lead.tier.changed", "data: "+string(first.JSON), "id: after-8")
	is(t, event(t, stream), "event: lead.tier.changed", `data: { "a":  1}`, "id: after-10")
	// Nothing that was asked for is among these: nothing comes.
	changes.come <- []Change{cool}
	close(changes.come)
	rest, err := io.ReadAll(stream)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(string(rest), "event") {
		t.Errorf("then came %q, %v", rest, err)
	}
	if !changes.closed {
		t.Error("it is still followed")
	}
}

func TestAFollowerThatMissedSomethingIsToldSo(t *testing.T) {
	changes := noChanges()
	changes.lost = true
	o := options(hotAndWarm())
	o.Changes = changes
	text := body(t, get(t, New(o), "GET", "/v1/tier-changes"))
	if want := "retry: 2000\nevent: gap\ndata: {\"lost\":true}\nid: the beginning\n\n"; text != want {
		t.Errorf("came %q", text)
	}
}

func TestAStreamSaysThatItIsStillThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(hotAndWarm())
		changes := &someChanges{come: make(chan []Change)}
		stopping := make(chan struct{})
		o.Changes, o.Stopping = changes, stopping
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			New(o).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/tier-changes?tier=disqualified", nil))
		}()
		changes.come <- []Change{change("lead-7", 1)} // to hot, so not sent
		<-time.After(2*stillHere + time.Second)       // of a clock that does not pass by itself
		close(stopping)                               // and then it ends
		<-done
		want := "retry: 2000\nid: the beginning\n\n" + strings.Repeat(": still here\nid: after-1\n\n", 2)
		if got := w.Body.String(); got != want {
			t.Errorf("came %q", got)
		}
	})
}

func TestAStreamSaysThatItIsStillThereWhileOthersMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := options(hotAndWarm())
		changes := &someChanges{come: make(chan []Change)}
		stopping := make(chan struct{})
		o.Changes, o.Stopping = changes, stopping
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			New(o).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/tier-changes?tier=disqualified", nil))
		}()
		for i := range 40 { // more often than a stream is quiet, and none of them was asked for
			<-time.After(time.Second)
			changes.come <- []Change{change("lead-7", i+1)}
		}
		close(stopping)
		<-done
		if said := strings.Count(w.Body.String(), ": still here\nid: after-"); said != int(40*time.Second/stillHere) {
			t.Errorf("it said so %d times: %q", said, w.Body.String())
		}
	})
}

func TestAClientThatTakesNothingInIsCutOff(t *testing.T) {
	o := options(hotAndWarm())
	changes := &someChanges{come: make(chan []Change)}
	o.Changes = changes
	slow := New(o)
	ended := make(chan struct{})
	address := serveOn(t, o, func(s *http.Server) {
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			slow.ServeHTTP(hurried{w}, r)
		})
	})
	ask(t, address, "/v1/tier-changes") // and reads nothing of it
	big := change("lead-7", 1)
	big.JSON = []byte(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`)
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case changes.come <- []Change{big}:
		case <-ended:
			return
		case <-deadline.C:
			t.Fatal("it still writes to a client that takes nothing in")
		}
	}
}

// hurried is an answer whose deadlines are a hundred times as soon.
type hurried struct{ http.ResponseWriter }

func (h hurried) Unwrap() http.ResponseWriter { return h.ResponseWriter }

func (h hurried) SetWriteDeadline(at time.Time) error {
	return http.NewResponseController(h.ResponseWriter).SetWriteDeadline(time.Now().Add(time.Until(at) / 100))
}

func TestStreamsThatCannotBegin(t *testing.T) {
	stopped := make(chan struct{})
	close(stopped)
	for name, c := range map[string]struct {
		changes  *someChanges
		stopping chan struct{}
		target   string
		after    string
		status   int
		detail   string
	}{
		"no position":       {noChanges(), nil, "/v1/tier-changes", "none of ours", 400, "Last-Event-ID is the id of an event of this stream"},
		"unknown parameter": {noChanges(), nil, "/v1/tier-changes?teir=hot", "", 400, "a parameter is not known; there is tier, route"},
		"unknown tier":      {noChanges(), nil, "/v1/tier-changes?tier=nope", "", 400, "tier is one of disqualified, hot, warm"},
		"unknown route":     {noChanges(), nil, "/v1/tier-changes?tier=hot&route=nope", "", 400, "route is one of sales, nurture"},
		"busy":              {&someChanges{err: ErrBusy}, nil, "/v1/tier-changes", "a", 503, "as many read old changes as may"},
		"Kafka is away":     {&someChanges{err: errors.New("dial tcp 10.1.2.3:9092")}, nil, "/v1/tier-changes", "a", 503, "the tier changes can't be read at the moment; try again"},
		"the service stops": {noChanges(), stopped, "/v1/tier-changes", "", 503, "the service is stopping"},
	} {
		o := options(hotAndWarm())
		o.Changes, o.Stopping = c.changes, c.stopping
		r := get(t, New(o), "GET", c.target, "Last-Event-ID", c.after)
		if text := body(t, r); r.StatusCode != c.status || !strings.Contains(text, `"detail":"`+c.detail+`"`) {
			t.Errorf("%s: %d, %s", name, r.StatusCode, text)
		}
	}
}

func TestOnlySoManyFollowAtATime(t *testing.T) {
	o := options(hotAndWarm())
	h := &handler{Options: o, streams: make(chan struct{}, 1)}
	h.streams <- struct{}{}
	w := httptest.NewRecorder()
	h.tierChanges(w, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/tier-changes", nil))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("status %d", w.Code)
	}
	<-h.streams
	w = httptest.NewRecorder()
	h.tierChanges(w, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/tier-changes", nil))
	if w.Code != 200 || len(h.streams) != 0 {
		t.Errorf("status %d, and %d still follow", w.Code, len(h.streams))
	}
}
