package state

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// The pool of go-redis keeps a clock for the whole process, and miniredis' accept loop ends a little after its Close.
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/redis/go-redis/v9/internal/pool.startGlobalTimeCache.func1"))
}

// server is a Redis that the suite runs against, and what the suite does to it behind hotlead's back.
type server struct {
	addr string
	// raw is another client.
	raw *redis.Client
	// loseAll makes the server lose all keys.
	loseAll func(t testing.TB)
	// runOutOfMemory makes it refuse writes until mend is called.
	runOutOfMemory func(t testing.TB) (mend func())
}

// eachServer runs the suite on the embedded Redis and on a real one. A machine without redis-server runs the first
// alone, unless the environment says that it should have one.
func eachServer(t *testing.T, suite func(t *testing.T, s *server)) {
	t.Run("embedded", func(t *testing.T) { suite(t, embedded(t)) })
	if haveRedis(t) {
		t.Run("process", func(t *testing.T) { suite(t, process(t)) })
	}
}

func haveRedis(t testing.TB) bool {
	t.Helper()
	if path, err := exec.LookPath("redis-server"); err == nil {
		t.Logf("a real server is here: %s", path)
		return true
	}
	if os.Getenv("HOTLEAD_TESTBED") == "process" || os.Getenv("CI") == "true" {
		t.Fatal("there is no redis-server on the PATH, and this run must have one: install Redis")
	}
	t.Log("there is no redis-server on the PATH: only the embedded Redis is tested")
	return false
}

func embedded(t testing.TB) *server {
	t.Helper()
	m := miniredis.RunT(t)
	raw := redis.NewClient(&redis.Options{Addr: m.Addr(), Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { _ = raw.Close() })
	return &server{
		addr: m.Addr(), raw: raw,
		loseAll: func(testing.TB) {
			// Its FLUSHALL goes unnoticed by a WATCH, unlike Redis'.
			for _, key := range m.Keys() {
				m.Del(key)
			}
		},
		runOutOfMemory: func(testing.TB) func() {
			m.SetError("OOM command not allowed when used memory > 'maxmemory'.")
			return func() { m.SetError("") }
		},
	}
}

func process(t testing.TB) *server {
	t.Helper()
	addr := startRedis(t, "--maxmemory-policy", "noeviction")
	raw := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { _ = raw.Close() })
	return &server{
		addr: addr, raw: raw,
		loseAll: func(t testing.TB) { must(t, raw.FlushAll(t.Context()).Err()) },
		runOutOfMemory: func(t testing.TB) func() {
			must(t, raw.ConfigSet(t.Context(), "maxmemory", "1").Err())
			return func() { must(t, raw.ConfigSet(t.Context(), "maxmemory", "0").Err()) }
		},
	}
}

// startRedis starts a redis-server with nothing persisted, and is back once it answers.
func startRedis(t testing.TB, args ...string) (addr string) {
	t.Helper()
	for range 5 {
		port := freePort(t)
		if ready := tryRedis(t, port, args); ready {
			return net.JoinHostPort("127.0.0.1", port)
		}
	}
	t.Fatal("redis-server did not start on five ports")
	return ""
}

func tryRedis(t testing.TB, port string, args []string) (ready bool) {
	t.Helper()
	// The test's own context ends before its clean-ups, which still need the server.
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	all := append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir()}, args...)
	cmd := exec.CommandContext(ctx, "redis-server", all...)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	var said strings.Builder
	for !ready && lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		ready = strings.Contains(lines.Text(), "Ready to accept connections")
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, out)
	}()
	end := func() {
		stop()
		<-drained
		_ = cmd.Wait()
	}
	if !ready {
		end()
		t.Logf("redis-server on port %s:\n%s", port, said.String())
		return false
	}
	t.Cleanup(end)
	return true
}

// freePort is free now; that of a cluster's bus, 10,000 above it, is looked at too.
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		port := l.Addr().(*net.TCPAddr).Port
		must(t, l.Close())
		if port+10_000 > 65_535 {
			continue
		}
		bus, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+10_000))
		if err == nil {
			must(t, bus.Close())
			return strconv.Itoa(port)
		}
	}
	t.Fatal("no free port was found")
	return ""
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually asks again and again until is, or fails the test after half a minute.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not so after 30 s: %s", what)
		}
	}
}

// wire is a proxy in front of a server that can hold back what is said in either direction, and cut the line.
type wire struct {
	listener net.Listener
	server   string
	ended    chan struct{}
	requests gate
	answers  gate
	// heard counts bytes of requests that arrived here, forwarded or not.
	heard atomic.Int64

	mu    sync.Mutex
	lines []line
}

// line is one connection: closing cut breaks it, and ended is closed when it is.
type line struct{ cut, ended chan struct{} }

// gate is open, or held until it is opened again.
type gate struct{ held atomic.Pointer[chan struct{}] }

func (g *gate) hold() {
	closed := make(chan struct{})
	g.held.Store(&closed)
}

func (g *gate) open() {
	if c := g.held.Swap(nil); c != nil {
		close(*c)
	}
}

func newWire(t testing.TB, s *server) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &wire{listener: l, server: s.addr, ended: make(chan struct{})}
	go w.serve()
	t.Cleanup(func() {
		_ = l.Close()
		<-w.ended
		w.cut()
	})
	return w
}

func (w *wire) addr() string { return w.listener.Addr().String() }

// cut breaks all connections that there are, and is back when both sides know.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		close(l.cut)
		<-l.ended
	}
	w.lines = nil
}

func (w *wire) serve() {
	defer close(w.ended)
	for {
		client, err := w.listener.Accept()
		if err != nil {
			return
		}
		l := line{cut: make(chan struct{}), ended: make(chan struct{})}
		w.mu.Lock()
		w.lines = append(w.lines, l)
		w.mu.Unlock()
		go w.join(client, l)
	}
}

func (w *wire) join(client net.Conn, l line) {
	defer close(l.ended)
	defer client.Close()
	server, err := net.Dial("tcp", w.server)
	if err != nil {
		return
	}
	sent, answered := make(chan struct{}), make(chan struct{})
	go func() { defer close(sent); w.pump(server, client, &w.requests, &w.heard, l.cut) }()
	go func() { defer close(answered); w.pump(client, server, &w.answers, new(atomic.Int64), l.cut) }()
	select {
	case <-l.cut:
	case <-sent:
	case <-answered:
	}
	_, _ = client.Close(), server.Close()
	<-sent
	<-answered
}

func (w *wire) pump(to, from net.Conn, g *gate, count *atomic.Int64, cut chan struct{}) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		count.Add(int64(n))
		if held := g.held.Load(); held != nil {
			select {
			case <-*held:
			case <-cut:
				return
			}
		}
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}
