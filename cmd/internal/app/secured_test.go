package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// record is a log that is written by many and read in between.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// lets is a configuration by which a service gets into servers, as text of its file.
type lets struct {
	brokers, kafka string // host:port, and the sections tls and sasl
	redis          string // all keys but the prefix
}

// config reads the file of a service with topics, group and prefix of its own.
func (l lets) config(t *testing.T) Config {
	t.Helper()
	names := uniqueTopics(t)
	c, err := load(t, fmt.Sprintf(`
kafka:
  brokers: [%s]
  group: %s
  topics: {engagement: %s, qualification: %s, tier_changes: %s, dead_letters: %s, inbox: %s}
%s
redis:
  prefix: %s
%s
http: {listen: "127.0.0.1:0"}
`, l.brokers, testbed.Unique(t, "group"), names.Engagement, names.Qualification, names.TierChanges, names.DeadLetters, names.Inbox,
		l.kafka, testbed.Unique(t, "prefix"), l.redis))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// section writes tls, and a user with the password in a file, the way access wants them. mechanism is "" for Redis.
func section(t *testing.T, a testbed.Access, mechanism string) string {
	t.Helper()
	var b strings.Builder
	if a.CAFile != "" {
		fmt.Fprintf(&b, "  tls: {enabled: true, ca_file: %q", a.CAFile)
		if a.CertFile != "" {
			fmt.Fprintf(&b, ", cert_file: %q, key_file: %q", a.CertFile, a.KeyFile)
		}
		b.WriteString("}\n")
	}
	if a.Username == "" {
		return b.String()
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(a.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if mechanism == "" {
		fmt.Fprintf(&b, "  username: %s\n  password_file: %q\n", a.Username, file)
	} else {
		fmt.Fprintf(&b, "  sasl: {mechanism: %s, username: %s, password_file: %q}\n", mechanism, a.Username, file)
	}
	return b.String()
}

// plainRedis is the shared Redis, as text of the file.
func plainRedis(t *testing.T) string { return "  addrs: [" + testbed.Redis(t).Addr + "]" }

// createTopics makes the service's topics, past all security.
func createTopics(t *testing.T, c Kafka, inside string) {
	t.Helper()
	c.Brokers, c.TLS, c.SASL = []string{inside}, TLS{}, SASL{}
	b, err := OpenBroker(c)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.CreateTopics(t.Context(), 2, 0); err != nil {
		t.Fatal(err)
	}
}

// works says that the service takes an event from Kafka, keeps it in Redis, announces what came of it and shows it.
func works(t *testing.T, l lets, inside string) {
	t.Helper()
	c := l.config(t)
	createTopics(t, c.Kafka, inside)
	var log record
	s := serviceAs(t, c, smallModel(t), slog.New(slog.NewTextHandler(&log, nil)))
	defer func() {
		if t.Failed() {
			t.Log(log.String())
		}
	}()
	s.eventually(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
	asInside := *s
	asInside.config.Kafka.Brokers = []string{inside}
	send(t, &asInside, `{"specversion":"1.0","id":"1","source":"web","type":"demo.requested","subject":"lead-42","time":"`+time.Now().UTC().Format(time.RFC3339)+`","data":{}}`)
	s.eventually(t, "/v1/leads?tier=hot", func(_ int, text string) bool { return strings.Contains(text, `"lead":"lead-42"`) })
	s.stop()
	if err := <-s.ended; err != nil {
		t.Errorf("a planned stop ends with %v", err)
	}
	if changes := testbed.ReadChanges(t, inside, c.Kafka.Topics.TierChanges); len(changes["lead-42"]) != 2 { // its tier and its stage
		t.Errorf("announced are %v", changes)
	}
}

// refused says that the service is not let in, tells so in these words, and goes on trying without haste.
func refused(t *testing.T, l lets, inside string, words ...string) {
	t.Helper()
	c := l.config(t)
	createTopics(t, c.Kafka, inside)
	var log record
	s := serviceAs(t, c, smallModel(t), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	said := s.eventually(t, "/readyz", func(status int, text string) bool {
		for _, w := range words {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return status == http.StatusServiceUnavailable
	})
	t.Log(said)
	// It tries again, in its own good time, and says each thing that keeps it out but once: a connection that is cut, too.
	if n := strings.Count(log.String(), "waiting to start"); n > 5 {
		t.Errorf("it says %d times that it waits:\n%s", n, log.String())
	}
	if status, _ := s.get(t, "/livez"); status != http.StatusOK {
		t.Errorf("a service that is not let in is not alive: %d", status)
	}
	s.stop()
	if err := <-s.ended; err != nil {
		t.Errorf("a planned stop ends with %v", err)
	}
	tellsNoSecret(t, c, said, log.String())
	for _, w := range words {
		if !strings.Contains(log.String(), w) {
			t.Errorf("the log lacks %q:\n%s", w, log.String())
		}
	}
}

// tellsNoSecret looks for the service's secrets in what it said.
func tellsNoSecret(t *testing.T, c Config, said ...string) {
	t.Helper()
	for _, s := range []Secret{c.Kafka.SASL.Password, c.Redis.Password} {
		for _, text := range said {
			if s != "" && strings.Contains(text, s.Reveal()) {
				t.Errorf("a secret is told:\n%s", text)
			}
		}
	}
}

func TestKafkaOverTLS(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	k := testbed.SecureKafka(t, testbed.KafkaSecurity{})
	works(t, lets{k.Addr, section(t, k.Access, ""), plainRedis(t)}, k.Inside)
	other := testbed.Access{CAFile: testbed.NewAuthority(t).CAFile}
	refused(t, lets{k.Addr, section(t, other, ""), plainRedis(t)}, k.Inside, "kafka.tls.ca_file")
	refused(t, lets{k.Addr, "", plainRedis(t)}, k.Inside, "kafka.tls.enabled")
}

func TestKafkaOverMutualTLS(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	k := testbed.SecureKafka(t, testbed.KafkaSecurity{MutualTLS: true})
	works(t, lets{k.Addr, section(t, k.Access, ""), plainRedis(t)}, k.Inside)
	bare := testbed.Access{CAFile: k.Access.CAFile}
	refused(t, lets{k.Addr, section(t, bare, ""), plainRedis(t)}, k.Inside, "kafka.tls.cert_file")
}

func TestKafkaBySASL(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	for _, c := range []struct{ theirs, ours string }{{"PLAIN", "plain"}, {"SCRAM-SHA-256", "scram-sha-256"}, {"SCRAM-SHA-512", "scram-sha-512"}} {
		t.Run(c.ours, func(t *testing.T) {
			k := testbed.SecureKafka(t, testbed.KafkaSecurity{Mechanism: c.theirs})
			works(t, lets{k.Addr, section(t, k.Access, c.ours), plainRedis(t)}, k.Inside)
			wrong := k.Access
			wrong.Password = "hush-wrong"
			refused(t, lets{k.Addr, section(t, wrong, c.ours), plainRedis(t)}, k.Inside, "kafka.sasl.password_file")
		})
	}
}

func TestSecuredRedis(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	kafka := testbed.Kafka(t)
	at := func(r *testbed.RedisServer, a testbed.Access) lets {
		return lets{kafka.Addr, "", "  addrs: [" + r.Addr + "]\n" + section(t, a, "")}
	}
	r := testbed.SecureRedis(t, testbed.RedisSecurity{MutualTLS: true})
	works(t, at(r, r.Access), kafka.Addr)
	wrong := r.Access
	wrong.Password = "hush-wrong"
	refused(t, at(r, wrong), kafka.Addr, "redis.password_file")
	wrong = r.Access
	wrong.CertFile = ""
	refused(t, at(r, wrong), kafka.Addr, "redis.tls.cert_file")
	wrong = r.Access
	wrong.CAFile = testbed.NewAuthority(t).CAFile
	refused(t, at(r, wrong), kafka.Addr, "redis.tls.ca_file")
	wrong = r.Access
	wrong.Username = ""
	refused(t, at(r, wrong), kafka.Addr, "redis.username")
	r = testbed.SecureRedis(t, testbed.RedisSecurity{Rules: "~* +@all -hmget"})
	refused(t, at(r, r.Access), kafka.Addr, "hmget", "users.acl")
}
