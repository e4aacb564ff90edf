//go:build peers

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/cmd/testbed/workload"
)

// contender is a program that does the work, in one of its configurations.
type contender struct {
	name string
	// settings are a peer's; nil for hotlead.
	settings map[string]string
	// flink is whether it is the Flink peer.
	flink bool
}

// throughput are the contenders for events a second. The peers are run as their users run them, and in the best
// configurations that were found for them.
var throughput = []contender{
	{name: "hotlead"},
	{name: "Kafka Streams as its users run it", settings: map[string]string{
		"STORE": "rocksdb", "JSON": "databind", "COMMIT_MS": "100", "CACHE_MB": "10", "TUNED": "false"}},
	{name: "Kafka Streams tuned, RocksDB", settings: map[string]string{
		"STORE": "rocksdb", "JSON": "streaming", "COMMIT_MS": "1000", "CACHE_MB": "256", "TUNED": "true"}},
	{name: "Kafka Streams tuned, in memory", settings: map[string]string{
		"STORE": "memory", "JSON": "streaming", "COMMIT_MS": "100", "CACHE_MB": "0", "TUNED": "true"}},
	{name: "Flink tuned, heap state", flink: true, settings: map[string]string{
		"STORE": "hashmap", "JSON": "streaming", "COMMIT_MS": "1000"}},
}

// latency are the contenders for the time from an event to its change.
var latency = []contender{
	{name: "hotlead"},
	{name: "Kafka Streams, commits every 1 ms", settings: map[string]string{
		"STORE": "rocksdb", "JSON": "streaming", "COMMIT_MS": "1", "CACHE_MB": "256", "TUNED": "true"}},
}

// builds makes the programs once.
type builds struct{ hotlead, peers string }

func build(t *testing.T) builds {
	t.Helper()
	b := builds{hotlead: filepath.Join(t.TempDir(), "hotlead"), peers: "peers"}
	for _, c := range []*exec.Cmd{
		exec.CommandContext(t.Context(), "go", "build", "-o", b.hotlead, "github.com/hotlead/hotlead/cmd/hotlead"),
		exec.CommandContext(t.Context(), "mvn", "-q", "-B", "-f", filepath.Join(b.peers, "pom.xml"), "package"),
	} {
		if said, err := c.CombinedOutput(); err != nil {
			t.Fatalf("building: %v\n%s", err, said)
		}
	}
	return b
}

// running is a contender at work, with topics, group and state of its own.
type running struct {
	t             *testing.T
	cmd           *exec.Cmd
	said          *os.File
	group, output string
}

func (s *servers) start(c contender) *running {
	s.t.Helper()
	r := &running{t: s.t, group: testbed.Unique(s.t, "g"), output: testbed.Unique(s.t, "changes")}
	topics := map[string]int{r.output: lanes}
	if c.settings == nil {
		r.cmd = s.hotlead(r, topics)
	} else {
		r.cmd = s.peer(r, c)
	}
	testbed.CreateTopics(s.t, s.kafka, topics)
	var err error
	if r.said, err = os.Create(filepath.Join(s.t.TempDir(), "said")); err != nil {
		s.t.Fatal(err)
	}
	r.cmd.Stdout, r.cmd.Stderr = r.said, r.said
	if err := r.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return r
}

// stop ends it as planned, and waits.
func (r *running) stop() {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.t.Errorf("stopping: %v; it said:\n%s", err, r.words())
	}
	_ = r.cmd.Wait() // a JVM that is told to end says 143
	r.said.Close()
}

func (r *running) words() string {
	text, _ := os.ReadFile(r.said.Name())
	return string(text[max(0, len(text)-4000):])
}

// hotlead is the command of the service; it adds its own topics.
func (s *servers) hotlead(r *running, topics map[string]int) *exec.Cmd {
	s.t.Helper()
	qualification, letters, inbox := testbed.Unique(s.t, "qualification"), testbed.Unique(s.t, "letters"), testbed.Unique(s.t, "inbox")
	topics[qualification], topics[letters], topics[inbox] = lanes, lanes, lanes
	dir := s.t.TempDir()
	model, config := filepath.Join(dir, "model.yaml"), filepath.Join(dir, "hotlead.yaml")
	text := fmt.Sprintf(`kafka:
  brokers: [%q]
  group: %s
  topics: {engagement: %s, qualification: %s, tier_changes: %s, dead_letters: %s, inbox: %s}
redis: {addrs: [%q], prefix: %s}
model: %q
http: {listen: "127.0.0.1:0"}
`, s.kafka, r.group, s.input, qualification, r.output, letters, inbox, s.redis, testbed.Unique(s.t, "k"), model)
	for path, content := range map[string]string{model: string(workload.Model), config: text} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	return exec.Command(s.builds.hotlead, "run", "--config", config) //nolint:noctx // stopped by stop
}

// peer is the command of a peer, with a heap as large as it likes.
func (s *servers) peer(r *running, c contender) *exec.Cmd {
	s.t.Helper()
	dir, class := "kafka-streams", "peers.OnKafkaStreams"
	args := []string{"-Xms3g", "-Xmx3g", "-XX:+UseParallelGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"}
	if c.flink {
		dir, class = "flink", "peers.OnFlink"
		for _, opened := range []string{"java.base/java.lang", "java.base/java.util", "java.base/java.time"} {
			args = append(args, "--add-opens="+opened+"=ALL-UNNAMED")
		}
	}
	target := filepath.Join(s.builds.peers, dir, "target")
	path := strings.Join([]string{filepath.Join(target, "classes"), filepath.Join(target, "lib", "*")}, string(os.PathListSeparator))
	cmd := exec.Command("java", append(args, "-cp", path, class)...) //nolint:noctx // stopped by stop
	cmd.Env = append(os.Environ(), "BROKERS="+s.kafka, "INPUT="+s.input, "OUTPUT="+r.output, "GROUP="+r.group, "THREADS=2", "STATE_DIR="+s.t.TempDir())
	for name, value := range c.settings {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}
