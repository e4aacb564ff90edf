package testbed_test

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/hotlead/hotlead/cmd/testbed"
)

func TestASecuredKafkaLetsInOnlyWhoHasAccess(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	for name, s := range map[string]testbed.KafkaSecurity{
		"mutual TLS and SCRAM-SHA-512": {MutualTLS: true, Mechanism: "SCRAM-SHA-512"},
		"SCRAM-SHA-256 in clear":       {Mechanism: "SCRAM-SHA-256", Plaintext: true},
	} {
		t.Run(name, func(t *testing.T) {
			k := testbed.SecureKafka(t, s)
			topic := testbed.Unique(t, "topic")
			testbed.CreateTopics(t, k.Inside, map[string]int{topic: 1})
			if err := askKafka(t, k.Addr, topic, k.Access.TLS(t), mechanism(t, s.Mechanism, k.Access.Username, k.Access.Password)); err != nil {
				t.Errorf("who has access is told %v", err)
			}
			if err := askKafka(t, k.Addr, topic, nil, nil); err == nil {
				t.Error("a stranger was let in")
			}
			if s.MutualTLS {
				noCert := k.Access
				noCert.CertFile = ""
				if err := askKafka(t, k.Addr, topic, noCert.TLS(t), mechanism(t, s.Mechanism, k.Access.Username, k.Access.Password)); err == nil {
					t.Error("someone without a certificate was let in")
				}
			}
			err := askKafka(t, k.Addr, topic, k.Access.TLS(t), mechanism(t, s.Mechanism, k.Access.Username, "wrong"))
			if !errors.Is(err, kafka.SASLAuthenticationFailed) {
				t.Errorf("with a wrong password came %v, want %v", err, kafka.SASLAuthenticationFailed)
			}
		})
	}
}

func TestAKafkaWithACLsRefusesWhatTheyDoNotAllow(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	k := testbed.SecureKafka(t, testbed.KafkaSecurity{Mechanism: "PLAIN", ACLs: true})
	topic := testbed.Unique(t, "topic")
	testbed.CreateTopics(t, k.Inside, map[string]int{topic: 1})
	user := mechanism(t, "PLAIN", k.Access.Username, k.Access.Password)
	if err := askKafka(t, k.Addr, topic, k.Access.TLS(t), user); err == nil {
		t.Error("without an ACL the topic was told of")
	}
	inside := &kafka.Client{Addr: kafka.TCP(k.Inside), Transport: &kafka.Transport{}}
	defer inside.Transport.(*kafka.Transport).CloseIdleConnections()
	res, err := inside.CreateACLs(t.Context(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{{
		ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ResourcePatternType: kafka.PatternTypeLiteral,
		Principal: "User:" + k.Access.Username, Host: "*", Operation: kafka.ACLOperationTypeDescribe, PermissionType: kafka.ACLPermissionTypeAllow,
	}}})
	if err := errors.Join(append(res.Errors, err)...); err != nil {
		t.Fatal(err)
	}
	until(t, "the ACL to hold", func() bool { return askKafka(t, k.Addr, topic, k.Access.TLS(t), user) == nil })
}

func TestASecuredRedisLetsInOnlyWhoHasAccess(t *testing.T) {
	if !testbed.Processes(t) {
		return
	}
	for name, s := range map[string]testbed.RedisSecurity{
		"TLS":          {},
		"mutual TLS":   {MutualTLS: true},
		"ACL in clear": {Plaintext: true, Rules: "~theirs:* +ping +set"},
	} {
		t.Run(name, func(t *testing.T) {
			r := testbed.SecureRedis(t, s, "--appendonly", "yes")
			a := r.Access
			ask := func(config *tls.Config, user, password string, command ...any) error {
				c := redis.NewClient(&redis.Options{Addr: r.Addr, TLSConfig: config, Username: user, Password: password, MaxRetries: -1})
				defer c.Close()
				return c.Do(t.Context(), command...).Err()
			}
			if err := ask(a.TLS(t), a.Username, a.Password, "SET", "theirs:key", "value"); err != nil {
				t.Errorf("who has access is told %v", err)
			}
			if err := ask(a.TLS(t), "", "", "PING"); !redis.HasErrorPrefix(err, "NOAUTH") {
				t.Errorf("without a name came %v, want NOAUTH", err)
			}
			if err := ask(a.TLS(t), a.Username, "wrong", "PING"); !redis.HasErrorPrefix(err, "WRONGPASS") {
				t.Errorf("with a wrong password came %v, want WRONGPASS", err)
			}
			if s.MutualTLS {
				a.CertFile = ""
				if err := ask(a.TLS(t), a.Username, a.Password, "PING"); err == nil {
					t.Error("someone without a certificate was let in")
				}
			}
			if s.Rules != "" {
				if err := ask(nil, a.Username, a.Password, "GET", "theirs:key"); !redis.HasErrorPrefix(err, "NOPERM") {
					t.Errorf("for a command that no rule allows came %v, want NOPERM", err)
				}
			}
			r.Restart() // faults find their own way in
			if got, err := inside(t, r).Get(t.Context(), "theirs:key").Result(); err != nil || got != "value" {
				t.Errorf("from the inside the key is %q (%v), want it kept", got, err)
			}
		})
	}
}

// inside is a client that may do everything.
func inside(t *testing.T, r *testbed.RedisServer) *redis.Client {
	t.Helper()
	c := redis.NewClient(r.Inside())
	t.Cleanup(func() { c.Close() })
	return c
}

// askKafka asks for a topic as a client of the given kind would.
func askKafka(t *testing.T, addr, topic string, config *tls.Config, user sasl.Mechanism) error {
	t.Helper()
	transport := &kafka.Transport{TLS: config, SASL: user}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	client := &kafka.Client{Addr: kafka.TCP(addr), Transport: transport}
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return err
	}
	return meta.Topics[0].Error
}

func mechanism(t *testing.T, name, user, password string) sasl.Mechanism {
	t.Helper()
	algorithms := map[string]scram.Algorithm{"SCRAM-SHA-256": scram.SHA256, "SCRAM-SHA-512": scram.SHA512}
	switch name {
	case "":
		return nil
	case "PLAIN":
		return plain.Mechanism{Username: user, Password: password}
	}
	m, err := scram.Mechanism(algorithms[name], user, password)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
