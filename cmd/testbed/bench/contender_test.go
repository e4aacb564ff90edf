package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/cmd/testbed/workload"
)

// contender is a program that does the work, in one of its configurations.
type contender struct {
	name string
	// settings are a peer's; nil for hotlead.
	settings map[string]string
	// java are the options of a peer's JVM.
	java []string
	// flink is whether it is the Flink peer.
	flink bool
	// rounds bounds how often it runs; 0: in all rounds.
	rounds int
}

// largeHeap is what the peers were at their best with.
var largeHeap = []string{"-Xms3g", "-Xmx3g", "-XX:+UseParallelGC"}

// byThroughput are the contenders for events a second.
var byThroughput = []contender{
	{name: Floor},
	{name: Hotlead},
	{name: Streams, settings: map[string]string{
		"STORE": "rocksdb", "JSON": "databind", "COMMIT_MS": "100", "CACHE_MB": "10", "TUNED": "false"}},
	{name: StreamsTuned, java: largeHeap, settings: map[string]string{
		"STORE": "rocksdb", "JSON": "streaming", "COMMIT_MS": "1000", "CACHE_MB": "256", "TUNED": "true"}},
	{name: StreamsMemory, java: largeHeap, settings: map[string]string{
		"STORE": "memory", "JSON": "streaming", "COMMIT_MS": "100", "CACHE_MB": "0", "TUNED": "true"}},
	{name: FlinkHeap, java: largeHeap, flink: true, settings: map[string]string{
		"STORE": "hashmap", "JSON": "streaming", "COMMIT_MS": "1000"}},
}

// byLatency are the contenders for the time from an event to its change.
var byLatency = []contender{
	{name: Hotlead},
	{name: StreamsPrompt, java: largeHeap, settings: map[string]string{
		"STORE": "rocksdb", "JSON": "streaming", "COMMIT_MS": "1", "CACHE_MB": "256", "TUNED": "true"}},
	{name: FlinkPrompt, java: largeHeap, flink: true, rounds: 1, settings: map[string]string{
		"STORE": "hashmap", "JSON": "streaming", "COMMIT_MS": "100"}},
}

// programs are what is run, built once.
type programs struct {
	hotlead, floor string
	// peers is where their classes are; "" where they could not be built, and why not.
	peers  string
	absent string
}

func build(b *testing.B) programs {
	b.Helper()
	dir := b.TempDir()
	p := programs{hotlead: filepath.Join(dir, "hotlead"), floor: filepath.Join(dir, "floor"), peers: "peers"}
	for file, pkg := range map[string]string{p.hotlead: "cmd/hotlead", p.floor: "consumer/internal/floor"} {
		if said, err := exec.CommandContext(b.Context(), "go", "build", "-o", file, "github.com/hotlead/hotlead/"+pkg).CombinedOutput(); err != nil {
			b.Fatalf("building %s: %v\n%s", pkg, err, said)
		}
	}
	if said, err := exec.CommandContext(b.Context(), "mvn", "-q", "-B", "-f", filepath.Join(p.peers, "pom.xml"), "package").CombinedOutput(); err != nil {
		p.peers, p.absent = "", fmt.Sprintf("Kafka Streams and Flink: building them by Maven (apt-get install maven): %v", err)
		say("%s\n%s", p.absent, said)
	}
	return p
}

// running is a contender at work, with topics, group and state of its own.
type running struct {
	b      *testing.B
	name   string
	cmd    *exec.Cmd
	said   *os.File
	group  string
	output string
	// topics are those that were made for it, http where hotlead tells of itself.
	topics map[string]int
	http   string
	dir    string
}

// job is what a contender is started on.
type job struct {
	input string
	lanes int
	// memory are the bytes of leads that hotlead may hold; 0: as it is configured by itself.
	memory int64
}

