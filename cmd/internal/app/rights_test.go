package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/cmd/testbed"
)

const usersFile = "../../../deploy/redis/users.acl"

// usersWith is the shipped file of users with all of them let in by a password.
func usersWith(t *testing.T, password string) (file, text string) {
	t.Helper()
	shipped, err := os.ReadFile(usersFile)
	if err != nil {
		t.Fatal(err)
	}
	text = string(shipped)
	return write(t, "users.acl", strings.ReplaceAll(text, " off resetpass resetchannels", " on resetpass resetchannels >"+password)), text
}

// commandsOf are the commands that the shipped file lets a user run.
func commandsOf(t *testing.T, users, name string) []string {
	t.Helper()
	for line := range strings.Lines(users) {
		if strings.HasPrefix(line, "user "+name+" ") {
			var all []string
			for _, found := range regexp.MustCompile(` \+([a-z|]+)`).FindAllStringSubmatch(line, -1) {
				all = append(all, found[1])
			}
			slices.Sort(all)
			return all
		}
	}
	t.Fatalf("%s has no user %s", usersFile, name)
	return nil
}

// used collects which commands a Redis has run, over its restarts.
type used struct {
	client *redis.Client
	all    map[string]bool
}

func (u *used) look(t *testing.T) {
	t.Helper()
	text, err := u.client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`cmdstat_([a-z|_]+):calls=(\d+),.*rejected_calls=(\d+)`).FindAllStringSubmatch(text, -1) {
		if found[2] != "0" {
			u.all[found[1]] = true
		}
		if found[3] != "0" {
			t.Errorf("%s was refused %s times", found[1], found[3])
		}
	}
}

