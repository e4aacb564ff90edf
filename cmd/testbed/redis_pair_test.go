package testbed_test

import (
	"errors"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hotlead/hotlead/cmd/testbed"
)

func TestAPromotedReplicaHasWhatItWasTold(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	r := testbed.RedisWithReplica(t)
	old := r.Master()
	set(t, connect(t, r.Addr()), "told", "yes")
	r.HoldReplication()
	set(t, connect(t, r.Addr()), "held back", "yes")

	if next := r.Promote(); next == old || next != r.Master() {
		t.Errorf("the master moved from %s to %s, and is said to be %s", old, next, r.Master())
	}
	c := connect(t, r.Addr())
	if err := c.Get(t.Context(), "told").Err(); err != nil {
		t.Errorf("what the replica was told is gone: %v", err)
	}
	if err := c.Get(t.Context(), "held back").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("reading what was held back says %v, want %v: the replica was not stale", err, redis.Nil)
	}
	set(t, c, "after", "yes") // it is no replica any more
}

func TestAReleasedReplicaCatchesUp(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	r := testbed.RedisWithReplica(t)
	r.HoldReplication()
	set(t, connect(t, r.Addr()), "key", "late")
	r.ReleaseReplication()
	r.HoldReplication() // waits for it
	r.Promote()
	if got, err := connect(t, r.Addr()).Get(t.Context(), "key").Result(); err != nil || got != "late" {
		t.Errorf("on the promoted replica the key is %q (%v), want it caught up", got, err)
	}
}
