package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// right is one right at Kafka.
type right struct {
	kind   kafka.ResourceType
	name   string
	prefix bool
	may    kafka.ACLOperationType
}

// rightsOf are those that SECURITY.md lists for hotlead run.
func rightsOf(c Kafka) []right {
	topic, read, write := kafka.ResourceTypeTopic, kafka.ACLOperationTypeRead, kafka.ACLOperationTypeWrite
	return []right{
		{topic, c.Topics.Engagement, false, read}, {topic, c.Topics.Qualification, false, read},
		{topic, c.Topics.Inbox, false, read}, {topic, c.Topics.Inbox, false, write},
		{topic, c.Topics.TierChanges, false, read}, {topic, c.Topics.TierChanges, false, write},
		{topic, c.Topics.DeadLetters, false, write},
		{kafka.ResourceTypeGroup, c.Group, false, read},
		{kafka.ResourceTypeTransactionalID, c.Group + "-lane-", true, write},
	}
}

// rightsToPost are those that SECURITY.md lists for POST /v1/events.
func rightsToPost(c Kafka) []right {
	topic, write := kafka.ResourceTypeTopic, kafka.ACLOperationTypeWrite
	return []right{{topic, c.Topics.Engagement, false, write}, {topic, c.Topics.Qualification, false, write}}
}

// grantor gives and takes rights, past all security.
type grantor struct {
	t      *testing.T
	client *kafka.Client
	user   string
}

func (g grantor) pattern(r right) kafka.PatternType {
	if r.prefix {
		return kafka.PatternTypePrefixed
	}
	return kafka.PatternTypeLiteral
}

func (g grantor) give(r right) {
	g.t.Helper()
	answer, err := g.client.CreateACLs(g.t.Context(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{{
		ResourceType: r.kind, ResourceName: r.name, ResourcePatternType: g.pattern(r), Principal: "User:" + g.user, Host: "*",
		Operation: r.may, PermissionType: kafka.ACLPermissionTypeAllow,
	}}})
	if err == nil {
		err = errors.Join(answer.Errors...)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g grantor) take(r right) {
	g.t.Helper()
	answer, err := g.client.DeleteACLs(g.t.Context(), &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{
		ResourceTypeFilter: r.kind, ResourceNameFilter: r.name, ResourcePatternTypeFilter: g.pattern(r), PrincipalFilter: "User:" + g.user, HostFilter: "*",
		Operation: r.may, PermissionType: kafka.ACLPermissionTypeAllow,
	}}})
	if err == nil && (len(answer.Results) != 1 || len(answer.Results[0].MatchingACLs) != 1) {
		err = fmt.Errorf("%d results", len(answer.Results))
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// TestTheRightsAtKafkaAreEnoughAndTheLeast has a service rebuild its state, fold, announce, forward and bury with the
// rights that SECURITY.md lists, and with all but one of them, each in turn.
func TestTheRightsAtKafkaAreEnoughAndTheLeast(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	k := testbed.SecureKafka(t, testbed.KafkaSecurity{Mechanism: "PLAIN", ACLs: true})
	r := testbed.OwnRedis(t)
	c := lets{k.Addr, section(t, k.Access, "plain"), "  addrs: [" + r.Addr + "]"}.config(t)
	createTopics(t, c.Kafka, k.Inside)
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	g := grantor{t, &kafka.Client{Addr: kafka.TCP(k.Inside), Transport: transport}, k.Access.Username}
	rights := rightsOf(c.Kafka)
	for _, r := range rights {
		g.give(r)
	}
	producer, err := kgo.NewClient(kgo.SeedBrokers(k.Inside), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	sent := 0
	// run starts the service without anything in Redis, and gives it an event, a misplaced one and a bad one in each lane.
	run := func() (s *service, log *record) {
		t.Helper()
		r.FlushAll()
		sent++
		for lane := range int32(2) {
			for _, text := range []string{
				fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"web","type":"demo.requested","subject":"lead-%d","time":"%s","data":{}}`, sent, sent, time.Now().UTC().Format(time.RFC3339)),
				"no JSON",
			} {
				if err := producer.ProduceSync(t.Context(), &kgo.Record{Topic: c.Kafka.Topics.Engagement, Partition: lane, Value: []byte(text)}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
		}
		log = &record{}
		return serviceAs(t, c, smallModel(t), slog.New(slog.NewTextHandler(log, nil))), log
	}
	works := func() {
		t.Helper()
		s, log := run()
		defer func() {
			if t.Failed() {
				t.Log(log.String())
			}
		}()
		s.eventually(t, "/v1/leads?tier=hot", func(_ int, text string) bool { return strings.Contains(text, fmt.Sprintf(`"lead":"lead-%d"`, sent)) })
		s.eventually(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
		s.stop()
		if err := <-s.ended; err != nil {
			t.Error(err)
		}
	}
	works()
	works() // as it was told before: it reads what it announced
	postsWithItsRightsAlone(t, c, g)
	for _, one := range rights {
		g.take(one)
		s, log := run()
		s.eventually(t, "/readyz", func(status int, text string) bool {
			return status == http.StatusServiceUnavailable && strings.Contains(text, "SECURITY.md")
		})
		s.stop()
		if err := <-s.ended; err != nil && !strings.Contains(err.Error(), "uthoriz") {
			t.Errorf("without %+v it ends with %v", one, err)
		}
		if !strings.Contains(log.String(), "SECURITY.md") && !strings.Contains(log.String(), "allow this user READ on the group") {
			t.Errorf("without %+v the log does not tell:\n%s", one, log.String())
		}
		g.give(one)
	}
	works()
}

// postsWithItsRightsAlone holds that a service which may not write to the inputs works all the same, and takes events once
// it may.
func postsWithItsRightsAlone(t *testing.T, c Config, g grantor) {
	t.Helper()
	log := &record{}
	s := serviceAs(t, c, smallModel(t), slog.New(slog.NewTextHandler(log, nil)))
	s.eventually(t, "/readyz", func(status int, _ string) bool { return status == http.StatusOK })
	const batch = `[{"specversion":"1.0","id":"p1","source":"web","type":"demo.requested","subject":"lead-p"},
		{"specversion":"1.0","id":"p2","source":"web","type":"lead.converted","subject":"lead-p","data":{"outcome":"won"}}]`
	for _, one := range rightsToPost(c.Kafka) {
		if status, _ := s.post(t, "application/cloudevents-batch+json", batch); status != http.StatusServiceUnavailable || !strings.Contains(log.String(), "SECURITY.md") {
			t.Errorf("without %+v a post is answered %d:\n%s", one, status, log.String())
		}
		g.give(one)
	}
	// The broker acknowledges a right a moment before it grants it.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for tries := 1; ; tries++ {
		status, text := s.post(t, "application/cloudevents-batch+json", batch)
		if status == http.StatusAccepted {
			break
		}
		if tries == 500 {
			t.Fatalf("with all rights a post is answered %d, %s:\n%s", status, text, log.String())
		}
		<-tick.C
	}
	s.stop()
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
}
