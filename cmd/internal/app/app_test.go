package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/scorer"
)

func TestMain(m *testing.M) { os.Exit(testbed.Run(m)) }

// service is a running service.
type service struct {
	url    string
	stop   context.CancelFunc
	ended  chan error
	config Config
}

// serviceOn starts the service on this Kafka and a Redis, and stops it when the test ends.
func serviceOn(t *testing.T, kafka Kafka, redis string) *service {
	t.Helper()
	c := DefaultConfig()
	c.Kafka = kafka
	c.Kafka.Group = testbed.Unique(t, "group")
	c.Redis.Addrs, c.Redis.Prefix = []string{redis}, testbed.Unique(t, "prefix")
	c.HTTP.Listen = "127.0.0.1:0"
	return serviceAs(t, c, smallModel(t), slog.New(slog.DiscardHandler))
}

// serviceAs starts the service as configured, and stops it when the test ends.
func serviceAs(t *testing.T, c Config, model *scorer.Model, log *slog.Logger) *service {
	t.Helper()
	s := &service{ended: make(chan error, 1), config: c}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	serving := make(chan net.Addr, 1)
	go func() {
		s.ended <- Run(ctx, Options{
			Config: s.config, Model: model, Build: Build{Version: "test"}, Log: log,
			Listening: func(a net.Addr) { serving <- a },
		})
	}()
	t.Cleanup(func() {
		stop()
		http.DefaultClient.CloseIdleConnections()
	})
	select {
	case a := <-serving:
		s.url = "http://" + a.String()
	case err := <-s.ended:
		t.Fatalf("the service ended: %v", err)
	}
	return s
}

// get asks the service for a path.
func (s *service) get(t *testing.T, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// eventually asks until the answer will do, for half a minute.
func (s *service) eventually(t *testing.T, path string, will func(int, string) bool) string {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, text := s.get(t, path)
		if will(status, text) {
			return text
		}
		select {
		case <-deadline.C:
			t.Fatalf("%s still answers %d: %s", path, status, text)
		case <-tick.C:
		}
	}
}

func send(t *testing.T, s *service, lines ...string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.config.Kafka.Brokers...), kgo.DefaultProduceTopic(s.config.Kafka.Topics.Engagement))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, l := range lines {
		var event struct{ Subject string }
		if err := json.Unmarshal([]byte(l), &event); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Key: []byte(event.Subject), Value: []byte(l)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheServiceFromEventToPageAndBackToRest(t *testing.T) {
	b, kafka := testBroker(t)
	if _, err := b.CreateTopics(t.Context(), 3, 0); err != nil {
		t.Fatal(err)
	}
	s := serviceOn(t, kafka, testbed.Redis(t).Addr)
	s.eventually(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
	send(t, s, `{"specversion":"1.0","id":"1","source":"web","type":"demo.requested","subject":"lead-42","time":"`+time.Now().UTC().Format(time.RFC3339)+`","data":{}}`)
	// How many there are is read a moment before who they are.
	s.eventually(t, "/v1/leads?tier=hot", func(_ int, text string) bool {
		return strings.Contains(text, `"lead":"lead-42"`) && strings.Contains(text, `"total":1`)
	})
	if _, page := s.get(t, "/"); !strings.Contains(page, "lead-42") || !strings.Contains(page, "small, version 3") {
		t.Errorf("the page is %s", page)
	}
	if status, lead := s.get(t, "/v1/leads/lead-42"); status != 200 || !strings.Contains(lead, `"tier":"hot"`) {
		t.Errorf("%d: %s", status, lead)
	}
	if _, metrics := s.get(t, "/metrics"); !strings.Contains(metrics, "hotlead_lanes_owned 3") || !strings.Contains(metrics, "hotlead_ready 1\n") || !strings.Contains(metrics, `hotlead_model_info{name="small",version="3"} 1`) {
		t.Error("the metrics lack the lanes, the readiness or the model")
	}
	s.stop()
	if err := <-s.ended; err != nil {
		t.Errorf("a planned stop ends with %v", err)
	}
	if c, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://")); err == nil {
		c.Close()
		t.Error("HTTP is served after the end")
	}
}

func TestTheServiceWaitsForServersAndTopics(t *testing.T) {
	b, kafka := testBroker(t)
	s := serviceOn(t, kafka, "127.0.0.1:1")
	s.eventually(t, "/readyz", func(status int, text string) bool { return status == 503 && strings.Contains(text, kafka.Topics.Inbox) })
	if status, _ := s.get(t, "/livez"); status != http.StatusOK {
		t.Errorf("alive: %d", status)
	}
	if _, err := b.CreateTopics(t.Context(), 2, 0); err != nil {
		t.Fatal(err)
	}
	s.eventually(t, "/readyz", func(status int, text string) bool { return status == 503 && strings.Contains(text, "127.0.0.1:1") })
	s.stop()
	if err := <-s.ended; err != nil {
		t.Errorf("a planned stop while waiting ends with %v", err)
	}
}

func TestAnAddressThatIsTakenEndsTheServiceAtOnce(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := DefaultConfig()
	c.HTTP.Listen = taken.Addr().String()
	err = Run(t.Context(), Options{Config: c, Model: smallModel(t), Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "http.listen") {
		t.Errorf("the error is %v", err)
	}
}

func TestReadinessEndsWithTheService(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := (readiness{stopped: ctx}).Ready(t.Context()); !errors.Is(err, errStopping) {
		t.Errorf("the error is %v", err)
	}
}

func TestFilesThatTheConfigurationNamesAreReadAtTheStart(t *testing.T) {
	for key, wrong := range map[string]func(*Config){
		"http.token_file": func(c *Config) { c.HTTP.TokenFile = "/does/not/exist" },
		"kafka.tls":       func(c *Config) { c.Kafka.TLS = TLS{Enabled: true, CAFile: "/does/not/exist"} },
		"redis.tls":       func(c *Config) { c.Redis.TLS = TLS{Enabled: true, CertFile: "/does/not/exist", KeyFile: "/nor/this"} },
	} {
		c := DefaultConfig()
		c.HTTP.Listen = "127.0.0.1:0"
		wrong(&c)
		err := Run(t.Context(), Options{Config: c, Model: smallModel(t), Log: slog.New(slog.DiscardHandler)})
		var mistake *ConfigError
		if !errors.As(err, &mistake) || !strings.Contains(err.Error(), key+": ") {
			t.Errorf("%s: the error is %v", key, err)
		}
	}
}
