package testbed

import "sync"

// Held is a request that a Proxy keeps back, and with it all that follows on its connection: to the client it is on its
// way for ever, to the server it has not been sent.
type Held struct {
	match    func(request []byte) bool
	caught   chan []byte
	released chan struct{}
	release  func()
}

// HoldRequest keeps back the next piece that a client writes and that matches, as it was read from the wire, until it is
// released or the proxy ends. One at a time is waited for.
func (p *Proxy) HoldRequest(match func(request []byte) bool) *Held {
	h := &Held{match: match, caught: make(chan []byte, 1), released: make(chan struct{})}
	h.release = sync.OnceFunc(func() { close(h.released) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = h
	return h
}

// Caught gets what was kept back, once something is.
func (h *Held) Caught() <-chan []byte { return h.caught }

// Release lets it go on.
func (h *Held) Release() { h.release() }

// holdBack waits where a request is to be kept back.
func (p *Proxy) holdBack(request []byte) {
	p.mu.Lock()
	h := p.held
	if h == nil || !h.match(request) {
		p.mu.Unlock()
		return
	}
	p.held = nil
	p.mu.Unlock()
	h.caught <- append([]byte(nil), request...)
	select {
	case <-h.released:
	case <-p.done:
	}
}
