package testbed_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hotlead/hotlead/cmd/testbed"
)

func TestProxyLetsThroughUntilItIsPaused(t *testing.T) {
	p := testbed.NewProxy(t, testbed.Redis(t).Addr)
	key := testbed.Unique(t, "key")
	c := redis.NewClient(&redis.Options{Addr: p.Addr(), MaxRetries: -1, ReadTimeout: 200 * time.Millisecond})
	t.Cleanup(func() { _ = c.Close() }) // a paused connection may not close cleanly
	set(t, c, key, "before")

	p.Pause()
	if err := c.Set(t.Context(), key, "held back", 0).Err(); !timedOut(err) {
		t.Errorf("through a paused proxy came %v, want a timeout", err)
	}
	p.Resume()
	set(t, c, key, "after")
}

func TestProxyCutsWhatIsOpenAndLetsNewConnectionsIn(t *testing.T) {
	p := testbed.NewProxy(t, testbed.Redis(t).Addr)
	key := testbed.Unique(t, "key")
	conn := connect(t, p.Addr()).Conn()
	if err := conn.Set(t.Context(), key, "before", 0).Err(); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	if err := conn.Set(t.Context(), key, "on the dead connection", 0).Err(); err == nil {
		t.Error("a cut connection carried a command")
	}
	set(t, connect(t, p.Addr()), key, "after")
}

func TestProxyDropsTheAnswerToWhatTookEffect(t *testing.T) {
	direct := connect(t, testbed.Redis(t).Addr)
	p := testbed.NewProxy(t, testbed.Redis(t).Addr)
	key := testbed.Unique(t, "key")
	conn := connect(t, p.Addr()).Conn()
	if err := conn.Incr(t.Context(), key).Err(); err != nil {
		t.Fatal(err)
	}
	p.DropReplies(1)
	if err := conn.Incr(t.Context(), key).Err(); !errors.Is(err, io.EOF) {
		t.Errorf("the dropped answer came as %v, want %v", err, io.EOF)
	}
	if n, err := direct.Get(t.Context(), key).Int(); err != nil || n != 2 {
		t.Errorf("the counter is %d (%v), want 2: the command itself was to take effect", n, err)
	}
	if err := connect(t, p.Addr()).Incr(t.Context(), key).Err(); err != nil {
		t.Errorf("after the one dropped answer: %v", err)
	}
}

func TestProxyDropsOnlyAnswersToMatchingRequests(t *testing.T) {
	p := testbed.NewProxy(t, testbed.Redis(t).Addr)
	key := testbed.Unique(t, "key")
	conn := connect(t, p.Addr()).Conn()
	p.DropRepliesTo(1, func(request []byte) bool { return bytes.Contains(bytes.ToLower(request), []byte("incr")) })
	if err := conn.Set(t.Context(), key, 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := conn.Incr(t.Context(), key).Err(); !errors.Is(err, io.EOF) {
		t.Errorf("the dropped answer came as %v, want %v", err, io.EOF)
	}
}

func TestKafkaBehindAProxyIsReachedOnlyThroughIt(t *testing.T) {
	k, p := testbed.KafkaBehindProxy(t)
	if !k.Faults() {
		return // an embedded broker sends its clients past the proxy
	}
	topic := testbed.Unique(t, "topic")
	testbed.CreateTopics(t, k.Addr, map[string]int{topic: 1}) // asks the leader by the address that it advertises
	p.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := partitions(ctx, k.Addr, topic); !timedOut(err) {
		t.Errorf("past a paused proxy came %v, want a timeout", err)
	}
	p.Resume()
	if n, err := partitions(t.Context(), k.Addr, topic); err != nil || n != 1 {
		t.Errorf("through the resumed proxy the topic has %d partitions (%v), want 1", n, err)
	}
}

func TestProxyIsLate(t *testing.T) {
	p := testbed.NewProxy(t, testbed.Redis(t).Addr)
	conn := connect(t, p.Addr()).Conn()
	ping := func() time.Duration {
		began := time.Now()
		if err := conn.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		return time.Since(began)
	}
	ping()
	p.Delay(100 * time.Millisecond)
	if took := ping(); took < 200*time.Millisecond {
		t.Errorf("by a way that is 100 ms late in both directions an answer took %v", took)
	}
	p.Delay(0)
	if took := ping(); took > 190*time.Millisecond {
		t.Errorf("with the delay taken back an answer took %v", took)
	}
}

func TestProxyIsABlackHoleUntilItIsRestored(t *testing.T) {
	server := testbed.Redis(t)
	p := testbed.NewProxy(t, server.Addr)
	key := testbed.Unique(t, "key")
	c := redis.NewClient(&redis.Options{Addr: p.Addr(), MaxRetries: -1, ReadTimeout: 200 * time.Millisecond})
	t.Cleanup(func() { _ = c.Close() }) // its connection may be cut
	set(t, c, key, "before")
	p.BlackHole()
	if err := c.Set(t.Context(), key, "lost", 0).Err(); !timedOut(err) {
		t.Errorf("out of a black hole came %v, want a timeout", err)
	}
	p.Restore()
	if got, err := connect(t, p.Addr()).Get(t.Context(), key).Result(); err != nil || got != "before" {
		t.Errorf("after it was restored the key is %q (%v): what was lost came out again", got, err)
	}
}

func TestProxyMovesToAnotherServer(t *testing.T) {
	p := testbed.NewProxy(t, testbed.Redis(t).Addr)
	conn := connect(t, p.Addr()).Conn()
	if err := conn.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	other := testbed.OwnRedis(t)
	set(t, connect(t, other.Addr), "only", "there")
	p.MoveTo(other.Addr)
	if err := conn.Ping(t.Context()).Err(); err == nil {
		t.Error("a connection to the old server lived on")
	}
	if err := connect(t, p.Addr()).Get(t.Context(), "only").Err(); err != nil {
		t.Errorf("a new connection reads %v, want what the other server holds", err)
	}
}

func TestProxyKeepsARequestBackUntilItIsReleased(t *testing.T) {
	direct := connect(t, testbed.Redis(t).Addr)
	p := testbed.NewProxy(t, testbed.Redis(t).Addr)
	key := testbed.Unique(t, "key")
	held := p.HoldRequest(func(request []byte) bool { return bytes.Contains(request, []byte("incr")) })
	answered := make(chan error, 1)
	through := connect(t, p.Addr())
	go func() { answered <- through.Incr(t.Context(), key).Err() }()
	if request := <-held.Caught(); !bytes.Contains(request, []byte(key)) {
		t.Errorf("kept back was %q", request)
	}
	if err := direct.Get(t.Context(), key).Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("what was kept back took effect: %v", err)
	}
	held.Release()
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if n, err := direct.Get(t.Context(), key).Int(); err != nil || n != 1 {
		t.Errorf("the counter is %d (%v), want 1", n, err)
	}
}
