package web

import (
	"net"
	"sync"
)

// mostConnections is how many clients are served at a time. Without a bound a stranger could take every file descriptor
// of the process, and the lanes would lose their way to Kafka and Redis.
const mostConnections = 1000

// Limit is the listener l with at most 1,000 connections open at a time; others wait in the system's queue.
func Limit(l net.Listener) net.Listener { return limitTo(mostConnections, l) }

func limitTo(most int, l net.Listener) net.Listener {
	return &limited{Listener: l, free: make(chan struct{}, most), closed: make(chan struct{})}
}

type limited struct {
	net.Listener
	free   chan struct{} // holds one for each open connection
	closed chan struct{}
	once   sync.Once
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &counted{Conn: conn, done: sync.OnceFunc(func() { <-l.free })}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type counted struct {
	net.Conn
	done func()
}

func (c *counted) Close() error {
	err := c.Conn.Close()
	c.done()
	return err
}
