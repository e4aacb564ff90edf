package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// write puts text into a new file and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// load reads a configuration of this text under this environment.
func load(t *testing.T, text string, environ ...string) (Config, error) {
	t.Helper()
	return LoadConfig(write(t, "hotlead.yaml", text), environ)
}

func TestNothingSaidIsTheDefault(t *testing.T) {
	for name, text := range map[string]string{"an empty file": "", "comments": "# nothing\n", "empty sections": "kafka:\nredis:\n  addrs:\n"} {
		c, err := load(t, text)
		if err != nil || !reflect.DeepEqual(c, DefaultConfig()) {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	c, err := LoadConfig("", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Kafka":{"Brokers":["127.0.0.1:9092"],"Group":"hotlead","Topics":{"Engagement":"lead.engagement","Qualification":"lead.qualification","TierChanges":"lead.tier-changes","DeadLetters":"lead.dead-letters","Inbox":"lead.inbox"},` +
		`"TLS":{"Enabled":false,"CAFile":"","CertFile":"","KeyFile":""},"SASL":{"Mechanism":"","Username":"","Password":"","PasswordFile":""}},` +
		`"Redis":{"Addrs":["127.0.0.1:6379"],"Cluster":false,"DB":0,"Prefix":"hotlead","TLS":{"Enabled":false,"CAFile":"","CertFile":"","KeyFile":""},"Username":"","Password":"","PasswordFile":""},` +
		`"Model":"bant","HTTP":{"Listen":":8080","TokenFile":""},"Log":{"Level":"info","Format":"text"},"Limits":{"EventBytes":262144,"ProfileBytes":16384,"MemoryBytes":268435456}}`
	if got, err := json.Marshal(c); err != nil || string(got) != want {
		t.Errorf("the defaults are %s", got)
	}
}

// The whole file of the documentation: every key, each with a value that is not the default.
const everyKey = `
kafka:
  brokers: [a:9092, "b:9093"]
  group: g
  topics: {engagement: e, qualification: q, tier_changes: t, dead_letters: d, inbox: i}
  tls: {enabled: true, ca_file: ca, cert_file: cert, key_file: key}
  sasl: {mechanism: scram-sha-512, username: u, password: "p"}
redis:
  addrs:
    - r1:6379
    - r2:6379
  cluster: true
  prefix: pre
  tls: {enabled: true, ca_file: ca, cert_file: cert, key_file: key}
  username: ru
  password: 12345
model: my.yaml
http: {listen: "127.0.0.1:9", token_file: tok}
log: {level: debug, format: json}
limits: {event_bytes: 2048, profile_bytes: 512, memory_bytes: 10485760}
`

func TestEveryKeyOfTheFile(t *testing.T) {
	c, err := load(t, everyKey)
	if err != nil {
		t.Fatal(err)
	}
	tls := TLS{Enabled: true, CAFile: "ca", CertFile: "cert", KeyFile: "key"}
	want := Config{
		Kafka: Kafka{
			Brokers: []string{"a:9092", "b:9093"}, Group: "g", Topics: Topics{"e", "q", "t", "d", "i"}, TLS: tls,
			SASL: SASL{Mechanism: "scram-sha-512", Username: "u", Password: "p"},
		},
		Redis:  Redis{Addrs: []string{"r1:6379", "r2:6379"}, Cluster: true, Prefix: "pre", TLS: tls, Username: "ru", Password: "12345"},
		Model:  "my.yaml",
		HTTP:   HTTP{Listen: "127.0.0.1:9", TokenFile: "tok"},
		Log:    Log{Level: "debug", Format: "json"},
		Limits: Limits{EventBytes: 2048, ProfileBytes: 512, MemoryBytes: 10485760},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %#v\nwant %#v", c, want)
	}
}

func TestAddressesInAnyFormOfList(t *testing.T) {
	for _, text := range []string{
		"redis: {cluster: true, addrs: [10.0.0.1:6379, r2:6379]}", "redis:\n  cluster: true\n  addrs: [10.0.0.1:6379, r2:6379]\n",
		"redis:\n  cluster: true\n  addrs:\n    - 10.0.0.1:6379\n    - \"r2:6379\"\n", "{redis: {cluster: true, addrs: [10.0.0.1:6379,\n r2:6379]}}",
	} {
		c, err := load(t, text)
		if err != nil || fmt.Sprint(c.Redis.Addrs) != "[10.0.0.1:6379 r2:6379]" {
			t.Errorf("%q: %v, %v", text, c.Redis.Addrs, err)
		}
	}
	if _, err := load(t, "redis: {addrs: [{r2: 6379}]}"); err == nil {
		t.Error("a key and its value are taken for an address")
	}
	if _, err := load(t, "redis: {addrs: [r2: 6379]}"); err == nil {
		t.Error("a key and its value are taken for an address")
	}
}

// Each key is also a variable: what a variable sets is what the same text in a file sets.
func TestEveryKeyIsAVariable(t *testing.T) {
	text := map[string]string{
		"kafka.brokers": "x:1, y:2", "redis.addrs": "x:1", "kafka.tls.enabled": "true", "redis.tls.enabled": "true", "redis.cluster": "true", "redis.db": "3",
		"limits.event_bytes": "4096", "limits.profile_bytes": "4096", "limits.memory_bytes": "4194304", "log.level": "warn", "log.format": "json",
	}
	for _, k := range keys() {
		value, ok := text[k.name]
		if !ok {
			value = "some-text"
		}
		fromVariable := &loader{config: DefaultConfig(), keys: keys(), places: map[string]place{}}
		fromVariable.readEnvironment([]string{k.variable() + "=" + value})
		fromFile := &loader{config: DefaultConfig(), keys: keys(), places: map[string]place{}}
		parts := strings.Split(k.name, ".")
		var yaml strings.Builder
		for i, p := range parts {
			fmt.Fprintf(&yaml, "%s%s:", strings.Repeat("  ", i), p)
			if i < len(parts)-1 {
				yaml.WriteByte('\n')
			}
		}
		if k.many {
			value = "[" + value + "]"
		}
		fromFile.readFile("f", []byte(yaml.String()+" "+value+"\n"))
		if len(fromVariable.mistakes)+len(fromFile.mistakes) > 0 {
			t.Errorf("%s: %v %v", k.name, fromVariable.mistakes, fromFile.mistakes)
		}
		if !reflect.DeepEqual(fromVariable.config, fromFile.config) || reflect.DeepEqual(fromVariable.config, DefaultConfig()) {
			t.Errorf("%s: the variable gives %+v, the file %+v", k.name, fromVariable.config, fromFile.config)
		}
	}
}

func TestTheEnvironmentIsOverTheFile(t *testing.T) {
	c, err := load(t, everyKey, "PATH=/bin", "HOTLEAD_TESTBED=embedded", "HOTLEAD_KAFKA_BROKERS=c:1,d:2", "HOTLEAD_MODEL=", "HOTLEAD_LOG_LEVEL=error")
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(c.Kafka.Brokers) != "[c:1 d:2]" || c.Log.Level != "error" {
		t.Errorf("brokers %v, level %s", c.Kafka.Brokers, c.Log.Level)
	}
	if c.Model != "my.yaml" {
		t.Errorf("an empty variable set the model to %q", c.Model)
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		name, text, environ, want string
	}{
		{"a key near another", "kafka:\n  groop: x\n", "",
			"F:2:3: unknown key kafka.groop; did you mean kafka.group?\n      groop: x\n      ^"},
		{"a section near another", "kafak:\n  group: x\n", "",
			"F:1:1: unknown key kafak; did you mean kafka?\n    kafak:\n    ^"},
		{"a key in the wrong place", "brokers: [a:1]\n", "",
			"F:1:1: unknown key brokers; did you mean kafka.brokers?\n    brokers: [a:1]\n    ^"},
		{"a key near nothing", "log:\n  zzzzzzzz: 1\n", "",
			"F:2:3: unknown key log.zzzzzzzz; log has level, format\n      zzzzzzzz: 1\n      ^"},
		{"a variable near another", "", "HOTLEAD_KAFKA_BROKER=a:1",
			"HOTLEAD_KAFKA_BROKER: unknown variable; did you mean HOTLEAD_KAFKA_BROKERS?"},
		{"a variable near nothing", "", "HOTLEAD_Q=a:1",
			"HOTLEAD_Q: unknown variable; hotlead run --help lists them all"},
		{"a key twice", "model: a\nmodel: b\n", "",
			"F:2:1: mapping key \"model\" already defined at [1:1]\n    model: b\n    ^"},
		{"no YAML", "kafka: [\n", "",
			"F:1:8: sequence end token ']' not found\n    kafka: [\n           ^"},
		{"two documents", "model: a\n---\nmodel: b\n", "",
			"F:3:6: a second document: put everything into one\n    model: b\n         ^"},
		{"a value for a section", "kafka: 9092\n", "",
			"F:1:8: kafka holds keys, not a value: brokers, group, topics, tls, sasl\n    kafka: 9092\n           ^"},
		{"a list for one value", "model: [a, b]\n", "",
			"F:1:8: model: takes one value, not a list\n    model: [a, b]\n           ^"},
		{"keys for a value", "model: {a: b}\n", "",
			"F:1:8: model: takes a plain value\n    model: {a: b}\n           ^"},
		{"a word for a number", "limits: {event_bytes: lots}\n", "",
			"F:1:23: limits.event_bytes: \"lots\" is not a whole number\n    limits: {event_bytes: lots}\n                          ^"},
		{"a word for true", "redis: {cluster: yes}\n", "",
			"F:1:18: redis.cluster: \"yes\" is neither true nor false\n    redis: {cluster: yes}\n                     ^"},
		{"a word for true in a variable", "", "HOTLEAD_REDIS_CLUSTER=1",
			"HOTLEAD_REDIS_CLUSTER: redis.cluster: \"1\" is neither true nor false"},
		{"an address without a port", "kafka:\n  brokers: [a]\n", "",
			"F:2:12: kafka.brokers: \"a\" is not host:port with a port from 1 to 65535\n      brokers: [a]\n               ^"},
		{"no address", "redis: {addrs: []}\n", "",
			"F:1:16: redis.addrs: names no server; give at least one host:port\n    redis: {addrs: []}\n                   ^"},
		{"a level near another", "log: {level: warning}\n", "",
			"F:1:14: log.level: \"warning\" is not known; did you mean warn?\n    log: {level: warning}\n                 ^"},
		{"a format near nothing", "", "HOTLEAD_LOG_FORMAT=protobuf",
			"HOTLEAD_LOG_FORMAT: log.format: \"protobuf\" is not known; it is one of text, json"},
		{"a topic twice", "kafka: {topics: {inbox: lead.engagement}}\n", "",
			"F:1:25: kafka.topics.inbox: lead.engagement is kafka.topics.engagement already; each needs a topic of its own\n    kafka: {topics: {inbox: lead.engagement}}\n                            ^"},
		{"no topic name", "", "HOTLEAD_KAFKA_TOPICS_INBOX=a/b",
			"HOTLEAD_KAFKA_TOPICS_INBOX: kafka.topics.inbox: \"a/b\" is no topic name: 1 to 249 of letters, digits, dot, underscore and hyphen"},
		{"a certificate without encryption", "kafka: {tls: {ca_file: ca.pem}}\n", "",
			"F:1:24: kafka.tls.ca_file: has no effect without kafka.tls.enabled: true\n    kafka: {tls: {ca_file: ca.pem}}\n                           ^"},
		{"a certificate without a key", "redis: {tls: {enabled: true, cert_file: c.pem}}\n", "",
			"F:1:41: redis.tls.cert_file: a certificate and its key go together; set both redis.tls.cert_file and redis.tls.key_file\n    redis: {tls: {enabled: true, cert_file: c.pem}}\n                                            ^"},
		{"a user without a mechanism", "", "HOTLEAD_KAFKA_SASL_USERNAME=u",
			"kafka.sasl.mechanism: is missing; it is one of plain, scram-sha-256, scram-sha-512"},
		{"a mechanism without a user", "", "HOTLEAD_KAFKA_SASL_MECHANISM=plain",
			"kafka.sasl.username: signing on by plain needs kafka.sasl.username and kafka.sasl.password_file"},
		{"several addresses without a cluster", "", "HOTLEAD_REDIS_ADDRS=a:1,b:1",
			"HOTLEAD_REDIS_ADDRS: redis.addrs: several addresses are a Redis Cluster's; set redis.cluster: true or give one address"},
		{"a database in a cluster", "redis: {cluster: true, db: 1}\n", "",
			"F:1:28: redis.db: a Redis Cluster has database 0 only; leave it out\n    redis: {cluster: true, db: 1}\n                               ^"},
		{"braces in the prefix", "", "HOTLEAD_REDIS_PREFIX={a}",
			"HOTLEAD_REDIS_PREFIX: redis.prefix: braces choose the Redis Cluster slot and are hotlead's to set; take them out"},
		{"too little", "", "HOTLEAD_LIMITS_EVENT_BYTES=10",
			"HOTLEAD_LIMITS_EVENT_BYTES: limits.event_bytes: 10 is too small to work with; give at least 1024"},
		{"an empty value", "model: ''\n", "",
			"F:1:8: model: is empty; give it a value or leave it out for the default\n    model: ''\n           ^"},
		{"a password twice", "redis: {password: a, password_file: f}\n", "",
			"F:1:37: redis.password_file: there is redis.password already; give one of the two"},
		{"a user in an address", "redis: {addrs: ['redis://u:hush@h:6379']}\n", "",
			"F:1:16: redis.addrs: an address is host:port alone; give the user by username and password_file"},
		{"a user in an address in a variable", "", "HOTLEAD_KAFKA_BROKERS=u:hush@h:9092",
			"HOTLEAD_KAFKA_BROKERS: kafka.brokers: an address is host:port alone; give the user by username and password_file"},
		{"letters of two bytes before the place", "kafka: {group: ä, broker: x}\n", "",
			"F:1:19: unknown key kafka.broker; did you mean kafka.brokers?\n    kafka: {group: ä, broker: x}\n                      ^"},
		{"two at once", "modell: x\nlog: {levle: info}\n", "",
			"F:1:1: unknown key modell; did you mean model?\n    modell: x\n    ^\nF:2:7: unknown key log.levle; did you mean log.level?\n    log: {levle: info}\n          ^"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := write(t, "hotlead.yaml", c.text)
			_, err := LoadConfig(file, []string{c.environ})
			var mistakes *ConfigError
			if !errors.As(err, &mistakes) {
				t.Fatalf("the error is %v", err)
			}
			if got := strings.ReplaceAll(err.Error(), file, "F"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestAMissingFileIsNoConfigError(t *testing.T) {
	_, err := LoadConfig(filepath.Join(t.TempDir(), "none.yaml"), nil)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	secret := write(t, "secret", "pass word\n")
	sasl := "kafka: {sasl: {mechanism: plain, username: u, password_file: " + secret + "}}\n"
	c, err := load(t, sasl+"redis: {password: in-the-file}\n", "HOTLEAD_REDIS_PASSWORD_FILE="+secret)
	if err != nil {
		t.Fatal(err)
	}
	if c.Kafka.SASL.Password.Reveal() != "pass word" || c.Redis.Password.Reveal() != "pass word" {
		t.Errorf("kafka %q, redis %q", c.Kafka.SASL.Password.Reveal(), c.Redis.Password.Reveal())
	}
	if c, err = load(t, sasl, "HOTLEAD_KAFKA_SASL_PASSWORD=other"); err != nil || c.Kafka.SASL.Password.Reveal() != "other" {
		t.Errorf("a password in the environment is not over a password file in the file: %q, %v", c.Kafka.SASL.Password.Reveal(), err)
	}
	empty := write(t, "empty", "\n")
	_, err = load(t, "redis: {password_file: "+empty+"}\n")
	if err == nil || !strings.Contains(err.Error(), "redis.password_file: "+empty+" holds no secret") {
		t.Errorf("an empty secret: %v", err)
	}
	if _, err = load(t, "redis: {password_file: /does/not/exist}\n"); err == nil || !strings.Contains(err.Error(), "redis.password_file") {
		t.Errorf("no secret: %v", err)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	c := DefaultConfig()
	c.Kafka.SASL.Password, c.Redis.Password = "hush-kafka", "hush-redis"
	var log strings.Builder
	NewLogger(&log, Log{Format: "json"}).Info("starting", "config", c, "password", c.Redis.Password)
	NewLogger(&log, Log{Format: "text"}).Info("starting", "config", c, slog.Any("password", c.Redis.Password))
	marshalled, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for how, text := range map[string]string{
		"%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", c), "%#v": fmt.Sprintf("%#v", c), "text": fmt.Sprint(c.Redis.Password),
		"%q": fmt.Sprintf("%q", c.Redis.Password), "%x": fmt.Sprintf("%x", c.Redis.Password), "JSON": string(marshalled), "logs": log.String(),
	} {
		if strings.Contains(text, "hush") || strings.Contains(text, fmt.Sprintf("%x", "hush")) {
			t.Errorf("%s shows a secret: %s", how, text)
		}
	}
}

// Whatever single slip of the pen a file with secrets has, what is said about it does not repeat them.
func TestMistakesDoNotTellSecrets(t *testing.T) {
	const text = `# ours
kafka:
  group: g
  sasl: {mechanism: plain, username: u, password: hush1}
  topics:
    inbox: i
redis:
  addrs: [r1:6379]
  password: "hush2"
  username: ru
http: {token_file: tok}
log: {level: info}
`
	const folded = `redis:
  username: ru
  password: >-

    hush1
    key: hush2
  cluster: true
`
	slips := []string{"", "x", ":", ": ", "{", "}", "[", "]", ",", "'", `"`, "\n", "\n\n", "\t", " ", "  ", "|", ">", "&a ", "*a", "!a ", "#", "- ", "? ", "---\n", "%", "@", "\x00", "\xff"}
	told := func(text string) string {
		l := loader{config: DefaultConfig(), keys: keys(), places: map[string]place{}}
		l.readFile("f", []byte(text))
		l.check()
		return (&ConfigError{Mistakes: l.mistakes}).Error()
	}
	mistakes := 0
	for _, text := range []string{text, folded} {
		for at := range len(text) + 1 {
			for _, rest := range []string{text[at:], text[min(at+1, len(text)):]} {
				for _, slip := range slips {
					said := told(text[:at] + slip + rest)
					if strings.Contains(said, "hush") {
						t.Fatalf("of\n%s\nit tells a secret:\n%s", text[:at]+slip+rest, said)
					}
					if said != "" {
						mistakes++
					}
				}
			}
		}
	}
	if mistakes < 5000 {
		t.Errorf("only %d of the files have mistakes", mistakes)
	}
	// Names that are wrong altogether, and other things that people write.
	for _, text := range []string{
		"redis: {password: [hush1, hush2]}", "{redis: {password:\n[hush1,\nhush2]}}", "redis: {password:\n {a: hush1}}\n", "http: {token: hush1}",
		"redis:\n  password hush1\n", "redis:\n  secret_key: |\n    hush1\n    hush2\n", "password: hush1\n", "redis: {pasword: hush1}", "redis: {passwrod: hush1}",
		"redis: {auth_token: hush1}", "redis: {addrs: ['redis://u:hush1@h:6379']}", "redis: {password: hush1, password: hush2}", "redis: {pwd: hush1}",
	} {
		if said := told(text); said == "" || strings.Contains(said, "hush") {
			t.Errorf("of %q it is said: %s", text, said)
		}
	}
}

func TestTheHelpNamesEveryKeyAndVariable(t *testing.T) {
	help := ConfigHelp()
	for _, k := range keys() {
		if !strings.Contains(help, "  "+k.name+" ") || !strings.Contains(help, " "+k.variable()+" ") || k.help == "" {
			t.Errorf("%s is missing", k.name)
		}
	}
}
