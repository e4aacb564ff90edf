package wire_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/scorer"
)

func TestTopicsAreCreatedAndDescribed(t *testing.T) {
	c := dial(t, testbed.Kafka(t).Addr)
	one, other, missing := testbed.Unique(t, "one"), testbed.Unique(t, "other"), testbed.Unique(t, "missing")
	specs := []wire.TopicSpec{
		{Name: one, Partitions: 5, Replication: 1, Configs: map[string]string{"cleanup.policy": "compact", "min.insync.replicas": "1"}},
		{Name: other, Partitions: 1},
	}
	if err := c.CreateTopics(limited(t), specs); err != nil {
		t.Fatal(err)
	}
	counts, err := c.Partitions(limited(t), one, other, missing)
	if want := map[string]int{one: 5, other: 1}; err != nil || fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("partitions %v, %v; want %v", counts, err, want)
	}
	configs, err := c.TopicConfigs(limited(t), []string{one, other, missing})
	if err != nil {
		t.Fatal(err)
	}
	if got := configs[one]["cleanup.policy"]; got != "compact" {
		t.Errorf("cleanup.policy of the one is %q, want compact", got)
	}
	if got := configs[other]["cleanup.policy"]; got != "delete" {
		t.Errorf("cleanup.policy of the other is %q, want the default, delete", got)
	}
	if _, ok := configs[missing]; ok {
		t.Error("a topic that is not there has settings")
	}

	// One that exists does not keep the others from being made.
	third := testbed.Unique(t, "third")
	err = c.CreateTopics(limited(t), []wire.TopicSpec{specs[0], {Name: third, Partitions: 2, Replication: 1}})
	if !errors.Is(err, wire.ErrTopicExists) || wire.Retriable(err) {
		t.Errorf("error %v, want ErrTopicExists", err)
	}
	if counts, err := c.Partitions(limited(t), third); err != nil || counts[third] != 2 {
		t.Errorf("the third: %v, %v; want 2 partitions", counts, err)
	}
	impossible := wire.TopicSpec{Name: testbed.Unique(t, "impossible"), Partitions: 1, Replication: 9}
	if err := c.CreateTopics(limited(t), []wire.TopicSpec{impossible}); err == nil || wire.Retriable(err) {
		t.Errorf("more replicas than brokers: %v, want a plain error", err)
	}
}

func TestOffsetAtAnInstant(t *testing.T) {
	addr := testbed.Kafka(t).Addr
	c := dial(t, addr)
	name := topic(t, c, 1)
	p := franz(t, addr)
	first := scorer.Instant(1_790_000_000_000)
	for i := range 3 {
		produce(t, p, &kgo.Record{Topic: name, Timestamp: first.Add(time.Duration(i) * time.Minute).Time(), Value: []byte("v")})
	}
	for at, want := range map[scorer.Instant]int64{
		0: 0, -5: 0, first: 0, first + 1: 1, first.Add(time.Minute): 1, first.Add(2 * time.Minute): 2, first.Add(time.Hour): 3,
	} {
		got, err := c.OffsetAt(limited(t), wire.Partition{Topic: name}, at)
		if err != nil || got != want {
			t.Errorf("at %v: %d, %v; want %d", at.Time(), got, err, want)
		}
	}
}

func TestCommittedOfAGroupThatIsNone(t *testing.T) {
	c := dial(t, testbed.Kafka(t).Addr)
	commits, err := c.Committed(limited(t), testbed.Unique(t, "group"), []wire.Partition{{Topic: topic(t, c, 1)}})
	if err != nil || len(commits) != 0 {
		t.Errorf("%v, %v; want none", commits, err)
	}
}

func TestPing(t *testing.T) {
	if err := dial(t, testbed.Kafka(t).Addr).Ping(limited(t)); err != nil {
		t.Error(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	if err := dial(t, closed.Addr().String()).Ping(limited(t)); !wire.Retriable(err) {
		t.Errorf("nobody there: %v, want a retriable error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := dial(t, closed.Addr().String()).Ping(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v, want the context's error", err)
	}
}

func TestSASL(t *testing.T) {
	server, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("PLAIN", "hotlead", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for password, right := range map[string]bool{"secret": true, "guess": false} {
		c := wire.Dial(wire.Options{Brokers: server.ListenAddrs(), SASL: plain.Mechanism{Username: "hotlead", Password: password}})
		defer c.Close()
		if err := c.Ping(limited(t)); (err == nil) != right {
			t.Errorf("with the password %s: %v", password, err)
		}
	}
}

func TestTLS(t *testing.T) {
	// Borrowed for its certificate, which is for 127.0.0.1.
	borrowed := httptest.NewTLSServer(nil)
	defer borrowed.Close()
	server, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.TLS(&tls.Config{Certificates: borrowed.TLS.Certificates}))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	trusting := x509.NewCertPool()
	trusting.AddCert(borrowed.Certificate())
	for name, pool := range map[string]*x509.CertPool{"trusted": trusting, "unknown": x509.NewCertPool()} {
		c := wire.Dial(wire.Options{Brokers: server.ListenAddrs(), TLS: &tls.Config{RootCAs: pool}})
		defer c.Close()
		err := c.Ping(limited(t))
		if name == "trusted" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "unknown" && (err == nil || wire.Retriable(err)) {
			t.Errorf("%s: %v, want an error that another try does not mend", name, err)
		}
	}
}
