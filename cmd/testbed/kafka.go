package testbed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hotlead/hotlead/cmd/internal/dev/servers"
)

// KafkaServer is one Kafka broker.
type KafkaServer struct {
	// Addr is HOST:PORT, to begin from and as the broker advertises itself.
	Addr string
	// Inside is where a broker of SecureKafka is reached without security, by one who may do everything: for topics, the
	// oracle and the checker. It is empty for other brokers.
	Inside string
	// Access is what a client needs to be let in by a broker of SecureKafka.
	Access Access
	own
}

// kafkaVersion is the Apache Kafka that containers and processes run.
const kafkaVersion = "4.3.1"

// A broker that comes back is let in when its predecessor's session is over, so a broker that a test restarts has a
// short one. On a busy machine a broker can miss a short session and lose its partitions for a moment; the shared broker,
// which nobody restarts, has a long one.
const (
	sharedSession = 30 * time.Second
	ownSession    = 1500 * time.Millisecond
)

// brokerSpec is what distinguishes one test broker from another.
type brokerSpec struct {
	version    string            // of Apache Kafka; "" for kafkaVersion
	session    time.Duration     // how long the controller waits for a heartbeat of the broker
	advertised string            // the address given to clients; "" for the one that it is reached at
	settings   map[string]string // beside and over those that every test broker has
	format     []string          // more arguments for the formatting of its log directory
	busy       bool              // whether it is to be quick when it is busy, rather than quick to start
}

