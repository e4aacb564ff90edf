package app

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hotlead/hotlead/consumer"
)

// Finding is something about a topic that should be otherwise.
type Finding struct {
	Topic string
	// What says what was found, and what to do.
	What string
	// Fatal is whether hotlead can't keep its promise with it; else it is advice.
	Fatal bool
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
	j := judge{topics: t, broker: b.brokers[0], settings: settings, findings: findings}
	for _, name := range there {
		j.topic(name)
	}
	return j.findings, nil
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
			ConfigNames: []string{
				"cleanup.policy", "retention.ms", "retention.bytes", "message.timestamp.type", "max.message.bytes", "min.compaction.lag.ms",
			},
		})
	}
	answer, err := b.client.DescribeConfigs(ctx, request)
	if err != nil {
		return nil, consumer.KafkaMend(fmt.Errorf("asking Kafka for the topics' settings: %w", err))
	}
	settings := map[string]map[string]string{}
	for _, r := range answer.Resources {
		if r.Error != nil {
			return nil, consumer.KafkaMend(fmt.Errorf("asking Kafka for the settings of %s: %w", r.ResourceName, r.Error))
		}
		settings[r.ResourceName] = map[string]string{}
		for _, e := range r.ConfigEntries {
			settings[r.ResourceName][e.ConfigName] = e.ConfigValue
		}
	}
	return settings, nil
}

// What settings must come to at least.
const (
	// leastRetention is how long input should stay: as long as Redis may be gone, or as old as the backup may be that it
	// is brought back from.
	leastRetention = 3 * 24 * time.Hour
	// headerBytes is room for what a dead letter or a forward says about where its event came from, and why.
	headerBytes = 64 << 10
)

// judge compares the settings of topics that exist with what hotlead needs of them.
type judge struct {
	topics   Topics
	broker   string // for the commands that mend
	settings map[string]map[string]string
	findings []Finding
}

// wrong and advise find something about a topic that setting it so would mend.
func (j *judge) wrong(topic, setting, format string, args ...any) {
	j.findings = append(j.findings, Finding{topic, fmt.Sprintf(format, args...) + j.mend(topic, setting), true})
}

func (j *judge) advise(topic, setting, format string, args ...any) {
	j.findings = append(j.findings, Finding{topic, fmt.Sprintf(format, args...) + j.mend(topic, setting), false})
}

// mend is the command that sets a topic's setting, "name=value".
func (j *judge) mend(topic, setting string) string {
	return fmt.Sprintf("; run: kafka-configs --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s", j.broker, topic, setting)
}

// number is a setting that is a whole number; false where the broker doesn't tell it.
func (j *judge) number(topic, setting string) (int64, bool) {
	n, err := strconv.ParseInt(j.settings[topic][setting], 10, 64)
	return n, err == nil
}

func (j *judge) topic(name string) {
	switch t := j.topics; name {
	case t.Engagement, t.Qualification:
		j.replayable(name)
	case t.TierChanges:
		j.changes(name)
		j.timestamps(name)
	case t.DeadLetters:
		j.size(name)
		j.timestamps(name)
	case t.Inbox:
		j.replayable(name)
		j.size(name)
		j.timestamps(name)
	}
}

// replayable is for what may have to be read again, event by event.
func (j *judge) replayable(name string) {
	if policy := j.settings[name]["cleanup.policy"]; strings.Contains(policy, "compact") {
		j.wrong(name, "cleanup.policy=delete", "has cleanup.policy=%s; set it to delete: compaction takes events away that may be needed again", policy)
	}
	if ms, ok := j.number(name, "retention.ms"); ok && ms >= 0 && ms < leastRetention.Milliseconds() {
		j.advise(name, fmt.Sprintf("retention.ms=%d", keptFor.Milliseconds()), "has retention.ms=%d (%v); keep events longer than Redis may be gone, better %v or more",
			ms, time.Duration(ms)*time.Millisecond, leastRetention)
	}
	if n, ok := j.number(name, "retention.bytes"); ok && n >= 0 {
		j.advise(name, "retention.bytes=-1", "has retention.bytes=%d, so a burst shortens how long events are kept; bound the time alone", n)
	}
}

// changes is for the tier changes.
func (j *judge) changes(name string) {
	policy := j.settings[name]["cleanup.policy"]
	if !strings.Contains(policy, "compact") || strings.Contains(policy, "delete") {
		j.wrong(name, "cleanup.policy=compact", "has cleanup.policy=%s; set it to compact: the last change of every lead must outlive retention", policy)
	}
	if ms, ok := j.number(name, "min.compaction.lag.ms"); ok && ms < keptFor.Milliseconds() {
		j.advise(name, fmt.Sprintf("min.compaction.lag.ms=%d", keptFor.Milliseconds()),
			"has min.compaction.lag.ms=%d (%v), so a reader who is further behind misses changes of a lead that has changed again since; better %v",
			ms, time.Duration(ms)*time.Millisecond, keptFor)
	}
}

// size is for what takes events of the input topics, with headers added: one that doesn't fit holds up its lane.
func (j *judge) size(name string) {
	var input string
	var largest int64
	for _, in := range []string{j.topics.Engagement, j.topics.Qualification} {
		if n, ok := j.number(in, "max.message.bytes"); ok && n > largest {
			input, largest = in, n
		}
	}
	least := largest + headerBytes
	if n, ok := j.number(name, "max.message.bytes"); ok && input != "" && n < least {
		j.wrong(name, fmt.Sprintf("max.message.bytes=%d", max(least, copyBytes)),
			"has max.message.bytes=%d where %s has %d; set it to %d or more: an event of the largest size, with the headers that are added, must fit",
			n, input, largest, least)
	}
}

// timestamps is for what hotlead writes, and looks for by the timestamp that it gave it, where a group's offsets are gone.
func (j *judge) timestamps(name string) {
	if j.settings[name]["message.timestamp.type"] == "LogAppendTime" {
		j.advise(name, "message.timestamp.type=CreateTime",
			"has message.timestamp.type=LogAppendTime; set it to CreateTime: where the broker's clock is behind, hotlead doesn't find what it has written, and may write it again after the group's offsets were lost")
	}
}
