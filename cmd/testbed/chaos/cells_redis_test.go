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
		{"redis/stopped", false, redisStopped},
		{"redis/cut", false, redisCut},
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