// TestTheRightsAtRedisAreEnoughAndTheLeast runs everything that a service does in Redis as the user of the shipped file:
// take-over, fold, decide, a Redis that lost writes and all, a walk under a new model, readers. Nothing may be refused,
// and nothing may be allowed that was not run.
func TestTheRightsAtRedisAreEnoughAndTheLeast(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	const password = "hush-rights"
	file, shipped := usersWith(t, password)
	r := testbed.SecureRedis(t, testbed.RedisSecurity{ACLFile: file}, "--appendonly", "yes")
	u := &used{client: redis.NewClient(r.Inside()), all: map[string]bool{}}
	defer u.client.Close()
	broker, kafka := testBroker(t)
	if _, err := broker.CreateTopics(t.Context(), 2, 0); err != nil {
		t.Fatal(err)
	}
	c := DefaultConfig()
	c.Kafka, c.Kafka.Group = kafka, testbed.Unique(t, "group")
	c.Redis.Addrs, c.Redis.TLS = []string{r.Addr}, TLS{Enabled: true, CAFile: r.Access.CAFile}
	c.Redis.Username, c.Redis.Password = "hotlead", password
	c.HTTP.Listen = "127.0.0.1:0"
	var log record
	defer func() {
		if t.Failed() {
			t.Log(log.String())
		}
	}()
	logger := slog.New(slog.NewTextHandler(&log, nil))
	s := serviceAs(t, c, smallModel(t), logger)
	in := func(tier string, n int) {
		t.Helper()
		s.eventually(t, "/v1/leads?tier="+tier, func(_ int, text string) bool { return strings.Contains(text, fmt.Sprintf(`"total":%d,`, n)) })
		s.eventually(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
	}
	sent := 0
	act := func(kind string, leads int) {
		t.Helper()
		var lines []string
		for i := range leads {
			sent++
			lines = append(lines, fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"web","type":"%s","subject":"lead-%d","time":"%s","data":{}}`, sent, kind, i, time.Now().UTC().Format(time.RFC3339)))
		}
		send(t, s, lines...)
	}
	s.eventually(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
	act("page.viewed", 8)
	act("demo.requested", 8)
	in("hot", 8)
	snapshot := r.SaveSnapshot()
	act("demo.requested", 10)
	in("hot", 10)
	s.stop() // which announces all, and leaves nothing pending
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	u.look(t)
	r.Rollback(snapshot)
	s = serviceAs(t, c, smallModel(t), logger)
	in("hot", 10)
	r.FlushAll()
	act("page.viewed", 10)
	in("hot", 10)
	s.stop()
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	small, err := os.ReadFile("testdata/fold.yaml")
	if err != nil {
		t.Fatal(err)
	}
	stricter := strings.NewReplacer("version: 3", "version: 4", "score >= 30", "score >= 300").Replace(string(small))
	model, err := LoadModel(write(t, "model.yaml", stricter))
	if err != nil {
		t.Fatal(err)
	}
	s = serviceAs(t, c, model, logger)
	in("warm", 10)
	if _, text := s.get(t, "/v1/leads?tier=hot"); !strings.Contains(text, `"total":0,`) {
		t.Error(text)
	}
	if status, text := s.get(t, "/v1/leads/lead-1"); status != http.StatusOK {
		t.Errorf("%d: %s", status, text)
	}
	s.stop()
	if err := <-s.ended; err != nil {
		t.Fatal(err)
	}
	u.look(t)
	u.is(t, commandsOf(t, shipped, "hotlead"))

	// What only reads: hotlead lead show and its like.
	if err := u.client.ConfigResetStat(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	c.Redis.Username = "hotlead-reader"
	store, err := OpenStore(c.Redis, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	reader := NewReader(store, func(context.Context) (int, error) { return 2, nil }, model)
	if _, err := reader.Lead(t.Context(), "lead-1", time.Time{}); err != nil {
		t.Error(err)
	}
	if page, err := reader.List(t.Context(), web.LeadQuery{Tier: "warm", Limit: 5}); err != nil || page.Total != 10 {
		t.Errorf("%d leads are warm: %v", page.Total, err)
	}
	clear(u.all)
	u.look(t)
	u.is(t, commandsOf(t, shipped, "hotlead-reader"))
	if err := store.Ping(t.Context()); !redis.IsPermissionError(err) {
		t.Errorf("a command that is not in the list: %v", err)
	}
}

// is holds what was run against what the file allows. Signing on is always allowed, and some is the test's own.
func (u *used) is(t *testing.T, allowed []string) {
	t.Helper()
	for _, name := range []string{"hello", "auth", "save", "flushall", "config|resetstat"} {
		delete(u.all, name)
	}
	if !slices.Contains(allowed, "info") {
		delete(u.all, "info")
	}
	if ran := slices.Sorted(maps.Keys(u.all)); !slices.Equal(ran, allowed) {
		t.Errorf("ran     %v\nallowed %v", ran, allowed)
	}
}

// TestARestartOfRedisLosesNothing: as Redis 7 reads its append-only file, it asks of every transaction whether the default
// user might write it, also where nobody can be that user, and leaves out what it might not.
func TestARestartOfRedisLosesNothing(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	const password, key = "hush-restart", "{hotlead.0}:leads"
	file, _ := usersWith(t, password)
	r := testbed.SecureRedis(t, testbed.RedisSecurity{ACLFile: file, Plaintext: true}, "--appendonly", "yes")
	client := redis.NewClient(&redis.Options{Addr: r.Addr, Username: "hotlead", Password: password})
	defer client.Close()
	// Two commands at least: a transaction of one is written to the file without its frame.
	if _, err := client.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
		p.HSet(t.Context(), key, "ada", "hot")
		p.HSet(t.Context(), key, "bob", "cold")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.Terminate()
	r.Restart()
	if kept, err := client.HGetAll(t.Context(), key).Result(); err != nil || len(kept) != 2 {
		t.Errorf("of two leads Redis has %v after its restart (%v)", kept, err)
	}
	nobody := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer nobody.Close()
	if err := nobody.HSet(t.Context(), key, "eve", "hot").Err(); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
		t.Errorf("somebody without a name writes: %v", err)
	}
}

// TestEachRightAtRedisIsMissed: a service whose user lacks one of the commands says which, before it has written anything.
func TestEachRightAtRedisIsMissed(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	const password = "hush-rights"
	file, shipped := usersWith(t, password)
	r := testbed.SecureRedis(t, testbed.RedisSecurity{ACLFile: file, Plaintext: true}, "--appendonly", "yes")
	inside := redis.NewClient(r.Inside())
	defer inside.Close()
	c := Redis{Addrs: []string{r.Addr}, Prefix: "hotlead", Username: "hotlead", Password: password}
	checked := func() error {
		store, err := OpenStore(c, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		defer store.Close()
		_, err = store.Check(t.Context())
		return err
	}
	if err := checked(); err != nil {
		t.Fatalf("with all of them: %v", err)
	}
	for _, command := range commandsOf(t, shipped, "hotlead") {
		if command == "info" {
			continue // without it hotlead warns that it can't look after the eviction policy
		}
		if err := inside.Do(t.Context(), "ACL", "SETUSER", "hotlead", "-"+command).Err(); err != nil {
			t.Fatal(err)
		}
		if err := checked(); err == nil || !strings.Contains(err.Error(), "NOPERM") || !strings.Contains(err.Error(), "'"+command+"'") {
			t.Errorf("without %s: %v", command, err)
		}
		if err := inside.Do(t.Context(), "ACL", "SETUSER", "hotlead", "+"+command).Err(); err != nil {
			t.Fatal(err)
		}
	}
	c.Prefix = "another"
	if err := checked(); !redis.IsPermissionError(err) {
		t.Errorf("on keys that are not its own: %v", err)
	}
	if n, err := inside.DBSize(t.Context()).Result(); err != nil || n != 0 {
		t.Errorf("the check has written %d keys: %v", n, err)
	}
}
