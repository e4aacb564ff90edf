package testbed

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy on loopback for faults between a client and its server.
type Proxy struct {
	listener net.Listener
	wait     sync.WaitGroup
	done     <-chan struct{} // the proxy was closed

	mu     sync.Mutex
	cond   *sync.Cond // paused changed, or closed
	target string
	paused bool
	lost   bool          // what comes is thrown away
	late   time.Duration // each piece waits so long
	closed bool
	conns  map[net.Conn]struct{}
	drops  int   // replies still to drop
	held   *Held // the request to keep back next; nil: none
	match  func(request []byte) bool
	// forge are the requests that the proxy answers, abort those of which it makes an abort; nil: none.
	forge, abort func(request []byte) bool
}

// NewProxy starts a proxy to target (HOST:PORT) that ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("testbed: starting a proxy to %s: %v", target, err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // until the proxy is closed
	p := &Proxy{listener: listener, target: target, done: ctx.Done(), conns: make(map[net.Conn]struct{})}
	p.cond = sync.NewCond(&p.mu)
	p.wait.Go(func() { p.accept(ctx) })
	t.Cleanup(func() {
		cancel()
		p.close()
	})
	return p
}

// Addr is the address to connect to instead of the server's.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// port is the port of Addr.
func (p *Proxy) port() string { return strconv.Itoa(p.listener.Addr().(*net.TCPAddr).Port) }

// DialContext connects to the proxy whatever addr says, for clients that take a dial function: a Kafka broker's
// clients go to the address that it advertises, and this keeps them on the proxy's way.
func (p *Proxy) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, p.Addr())
}

// Cut closes all connections, in both directions. New ones are let through.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutLocked()
}

// Pause holds everything back, in both directions: connections stay open, new ones are accepted, nothing moves.
func (p *Proxy) Pause() { p.setPaused(true) }

// Resume lets everything move again, what was held back included.
func (p *Proxy) Resume() { p.setPaused(false) }

// Delay lets every piece of data be late by d, in both directions; 0 takes that back. A request and its answer are late
// by 2d together, and a stream passes at no more than 64 KiB in d.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = d
}

// BlackHole throws away whatever comes, in both directions, and lets connections stay open and new ones be made: what a
// firewall that forgot a connection does. Restore ends it.
func (p *Proxy) BlackHole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = true
}

// Restore ends BlackHole. Connections that lost something are cut, for they can't make sense any more.
func (p *Proxy) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = false
	p.cutLocked()
}

// MoveTo cuts all connections and leads new ones to target (HOST:PORT): what a name that moved to another server does.
func (p *Proxy) MoveTo(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
	p.cutLocked()
}

// DropReplies drops the next n answers of the server, on whichever connection: the request took effect, the answer is
// thrown away and the connection cut, so the client can't know.
func (p *Proxy) DropReplies(n int) { p.DropRepliesTo(n, nil) }

// DropRepliesTo is DropReplies for n requests that match, which gets what the client wrote, as it was read from the
// wire. The connection is cut at the server's next answer after it: a client that sends several requests before reading
// may lose the answer to an earlier one too.
func (p *Proxy) DropRepliesTo(n int, match func(request []byte) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drops, p.match = n, match
}

func (p *Proxy) setPaused(paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = paused
	p.cond.Broadcast()
}

func (p *Proxy) cutLocked() {
	for c := range p.conns {
		c.Close()
	}
}

func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.cutLocked()
	p.cond.Broadcast()
	p.mu.Unlock()
	p.wait.Wait()
}

// accept pairs every client with a connection to the server.
func (p *Proxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		server, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
		if err != nil {
			client.Close() // as a server that is away would
			continue
		}
		if !p.enter(client, server) {
			return
		}
		link := &link{proxy: p, client: client, server: server}
		p.wait.Go(func() { link.carry(client, server, link.asked) })
		p.wait.Go(func() { link.carry(server, client, link.answered) })
	}
}

// enter makes the pair known to Cut, unless the proxy was closed meanwhile.
func (p *Proxy) enter(pair ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range pair {
		p.conns[c] = struct{}{}
	}
	if p.closed {
		p.cutLocked()
	}
	return !p.closed
}

// hold waits as long as a piece of data is to wait, and says whether it goes on then or is lost.
func (p *Proxy) hold() (goesOn bool) {
	p.mu.Lock()
	late := p.late
	p.mu.Unlock()
	if late > 0 {
		select {
		case <-time.After(late):
		case <-p.done:
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.paused && !p.closed {
		p.cond.Wait()
	}
	return !p.lost
}

// errDropped ends a connection whose answer was to be dropped.
var errDropped = errors.New("answer dropped")

// link is one client's way to the server.
type link struct {
	proxy          *Proxy
	client, server net.Conn
	doomed         bool // the next answer is dropped; under proxy.mu
}

// carry copies what from says to to, each piece seen by look first.
func (l *link) carry(from io.Reader, to io.Writer, look func([]byte) error) {
	defer l.drop()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !l.pass(buf[:n], to, look) {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// pass hands a piece of data on, when its time has come, and says whether the connection goes on.
func (l *link) pass(piece []byte, to io.Writer, look func([]byte) error) bool {
	if !l.proxy.hold() {
		return true
	}
	if err := look(piece); err != nil {
		return errors.Is(err, errForged)
	}
	_, err := to.Write(piece)
	return err == nil
}

func (l *link) asked(request []byte) error {
	p := l.proxy
	p.holdBack(request)
	l.aborted(request)
	if forged, err := l.forged(request); err != nil {
		return err
	} else if forged {
		return errForged
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drops > 0 && p.match != nil && p.match(request) {
		p.drops--
		l.doomed = true
	}
	return nil
}

func (l *link) answered([]byte) error {
	p := l.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drops > 0 && p.match == nil {
		p.drops--
		l.doomed = true
	}
	if l.doomed {
		return errDropped
	}
	return nil
}

// drop closes both ends and forgets them.
func (l *link) drop() {
	l.client.Close()
	l.server.Close()
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	delete(l.proxy.conns, l.client)
	delete(l.proxy.conns, l.server)
}
