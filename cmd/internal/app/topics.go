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
)

// TopicSpec is how one of hotlead's topics should be.
type TopicSpec struct {
	Name       string
	Partitions int
	// Config holds settings by Kafka's names; what is not named is the broker's default.
	Config map[string]string
}

// TopicSpecs are the five topics with so many partitions each. The inputs and the inbox are never compacted: hotlead may
// have to read them again, event by event. The tier changes are: the last change of every lead outlives retention. The
// inbox keeps the senders' timestamps, by which the bound on an event's time is judged.
func TopicSpecs(t Topics, partitions int) []TopicSpec {
	return []TopicSpec{
		{t.Engagement, partitions, map[string]string{"cleanup.policy": "delete"}},
		{t.Qualification, partitions, map[string]string{"cleanup.policy": "delete"}},
		{t.TierChanges, partitions, map[string]string{"cleanup.policy": "compact"}},
		{t.DeadLetters, partitions, map[string]string{"cleanup.policy": "delete"}},
		{t.Inbox, partitions, map[string]string{"cleanup.policy": "delete", "message.timestamp.type": "CreateTime"}},
	}
}

// Finding is something about a topic that should be otherwise.
type Finding struct {
	Topic string
	// What says what was found, and what to do.
	What string
	// Fatal is whether hotlead can't keep its promise with it; else it is advice.
	Fatal bool
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
	client    *kafka.Client
	transport *kafka.Transport
}

// requestTimeout bounds one request to Kafka.
const requestTimeout = 10 * time.Second

// OpenBroker prepares to ask Kafka. It does not connect.
func OpenBroker(c Kafka) (*Broker, error) {
	secured, err := c.TLS.client()
	if err != nil {
		return nil, fmt.Errorf("kafka.tls: %w", err)
	}
	mechanism, err := c.SASL.client()
	if err != nil {
		return nil, fmt.Errorf("kafka.sasl: %w", err)
	}
	transport := &kafka.Transport{
		TLS: secured, SASL: mechanism, ClientID: clientID, DialTimeout: requestTimeout / 2,
		// The transport answers from its own view of the cluster, so that must be of our topics and not lag behind.
		MetadataTopics: c.Topics.names(), MetadataTTL: time.Second,
	}
	return &Broker{
		topics:    c.Topics,
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
		return nil, fmt.Errorf("asking Kafka for topics: %w", err)
	}
	counts := map[string]int{}
	for _, t := range answer.Topics {
		switch {
		case errors.Is(t.Error, kafka.UnknownTopicOrPartition):
		case t.Error != nil:
			return nil, fmt.Errorf("asking Kafka for the topic %s: %w", t.Name, t.Error)
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
			return created, fmt.Errorf("creating the topic %s with %d partitions: %w", spec.Name, spec.Partitions, err)
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

// CheckTopics says what is missing or wrong about the five topics; nothing where all is well.
func (b *Broker) CheckTopics(ctx context.Context) ([]Finding, error) {
	t := b.topics
	counts, err := b.partitions(ctx)
	if err != nil {
		return nil, err
	}
	var findings []Finding
	var there []string
	for _, name := range t.names() {
		if counts[name] == 0 {
			findings = append(findings, Finding{name, "is missing; create it with hotlead topics create", true})
			continue
		}
		there = append(there, name)
	}
	if in, out := counts[t.Inbox], counts[t.TierChanges]; in > 0 && out > 0 && in != out {
		findings = append(findings, Finding{t.TierChanges, fmt.Sprintf(
			"has %d partitions and %s has %d; they must have the same number: create the one that is still empty again", out, t.Inbox, in), true})
	}
	for _, name := range []string{t.Engagement, t.Qualification} {
		if n, lanes := counts[name], counts[t.Inbox]; n > 0 && lanes > 0 && n != lanes {
			findings = append(findings, Finding{name, fmt.Sprintf(
				"has %d partitions and %s has %d; that works, but most events take a detour over %s", n, t.Inbox, lanes, t.Inbox), false})
		}
	}
	settings, err := b.settings(ctx, there)
	if err != nil {
		return nil, err
	}
	return append(findings, judge(t, there, settings)...), nil
}

// settings are the settings of topics that CheckTopics judges, by topic and name.
func (b *Broker) settings(ctx context.Context, topics []string) (map[string]map[string]string, error) {
	if len(topics) == 0 {
		return nil, nil
	}
	request := &kafka.DescribeConfigsRequest{}
	for _, t := range topics {
		request.Resources = append(request.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: t,
			ConfigNames: []string{"cleanup.policy", "retention.ms", "retention.bytes", "message.timestamp.type"},
		})
	}
	answer, err := b.client.DescribeConfigs(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("asking Kafka for the topics' settings: %w", err)
	}
	settings := map[string]map[string]string{}
	for _, r := range answer.Resources {
		if r.Error != nil {
			return nil, fmt.Errorf("asking Kafka for the settings of %s: %w", r.ResourceName, r.Error)
		}
		settings[r.ResourceName] = map[string]string{}
		for _, e := range r.ConfigEntries {
			settings[r.ResourceName][e.ConfigName] = e.ConfigValue
		}
	}
	return settings, nil
}

// leastRetention is how long input should stay: as long as Redis may be gone, or as old as the backup may be that it is
// brought back from.
const leastRetention = 3 * 24 * time.Hour

// judge compares the settings of topics that exist with what hotlead needs of them.
func judge(t Topics, there []string, settings map[string]map[string]string) []Finding {
	var findings []Finding
	for _, name := range there {
		s := settings[name]
		compacted := strings.Contains(s["cleanup.policy"], "compact")
		deleted := strings.Contains(s["cleanup.policy"], "delete")
		switch name {
		case t.TierChanges:
			if !compacted || deleted {
				findings = append(findings, Finding{name, "has cleanup.policy=" + s["cleanup.policy"] +
					"; set it to compact: the last change of every lead must outlive retention", true})
			}
		case t.Engagement, t.Qualification, t.Inbox:
			if compacted {
				findings = append(findings, Finding{name, "has cleanup.policy=" + s["cleanup.policy"] +
					"; set it to delete: compaction takes events away that may be needed again", true})
			}
			findings = append(findings, judgeRetention(name, s)...)
		}
		if name == t.Inbox && s["message.timestamp.type"] == "LogAppendTime" {
			findings = append(findings, Finding{name, "has message.timestamp.type=LogAppendTime; set it to CreateTime: events keep the time at which they first came in", true})
		}
	}
	return findings
}

func judgeRetention(name string, s map[string]string) []Finding {
	var findings []Finding
	if ms, err := strconv.ParseInt(s["retention.ms"], 10, 64); err == nil && ms >= 0 && time.Duration(ms)*time.Millisecond < leastRetention {
		findings = append(findings, Finding{name, fmt.Sprintf("has retention.ms=%d (%v); keep events longer than Redis may be gone, better %v or more",
			ms, time.Duration(ms)*time.Millisecond, leastRetention), false})
	}
	if bytes, err := strconv.ParseInt(s["retention.bytes"], 10, 64); err == nil && bytes >= 0 {
		findings = append(findings, Finding{name, fmt.Sprintf("has retention.bytes=%d, so a burst shortens how long events are kept; bound the time alone", bytes), false})
	}
	return findings
}
