package app

import (
	"encoding"
	"fmt"
	"log/slog"
)

// Config is the whole configuration of the service. Read it with LoadConfig; DefaultConfig is what holds where nothing
// is said. A Config can be printed and logged: its secrets show as "(hidden)".
type Config struct {
	Kafka Kafka
	Redis Redis
	// Model is a model file, or the name of a shipped model.
	Model  string
	HTTP   HTTP
	Log    Log
	Limits Limits
}

// Kafka says where the events come from and where the changes go.
type Kafka struct {
	Brokers []string // host:port
	Group   string   // consumer group; also the start of the transactional IDs
	Topics  Topics
	TLS     TLS
	SASL    SASL
}

// Topics names the five topics.
type Topics struct {
	Engagement, Qualification, TierChanges, DeadLetters, Inbox string
}

// TLS says how a connection is encrypted. CAFile holds the authorities to trust (PEM; empty: the system's), CertFile
// and KeyFile the client's own certificate, where the server asks for one.
type TLS struct {
	Enabled                   bool
	CAFile, CertFile, KeyFile string
}

// SASL says how to sign on at Kafka. Mechanism is "plain", "scram-sha-256", "scram-sha-512" or "" (do not sign on).
type SASL struct {
	Mechanism    string
	Username     string
	Password     Secret
	PasswordFile string
}

// Redis says where the leads are kept.
type Redis struct {
	Addrs        []string // host:port; several of one cluster
	Cluster      bool     // Redis Cluster, also when Addrs is only one
	DB           int      // database number; 0 in a cluster
	Prefix       string   // start of every key
	TLS          TLS
	Username     string
	Password     Secret
	PasswordFile string
}

// HTTP says where the page, the API and the metrics are served. TokenFile, where given, holds the token that a reader
// of leads must show; metrics and health are open.
type HTTP struct {
	Listen    string
	TokenFile string
}

// Log says what is logged: Level is "debug", "info", "warn" or "error", Format "text" or "json".
type Log struct {
	Level, Format string
}

// Limits bounds what one event and one lead may take, and how many leads the process keeps in memory, all in bytes.
type Limits struct {
	EventBytes   int
	ProfileBytes int
	MemoryBytes  int64
}

// DefaultConfig is the configuration of a service about which nothing is said: Kafka and Redis on this machine, the
// model bant.
func DefaultConfig() Config {
	return Config{
		Kafka: Kafka{
			Brokers: []string{"127.0.0.1:9092"},
			Group:   "hotlead",
			Topics: Topics{
				Engagement:    "lead.engagement",
				Qualification: "lead.qualification",
				TierChanges:   "lead.tier-changes",
				DeadLetters:   "lead.dead-letters",
				Inbox:         "lead.inbox",
			},
		},
		Redis:  Redis{Addrs: []string{"127.0.0.1:6379"}, Prefix: "hotlead"},
		Model:  "bant",
		HTTP:   HTTP{Listen: ":8080"},
		Log:    Log{Level: "info", Format: "text"},
		Limits: Limits{EventBytes: 256 << 10, ProfileBytes: 16 << 10, MemoryBytes: 256 << 20},
	}
}

// Secret is a password or token. However it is printed, logged or marshalled it does not show; Reveal hands it to the
// client that needs it.
type Secret string

// Reveal is the secret itself.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(hidden)"
}

// GoString keeps the secret out of %#v.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalText keeps the secret out of JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue keeps the secret out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

var (
	_ fmt.Stringer           = Secret("")
	_ fmt.GoStringer         = Secret("")
	_ encoding.TextMarshaler = Secret("")
	_ slog.LogValuer         = Secret("")
)
