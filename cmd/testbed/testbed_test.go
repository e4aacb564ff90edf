package testbed_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// holdEnv makes this test binary a child that starts a Redis, prints its address and waits to be killed.
const holdEnv = "HOTLEAD_TESTBED_HOLD"

func TestMain(m *testing.M) { os.Exit(testbed.Run(m)) }

func TestServersAreSharedByTheTestsOfABinary(t *testing.T) {
	if a, b := testbed.Kafka(t).Addr, testbed.Kafka(t).Addr; a != b {
		t.Errorf("two brokers, at %s and %s, want one", a, b)
	}
	if a, b := testbed.Redis(t).Addr, testbed.Redis(t).Addr; a != b {
		t.Errorf("two Redis, at %s and %s, want one", a, b)
	}
}

func TestUniqueNamesAreLegalAndDiffer(t *testing.T) {
	legal := regexp.MustCompile(`^topic-[a-zA-Z0-9-]{1,243}$`)
	t.Run("with a.name_that {is} "+strings.Repeat("long ", 80), func(t *testing.T) {
		a, b := testbed.Unique(t, "topic"), testbed.Unique(t, "topic")
		if !legal.MatchString(a) {
			t.Errorf("%q is no name for a topic", a)
		}
		if a == b {
			t.Errorf("%q twice", a)
		}
	})
}

func TestAKilledKafkaComesBackWithItsTopics(t *testing.T) {
	k := testbed.OwnKafka(t)
	if !k.Faults() {
		return
	}
	topic := testbed.Unique(t, "kept")
	testbed.CreateTopics(t, k.Addr, map[string]int{topic: 3})

	k.Kill()
	if _, err := partitions(t.Context(), k.Addr, topic); err == nil {
		t.Error("a killed broker answered")
	}
	k.Restart()
	if n, err := partitions(t.Context(), k.Addr, topic); err != nil || n != 3 {
		t.Errorf("after the restart the topic has %d partitions (%v), want 3", n, err)
	}
}

func TestAStoppedKafkaIsSilentUntilItGoesOn(t *testing.T) {
	k := testbed.OwnKafka(t)
	if !k.Faults() {
		return
	}
	topic := testbed.Unique(t, "kept")
	testbed.CreateTopics(t, k.Addr, map[string]int{topic: 1})

	k.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := partitions(ctx, k.Addr, topic); !timedOut(err) {
		t.Errorf("a stopped broker answered %v, want a timeout", err)
	}
	k.Cont()
	if n, err := partitions(t.Context(), k.Addr, topic); err != nil || n != 1 {
		t.Errorf("after it went on the topic has %d partitions (%v), want 1", n, err)
	}
}

func TestRedisRollsBackToASnapshot(t *testing.T) {
	for _, persistence := range []string{"no", "yes"} {
		t.Run("appendonly "+persistence, func(t *testing.T) {
			r := testbed.OwnRedis(t, "--appendonly", persistence)
			if !r.Faults() {
				return
			}
			c := connect(t, r.Addr)
			set(t, c, "key", "old")
			snapshot := r.SaveSnapshot()
			set(t, c, "key", "new")

			r.Rollback(snapshot)
			if got, err := connect(t, r.Addr).Get(t.Context(), "key").Result(); err != nil || got != "old" {
				t.Errorf("after the rollback the key is %q (%v), want old", got, err)
			}
		})
	}
}

func TestAKilledRedisForgetsWhatItDidNotSave(t *testing.T) {
	for persistence, want := range map[string]error{"no": redis.Nil, "yes": nil} {
		t.Run("appendonly "+persistence, func(t *testing.T) {
			r := testbed.OwnRedis(t, "--appendonly", persistence, "--appendfsync", "always")
			if !r.Faults() {
				return
			}
			set(t, connect(t, r.Addr), "key", "value")
			r.Restart()
			if err := connect(t, r.Addr).Get(t.Context(), "key").Err(); !errors.Is(err, want) {
				t.Errorf("after the restart reading the key says %v, want %v", err, want)
			}
		})
	}
}

func TestFlushAllEmptiesARedisInEveryMode(t *testing.T) {
	r := testbed.OwnRedis(t)
	c := connect(t, r.Addr)
	set(t, c, "key", "value")
	r.FlushAll()
	if n, err := c.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("%d keys are left (%v), want none", n, err)
	}
}

// TestServersDieWithTheTestThatStartedThem kills a child of this test that holds a Redis, as a timeout of go test or an
// impatient person would.
func TestServersDieWithTheTestThatStartedThem(t *testing.T) {
	if os.Getenv(holdEnv) != "" {
		r := testbed.Redis(t)
		if r.Mode() == testbed.Process {
			_, _ = os.Stdout.WriteString("\nholding " + r.Addr + "\n") // the parent misses it if it fails
			<-t.Context().Done()
		}
		return
	}
	if testbed.Redis(t).Mode() != testbed.Process {
		t.Log("only processes outlive the test by themselves: nothing to see in this mode")
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), holdEnv+"=yes")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var addr string
	for lines := bufio.NewScanner(out); addr == "" && lines.Scan(); {
		addr, _ = strings.CutPrefix(lines.Text(), "holding ")
		if addr == lines.Text() {
			addr = ""
		}
	}
	if addr == "" {
		t.Fatal("the child ended without holding a server")
	}
	set(t, connect(t, addr), "key", "value") // it serves
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	waitUntilGone(t, addr)
}

// waitUntilGone waits until connections to addr are refused, not merely failing.
func waitUntilGone(t *testing.T, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err == nil {
			conn.Close()
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the server at %s outlived the test that started it (last: %v)", addr, err)
		case <-tick.C:
		}
	}
}

// partitions asks the broker itself how many partitions a topic has.
func partitions(ctx context.Context, addr, topic string) (int, error) {
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(addr), Transport: transport}
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, err
	}
	return len(meta.Topics[0].Partitions), meta.Topics[0].Error
}

// connect is a client that asks once.
func connect(t *testing.T, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func set(t *testing.T, c *redis.Client, key, value string) {
	t.Helper()
	if err := c.Set(t.Context(), key, value, 0).Err(); err != nil {
		t.Fatal(err)
	}
}

// timedOut is whether err is a wait that ran out.
func timedOut(err error) bool {
	var wait net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &wait) && wait.Timeout()
}
