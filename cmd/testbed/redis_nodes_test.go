package testbed_test

import (
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// TestRedisCluster goes through all that can be done to one, for it is not started for nothing.
func TestRedisCluster(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	r := testbed.RedisCluster(t, 3, 1)
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: r.Addrs()})
	t.Cleanup(func() { c.Close() })
	const slot = 12182 // of foo
	if err := c.Set(t.Context(), "foo", "bar", 0).Err(); err != nil {
		t.Fatal(err)
	}
	holds := func(t *testing.T, want int) {
		t.Helper()
		if got := r.Owner(slot); got != want {
			t.Errorf("node %d serves the slot, want %d", got, want)
		}
		if got, err := connect(t, r.Addrs()[want]).Get(t.Context(), "foo").Result(); err != nil || got != "bar" {
			t.Errorf("node %d says %q (%v), want what was written before", want, got, err)
		}
	}

	t.Run("a slot is moved with its keys", func(t *testing.T) {
		from := r.Owner(slot)
		to := (from + 1) % 3
		r.MoveSlot(slot, to)
		holds(t, to)
		err := connect(t, r.Addrs()[from]).Get(t.Context(), "foo").Err()
		if want := fmt.Sprintf("MOVED %d %s", slot, r.Addrs()[to]); err == nil || err.Error() != want {
			t.Errorf("the old owner says %v, want %s", err, want)
		}
		r.MoveSlot(slot, from)
		holds(t, from)
	})
	t.Run("a master hands over", func(t *testing.T) {
		from := r.Owner(slot)
		to := r.Failover(from)
		holds(t, to)
		if back := r.Failover(to); back != from {
			t.Errorf("node %d handed over to %d, want %d, its only replica", to, back, from)
		}
	})
	t.Run("a replica takes over by force from a dead master", func(t *testing.T) {
		from := r.Owner(slot)
		r.Kill(from)
		to := r.FailoverByForce(from)
		holds(t, to)
		r.Restart(from)
		if err := connect(t, r.Addrs()[from]).Set(t.Context(), "foo", "stale", 0).Err(); err == nil {
			t.Error("the old master came back and took a write")
		}
	})
}
