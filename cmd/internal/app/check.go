package app

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// check looks at the values that only make sense in a range, or together.
func (l *loader) check() {
	c := &l.config
	l.addresses("kafka.brokers", c.Kafka.Brokers)
	l.addresses("redis.addrs", c.Redis.Addrs)
	l.required("kafka.group", c.Kafka.Group)
	l.required("redis.prefix", c.Redis.Prefix)
	l.required("model", c.Model)
	l.required("http.listen", c.HTTP.Listen)
	if strings.ContainsAny(c.Redis.Prefix, "{}") {
		l.wrong("redis.prefix", "braces choose the Redis Cluster slot and are hotlead's to set; take them out")
	}
	l.topics()
	l.tls("kafka.tls", c.Kafka.TLS)
	l.tls("redis.tls", c.Redis.TLS)
	l.sasl()
	l.among("log.level", c.Log.Level, "debug", "info", "warn", "error")
	l.among("log.format", c.Log.Format, "text", "json")
	if c.Redis.DB < 0 {
		l.wrong("redis.db", "a database number is 0 or more")
	}
	if c.Redis.DB != 0 && c.Redis.Cluster {
		l.wrong("redis.db", "a Redis Cluster has database 0 only; leave it out")
	}
	if len(c.Redis.Addrs) > 1 && !c.Redis.Cluster {
		l.wrong("redis.addrs", "several addresses are a Redis Cluster's; set redis.cluster: true or give one address")
	}
	l.atLeast("limits.event_bytes", int64(c.Limits.EventBytes), 1<<10)
	l.atLeast("limits.profile_bytes", int64(c.Limits.ProfileBytes), 256)
	l.atLeast("limits.memory_bytes", c.Limits.MemoryBytes, 1<<20)
}

func (l *loader) wrong(key, format string, args ...any) {
	l.fail(l.places[key], key+": "+format, args...)
}

// hide keeps what was given for a key out of its mistakes: only the place is told.
func (l *loader) hide(key string) {
	p := l.places[key]
	p.excerpt = ""
	l.places[key] = p
}

func (l *loader) required(key, value string) {
	if value == "" {
		l.wrong(key, "is empty; give it a value or leave it out for the default")
	}
}

func (l *loader) addresses(key string, addresses []string) {
	if len(addresses) == 0 {
		l.wrong(key, "names no server; give at least one host:port")
	}
	for _, a := range addresses {
		if strings.Contains(a, "@") {
			// As in redis://user:password@host:port: the password is in the address, and must not be in the error.
			l.hide(key)
			l.wrong(key, "an address is host:port alone; give the user by username and password_file")
			continue
		}
		host, port, err := net.SplitHostPort(a)
		n, portErr := strconv.Atoi(port)
		if err != nil || host == "" || portErr != nil || n < 1 || n > 65535 {
			l.wrong(key, "%q is not host:port with a port from 1 to 65535", a)
		}
	}
}

func (l *loader) among(key, value string, allowed ...string) {
	if slices.Contains(allowed, value) {
		return
	}
	if near := Nearest(value, allowed); near != "" {
		l.wrong(key, "%q is not known; did you mean %s?", value, near)
		return
	}
	l.wrong(key, "%q is not known; it is one of %s", value, strings.Join(allowed, ", "))
}

func (l *loader) atLeast(key string, value, least int64) {
	if value < least {
		l.wrong(key, "%d is too small to work with; give at least %d", value, least)
	}
}

// topics must be five names that Kafka takes, all different: a topic read as its own output would feed on itself.
func (l *loader) topics() {
	t := l.config.Kafka.Topics
	keyOf := map[string]string{}
	for _, k := range []struct{ key, name string }{
		{"kafka.topics.engagement", t.Engagement},
		{"kafka.topics.qualification", t.Qualification},
		{"kafka.topics.tier_changes", t.TierChanges},
		{"kafka.topics.dead_letters", t.DeadLetters},
		{"kafka.topics.inbox", t.Inbox},
	} {
		if !isTopicName(k.name) {
			l.wrong(k.key, "%q is no topic name: 1 to 249 of letters, digits, dot, underscore and hyphen", k.name)
			continue
		}
		if other, taken := keyOf[k.name]; taken {
			l.wrong(k.key, "%s is %s already; each needs a topic of its own", k.name, other)
		}
		keyOf[k.name] = k.key
	}
}

// isTopicName follows Kafka's own rule (org.apache.kafka.common.internals.Topic).
func isTopicName(name string) bool {
	if name == "" || name == "." || name == ".." || len(name) > 249 {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r))
	})
}

func (l *loader) tls(section string, t TLS) {
	for _, f := range []struct{ key, file string }{{".ca_file", t.CAFile}, {".cert_file", t.CertFile}, {".key_file", t.KeyFile}} {
		if f.file != "" && !t.Enabled {
			l.wrong(section+f.key, "has no effect without %s.enabled: true", section)
		}
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		l.wrong(section+".cert_file", "a certificate and its key go together; set both %[1]s.cert_file and %[1]s.key_file", section)
	}
}

func (l *loader) sasl() {
	s := l.config.Kafka.SASL
	if s.Mechanism == "" {
		if s.Username != "" || s.Password != "" {
			l.wrong("kafka.sasl.mechanism", "is missing; it is one of plain, scram-sha-256, scram-sha-512")
		}
		return
	}
	l.among("kafka.sasl.mechanism", s.Mechanism, "plain", "scram-sha-256", "scram-sha-512")
	if s.Username == "" || s.Password == "" {
		l.wrong("kafka.sasl.username", "signing on by %s needs kafka.sasl.username and kafka.sasl.password_file", s.Mechanism)
	}
}
