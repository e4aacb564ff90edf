package wire

import "context"

// TopicSpec is a topic to create.
type TopicSpec struct {
	Name       string
	Partitions int
	// Replication is the number of replicas; 0 for the cluster's default.
	Replication int
	// Configs are settings by Kafka's names, such as cleanup.policy; nil for none.
	Configs map[string]string
}

// TopicConfigs reads the topics' settings in force, by topic and Kafka's name of the setting, defaults included; a
// topic that does not exist is absent.
func (c *Cluster) TopicConfigs(ctx context.Context, topics []string) (map[string]map[string]string, error) {
	return nil, nil
}

// CreateTopics creates the topics and waits until they can be used. The errors of several are joined; that of a topic
// that exists matches ErrTopicExists, and the others are created all the same.
func (c *Cluster) CreateTopics(ctx context.Context, topics []TopicSpec) error { return nil }
