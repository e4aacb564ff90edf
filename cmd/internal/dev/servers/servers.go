// Package servers holds a Kafka and a Redis that live in this process and die with it: what `hotlead dev` runs on, and
// what tests run on where nothing better is at hand. Both listen on loopback for any client that speaks their protocol,
// and keep everything in memory.
//
// They imitate, they do not prove: kfake ends a transaction at once, so it never answers CONCURRENT_TRANSACTIONS, and
// miniredis persists nothing and knows no maxmemory. What the exactly-once promise rests on is tested on real servers.
//
// It is a package of its own and imports none of hotlead's, so that tests of every layer can have the servers without
// an import cycle through the rest of dev.
package servers

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kfake"
)

// minSession is the shortest session timeout that the embedded Kafka lets a group member ask for: below a real broker's
// 6 s, so that a test sees a dead member go within its patience.
const minSession = 100 * time.Millisecond

// ErrNotLoopback is the error of an address that is not on this machine alone. The embedded servers know no password,
// so they are not offered to a network.
var ErrNotLoopback = errors.New("the embedded servers listen on loopback only")

// AddressError is the error of an address that no server can be started on: it is not loopback (then it matches
// ErrNotLoopback), or not HOST:PORT.
type AddressError struct{ Err error }

func (e *AddressError) Error() string { return e.Err.Error() }

func (e *AddressError) Unwrap() error { return e.Err }

// Topic is a topic to begin with.
type Topic struct {
	Name string
	// Partitions below 1 means Kafka's default.
	Partitions int32
	// Config holds topic settings by Kafka's names, such as cleanup.policy; nil for none.
	Config map[string]string
}

// Kafka is one embedded broker.
type Kafka struct {
	cluster *kfake.Cluster
	addr    string
}

// StartKafka starts a broker with the given topics; it creates no other by itself. addr is a loopback HOST:PORT; "" or
// port 0 takes a free port. The caller closes it.
//
// The error is an *AddressError where addr won't do, and matches syscall.EADDRINUSE where the port is taken.
func StartKafka(addr string, topics ...Topic) (*Kafka, error) {
	port, err := loopbackPort(addr)
	if err != nil {
		return nil, fmt.Errorf("starting the embedded Kafka on %s: %w", addr, err)
	}
	cluster, err := kfake.NewCluster(
		kfake.Ports(port), // one broker
		kfake.GroupMinSessionTimeout(minSession),
	)
	if err != nil {
		return nil, fmt.Errorf("starting the embedded Kafka on %s (if something else listens there, choose another port): %w", addr, err)
	}
	k := &Kafka{cluster: cluster, addr: cluster.ListenAddrs()[0]}
	for _, t := range topics {
		if err := cluster.CreateTopic(t.Name, t.Partitions, t.Config); err != nil {
			k.Close()
			return nil, fmt.Errorf("creating the topic %s with %d partitions in the embedded Kafka: %w", t.Name, t.Partitions, err)
		}
	}
	return k, nil
}

// Addr is HOST:PORT, for clients of any kind.
func (k *Kafka) Addr() string { return k.addr }

// Close stops the broker and forgets what it held. Closing again does nothing.
func (k *Kafka) Close() { k.cluster.Close() }

// Redis is one embedded Redis.
type Redis struct {
	server *miniredis.Miniredis
	addr   string
}

// StartRedis starts a Redis. addr is as for StartKafka, the errors too. Keys expire only when a test tells the server
// that time has passed; hotlead's keys never expire.
func StartRedis(addr string) (*Redis, error) {
	port, err := loopbackPort(addr)
	if err != nil {
		return nil, fmt.Errorf("starting the embedded Redis on %s: %w", addr, err)
	}
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
		return nil, fmt.Errorf("starting the embedded Redis on %s (if something else listens there, choose another port): %w", addr, err)
	}
	return &Redis{server: server, addr: server.Addr()}, nil
}

// Addr is HOST:PORT.
func (r *Redis) Addr() string { return r.addr }

// FlushAll empties every database, as the command does.
func (r *Redis) FlushAll() { r.server.FlushAll() }

// Close stops the server and forgets what it held. Closing again does nothing.
func (r *Redis) Close() { r.server.Close() }

// loopbackPort is the port of addr, 0 for a free one. The error is an *AddressError.
func loopbackPort(addr string) (int, error) {
	if addr == "" {
		return 0, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, &AddressError{fmt.Errorf("reading the address (write it as 127.0.0.1:PORT): %w", err)}
	}
	if host != "127.0.0.1" && host != "localhost" {
		return 0, &AddressError{fmt.Errorf("%w, and %q is not: write 127.0.0.1:PORT", ErrNotLoopback, host)}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, &AddressError{fmt.Errorf("reading the port %q: %w", port, err)}
	}
	return int(n), nil
}
