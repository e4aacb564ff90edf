package app

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// key is one setting: its dotted name in the file, from which its variable's name follows, and what it means. more is
// what deploy/configuration.md says besides.
type key struct {
	name, help, more string
	form
	// instead names the other key that gives the same thing; only one of the two can stand in one place.
	instead string
}

// form is how a key's value is written, and how it gets into a Config and out of it again.
type form struct {
	kind string // in words, for people
	many bool   // a list: a sequence in the file, separated by commas in a variable
	set  func(*Config, []string) error
	show func(*Config) string
}

// variable is the environment variable of the key: kafka.brokers is HOTLEAD_KAFKA_BROKERS.
func (k key) variable() string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

const variablePrefix = "HOTLEAD_"

// keys is every setting, in the order in which the help lists them. After a change:
//
//go:generate go test . -run TestTheConfigurationPage -update
func keys() []key {
	ks := []key{
		{name: "kafka.brokers", help: "host:port of one or more brokers", form: list(func(c *Config) *[]string { return &c.Kafka.Brokers }),
			more: "They name the rest of the cluster."},
		{name: "kafka.group", help: "consumer group", form: text(func(c *Config) *string { return &c.Kafka.Group }),
			more: "Also the start of the transactional IDs, `GROUP-lane-N`. Processes of one group share the lanes; two services never share a group."},
		{name: "kafka.topics.engagement", help: "engagement events come in here", form: text(func(c *Config) *string { return &c.Kafka.Topics.Engagement })},
		{name: "kafka.topics.qualification", help: "qualification events come in here", form: text(func(c *Config) *string { return &c.Kafka.Topics.Qualification })},
		{name: "kafka.topics.tier_changes", help: "tier changes go out here", form: text(func(c *Config) *string { return &c.Kafka.Topics.TierChanges })},
		{name: "kafka.topics.dead_letters", help: "events that can't be scored go out here", form: text(func(c *Config) *string { return &c.Kafka.Topics.DeadLetters })},
		{name: "kafka.topics.inbox", help: "hotlead's own: events on their way to their lead's partition", form: text(func(c *Config) *string { return &c.Kafka.Topics.Inbox }),
			more: "Its partitions are the lanes; their number never changes."},
	}
	ks = append(ks, tlsKeys("kafka.tls", func(c *Config) *TLS { return &c.Kafka.TLS })...)
	ks = append(ks,
		key{name: "kafka.sasl.mechanism", help: "plain, scram-sha-256 or scram-sha-512", form: text(func(c *Config) *string { return &c.Kafka.SASL.Mechanism }),
			more: "Empty: do not sign on."},
		key{name: "kafka.sasl.username", help: "user at Kafka", form: text(func(c *Config) *string { return &c.Kafka.SASL.Username })},
	)
	ks = append(ks, passwordKeys("kafka.sasl", func(c *Config) (*Secret, *string) { return &c.Kafka.SASL.Password, &c.Kafka.SASL.PasswordFile })...)
	ks = append(ks,
		key{name: "redis.addrs", help: "host:port of the server, or of some of a cluster's", form: list(func(c *Config) *[]string { return &c.Redis.Addrs })},
		key{name: "redis.cluster", help: "true: a Redis Cluster", form: yesNo(func(c *Config) *bool { return &c.Redis.Cluster }),
			more: "Also where only one of its addresses is given."},
		key{name: "redis.db", help: "database number", form: whole(func(c *Config) *int { return &c.Redis.DB }),
			more: "0 in a cluster."},
		key{name: "redis.prefix", help: "every key begins with it", form: text(func(c *Config) *string { return &c.Redis.Prefix }),
			more: "Two services never share one."},
	)
	ks = append(ks, tlsKeys("redis.tls", func(c *Config) *TLS { return &c.Redis.TLS })...)
	ks = append(ks, key{name: "redis.username", help: "user at Redis", form: text(func(c *Config) *string { return &c.Redis.Username }),
		more: "[What it must be allowed](redis)."})
	ks = append(ks, passwordKeys("redis", func(c *Config) (*Secret, *string) { return &c.Redis.Password, &c.Redis.PasswordFile })...)
	return append(ks,
		key{name: "model", help: "a model file, or the name of a shipped model", form: text(func(c *Config) *string { return &c.Model }),
			more: "`hotlead model list` lists those. A lane keeps the model with the higher version."},
		key{name: "http.listen", help: "address of the page, the API and the metrics", form: text(func(c *Config) *string { return &c.HTTP.Listen }),
			more: "Not encrypted: put a proxy in front for people."},
		key{name: "http.token_file", help: "holds the token that whoever reads leads or sends events must show", form: file(func(c *Config) *string { return &c.HTTP.TokenFile }),
			more: "Metrics and health are open all the same. Empty: everybody may read, and events are taken from the own machine alone."},
		key{name: "log.level", help: "debug, info, warn or error", form: text(func(c *Config) *string { return &c.Log.Level })},
		key{name: "log.format", help: "text or json", form: text(func(c *Config) *string { return &c.Log.Format })},
		key{name: "limits.event_bytes", help: "longer events are dead letters", form: whole(func(c *Config) *int { return &c.Limits.EventBytes }),
			more: "At least 1024."},
		key{name: "limits.profile_bytes", help: "longer profiles are dead letters", form: whole(func(c *Config) *int { return &c.Limits.ProfileBytes }),
			more: "An event that would make a lead's profile longer is one. At least 256."},
		key{name: "limits.memory_bytes", help: "leads kept in memory, all lanes together", form: whole(func(c *Config) *int64 { return &c.Limits.MemoryBytes }),
			more: "What the process needs besides is small. At least 1048576."},
	)
}

