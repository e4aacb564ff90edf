package testbed

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// KafkaSecurity is how a broker is secured.
type KafkaSecurity struct {
	// MutualTLS lets the broker ask for the client's certificate.
	MutualTLS bool
	// Mechanism is the SASL mechanism by which clients say who they are: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512. Empty
	// is none.
	Mechanism string
	// Plaintext leaves TLS out.
	Plaintext bool
	// ACLs refuses clients what no ACL allows them. The user is User: and Access.Username, or with MutualTLS alone
	// User:CN=hotlead.
	ACLs bool
}

// SecureKafka is a broker for this test alone that lets clients in only as s says: Access is what they need, and Inside
// the test's own way past all that. It runs only as a process, and is removed when the test ends.
func SecureKafka(t testing.TB, s KafkaSecurity) *KafkaServer {
	t.Helper()
	if err := processes(); err != nil {
		t.Fatalf("testbed: a secured Kafka runs only as a process: %v", err)
	}
	k, spec := &KafkaServer{own: own{t: t, mode: Process}}, brokerSpec{session: ownSession}
	var err error
	if spec.settings, k.Access, err = s.secured(NewAuthority(t)); err != nil {
		t.Fatalf("testbed: securing a Kafka: %v", err)
	}
	if strings.HasPrefix(s.Mechanism, "SCRAM-") {
		spec.format = []string{"--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", s.Mechanism, k.Access.Username, k.Access.Password)}
	}
	at, err := freeEndpoints(1)
	if err != nil {
		t.Fatalf("testbed: starting a secured Kafka: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	p, err := startBroker(ctx, spec, at[0])
	if err != nil {
		t.Fatalf("testbed: starting a secured Kafka: %v", err)
	}
	k.Addr, k.Inside, k.host = at[0].clients, at[0].internal, p
	k.ready = func(ctx context.Context) error { return kafkaServes(ctx, k.Inside) }
	k.removeAfter()
	if err := warmUp(ctx, k.Inside); err != nil {
		t.Fatalf("testbed: starting a secured Kafka: %v", err)
	}
	t.Logf("testbed: Kafka %s at %s, secured as %+v", Process, k.Addr, s)
	return k
}

// secured are the settings of such a broker, and what its clients need.
func (s KafkaSecurity) secured(authority *Authority) (settings map[string]string, access Access, err error) {
	// The protocols' names, by TLS and SASL. The listener keeps the name that it has on every test broker.
	protocol := "SSL"
	switch {
	case s.Mechanism != "" && s.Plaintext:
		protocol = "SASL_PLAINTEXT"
	case s.Mechanism != "":
		protocol = "SASL_SSL"
	case s.Plaintext:
		protocol = "PLAINTEXT"
	}
	settings = map[string]string{
		"listener.security.protocol.map": "PLAINTEXT:" + protocol + ",INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
	}
	if !s.Plaintext {
		if err := s.overTLS(authority, settings, &access); err != nil {
			return nil, Access{}, err
		}
	}
	if s.Mechanism != "" {
		access.Username, access.Password = newUser()
		if err := s.bySASL(access, settings); err != nil {
			return nil, Access{}, err
		}
	}
	if s.ACLs {
		settings["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
		settings["super.users"] = "User:ANONYMOUS" // who comes by the listeners that are not secured
	}
	return settings, access, nil
}

func (s KafkaSecurity) overTLS(authority *Authority, settings map[string]string, access *Access) error {
	keystore, err := authority.keystore("kafka")
	if err != nil {
		return fmt.Errorf("making the broker's certificate: %w", err)
	}
	access.CAFile = authority.CAFile
	settings["ssl.keystore.type"], settings["ssl.keystore.location"] = "PEM", keystore
	settings["ssl.truststore.type"], settings["ssl.truststore.location"] = "PEM", authority.CAFile
	if s.MutualTLS {
		settings["listener.name.plaintext.ssl.client.auth"] = "required"
		if access.CertFile, access.KeyFile, err = authority.issue("hotlead"); err != nil {
			return fmt.Errorf("making the client's certificate: %w", err)
		}
	}
	return nil
}

func (s KafkaSecurity) bySASL(access Access, settings map[string]string) error {
	login := map[string]string{
		"PLAIN":         fmt.Sprintf("org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=%q;", access.Username, access.Password),
		"SCRAM-SHA-256": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
		"SCRAM-SHA-512": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
	}[s.Mechanism]
	if login == "" {
		return fmt.Errorf("the mechanism is %q: make it PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or empty", s.Mechanism)
	}
	settings["sasl.enabled.mechanisms"] = s.Mechanism
	settings["listener.name.plaintext."+strings.ToLower(s.Mechanism)+".sasl.jaas.config"] = login
	return nil
}
