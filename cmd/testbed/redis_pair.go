package testbed

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
)

// RedisPair is a master with one replica, and a proxy in front of whichever of them is the master.
type RedisPair struct {
	t               testing.TB
	front           *Proxy
	link            *Proxy // what the replica knows of the master comes by this way
	master, replica *RedisServer
}

// RedisWithReplica is a pair for this test alone, which may fault it. args are arguments of redis-server, for both. It
// runs only as processes, and is removed when the test ends.
func RedisWithReplica(t testing.TB, args ...string) *RedisPair {
	t.Helper()
	if err := processes(); err != nil {
		t.Fatalf("testbed: a Redis with a replica runs only as processes: %v", err)
	}
	r := &RedisPair{t: t, master: ownRedis(t, Process, args...)}
	r.link, r.front = NewProxy(t, r.master.Addr), NewProxy(t, r.master.Addr)
	port := r.link.port()
	r.replica = ownRedis(t, Process, append(args[:len(args):len(args)], "--replicaof", "127.0.0.1 "+port)...)
	err := eventually(t.Context(), "the replica to follow", func(ctx context.Context) error {
		info, err := info(ctx, r.replica, "replication")
		if err == nil && info["master_link_status"] != "up" {
			err = errors.New("its link to the master is " + info["master_link_status"])
		}
		return err
	})
	if err != nil {
		t.Fatalf("testbed: starting a Redis with a replica: %v", err)
	}
	return r
}

// Addr is where clients find the master, whichever that is: it stays the same. Front's faults apply.
func (r *RedisPair) Addr() string { return r.front.Addr() }

// Front is the proxy at Addr.
func (r *RedisPair) Front() *Proxy { return r.front }

// Master is the address of the master itself.
func (r *RedisPair) Master() string { return r.master.Addr }

// MasterServer is the master, for faults.
func (r *RedisPair) MasterServer() *RedisServer { return r.master }

// HoldReplication waits until the replica has all that the master had when it was called, and lets nothing more through
// to it: it still believes to be up to date. Writes after that are lost by Promote.
func (r *RedisPair) HoldReplication() {
	r.t.Helper()
	if err := r.caughtUp(r.t.Context()); err != nil {
		r.t.Fatalf("testbed: waiting for the replica: %v", err)
	}
	r.link.Pause()
}

// ReleaseReplication lets the replica catch up again.
func (r *RedisPair) ReleaseReplication() { r.link.Resume() }

// Promote kills the master and makes the replica the master, with what it has: after HoldReplication it is stale. Clients
// of Addr are cut off and reach the new master when they connect again; its own address is returned.
func (r *RedisPair) Promote() string {
	r.t.Helper()
	if r.replica == nil {
		r.t.Fatal("testbed: there is no replica left to promote")
	}
	r.master.Kill()
	r.link.Cut() // what is held back there dies with its master
	r.replica.ReadWrite()
	r.master, r.replica = r.replica, nil
	r.front.MoveTo(r.master.Addr)
	return r.master.Addr
}

// caughtUp waits until the replica has what the master has now.
func (r *RedisPair) caughtUp(ctx context.Context) error {
	offset := func(ctx context.Context, s *RedisServer, field string) (int, error) {
		info, err := info(ctx, s, "replication")
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(info[field])
	}
	want, err := offset(ctx, r.master, "master_repl_offset")
	if err != nil {
		return err
	}
	return eventually(ctx, "the replica to catch up", func(ctx context.Context) error {
		got, err := offset(ctx, r.replica, "slave_repl_offset")
		if err == nil && got < want {
			err = fmt.Errorf("it is at %d of %d", got, want)
		}
		return err
	})
}

// infoLine is a line of what INFO answers.
var infoLine = regexp.MustCompile(`(?m)^([a-z_0-9]+):(.*?)\r?$`)

// info is a section of what a Redis says about itself.
func info(ctx context.Context, r *RedisServer, section string) (map[string]string, error) {
	client, done := r.client()
	defer done()
	return infoBy(ctx, client, section)
}

func infoBy(ctx context.Context, client *redis.Client, section string) (map[string]string, error) {
	text, err := client.Info(ctx, section).Result()
	if err != nil {
		return nil, fmt.Errorf("asking for its %s: %w", section, err)
	}
	fields := make(map[string]string)
	for _, m := range infoLine.FindAllStringSubmatch(text, -1) {
		fields[m[1]] = m[2]
	}
	return fields, nil
}