// java are the flags of its JVM: one that starts quickly and stays small, or one for much work.
func (s brokerSpec) java() []string {
	if s.busy {
		return []string{"-Xms1g", "-Xmx1g", "-XX:+UseG1GC"}
	}
	return []string{"-Xms128m", "-Xmx320m", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"}
}

// release is the version of Apache Kafka.
func (s brokerSpec) release() string { return cmp.Or(s.version, kafkaVersion) }

// endpoints are the addresses that a broker listens on, as it sees them itself.
type endpoints struct {
	clients, internal, controller string
	data                          string // where it keeps its log
}

// kafkaSettings are the broker settings that make a test quick: few internal partitions, no waiting for members that
// might still come, short sessions allowed, transactions that a dead producer left open ended soon.
//
// The broker talks to itself, when it verifies a transaction, by a listener of its own: what clients are told may be a
// port outside of its container, or a proxy that is to hold up clients and nobody else.
func kafkaSettings(spec brokerSpec, at endpoints) map[string]string {
	settings := map[string]string{
		"process.roles":                                               "broker,controller",
		"node.id":                                                     "1",
		"listeners":                                                   "PLAINTEXT://" + at.clients + ",INTERNAL://" + at.internal + ",CONTROLLER://" + at.controller,
		"advertised.listeners":                                        "PLAINTEXT://" + spec.advertised + ",INTERNAL://" + at.internal,
		"inter.broker.listener.name":                                  "INTERNAL",
		"controller.listener.names":                                   "CONTROLLER",
		"listener.security.protocol.map":                              "PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"controller.quorum.voters":                                    "1@" + at.controller,
		"log.dirs":                                                    at.data,
		"broker.session.timeout.ms":                                   strconv.FormatInt(spec.session.Milliseconds(), 10),
		"auto.create.topics.enable":                                   "false",
		"offsets.topic.num.partitions":                                "4",
		"offsets.topic.replication.factor":                            "1",
		"transaction.state.log.num.partitions":                        "4",
		"transaction.state.log.replication.factor":                    "1",
		"transaction.state.log.min.isr":                               "1",
		"share.coordinator.state.topic.replication.factor":            "1",
		"share.coordinator.state.topic.min.isr":                       "1",
		"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200",
		"group.initial.rebalance.delay.ms":                            "0",
		"group.min.session.timeout.ms":                                "1000",
		"group.coordinator.append.linger.ms":                          "0",
		"broker.heartbeat.interval.ms":                                "250",
		// Tests write records as old as they like; by default the broker deletes them half a minute after its start.
		"log.retention.ms": "-1",
		// Memory and disk: the cleaner's table alone is 128 MiB by default.
		"log.cleaner.dedupe.buffer.size": "4194304",
		"log.cleaner.io.buffer.size":     "65536",
		"log.index.size.max.bytes":       "1048576",
		"num.network.threads":            "2",
		"num.io.threads":                 "4",
		"background.threads":             "2",
	}
	maps.Copy(settings, spec.settings)
	return settings
}

// Kafka is the broker that all tests of this binary share, started on first use.
func Kafka(t testing.TB) *KafkaServer {
	t.Helper()
	s := &shared.kafka
	s.Do(func() {
		s.mode, s.err = choose(t.Logf, func(mode Mode) (err error) {
			if err := sharedAllowed(mode); err != nil {
				return err
			}
			s.addr, s.host, err = startKafka(t.Context(), mode, brokerSpec{session: sharedSession})
			return err
		})
	})
	if s.err != nil {
		t.Fatalf("testbed: starting the shared Kafka: %v", s.err)
	}
	t.Logf("testbed: Kafka %s at %s", s.mode, s.addr)
	return &KafkaServer{Addr: s.addr, own: own{t: t, mode: s.mode}}
}

// OwnKafka is a broker for this test alone, which may fault it. It is removed when the test ends.
func OwnKafka(t testing.TB) *KafkaServer {
	t.Helper()
	return ownKafka(t, brokerSpec{})
}

// BusyKafka is OwnKafka for what is measured: its JVM takes the memory, and compiles as well, as one in service does.
func BusyKafka(t testing.TB) *KafkaServer {
	t.Helper()
	return ownKafka(t, brokerSpec{busy: true})
}

// OwnKafkaVersion is OwnKafka of another release of Apache Kafka, such as 4.1.1, which a test names that depends on what
// one release does wrong.
func OwnKafkaVersion(t testing.TB, version string) *KafkaServer {
	t.Helper()
	return ownKafka(t, brokerSpec{version: version})
}

// KafkaBehindProxy is a broker for this test alone that advertises itself by a proxy's address, so that every
// connection of every client goes through the proxy. Embedded servers are reached through it only at first.
func KafkaBehindProxy(t testing.TB) (*KafkaServer, *Proxy) {
	t.Helper()
	proxy := NewProxy(t, "")
	k := ownKafka(t, brokerSpec{advertised: proxy.Addr()})
	proxy.MoveTo(k.Addr)
	k.Addr = proxy.Addr()
	if err := warmUp(t.Context(), k.Addr); err != nil {
		t.Fatalf("testbed: starting a Kafka behind a proxy: %v", err)
	}
	return k, proxy
}

func ownKafka(t testing.TB, spec brokerSpec) *KafkaServer {
	t.Helper()
	spec.session = ownSession
	if spec.busy {
		spec.session = sharedSession // nobody restarts it
	}
	k := &KafkaServer{own: own{t: t}}
	mode, err := choose(t.Logf, func(mode Mode) (err error) {
		k.Addr, k.host, err = startKafka(t.Context(), mode, spec)
		return err
	})
	if err != nil {
		t.Fatalf("testbed: starting a Kafka: %v", err)
	}
	addr := k.Addr // a proxy may take its place in k
	k.mode, k.ready = mode, func(ctx context.Context) error { return kafkaServes(ctx, addr) }
	k.removeAfter()
	t.Logf("testbed: Kafka %s at %s", mode, addr)
	return k
}

// startKafka starts a broker and waits until it serves.
func startKafka(ctx context.Context, mode Mode, spec brokerSpec) (addr string, host machine, err error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	switch mode {
	case Containers:
		addr, host, err = kafkaContainer(ctx, spec)
	case Process:
		addr, host, err = kafkaProcess(ctx, spec)
	case Embedded:
		if spec.version != "" {
			return "", nil, fmt.Errorf("the embedded Kafka is no Apache Kafka %s", spec.version)
		}
		k, err := servers.StartKafka("")
		if err != nil {
			return "", nil, err
		}
		return k.Addr(), embeddedHost{k.Close}, nil
	}
	if err != nil {
		return "", nil, err
	}
	err = kafkaServes(ctx, addr)
	if err == nil && spec.advertised == "" { // else its clients are sent to a proxy that does not know its target yet
		err = warmUp(ctx, addr)
	}
	if err != nil {
		return "", nil, errors.Join(err, host.remove(context.WithoutCancel(ctx)))
	}
	return addr, host, nil
}

// kafkaServes waits until the broker at addr answers and knows itself as a member of its cluster.
func kafkaServes(ctx context.Context, addr string) error {
	return eventually(ctx, "the broker at "+addr+" to serve", func(ctx context.Context) error {
		conn, err := kafka.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		if deadline, ok := ctx.Deadline(); ok {
			if err := conn.SetDeadline(deadline); err != nil {
				return err
			}
		}
		brokers, err := conn.Brokers()
		if err == nil && len(brokers) == 0 {
			err = errors.New("it has not joined its cluster yet")
		}
		return err
	})
}

// warmUp lets the broker make its internal topics, so that the first test does not wait for them.
func warmUp(ctx context.Context, addr string) error {
	client, done := kafkaClient(addr)
	defer done()
	return eventually(ctx, "the coordinators of "+addr, func(ctx context.Context) error {
		group, err := client.FindCoordinator(ctx, &kafka.FindCoordinatorRequest{Key: "testbed", KeyType: kafka.CoordinatorKeyTypeConsumer})
		if err != nil {
			return err
		}
		txn, err := client.FindCoordinator(ctx, &kafka.FindCoordinatorRequest{Key: "testbed", KeyType: kafka.CoordinatorKeyTypeTransaction})
		if err != nil {
			return err
		}
		return errors.Join(group.Error, txn.Error)
	})
}

// kafkaClient is a client for one errand; done closes its connections.
func kafkaClient(addr string) (client *kafka.Client, done func()) {
	transport := &kafka.Transport{ClientID: "hotlead-testbed", MetadataTTL: time.Second}
	return &kafka.Client{Addr: kafka.TCP(addr), Transport: transport, Timeout: stopLimit}, transport.CloseIdleConnections
}

// CreateTopics creates topics with the given partition counts, and as many replicas as the brokers make by themselves
// (one, in a cluster up to three), and waits until each partition has a leader. Settings by
// Kafka's names, such as cleanup.policy=compact, hold for all of them.
func CreateTopics(t testing.TB, addr string, partitions map[string]int, settings ...kafka.ConfigEntry) {
	t.Helper()
	client, done := kafkaClient(addr)
	defer done()
	req := &kafka.CreateTopicsRequest{}
	names := slices.Sorted(maps.Keys(partitions))
	for _, name := range names {
		req.Topics = append(req.Topics, kafka.TopicConfig{
			Topic: name, NumPartitions: partitions[name], ReplicationFactor: -1, ConfigEntries: settings,
		})
	}
	res, err := client.CreateTopics(t.Context(), req)
	if err != nil {
		t.Fatalf("testbed: creating the topics %s: %v", strings.Join(names, ", "), err)
	}
	for name, err := range res.Errors {
		if err != nil {
			t.Fatalf("testbed: creating the topic %s: %v", name, err)
		}
	}
	err = eventually(t.Context(), "the leaders of new topics", func(ctx context.Context) error {
		meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: names})
		if err != nil {
			return err
		}
		return allLed(meta, partitions)
	})
	if err != nil {
		t.Fatalf("testbed: creating the topics %s: %v", strings.Join(names, ", "), err)
	}
}

// allLed is nil once every partition that was asked for has a leader.
func allLed(meta *kafka.MetadataResponse, partitions map[string]int) error {
	led := make(map[string]int)
	for _, topic := range meta.Topics {
		for _, p := range topic.Partitions {
			if topic.Error == nil && p.Error == nil && p.Leader.Host != "" {
				led[topic.Name]++
			}
		}
	}
	for name, n := range partitions {
		if led[name] != n {
			return fmt.Errorf("%d of %d partitions of %s have a leader", led[name], n, name)
		}
	}
	return nil
}

// eventually calls try every 50 ms until it answers nil or ctx ends (bounded by startLimit); what is what is waited for.
func eventually(ctx context.Context, what string, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var err error
	for {
		once, done := context.WithTimeout(ctx, 5*time.Second)
		last := try(once)
		done()
		if last == nil {
			return nil
		}
		if err == nil || ctx.Err() == nil { // what was cut short by the end says less than what was before
			err = last
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w (last: %w)", what, context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}
