package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hotlead/hotlead/cmd/internal/dev/servers"
	"github.com/hotlead/hotlead/cmd/testbed"
)

// brokerOn is a Broker on an embedded Kafka with these topics.
func brokerOn(t *testing.T, topics ...servers.Topic) *Broker {
	t.Helper()
	kafka, err := servers.StartKafka("", topics...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	c := DefaultConfig().Kafka
	c.Brokers = []string{kafka.Addr()}
	b, err := OpenBroker(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// uniqueTopics are five names that no other test uses.
func uniqueTopics(t *testing.T) Topics {
	t.Helper()
	return Topics{
		Engagement: testbed.Unique(t, "engagement"), Qualification: testbed.Unique(t, "qualification"),
		TierChanges: testbed.Unique(t, "changes"), DeadLetters: testbed.Unique(t, "dead"), Inbox: testbed.Unique(t, "inbox"),
	}
}

// testBroker is a Broker on the testbed's Kafka, with topics of this test alone that are still to be made.
func testBroker(t *testing.T) (*Broker, Kafka) {
	t.Helper()
	c := DefaultConfig().Kafka
	c.Brokers, c.Topics = []string{testbed.Kafka(t).Addr}, uniqueTopics(t)
	b, err := OpenBroker(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b, c
}

// fit are the five topics as they should be, with so many partitions.
func fit(partitions int) []servers.Topic {
	var topics []servers.Topic
	for _, s := range TopicSpecs(DefaultConfig().Kafka.Topics, partitions) {
		topics = append(topics, servers.Topic{Name: s.Name, Partitions: int32(s.Partitions), Config: s.Config})
	}
	return topics
}

func TestCreateTopicsCreatesWhatIsMissing(t *testing.T) {
	b, c := testBroker(t)
	var missing *TopicsMissingError
	if _, err := b.Lanes(t.Context()); !errors.As(err, &missing) || len(missing.Names) != 5 || !strings.Contains(err.Error(), "hotlead topics create") {
		t.Errorf("without topics: %v", err)
	}
	created, err := b.CreateTopics(t.Context(), 6, 0)
	if err != nil || len(created) != 5 {
		t.Fatalf("created %v, %v", created, err)
	}
	if again, err := b.CreateTopics(t.Context(), 6, 0); err != nil || len(again) != 0 {
		t.Errorf("created again %v, %v", again, err)
	}
	// Another client sees what has come to be.
	other, err := OpenBroker(c)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if n, err := other.Lanes(t.Context()); n != 6 || err != nil {
		t.Errorf("%d lanes, %v", n, err)
	}
	if findings, err := other.CheckTopics(t.Context()); len(findings) != 0 || err != nil {
		t.Errorf("what was created is found wanting: %v, %v", findings, err)
	}
}

func TestCreateTopicsTakesTheLanesThatAreThere(t *testing.T) {
	b, c := testBroker(t)
	testbed.CreateTopics(t, c.Brokers[0], map[string]int{c.Topics.TierChanges: 3})
	if _, err := b.CreateTopics(t.Context(), 6, 0); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Lanes(t.Context()); n != 3 || err != nil {
		t.Errorf("%d lanes, %v", n, err)
	}
}

func TestCheckTopics(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func([]servers.Topic) []servers.Topic
		want   []string // "wrong|advice topic: a part of what is said"
	}{
		{"all well", func(ts []servers.Topic) []servers.Topic { return ts }, nil},
		{"one missing", func(ts []servers.Topic) []servers.Topic { return ts[:4] },
			[]string{"wrong lead.inbox: hotlead topics create"}},
		{"tier changes in other partitions", func(ts []servers.Topic) []servers.Topic { ts[2].Partitions = 5; return ts },
			[]string{"wrong lead.tier-changes: has 5 partitions and lead.inbox has 4"}},
		{"input in other partitions", func(ts []servers.Topic) []servers.Topic { ts[0].Partitions = 5; return ts },
			[]string{"advice lead.engagement: has 5 partitions and lead.inbox has 4"}},
		{"tier changes not compacted", func(ts []servers.Topic) []servers.Topic { ts[2].Config["cleanup.policy"] = "delete"; return ts },
			[]string{"wrong lead.tier-changes: set it to compact"}},
		{"tier changes compacted and deleted", func(ts []servers.Topic) []servers.Topic { ts[2].Config["cleanup.policy"] = "compact,delete"; return ts },
			[]string{"wrong lead.tier-changes: set it to compact"}},
		{"input compacted", func(ts []servers.Topic) []servers.Topic { ts[1].Config["cleanup.policy"] = "compact"; return ts },
			[]string{"wrong lead.qualification: set it to delete"}},
		{"inbox stamped by the broker", func(ts []servers.Topic) []servers.Topic {
			ts[4].Config["message.timestamp.type"] = "LogAppendTime"
			return ts
		},
			[]string{"advice lead.inbox: where the broker's clock is behind"}},
		{"outputs stamped by the broker", func(ts []servers.Topic) []servers.Topic {
			ts[2].Config["message.timestamp.type"] = "LogAppendTime"
			ts[3].Config["message.timestamp.type"] = "LogAppendTime"
			return ts
		},
			[]string{"advice lead.tier-changes: where the broker's clock is behind", "advice lead.dead-letters: --entity-name lead.dead-letters --add-config message.timestamp.type=CreateTime"}},
		{"input stamped by the broker", func(ts []servers.Topic) []servers.Topic {
			ts[0].Config["message.timestamp.type"] = "LogAppendTime"
			return ts
		}, nil},
		{"changes compacted at once", func(ts []servers.Topic) []servers.Topic {
			ts[2].Config["min.compaction.lag.ms"] = "3600000"
			return ts
		},
			[]string{"advice lead.tier-changes: has min.compaction.lag.ms=3600000 (1h0m0s)"}},
		{"no room for headers", func(ts []servers.Topic) []servers.Topic {
			ts[0].Config["max.message.bytes"] = "2031617" // 2 MiB less 64 KiB, and a byte
			return ts
		},
			[]string{
				"wrong lead.dead-letters: has max.message.bytes=2097152 where lead.engagement has 2031617; set it to 2097153 or more",
				"wrong lead.inbox: --alter --entity-type topics --entity-name lead.inbox --add-config max.message.bytes=2097153",
			}},
		{"just room for headers", func(ts []servers.Topic) []servers.Topic {
			ts[0].Config["max.message.bytes"] = "2031616"
			return ts
		}, nil},
		{"dead letters as large as the broker likes", func(ts []servers.Topic) []servers.Topic {
			delete(ts[3].Config, "max.message.bytes")
			return ts
		},
			[]string{"wrong lead.dead-letters: --add-config max.message.bytes=2097152"}},
		{"the larger input counts", func(ts []servers.Topic) []servers.Topic {
			ts[1].Config["max.message.bytes"] = "4194304"
			return ts
		},
			[]string{"wrong lead.dead-letters: where lead.qualification has 4194304", "wrong lead.inbox: max.message.bytes=4259840"}},
		{"input kept for an hour", func(ts []servers.Topic) []servers.Topic { ts[0].Config["retention.ms"] = "3600000"; return ts },
			[]string{"advice lead.engagement: has retention.ms=3600000 (1h0m0s)"}},
		{"input kept for ever", func(ts []servers.Topic) []servers.Topic { ts[0].Config["retention.ms"] = "-1"; return ts }, nil},
		{"inbox bounded in size", func(ts []servers.Topic) []servers.Topic { ts[4].Config["retention.bytes"] = "1000000"; return ts },
			[]string{"advice lead.inbox: has retention.bytes=1000000"}},
		{"dead letters as they like", func(ts []servers.Topic) []servers.Topic {
			ts[3].Partitions = 1
			ts[3].Config["cleanup.policy"] = "compact"
			return ts
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := brokerOn(t, c.change(fit(4))...)
			findings, err := b.CheckTopics(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if len(findings) != len(c.want) {
				t.Fatalf("found %v, want %v", findings, c.want)
			}
			for i, f := range findings {
				kind := "advice"
				if f.Fatal {
					kind = "wrong"
				}
				start, part, _ := strings.Cut(c.want[i], ": ")
				if start != kind+" "+f.Topic || !strings.Contains(f.What, part) {
					t.Errorf("found %s %s: %s; want %s", kind, f.Topic, f.What, c.want[i])
				}
			}
		})
	}
}

func TestABrokerThatIsAwayIsAnErrorThatNamesNoTopic(t *testing.T) {
	c := DefaultConfig().Kafka
	c.Brokers = []string{"127.0.0.1:1"}
	b, err := OpenBroker(c)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, err = b.Lanes(t.Context())
	var missing *TopicsMissingError
	if err == nil || errors.As(err, &missing) {
		t.Errorf("the error is %v", err)
	}
}

func TestTopicSpecsNameTheFiveTopics(t *testing.T) {
	topics := DefaultConfig().Kafka.Topics
	var names []string
	for _, s := range TopicSpecs(topics, 4) {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, topics.names()) {
		t.Error(fmt.Sprint(names))
	}
}

// What hotlead creates is as it should be whatever the broker's defaults are.
func TestCreatedTopicsAreSetAsTheyShouldBe(t *testing.T) {
	b, c := testBroker(t)
	if _, err := b.CreateTopics(t.Context(), 1, 0); err != nil {
		t.Fatal(err)
	}
	topics := c.Topics
	settings, err := b.settings(t.Context(), topics.names())
	if err != nil {
		t.Fatal(err)
	}
	const week = "604800000"
	for topic, want := range map[string]map[string]string{
		topics.Engagement:    {"cleanup.policy": "delete"},
		topics.Qualification: {"cleanup.policy": "delete"},
		topics.TierChanges:   {"cleanup.policy": "compact", "min.compaction.lag.ms": week, "message.timestamp.type": "CreateTime"},
		topics.DeadLetters:   {"cleanup.policy": "delete", "max.message.bytes": "2097152", "retention.ms": week, "message.timestamp.type": "CreateTime"},
		topics.Inbox:         {"cleanup.policy": "delete", "max.message.bytes": "2097152", "retention.ms": week, "message.timestamp.type": "CreateTime"},
	} {
		for name, value := range want {
			if got := settings[topic][name]; got != value {
				t.Errorf("%s has %s=%s, want %s", topic, name, got, value)
			}
		}
	}
	// The broker's own default may be the same.
	for _, s := range TopicSpecs(topics, 1)[3:] {
		if s.Config["retention.ms"] != week {
			t.Errorf("%s leaves retention.ms to the broker", s.Name)
		}
	}
}
