package chaos_test

import (
	"bytes"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// redisCells strike at Redis and at the way to it.
func redisCells() []cell {
	return []cell{
		{"redis/killed-everysec", false, redisKilled},
		{"redis/flushed", true, redisFlushed},
		{"redis/old-backup", false, redisOldBackup},
		{"redis/torn-tail", true, redisTornTail},
		{"redis/stale-replica-promoted", true, staleReplicaPromoted},
		{"redis/stopped", false, redisStopped},
		{"redis/busy", false, redisBusy},
		{"redis/loading", false, redisLoading},
		{"redis/read-only", false, redisReadOnly},
		{"redis/out-of-memory", true, redisOutOfMemory},
		{"redis/out-of-memory-then-flushed", false, redisOutOfMemoryThenFlushed},
		{"redis/disk-full", false, redisDiskFull},
		{"redis/cluster-failover", true, clusterFailover},
		{"redis/cluster-slots-moved", false, clusterSlotsMoved},
		{"redis/cluster-master-killed", false, clusterMasterKilled},
		{"redis/cut", false, redisCut},
		{"redis/slow", false, redisSlow},
		{"redis/black-hole", false, redisBlackHole},
		{"redis/replies-dropped", true, redisRepliesDropped},
	}
}

// everysec are the arguments of a Redis that keeps what it took, but for the last second.
var everysec = []string{"--appendonly", "yes", "--appendfsync", "everysec"}

// loaded is a world on a Redis, with two workers and traffic.
func (t *trial) loaded(r *testbed.RedisServer) *world {
	t.Helper()
	w := t.at(place{redis: []string{r.Addr}})
	w.run(how{})
	w.run(how{})
	w.traffic.flow()
	w.shared()
	w.progress(100)
	return w
}

// tookOver is how many lanes the services that live found to be so.
func (w *world) tookOver(found string) (n int) {
	w.t.Helper()
	for _, s := range w.services {
		if !s.gone {
			n += s.tookOver(found)
		}
	}
	return n
}

// wantTookOver fails the trial unless some lane was found so: else the fault missed.
func (w *world) wantTookOver(found string) {
	w.t.Helper()
	if w.tookOver(found) == 0 {
		w.t.Errorf("no lane was taken over with %q: the fault missed", found)
	}
}

// redisKilled kills Redis, which keeps an append-only file, and starts it again.
func redisKilled(t *trial) {
	r := testbed.OwnRedis(t, everysec...)
	w := t.loaded(r)
	for range 3 {
		r.Kill()
		w.services[0].unready("redis does not answer")
		r.Restart()
		w.progress(100)
	}
	w.finish(lossy)
}

// redisFlushed empties Redis twice.
func redisFlushed(t *trial) {
	r := testbed.OwnRedis(t)
	w := t.loaded(r)
	for range 2 {
		r.FlushAll()
		w.progress(150)
	}
	w.settled()
	w.wantTookOver("rebuild")
	w.finish(lossy)
}

// redisOldBackup restores an RDB file that is several hundred records old, twice the same.
func redisOldBackup(t *trial) {
	r := testbed.OwnRedis(t)
	w := t.loaded(r)
	backup := r.SaveSnapshot()
	for range 2 {
		w.progress(300)
		r.Rollback(backup)
	}
	w.progress(100)
	w.settled()
	w.wantTookOver("refold")
	w.finish(lossy)
}

// redisTornTail kills Redis and tears off the end of its file, in the middle of a batch more likely than not.
func redisTornTail(t *trial) {
	r := testbed.OwnRedis(t, everysec...)
	w := t.loaded(r)
	for range 3 {
		w.progress(100)
		r.Kill()
		r.TearTail(1 + int(w.chance(20_000)))
		r.Restart()
	}
	w.progress(100)
	w.settled()
	w.wantTookOver("refold")
	w.finish(lossy)
}

// staleReplicaPromoted makes a replica the master that lacks several hundred records.
func staleReplicaPromoted(t *trial) {
	r := testbed.RedisWithReplica(t)
	w := t.at(place{redis: []string{r.Addr()}})
	w.run(how{})
	w.run(how{})
	w.traffic.flow()
	w.shared()
	w.progress(100)
	r.HoldReplication()
	w.progress(300)
	r.Promote()
	w.progress(100)
	w.settled()
	w.wantTookOver("refold")
	w.finish(lossy)
}

// redisStopped freezes Redis for longer than a client waits.
func redisStopped(t *trial) {
	r := testbed.OwnRedis(t)
	w := t.loaded(r)
	for _, d := range []time.Duration{time.Second, 12 * time.Second} {
		r.Stop()
		w.services[0].unready("redis does not answer")
		w.dwell(d)
		r.Cont()
		w.services[0].ready()
		w.progress(100)
	}
	w.finish(exactly)
}

// redisBusy lets slow commands hold Redis up, shorter and longer than a client waits.
func redisBusy(t *trial) {
	r := testbed.OwnRedis(t)
	w := t.loaded(r)
	for _, d := range []time.Duration{time.Second, 5 * time.Second} {
		r.Block(d)
		w.progress(50)
	}
	w.finish(exactly)
}

// redisLoading restarts a Redis that takes a while to load what it had saved.
func redisLoading(t *trial) {
	r := testbed.OwnRedis(t, everysec...)
	w := t.loaded(r)
	r.Loading()
	w.services[0].unready("LOADING")
	r.Loaded()
	w.progress(100)
	w.finish(lossy)
}

// refusing lets Redis refuse writes for a while: the lanes wait with the batch in hand.
func (w *world) refusing(begin, end func(), said string) {
	w.t.Helper()
	for range 2 {
		w.progress(50)
		begin()
		w.services[0].unready(said)
		w.dwell(time.Second)
		end()
		w.services[0].ready()
	}
	w.progress(100)
	w.finish(exactly)
}

func redisReadOnly(t *trial) {
	r := testbed.OwnRedis(t)
	t.loaded(r).refusing(r.ReadOnly, r.ReadWrite, "READONLY")
}

func redisOutOfMemory(t *trial) {
	r := testbed.OwnRedis(t)
	t.loaded(r).refusing(func() { r.LimitMemory(1) }, r.UnlimitMemory, "OOM")
}

func redisDiskFull(t *trial) {
	r := testbed.OwnRedis(t, everysec...)
	t.loaded(r).refusing(r.FillDisk, r.FreeDisk, "MISCONF")
}

// redisOutOfMemoryThenFlushed empties a Redis for whose memory lanes wait: what they hold is not what it holds any more.
func redisOutOfMemoryThenFlushed(t *trial) {
	r := testbed.OwnRedis(t)
	w := t.loaded(r)
	r.LimitMemory(1)
	w.services[0].unready("OOM")
	w.services[1].unready("OOM")
	r.FlushAll()
	r.UnlimitMemory()
	w.progress(100)
	w.settled()
	w.wantTookOver("rebuild")
	w.finish(lossy)
}

// redisCluster is a world on a Redis Cluster of three masters with a replica each, with two workers and traffic.
func (t *trial) redisCluster() (*world, *testbed.RedisNodes) {
	t.Helper()
	c := testbed.RedisCluster(t, 3, 1)
	w := t.at(place{redis: c.Addrs(), cluster: true})
	w.run(how{})
	w.run(how{})
	w.traffic.flow()
	w.shared()
	w.progress(100)
	return w, c
}

// slot is the slot of a lane.
func (w *world) slot(lane int) int {
	w.t.Helper()
	slot, err := w.raw.ClusterKeySlot(w.limited(), w.ledger(lane)).Result()
	if err != nil {
		w.t.Fatal(err)
	}
	return int(slot)
}

// clusterFailover lets replicas take over from the lanes' masters in good order: nothing is lost.
func clusterFailover(t *trial) {
	w, c := t.redisCluster()
	for lane := range lanes {
		c.Failover(c.Owner(w.slot(lane)))
		w.progress(50)
	}
	w.finish(exactly)
}

// clusterSlotsMoved moves each lane's slot to another master, so that Redis answers MOVED.
func clusterSlotsMoved(t *trial) {
	w, c := t.redisCluster()
	for lane := range lanes {
		slot := w.slot(lane)
		c.MoveSlot(slot, (c.Owner(slot)+1)%3)
		w.progress(50)
	}
	w.finish(exactly)
}

// clusterMasterKilled kills the master of a lane; its replica takes over, by itself and by force, with what it has.
func clusterMasterKilled(t *trial) {
	w, c := t.redisCluster()
	dead := c.Owner(w.slot(0))
	c.Kill(dead)
	w.progress(50)
	c.Restart(dead)
	w.progress(50)
	c.FailoverByForce(c.Owner(w.slot(1)))
	w.progress(100)
	w.finish(lossy)
}

// behindProxy is loaded with a proxy between services and Redis.
func (t *trial) behindProxy(r *testbed.RedisServer) (*world, *testbed.Proxy) {
	t.Helper()
	proxy := testbed.NewProxy(t, r.Addr)
	w := t.at(place{redis: []string{proxy.Addr()}, store: []string{r.Addr}})
	w.run(how{})
	w.run(how{})
	w.traffic.flow()
	w.shared()
	w.progress(100)
	return w, proxy
}

// redisCut cuts every connection to Redis again and again.
func redisCut(t *trial) {
	w, proxy := t.behindProxy(testbed.OwnRedis(t))
	for range 40 {
		w.dwell(time.Duration(50+w.chance(150)) * time.Millisecond)
		proxy.Cut()
	}
	w.progress(100)
	w.finish(exactly)
}

// redisSlow lets all that goes to and from Redis be late.
func redisSlow(t *trial) {
	w, proxy := t.behindProxy(testbed.OwnRedis(t))
	for _, late := range []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second} {
		proxy.Delay(late)
		w.dwell(4 * time.Second)
	}
	proxy.Delay(0)
	w.progress(100)
	w.finish(exactly)
}

// redisBlackHole lets the network swallow everything for longer than a client waits, and says nothing.
func redisBlackHole(t *trial) {
	w, proxy := t.behindProxy(testbed.OwnRedis(t))
	proxy.BlackHole()
	w.services[0].unready("redis does not answer")
	w.dwell(6 * time.Second)
	proxy.Restore()
	w.progress(100)
	w.finish(exactly)
}

// redisRepliesDropped lets batches be decided and loses the answer, and then to any command.
func redisRepliesDropped(t *trial) {
	w, proxy := t.behindProxy(testbed.OwnRedis(t))
	for range 5 {
		proxy.DropRepliesTo(4, func(request []byte) bool { return bytes.Contains(request, []byte("\r\nexec\r\n")) })
		w.progress(80)
	}
	proxy.DropRepliesTo(0, nil)
	for range 10 {
		proxy.DropReplies(1 + int(w.chance(4)))
		w.dwell(200 * time.Millisecond)
	}
	w.progress(100)
	w.settled()
	w.wantTookOver("reannounce")
	w.finish(exactly)
}
