package testbed_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hotlead/hotlead/cmd/testbed"
)

func TestATornTailLosesTheLastWriteAlone(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	r := testbed.OwnRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	c := connect(t, r.Addr)
	set(t, c, "first", "kept")
	set(t, c, "last", "torn")

	r.Kill()
	r.TearTail(3)
	r.Restart()
	c = connect(t, r.Addr)
	if got, err := c.Get(t.Context(), "first").Result(); err != nil || got != "kept" {
		t.Errorf("the first key is %q (%v), want it kept", got, err)
	}
	if err := c.Get(t.Context(), "last").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("reading the key whose write was torn says %v, want %v", err, redis.Nil)
	}
}

func TestABlockedRedisAnswersLater(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	r := testbed.OwnRedis(t)
	c := redis.NewClient(&redis.Options{Addr: r.Addr, MaxRetries: -1, ReadTimeout: 100 * time.Millisecond})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	r.Block(600 * time.Millisecond)
	if err := c.Ping(t.Context()).Err(); !timedOut(err) {
		t.Errorf("a blocked Redis answered %v, want a timeout", err)
	}
	if err := connect(t, r.Addr).Ping(t.Context()).Err(); err != nil {
		t.Errorf("once it is free it answers %v", err)
	}
}

// TestARedisThatRefusesWrites makes Redis refuse in each of the ways that a client meets, and takes it back.
func TestARedisThatRefusesWrites(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	r := testbed.OwnRedis(t, "--appendonly", "yes", "--appendfsync", "everysec")
	c := connect(t, r.Addr)
	for _, fault := range []struct {
		answer      string
		begin, over func()
	}{
		{"OOM", func() { r.LimitMemory(1) }, r.UnlimitMemory},
		{"READONLY", r.ReadOnly, r.ReadWrite},
		{"MISCONF", r.FillDisk, r.FreeDisk},
	} {
		t.Run(fault.answer, func(t *testing.T) {
			set(t, c, "key", "before")
			fault.begin()
			until(t, "a write to be refused", func() bool {
				return redis.HasErrorPrefix(c.Set(t.Context(), "key", "refused", 0).Err(), fault.answer)
			})
			fault.over()
			until(t, "writes to be served", func() bool { return c.Set(t.Context(), "key", "after", 0).Err() == nil })
		})
	}
}

func TestALoadingRedisSaysSoUntilItHasLoaded(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	for _, persistence := range []string{"no", "yes"} {
		t.Run("appendonly "+persistence, func(t *testing.T) {
			r := testbed.OwnRedis(t, "--appendonly", persistence)
			set(t, connect(t, r.Addr), "key", "kept")
			r.Loading()
			if err := connect(t, r.Addr).Get(t.Context(), "key").Err(); !redis.HasErrorPrefix(err, "LOADING") {
				t.Errorf("while it loads reading says %v, want LOADING", err)
			}
			r.Loaded()
			c := connect(t, r.Addr)
			if keys, err := c.Keys(t.Context(), "*").Result(); err != nil || strings.Join(keys, " ") != "key" {
				t.Errorf("once it has loaded it holds %v (%v), want what it held before", keys, err)
			}
		})
	}
}

// until waits for something that comes by itself.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for !is() {
		select {
		case <-limit:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}