func (s *servers) start(c contender, j job) *running {
	s.b.Helper()
	r := &running{b: s.b, name: c.name, group: testbed.Unique(s.b, "g"), output: testbed.Unique(s.b, "changes"), topics: map[string]int{}}
	var err error
	if r.dir, err = os.MkdirTemp(s.dir, "run-"); err != nil {
		s.b.Fatal(err)
	}
	r.topics[r.output] = j.lanes
	if c.settings == nil {
		s.hotlead(r, j)
	} else {
		s.peer(r, c, j)
	}
	testbed.CreateTopics(s.b, s.kafka, r.topics, forever)
	s.run(r)
	return r
}

// forever keeps records of whatever age: events of the work are as old as they say.
var forever = kafka.ConfigEntry{ConfigName: "retention.ms", ConfigValue: "-1"}

// run starts r's command.
func (s *servers) run(r *running) {
	s.b.Helper()
	var err error
	if r.said, err = os.OpenFile(filepath.Join(r.dir, "said"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		s.b.Fatal(err)
	}
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.SysProcAttr = r.said, r.said, diesWithParent()
	if err := r.cmd.Start(); err != nil {
		s.b.Fatal(err)
	}
}

// stop ends it as planned, and waits.
func (r *running) stop() {
	r.b.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		r.b.Errorf("stopping %s: %v; it said:\n%s", r.name, err, r.words())
	}
	late := time.AfterFunc(time.Minute, func() { _ = r.cmd.Process.Kill() }) // a JVM may hang; what it holds is thrown away
	defer late.Stop()
	_ = r.cmd.Wait() // a JVM that is told to end says 143
	r.said.Close()
}

// words are the end of what it has said.
func (r *running) words() string {
	text, _ := os.ReadFile(r.said.Name())
	return string(text[max(0, len(text)-4000):])
}

// hotlead prepares the command of the service, and the topics that it needs beside the peers'.
func (s *servers) hotlead(r *running, j job) {
	s.b.Helper()
	names := map[string]string{}
	for _, what := range []string{"qualification", "letters", "inbox"} {
		names[what] = testbed.Unique(s.b, what)
		r.topics[names[what]] = j.lanes
	}
	r.http = testbed.FreeAddr(s.b)
	model, config := filepath.Join(r.dir, "model.yaml"), filepath.Join(r.dir, "hotlead.yaml")
	text := fmt.Sprintf(`kafka:
  brokers: [%q]
  group: %s
  topics: {engagement: %s, qualification: %s, tier_changes: %s, dead_letters: %s, inbox: %s}
redis: {addrs: [%q], prefix: %s}
model: %q
http: {listen: %q}
`, s.kafka, r.group, j.input, names["qualification"], r.output, names["letters"], names["inbox"], s.redis, testbed.Unique(s.b, "k"), model, r.http)
	if j.memory > 0 {
		text += fmt.Sprintf("limits: {memory_bytes: %d}\n", j.memory)
	}
	for path, content := range map[string]string{model: string(workload.Model), config: text} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			s.b.Fatal(err)
		}
	}
	r.cmd = exec.Command(s.programs.hotlead, "run", "--config", config)
}

// peer prepares the command of a peer.
func (s *servers) peer(r *running, c contender, j job) {
	dir, class := "kafka-streams", "peers.OnKafkaStreams"
	args := append([]string{"-Dorg.slf4j.simpleLogger.defaultLogLevel=error"}, c.java...)
	if c.flink {
		dir, class = "flink", "peers.OnFlink"
		for _, opened := range []string{"java.base/java.lang", "java.base/java.util", "java.base/java.time"} {
			args = append(args, "--add-opens="+opened+"=ALL-UNNAMED")
		}
	}
	target := filepath.Join(s.programs.peers, dir, "target")
	path := strings.Join([]string{filepath.Join(target, "classes"), filepath.Join(target, "lib", "*")}, string(os.PathListSeparator))
	r.cmd = exec.Command("java", append(args, "-cp", path, class)...)
	r.cmd.Env = append(os.Environ(), "BROKERS="+s.kafka, "INPUT="+j.input, "OUTPUT="+r.output, "GROUP="+r.group, "THREADS=2", "STATE_DIR="+r.dir)
	for name, value := range c.settings {
		r.cmd.Env = append(r.cmd.Env, name+"="+value)
	}
}
