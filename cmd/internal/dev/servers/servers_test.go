package servers_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"github.com/hotlead/hotlead/cmd/internal/dev/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestKafkaHasItsTopicsAndNoOther(t *testing.T) {
	k, err := servers.StartKafka("",
		servers.Topic{Name: "in", Partitions: 3},
		servers.Topic{Name: "out", Partitions: 2, Config: map[string]string{"cleanup.policy": "compact"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client := &kafka.Client{Addr: kafka.TCP(k.Addr()), Transport: transport}

	meta, err := client.Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{"in", "out", "other"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{3, 2, 0} {
		if got := len(meta.Topics[i].Partitions); got != want {
			t.Errorf("%s has %d partitions, want %d", meta.Topics[i].Name, got, want)
		}
	}
	configs, err := client.DescribeConfigs(t.Context(), &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: "out", ConfigNames: []string{"cleanup.policy"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := configs.Resources[0].ConfigEntries[0].ConfigValue; got != "compact" {
		t.Errorf("the output's cleanup.policy is %q, want compact", got)
	}
}

func TestRedisServes(t *testing.T) {
	r, err := servers.StartRedis("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	c := redis.NewClient(&redis.Options{Addr: r.Addr()})
	t.Cleanup(func() { _ = c.Close() }) // the server may be gone first
	if err := c.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	r.FlushAll()
	if err := c.Get(t.Context(), "key").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("after FlushAll reading the key says %v, want %v", err, redis.Nil)
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	k, err := servers.StartKafka("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	start := map[string]func(addr string) error{
		"Kafka": func(addr string) error { _, err := servers.StartKafka(addr); return err },
		"Redis": func(addr string) error { _, err := servers.StartRedis(addr); return err },
	}
	for name, start := range start {
		t.Run(name, func(t *testing.T) {
			for addr, want := range map[string]error{
				"0.0.0.0:9092": servers.ErrNotLoopback,
				":9092":        servers.ErrNotLoopback,
				k.Addr():       syscall.EADDRINUSE,
			} {
				if err := start(addr); !errors.Is(err, want) {
					t.Errorf("%s says %v, want %v", addr, err, want)
				}
			}
			for _, addr := range []string{"9092", "127.0.0.1:http", "127.0.0.1:65536"} {
				var wrong *servers.AddressError
				if err := start(addr); !errors.As(err, &wrong) {
					t.Errorf("%s says %v", addr, err)
				}
			}
		})
	}
}

func TestClosingTwiceIsHarmless(t *testing.T) {
	k, err := servers.StartKafka("")
	if err != nil {
		t.Fatal(err)
	}
	r, err := servers.StartRedis("")
	if err != nil {
		t.Fatal(err)
	}
	k.Close()
	k.Close()
	r.Close()
	r.Close()
}
