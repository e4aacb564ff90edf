package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hotlead/hotlead/consumer"
)

// TopicSpec is how one of hotlead's topics should be.
type TopicSpec struct {
	Name       string
	Partitions int
	// Config holds settings by Kafka's names; what is not named is the broker's default.
	Config map[string]string
}

// What the topics that hotlead creates are given.
const (
	// copyBytes is max.message.bytes of the topics that hold input once more: an event at the usual limit of an input
	// topic, 1 MiB, and the headers that say where it came from.
	copyBytes = 2 << 20
	// keptFor is how long what hotlead writes stays readable at least: dead letters until somebody has looked at them,
	// each single change until a reader who was away is back.
	keptFor = 7 * 24 * time.Hour
)

// TopicSpecs are the five topics with so many partitions each. The inputs and the inbox are never compacted: hotlead may
// have to read them again, event by event. The tier changes are: the last change of every lead outlives retention; but
// not at once, so that a reader who is behind still sees each change. Dead letters and the inbox take any event that an
// input topic takes, with headers added. What hotlead writes keeps hotlead's timestamps, by which it finds it again.
func TopicSpecs(t Topics, partitions int) []TopicSpec {
	kept, large := strconv.FormatInt(keptFor.Milliseconds(), 10), strconv.Itoa(copyBytes)
	return []TopicSpec{
		{t.Engagement, partitions, map[string]string{"cleanup.policy": "delete"}},
		{t.Qualification, partitions, map[string]string{"cleanup.policy": "delete"}},
		{t.TierChanges, partitions, map[string]string{
			"cleanup.policy": "compact", "min.compaction.lag.ms": kept, "message.timestamp.type": "CreateTime",
		}},
		{t.DeadLetters, partitions, map[string]string{
			"cleanup.policy": "delete", "retention.ms": kept, "max.message.bytes": large, "message.timestamp.type": "CreateTime",
		}},
		{t.Inbox, partitions, map[string]string{
			"cleanup.policy": "delete", "retention.ms": kept, "max.message.bytes": large, "message.timestamp.type": "CreateTime",
		}},
	}
}

// TopicsMissingError is the error of topics that don't exist.
type TopicsMissingError struct {
	Names []string
}

func (e *TopicsMissingError) Error() string {
	return "Kafka has no topic " + strings.Join(e.Names, ", ") + "; create what is missing with hotlead topics create, or name other topics in kafka.topics"
}

// Broker asks Kafka about topics and creates them. Close it after use.
type Broker struct {
	topics    Topics
	brokers   []string
	client    *kafka.Client
	transport *kafka.Transport
}

// requestTimeout bounds one request to Kafka.
const requestTimeout = 10 * time.Second

// OpenBroker prepares to ask Kafka. It does not connect.
func OpenBroker(c Kafka) (*Broker, error) {
	secured, err := c.TLS.client()
	if err != nil {
		return nil, unusable("kafka.tls", err)
	}
	mechanism, err := c.SASL.client()
	if err != nil {
		return nil, unusable("kafka.sasl", err)
	}
	transport := &kafka.Transport{
		TLS: secured, SASL: mechanism, ClientID: clientID, DialTimeout: requestTimeout / 2,
		// The transport answers from its own view of the cluster, so that must be of our topics and not lag behind.
		MetadataTopics: c.Topics.names(), MetadataTTL: time.Second,
	}
	return &Broker{
		topics:    c.Topics,
		brokers:   c.Brokers,
		client:    &kafka.Client{Addr: kafka.TCP(c.Brokers...), Timeout: requestTimeout, Transport: transport},
		transport: transport,
	}, nil
}

// Close closes the connections; the error is always nil.
func (b *Broker) Close() error {
	b.transport.CloseIdleConnections()
	return nil
}

// partitions are the partition counts of those of the five topics that exist.
func (b *Broker) partitions(ctx context.Context) (map[string]int, error) {
	answer, err := b.client.Metadata(ctx, &kafka.MetadataRequest{Topics: b.topics.names()})
	if err != nil {
		return nil, consumer.KafkaMend(fmt.Errorf("asking Kafka for topics: %w", err))
	}
	counts := map[string]int{}
	for _, t := range answer.Topics {
		switch {
		case errors.Is(t.Error, kafka.UnknownTopicOrPartition):
		case t.Error != nil:
			return nil, consumer.KafkaMend(fmt.Errorf("asking Kafka for the topic %s: %w", t.Name, t.Error))
		default:
			counts[t.Name] = len(t.Partitions)
		}
	}
	return counts, nil
}

// Lanes is the number of lanes: the partitions of the inbox. The error is a *TopicsMissingError where one of the five
// topics is missing.
func (b *Broker) Lanes(ctx context.Context) (int, error) {
	counts, err := b.partitions(ctx)
	if err != nil {
		return 0, err
	}
	missing := slices.DeleteFunc(b.topics.names(), func(name string) bool { return counts[name] > 0 })
	if len(missing) > 0 {
		return 0, &TopicsMissingError{Names: missing}
	}
	return counts[b.topics.Inbox], nil
}

func (t Topics) names() []string {
	return []string{t.Engagement, t.Qualification, t.TierChanges, t.DeadLetters, t.Inbox}
}

// CreateTopics creates what is missing of the five topics, with so many partitions and replicas (0: the broker's
// default), and returns what it created. Where the inbox or the tier changes are there already, their number of
// partitions goes for the other, since they must have the same.
func (b *Broker) CreateTopics(ctx context.Context, partitions, replicas int) ([]TopicSpec, error) {
	t := b.topics
	counts, err := b.partitions(ctx)
	if err != nil {
		return nil, err
	}
	if n := max(counts[t.Inbox], counts[t.TierChanges]); n > 0 {
		partitions = n
	}
	if replicas == 0 {
		replicas = -1 // Kafka's word for its default
	}
	var created []TopicSpec
	for _, spec := range TopicSpecs(t, partitions) {
		if counts[spec.Name] > 0 {
			continue
		}
		switch err := b.create(ctx, spec, replicas); {
		case errors.Is(err, kafka.TopicAlreadyExists): // somebody else was quicker
		case err != nil:
			return created, consumer.KafkaMend(fmt.Errorf("creating the topic %s with %d partitions: %w", spec.Name, spec.Partitions, err))
		default:
			created = append(created, spec)
		}
	}
	return created, b.settle(ctx)
}

// settle waits until the topics are seen: a broker answers for a new topic before it knows of it.
func (b *Broker) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := b.Lanes(ctx)
		var missing *TopicsMissingError
		if !errors.As(err, &missing) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the new topics: %w", err)
		case <-tick.C:
		}
	}
}

func (b *Broker) create(ctx context.Context, spec TopicSpec, replicas int) error {
	topic := kafka.TopicConfig{Topic: spec.Name, NumPartitions: spec.Partitions, ReplicationFactor: replicas}
	for name, value := range spec.Config {
		topic.ConfigEntries = append(topic.ConfigEntries, kafka.ConfigEntry{ConfigName: name, ConfigValue: value})
	}
	answer, err := b.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{topic}})
	if err != nil {
		return err
	}
	return answer.Errors[spec.Name]
}
