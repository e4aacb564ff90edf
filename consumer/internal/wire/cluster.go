package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/findcoordinator"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/sasl"
)

// Options say where the cluster is and how to talk to it.
type Options struct {
	// Brokers are HOST:PORT addresses to begin with; one that answers is enough.
	Brokers []string
	// TLS is nil for a plain connection.
	TLS *tls.Config
	// SASL is nil for none.
	SASL sasl.Mechanism
	// ClientID names this client in the brokers' logs and quotas.
	ClientID string
	// Log gets what is retried for long; nil for silence.
	Log *slog.Logger
	// Reused is given the memory of fetched records as it becomes free for others, to do with it what it likes: a test
	// spoils it, and so finds out who still reads it. nil: nobody is. It may be called by several goroutines at a time.
	Reused func([]byte)
}

// Cluster is a Kafka cluster. It may be used by several goroutines at a time.
type Cluster struct {
	options   Options
	log       *slog.Logger
	address   net.Addr
	transport *kafka.Transport

	rounds rounds

	mu           sync.Mutex
	topics       map[string][]int32 // the leader of each partition, -1: none at that time
	coordinators map[coordinated]int32
}

// coordinated is what has a coordinator: a group or a transactional ID.
type coordinated struct {
	kind kafka.CoordinatorKeyType
	key  string
}

// brokersTTL is how old the Transport's list of brokers gets at most. Which broker leads what is kept here and asked
// anew whenever an answer says that it is wrong.
const brokersTTL = 2 * time.Second

// Dial makes a Cluster without talking to it; the first call that needs a broker connects.
func Dial(o Options) *Cluster {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Cluster{
		options: o,
		log:     log,
		address: kafka.TCP(o.Brokers...),
		transport: &kafka.Transport{
			TLS:         o.TLS,
			SASL:        o.SASL,
			ClientID:    o.ClientID,
			MetadataTTL: brokersTTL,
			// Brokers only: with nil the Transport would ask for every topic of the cluster again and again.
			MetadataTopics: []string{},
		},
		topics:       make(map[string][]int32),
		coordinators: make(map[coordinated]int32),
	}
	c.rounds.cluster = c
	return c
}

// Close closes the connections. Fetchers are closed before.
func (c *Cluster) Close() { c.transport.CloseIdleConnections() }

// Ping asks any of the brokers for the cluster's layout, once.
func (c *Cluster) Ping(ctx context.Context) error {
	if _, err := c.ask(ctx, anyBroker, &metadata.Request{TopicNames: []string{}}); err != nil {
		return fmt.Errorf("reaching Kafka at %s: %w", strings.Join(c.options.Brokers, ","), err)
	}
	return nil
}

// Transport is what the cluster's connections belong to, for requests that kafka-go routes by itself to a group's or a
// transaction's coordinator. It knows no topics, so it can't route to a partition's leader.
func (c *Cluster) Transport() *kafka.Transport { return c.transport }

// layout asks for the topics' partitions and remembers their leaders. Only topics that exist are in the answer.
func (c *Cluster) layout(ctx context.Context, topics []string) (map[string][]int32, error) {
	answer, err := c.ask(ctx, anyBroker, &metadata.Request{TopicNames: topics})
	if err != nil {
		return nil, err
	}
	found := make(map[string][]int32, len(topics))
	for _, t := range answer.(*metadata.Response).Topics {
		if kafka.Error(t.ErrorCode) == kafka.UnknownTopicOrPartition {
			continue
		}
		if err := answered(t.ErrorCode); err != nil {
			return nil, fmt.Errorf("topic %s: %w", t.Name, err)
		}
		leaders := make([]int32, len(t.Partitions))
		for _, p := range t.Partitions {
			if p.PartitionIndex < 0 || int(p.PartitionIndex) >= len(leaders) {
				return nil, fmt.Errorf("topic %s: partition %d of %d in the cluster's layout", t.Name, p.PartitionIndex, len(leaders))
			}
			leaders[p.PartitionIndex] = p.LeaderID
		}
		found[t.Name] = leaders
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range topics {
		delete(c.topics, name)
		if leaders, ok := found[name]; ok {
			c.topics[name] = leaders
		}
	}
	return found, nil
}

// forgetLeaders makes the next question about a leader of these topics go to the cluster.
func (c *Cluster) forgetLeaders(topics ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range topics {
		delete(c.topics, t)
	}
}

// leaders says who leads each of the partitions, from memory where possible. For a partition without a leader, or that
// does not exist (yet), it is anyBroker, and forgotten again.
func (c *Cluster) leaders(ctx context.Context, of []Partition) ([]int32, error) {
	if missing := c.unknownTopics(of); len(missing) > 0 {
		if _, err := c.layout(ctx, missing); err != nil {
			return nil, fmt.Errorf("asking who leads the partitions: %w", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found := make([]int32, len(of))
	for i, p := range of {
		found[i] = anyBroker
		if leaders := c.topics[p.Topic]; p.Partition >= 0 && p.Partition < len(leaders) {
			found[i] = leaders[p.Partition]
		}
		if found[i] == anyBroker {
			delete(c.topics, p.Topic)
		}
	}
	return found, nil
}

func (c *Cluster) unknownTopics(of []Partition) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var missing []string
	for i, p := range of {
		if _, ok := c.topics[p.Topic]; !ok && (i == 0 || of[i-1].Topic != p.Topic) {
			missing = append(missing, p.Topic)
		}
	}
	return missing
}

// askCoordinator sends a request to the coordinator, which it looks up first where it is not known.
func (c *Cluster) askCoordinator(ctx context.Context, of coordinated, request protocol.Message) (protocol.Message, error) {
	c.mu.Lock()
	broker, known := c.coordinators[of]
	c.mu.Unlock()
	if !known {
		var err error
		if broker, err = c.findCoordinator(ctx, of); err != nil {
			return nil, fmt.Errorf("looking for the coordinator of %s: %w", of.key, err)
		}
	}
	answer, err := c.ask(ctx, broker, request)
	if err != nil {
		c.forgetCoordinator(of, err)
	}
	return answer, err
}

func (c *Cluster) findCoordinator(ctx context.Context, of coordinated) (int32, error) {
	answer, err := c.ask(ctx, anyBroker, &findcoordinator.Request{Key: of.key, KeyType: int8(of.kind)})
	if err != nil {
		var broken *brokenError
		if errors.As(err, &broken) {
			broken.sent = false // the question was, but not the request that this is about
		}
		return anyBroker, err
	}
	found := answer.(*findcoordinator.Response)
	if err := answered(found.ErrorCode); err != nil {
		return anyBroker, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.coordinators[of] = found.NodeID
	return found.NodeID, nil
}

// forgetCoordinator makes the next request look the coordinator up again, if err hints that it has moved.
func (c *Cluster) forgetCoordinator(of coordinated, err error) {
	if err == nil || !coordinatorMoved(err) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.coordinators, of)
}