func tlsKeys(section string, of func(*Config) *TLS) []key {
	return []key{
		{name: section + ".enabled", help: "true: encrypt", form: yesNo(func(c *Config) *bool { return &of(c).Enabled })},
		{name: section + ".ca_file", help: "authorities to trust, PEM; default the system's", form: file(func(c *Config) *string { return &of(c).CAFile })},
		{name: section + ".cert_file", help: "own certificate, PEM", form: file(func(c *Config) *string { return &of(c).CertFile }),
			more: "With `key_file`, where the server asks for one."},
		{name: section + ".key_file", help: "own key, PEM", form: file(func(c *Config) *string { return &of(c).KeyFile })},
	}
}

// passwordKeys are a password and the file that holds it. Whichever comes last, file or environment, replaces the other.
func passwordKeys(section string, of func(*Config) (*Secret, *string)) []key {
	password, inFile := section+".password", section+".password_file"
	return []key{
		{name: password, help: "password; better in a file", instead: inFile, form: single("text", func(c *Config, text string) error {
			s, f := of(c)
			*s, *f = Secret(text), ""
			return nil
		}, func(c *Config) string {
			s, _ := of(c)
			return s.String()
		})},
		{name: inFile, help: "holds the password", instead: password, form: single("file", func(c *Config, text string) error {
			s, f := of(c)
			*s, *f = "", text
			return nil
		}, func(c *Config) string {
			_, f := of(c)
			return *f
		}), more: "One of the two at most."},
	}
}

func single(kind string, set func(*Config, string) error, show func(*Config) string) form {
	return form{kind: kind, show: show, set: func(c *Config, texts []string) error {
		if len(texts) != 1 {
			return errors.New("takes one value, not a list")
		}
		return set(c, texts[0])
	}}
}

func text(of func(*Config) *string) form {
	return single("text", func(c *Config, text string) error {
		*of(c) = text
		return nil
	}, func(c *Config) string { return *of(c) })
}

func file(of func(*Config) *string) form {
	f := text(of)
	f.kind = "file"
	return f
}

func list(of func(*Config) *[]string) form {
	return form{kind: "list", many: true, show: func(c *Config) string { return strings.Join(*of(c), ",") },
		set: func(c *Config, texts []string) error {
			*of(c) = texts
			return nil
		}}
}

func yesNo(of func(*Config) *bool) form {
	return single("true or false", func(c *Config, text string) error {
		switch text {
		case "true":
			*of(c) = true
		case "false":
			*of(c) = false
		default:
			return fmt.Errorf("%q is neither true nor false", text)
		}
		return nil
	}, func(c *Config) string { return strconv.FormatBool(*of(c)) })
}

func whole[N int | int64](of func(*Config) *N) form {
	return single("whole number", func(c *Config, text string) error {
		n, err := strconv.ParseInt(text, 10, 0)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*of(c) = N(n)
		return nil
	}, func(c *Config) string { return strconv.FormatInt(int64(*of(c)), 10) })
}

// ConfigHelp lists every key with its variable and meaning, one a line, for a command's help.
func ConfigHelp() string {
	var b strings.Builder
	for _, k := range keys() {
		fmt.Fprintf(&b, "  %-28s %-35s %s\n", k.name, k.variable(), k.help)
	}
	return b.String()
}
