package app

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// key is one setting: its dotted name in the file, from which its variable's name follows, what it means, and how its
// text is put into a Config.
type key struct {
	name string
	help string
	many bool // a list: a sequence in the file, separated by commas in a variable
	set  func(*Config, []string) error
	// instead names the other key that gives the same thing; only one of the two can stand in one place.
	instead string
}

// variable is the environment variable of the key: kafka.brokers is HOTLEAD_KAFKA_BROKERS.
func (k key) variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

const variablePrefix = "HOTLEAD_"

// keys is every setting, in the order in which the help lists them.
func keys() []key {
	ks := []key{
		{name: "kafka.brokers", help: "host:port of one or more brokers", many: true, set: list(func(c *Config) *[]string { return &c.Kafka.Brokers })},
		{name: "kafka.group", help: "consumer group", set: text(func(c *Config) *string { return &c.Kafka.Group })},
		{name: "kafka.topics.engagement", help: "engagement events come in here", set: text(func(c *Config) *string { return &c.Kafka.Topics.Engagement })},
		{name: "kafka.topics.qualification", help: "qualification events come in here", set: text(func(c *Config) *string { return &c.Kafka.Topics.Qualification })},
		{name: "kafka.topics.tier_changes", help: "tier changes go out here", set: text(func(c *Config) *string { return &c.Kafka.Topics.TierChanges })},
		{name: "kafka.topics.dead_letters", help: "events that can't be scored go out here", set: text(func(c *Config) *string { return &c.Kafka.Topics.DeadLetters })},
		{name: "kafka.topics.inbox", help: "hotlead's own: events on their way to their lead's partition", set: text(func(c *Config) *string { return &c.Kafka.Topics.Inbox })},
	}
	ks = append(ks, tlsKeys("kafka.tls", func(c *Config) *TLS { return &c.Kafka.TLS })...)
	ks = append(ks,
		key{name: "kafka.sasl.mechanism", help: "plain, scram-sha-256 or scram-sha-512", set: text(func(c *Config) *string { return &c.Kafka.SASL.Mechanism })},
		key{name: "kafka.sasl.username", help: "user at Kafka", set: text(func(c *Config) *string { return &c.Kafka.SASL.Username })},
	)
	ks = append(ks, passwordKeys("kafka.sasl", func(c *Config) (*Secret, *string) { return &c.Kafka.SASL.Password, &c.Kafka.SASL.PasswordFile })...)
	ks = append(ks,
		key{name: "redis.addrs", help: "host:port of the server, or of some of a cluster's", many: true, set: list(func(c *Config) *[]string { return &c.Redis.Addrs })},
		key{name: "redis.cluster", help: "true: a Redis Cluster", set: yesNo(func(c *Config) *bool { return &c.Redis.Cluster })},
		key{name: "redis.db", help: "database number", set: whole(func(c *Config) *int { return &c.Redis.DB })},
		key{name: "redis.prefix", help: "every key begins with it", set: text(func(c *Config) *string { return &c.Redis.Prefix })},
	)
	ks = append(ks, tlsKeys("redis.tls", func(c *Config) *TLS { return &c.Redis.TLS })...)
	ks = append(ks, key{name: "redis.username", help: "user at Redis", set: text(func(c *Config) *string { return &c.Redis.Username })})
	ks = append(ks, passwordKeys("redis", func(c *Config) (*Secret, *string) { return &c.Redis.Password, &c.Redis.PasswordFile })...)
	return append(ks,
		key{name: "model", help: "a model file, or the name of a shipped model", set: text(func(c *Config) *string { return &c.Model })},
		key{name: "http.listen", help: "address of the page, the API and the metrics", set: text(func(c *Config) *string { return &c.HTTP.Listen })},
		key{name: "http.token_file", help: "holds the token that readers of leads must show", set: text(func(c *Config) *string { return &c.HTTP.TokenFile })},
		key{name: "log.level", help: "debug, info, warn or error", set: text(func(c *Config) *string { return &c.Log.Level })},
		key{name: "log.format", help: "text or json", set: text(func(c *Config) *string { return &c.Log.Format })},
		key{name: "limits.event_bytes", help: "longer events are dead letters", set: whole(func(c *Config) *int { return &c.Limits.EventBytes })},
		key{name: "limits.profile_bytes", help: "longer profiles are dead letters", set: whole(func(c *Config) *int { return &c.Limits.ProfileBytes })},
		key{name: "limits.memory_bytes", help: "leads kept in memory, all lanes together", set: whole(func(c *Config) *int64 { return &c.Limits.MemoryBytes })},
	)
}

func tlsKeys(section string, of func(*Config) *TLS) []key {
	return []key{
		{name: section + ".enabled", help: "true: encrypt", set: yesNo(func(c *Config) *bool { return &of(c).Enabled })},
		{name: section + ".ca_file", help: "authorities to trust, PEM; default the system's", set: text(func(c *Config) *string { return &of(c).CAFile })},
		{name: section + ".cert_file", help: "own certificate, PEM", set: text(func(c *Config) *string { return &of(c).CertFile })},
		{name: section + ".key_file", help: "own key, PEM", set: text(func(c *Config) *string { return &of(c).KeyFile })},
	}
}

// passwordKeys are a password and the file that holds it. Whichever comes last, file or environment, replaces the other.
func passwordKeys(section string, of func(*Config) (*Secret, *string)) []key {
	password, file := section+".password", section+".password_file"
	return []key{
		{name: password, help: "password; better in a file", instead: file, set: single(func(c *Config, text string) error {
			s, f := of(c)
			*s, *f = Secret(text), ""
			return nil
		})},
		{name: file, help: "holds the password", instead: password, set: single(func(c *Config, text string) error {
			s, f := of(c)
			*s, *f = "", text
			return nil
		})},
	}
}

func single(set func(*Config, string) error) func(*Config, []string) error {
	return func(c *Config, texts []string) error {
		if len(texts) != 1 {
			return errors.New("takes one value, not a list")
		}
		return set(c, texts[0])
	}
}

func text(of func(*Config) *string) func(*Config, []string) error {
	return single(func(c *Config, text string) error {
		*of(c) = text
		return nil
	})
}

func list(of func(*Config) *[]string) func(*Config, []string) error {
	return func(c *Config, texts []string) error {
		*of(c) = texts
		return nil
	}
}

func yesNo(of func(*Config) *bool) func(*Config, []string) error {
	return single(func(c *Config, text string) error {
		switch text {
		case "true":
			*of(c) = true
		case "false":
			*of(c) = false
		default:
			return fmt.Errorf("%q is neither true nor false", text)
		}
		return nil
	})
}

func whole[N int | int64](of func(*Config) *N) func(*Config, []string) error {
	return single(func(c *Config, text string) error {
		n, err := strconv.ParseInt(text, 10, 0)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*of(c) = N(n)
		return nil
	})
}

// ConfigHelp lists every key with its variable, default and meaning, one a line, for a command's help.
func ConfigHelp() string {
	var b strings.Builder
	for _, k := range keys() {
		fmt.Fprintf(&b, "  %-28s %-35s %s\n", k.name, k.variable(), k.help)
	}
	return b.String()
}
