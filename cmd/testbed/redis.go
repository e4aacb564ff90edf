package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hotlead/hotlead/cmd/internal/dev/servers"
)

// RedisServer is one Redis, without persistence unless it was asked for.
type RedisServer struct {
	// Addr is HOST:PORT.
	Addr string
	// Access is what a client needs to be let in by a Redis of SecureRedis.
	Access Access
	own
	dir   string // what it writes; "" where it is embedded or shared
	login redisLogin
}

// redisLogin is a way into a Redis by which everything is allowed.
type redisLogin struct{ addr, username, password string }

// options are those of a client that goes this way and asks once.
func (l redisLogin) options() *redis.Options {
	return &redis.Options{Addr: l.addr, Username: l.username, Password: l.password, MaxRetries: -1, PoolSize: 1}
}

// Inside is the way of the test's own clients into the server: everything is allowed there, also on a secured Redis.
func (r *RedisServer) Inside() *redis.Options { return r.login.options() }

// Snapshot is what a Redis had written at some moment: a directory that the test removes by itself.
type Snapshot struct{ dir string }

// Redis is the Redis that all tests of this binary share, started on first use. Keys of one test begin with a prefix
// from Unique.
func Redis(t testing.TB) *RedisServer {
	t.Helper()
	s := &shared.redis
	s.Do(func() {
		s.mode, s.err = choose(t.Logf, func(mode Mode) (err error) {
			if err := sharedAllowed(mode); err != nil {
				return err
			}
			s.addr, _, s.host, err = startRedis(t.Context(), mode)
			return err
		})
	})
	if s.err != nil {
		t.Fatalf("testbed: starting the shared Redis: %v", s.err)
	}
	t.Logf("testbed: Redis %s at %s", s.mode, s.addr)
	return &RedisServer{Addr: s.addr, own: own{t: t, mode: s.mode}, login: redisLogin{addr: s.addr}}
}

// OwnRedis is a Redis for this test alone, which may fault it. It is removed when the test ends. args are arguments of
// redis-server, such as "--appendonly", "yes"; an embedded server takes none, and says so in the log.
func OwnRedis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	r := &RedisServer{own: own{t: t}}
	mode, err := choose(t.Logf, func(mode Mode) (err error) {
		r.Addr, r.dir, r.host, err = startRedis(t.Context(), mode, args...)
		return err
	})
	if err != nil {
		t.Fatalf("testbed: starting a Redis: %v", err)
	}
	r.started(mode)
	if mode == Embedded && len(args) > 0 {
		t.Logf("testbed: the embedded Redis does not take %q", args)
	}
	return r
}

// ownRedis is OwnRedis in one mode.
func ownRedis(t testing.TB, mode Mode, args ...string) *RedisServer {
	t.Helper()
	r := &RedisServer{own: own{t: t}}
	var err error
	if r.Addr, r.dir, r.host, err = startRedis(t.Context(), mode, args...); err != nil {
		t.Fatalf("testbed: starting a Redis: %v", err)
	}
	r.started(mode)
	return r
}

// started binds a Redis to its test.
func (r *RedisServer) started(mode Mode) {
	r.mode, r.login = mode, redisLogin{addr: r.Addr}
	r.ready = func(ctx context.Context) error { return redisServes(ctx, r.login) }
	r.removeAfter()
	r.t.Logf("testbed: Redis %s at %s", mode, r.Addr)
}

// startRedis starts a Redis and waits until it serves. dir is where it writes, as this process sees it.
func startRedis(ctx context.Context, mode Mode, args ...string) (addr, dir string, host machine, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	switch mode {
	case Containers:
		addr, dir, host, err = redisContainer(ctx, args)
	case Process:
		addr, dir, host, err = redisProcess(ctx, redisLogin{}, args)
	case Embedded:
		r, err := servers.StartRedis("")
		if err != nil {
			return "", "", nil, err
		}
		return r.Addr(), "", embeddedHost{r.Close}, nil
	}
	if err != nil {
		return "", "", nil, err
	}
	if err := redisServes(ctx, redisLogin{addr: addr}); err != nil {
		return "", "", nil, errors.Join(err, host.remove(ctx))
	}
	return addr, dir, host, nil
}

// redisSettings are the arguments of every test Redis, before the test's own. hotlead refuses a Redis that evicts; a test
// may make it busy by DEBUG, and a replica is served at once.
func redisSettings() []string {
	return []string{"--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--enable-debug-command", "yes",
		"--repl-diskless-sync-delay", "0"}
}

// redisServes waits until a Redis answers and has loaded its data.
func redisServes(ctx context.Context, login redisLogin) error {
	return eventually(ctx, "the Redis at "+login.addr+" to serve", func(ctx context.Context) error {
		return redisDo(ctx, login, "PING")
	})
}

// redisDo sends one command on a connection of its own.
func redisDo(ctx context.Context, login redisLogin, command ...any) error {
	client := redis.NewClient(login.options())
	err := client.Do(ctx, command...).Err()
	return errors.Join(err, client.Close())
}

// FlushAll empties the server. It works in every mode, on a server of the test's own.
func (r *RedisServer) FlushAll() {
	r.t.Helper()
	r.do("emptying", func(_ machine, ctx context.Context) error { return redisDo(ctx, r.login, "FLUSHALL") })
}

// SaveSnapshot copies aside what the server holds now: the RDB file, and the append-only file where it has one.
func (r *RedisServer) SaveSnapshot() Snapshot {
	r.t.Helper()
	s := Snapshot{dir: r.t.TempDir()}
	r.do("taking a snapshot of", func(machine, context.Context) error {
		if r.dir == "" {
			return errNoFaults
		}
		if err := redisDo(r.t.Context(), r.login, "SAVE"); err != nil {
			return fmt.Errorf("saving: %w", err)
		}
		return os.CopyFS(s.dir, os.DirFS(r.dir))
	})
	return s
}

// Rollback kills the server, puts back what it held at the snapshot, and starts it again on the same address: what a
// restored backup or the promotion of a stale replica looks like.
func (r *RedisServer) Rollback(s Snapshot) {
	r.t.Helper()
	r.Kill()
	r.do("rolling back", func(machine, context.Context) error {
		if err := emptyDir(r.dir); err != nil {
			return err
		}
		return os.CopyFS(r.dir, os.DirFS(s.dir))
	})
	r.Restart()
}

// emptyDir removes what is in dir and leaves dir, which a container may have mounted.
func emptyDir(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("emptying the server's directory: %w", err)
	}
	defer root.Close()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("emptying the server's directory: %w", err)
	}
	for _, e := range entries {
		if err := root.RemoveAll(e.Name()); err != nil {
			return fmt.Errorf("emptying the server's directory: %w", err)
		}
	}
	return nil
}
