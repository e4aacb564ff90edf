package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// TearTail cuts the last bytes off what a killed Redis had appended to its file, as a machine that lost its power does
// to a file that was not yet on the disk. The Redis keeps an append-only file: OwnRedis(t, "--appendonly", "yes").
func (r *RedisServer) TearTail(bytes int) {
	r.t.Helper()
	r.do("tearing the file of", func(machine, context.Context) error {
		if r.dir == "" {
			return errNoFaults
		}
		parts, err := filepath.Glob(filepath.Join(r.dir, "appendonlydir", "*.incr.aof"))
		if err != nil {
			return err
		}
		if len(parts) == 0 {
			return errors.New("it has no append-only file: start it with --appendonly yes")
		}
		last := slices.MaxFunc(parts, func(a, b string) int { return partNumber(a) - partNumber(b) })
		info, err := os.Stat(last)
		if err != nil {
			return err
		}
		if info.Size() < int64(bytes) {
			return fmt.Errorf("its last part has %d bytes, fewer than the %d to cut", info.Size(), bytes)
		}
		return os.Truncate(last, info.Size()-int64(bytes))
	})
}

// partNumber is n of appendonly.aof.n.incr.aof, which grows with each rewrite.
func partNumber(path string) int {
	n, _ := strconv.Atoi(strings.Split(filepath.Base(path), ".")[2])
	return n
}

// Block keeps the Redis busy for d, as a slow command does: it returns when nothing is answered any more.
func (r *RedisServer) Block(d time.Duration) {
	r.t.Helper()
	r.do("blocking", func(_ machine, ctx context.Context) error {
		slow, hangUp := r.client()
		slow.Options().ReadTimeout = 0 // none
		probe, done := r.client()
		defer done()
		probe.Options().ReadTimeout = 20 * time.Millisecond
		connected := eventually(ctx, "Redis to answer", func(ctx context.Context) error {
			return errors.Join(slow.Ping(ctx).Err(), probe.Ping(ctx).Err()) // a busy machine may take longer than the probe waits
		})
		if connected != nil {
			hangUp()
			return connected
		}
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			_ = slow.Do(ctx, "DEBUG", "SLEEP", d.Seconds()).Err() // it may be cut short, or Redis killed meanwhile
		}()
		r.t.Cleanup(func() {
			hangUp()
			<-asked
		})
		return eventually(ctx, "Redis to be busy", func(ctx context.Context) error {
			err := probe.Ping(ctx).Err()
			var wait net.Error
			if errors.As(err, &wait) && wait.Timeout() {
				return nil
			}
			return errors.Join(err, errNotYet)
		})
	})
}

// LimitMemory lets Redis refuse with OOM what would take it beyond bytes of memory. It uses about a megabyte when it is
// empty, so with 1 it refuses every write that may grow it.
func (r *RedisServer) LimitMemory(bytes int) { r.t.Helper(); r.set("maxmemory", strconv.Itoa(bytes)) }

// UnlimitMemory takes LimitMemory back.
func (r *RedisServer) UnlimitMemory() { r.t.Helper(); r.set("maxmemory", "0") }

// ReadOnly makes Redis a replica of a server that is not there: it answers reads, and refuses writes with READONLY.
func (r *RedisServer) ReadOnly() {
	r.t.Helper()
	r.do("making a replica of", func(_ machine, ctx context.Context) error {
		return redisDo(ctx, r.login, "REPLICAOF", "127.0.0.1", "1") // nobody listens on tcpmux
	})
}

// ReadWrite takes ReadOnly back.
func (r *RedisServer) ReadWrite() {
	r.t.Helper()
	r.do("making a master of", func(_ machine, ctx context.Context) error {
		return redisDo(ctx, r.login, "REPLICAOF", "NO", "ONE")
	})
}

// FillDisk lets nothing more be written to any file of Redis, as a full disk does: an append-only file with
// appendfsync everysec makes it refuse writes with MISCONF at the first one after that; with always it ends by itself.
// The limit is one of the process and is gone after a Restart. It needs Linux and a Redis that runs as a process.
func (r *RedisServer) FillDisk() {
	r.t.Helper()
	r.do("filling the disk of", func(h machine, _ context.Context) error { return limitFiles(h, 0) })
}

