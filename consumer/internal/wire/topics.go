package wire

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// TopicSpec is a topic to create.
type TopicSpec struct {
	Name       string
	Partitions int
	// Replication is the number of replicas; 0 for the cluster's default.
	Replication int
	// Configs are settings by Kafka's names, such as cleanup.policy; nil for none.
	Configs map[string]string
}

// topicResource is the type of a topic among the resources that DescribeConfigs knows.
const topicResource = 2

// clusterDefault stands for a number of replicas.
const clusterDefault = -1

// TopicConfigs reads the topics' settings in force, by topic and Kafka's name of the setting, defaults included; a
// topic that does not exist is absent.
func (c *Cluster) TopicConfigs(ctx context.Context, topics []string) (map[string]map[string]string, error) {
	request := &describeconfigs.Request{}
	for _, t := range topics {
		request.Resources = append(request.Resources, describeconfigs.RequestResource{ResourceType: topicResource, ResourceName: t})
	}
	configs := make(map[string]map[string]string, len(topics))
	err := c.retry(ctx, patience, "reading the settings of topics", func() error {
		answer, err := c.ask(ctx, anyBroker, request)
		if err != nil {
			return err
		}
		for _, r := range answer.(*describeconfigs.Response).Resources {
			if kafka.Error(r.ErrorCode) == kafka.UnknownTopicOrPartition {
				continue
			}
			if err := answered(r.ErrorCode); err != nil {
				return fmt.Errorf("topic %s: %w", r.ResourceName, err)
			}
			settings := make(map[string]string, len(r.ConfigEntries))
			for _, e := range r.ConfigEntries {
				settings[e.ConfigName] = e.ConfigValue
			}
			configs[r.ResourceName] = settings
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return configs, nil
}

// CreateTopics creates the topics and waits until each of their partitions has a leader. The errors of several are
// joined; that of a topic that exists matches ErrTopicExists, and the others are created all the same.
func (c *Cluster) CreateTopics(ctx context.Context, topics []TopicSpec) error {
	var refused []error
	for _, t := range topics {
		// One by one, so that an answer that got lost leaves only that topic in doubt.
		err := c.retry(ctx, patience, "creating the topic "+t.Name, func() error { return c.createTopic(ctx, t) })
		if err != nil {
			refused = append(refused, err)
			continue
		}
		if err := c.retry(ctx, patience, "waiting for the topic "+t.Name, func() error { return c.ready(ctx, t) }); err != nil {
			refused = append(refused, err)
		}
	}
	return errors.Join(refused...)
}

func (c *Cluster) createTopic(ctx context.Context, t TopicSpec) error {
	// Only the controller of a cluster with ZooKeeper creates topics; with KRaft any broker passes the request on.
	got, err := c.ask(ctx, anyBroker, &metadata.Request{TopicNames: []string{}})
	if err != nil {
		return err
	}
	spec := createtopics.RequestTopic{Name: t.Name, NumPartitions: int32(t.Partitions), ReplicationFactor: int16(t.Replication)}
	if t.Replication == 0 {
		spec.ReplicationFactor = clusterDefault
	}
	for _, name := range slices.Sorted(maps.Keys(t.Configs)) {
		spec.Configs = append(spec.Configs, createtopics.RequestConfig{Name: name, Value: t.Configs[name]})
	}
	got, err = c.ask(ctx, got.(*metadata.Response).ControllerID, &createtopics.Request{
		Topics: []createtopics.RequestTopic{spec}, TimeoutMs: int32(requestTimeout.Milliseconds()) / 2,
	})
	if err != nil {
		return err
	}
	for _, answer := range got.(*createtopics.Response).Topics {
		if err := answered(answer.ErrorCode); err != nil {
			if answer.ErrorMessage != "" {
				return fmt.Errorf("%s: %w", answer.ErrorMessage, err)
			}
			return err
		}
	}
	return nil
}

// ready says whether every partition of the topic has a leader.
func (c *Cluster) ready(ctx context.Context, t TopicSpec) error {
	partitions := make([]Partition, t.Partitions)
	for i := range partitions {
		partitions[i] = Partition{Topic: t.Name, Partition: i}
	}
	leaders, err := c.leaders(ctx, partitions)
	if err != nil {
		return err
	}
	if i := slices.Index(leaders, anyBroker); i >= 0 {
		return partitions[i].at(answered(int16(kafka.LeaderNotAvailable)))
	}
	return nil
}