// FreeDisk takes FillDisk back. Redis tries again each second, so it serves writes again within about one.
func (r *RedisServer) FreeDisk() {
	r.t.Helper()
	r.do("freeing the disk of", func(h machine, _ context.Context) error { return limitFiles(h, unlimited) })
}

// limitFiles bounds the size of the files that a server may write to.
func limitFiles(h machine, bytes uint64) error {
	p, ok := h.(*process)
	if !ok {
		return errors.New("only a process can be kept from writing: run with HOTLEAD_TESTBED=process")
	}
	if p.running == nil {
		return errNotRunning
	}
	return limitFileSize(p.running.cmd.Process.Pid, bytes)
}

// ballast is the prefix of the keys that make a Redis load for a while.
const ballast = "testbed-ballast"

// Loading restarts Redis, which keeps what it holds, and returns while it loads: it answers LOADING, for up to a minute
// or until Loaded. What it held is saved first, so nothing is lost, whatever its persistence. It needs a Redis that runs
// as a process.
func (r *RedisServer) Loading() {
	r.t.Helper()
	r.do("saving", func(_ machine, ctx context.Context) error { return r.saveWithBallast(ctx) })
	r.Kill()
	r.do("starting again", func(h machine, ctx context.Context) error {
		p, ok := h.(*process)
		if !ok {
			return errors.New("only a process starts with other arguments: run with HOTLEAD_TESTBED=process")
		}
		usual := p.command
		p.command = append(slices.Clone(usual), "--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024")
		defer func() { p.command = usual }()
		return p.start(ctx)
	})
	r.do("waiting for the loading of", func(_ machine, ctx context.Context) error {
		return eventually(ctx, "Redis to load", func(ctx context.Context) error {
			err := redisDo(ctx, r.login, "PING")
			switch {
			case err == nil:
				return errors.New("it has loaded already")
			case redis.HasErrorPrefix(err, "LOADING"):
				return nil
			}
			return err
		})
	})
}

// Loaded lets Redis finish what Loading began, and waits until it serves.
func (r *RedisServer) Loaded() {
	r.t.Helper()
	r.set("key-load-delay", "0")
	r.do("waiting for", func(_ machine, ctx context.Context) error { return r.ready(ctx) })
	r.do("taking the ballast out of", func(_ machine, ctx context.Context) error { return r.dropBallast(ctx) })
}

// saveWithBallast puts keys into Redis that take long to load, and saves all in the file that it will load.
func (r *RedisServer) saveWithBallast(ctx context.Context) error {
	if err := redisDo(ctx, r.login, "DEBUG", "POPULATE", 6000, ballast, 100); err != nil {
		return fmt.Errorf("filling it: %w", err)
	}
	client, done := r.client()
	defer done()
	setting, err := client.ConfigGet(ctx, "appendonly").Result()
	if err != nil {
		return fmt.Errorf("asking for its persistence: %w", err)
	}
	if setting["appendonly"] != "yes" {
		return client.Save(ctx).Err()
	}
	if err := client.BgRewriteAOF(ctx).Err(); err != nil {
		return fmt.Errorf("rewriting its file: %w", err)
	}
	return eventually(ctx, "the file to be rewritten", func(ctx context.Context) error {
		info, err := client.Info(ctx, "persistence").Result()
		if err == nil && !strings.Contains(info, "aof_rewrite_in_progress:0") || strings.Contains(info, "aof_rewrite_scheduled:1") {
			err = errNotYet
		}
		return err
	})
}

func (r *RedisServer) dropBallast(ctx context.Context) error {
	client, done := r.client()
	defer done()
	for keys := client.Scan(ctx, 0, ballast+":*", 1000).Iterator(); ; {
		if !keys.Next(ctx) {
			return keys.Err()
		}
		if err := client.Del(ctx, keys.Val()).Err(); err != nil {
			return err
		}
	}
}

// set changes a setting of the running Redis.
func (r *RedisServer) set(setting, value string) {
	r.t.Helper()
	r.do("changing "+setting+" of", func(_ machine, ctx context.Context) error {
		return redisDo(ctx, r.login, "CONFIG", "SET", setting, value)
	})
}

// client is a client for one errand; done closes its connection.
func (r *RedisServer) client() (client *redis.Client, done func()) {
	client = redis.NewClient(r.Inside())
	return client, func() { _ = client.Close() } // what was asked has been answered, or has its error
}
