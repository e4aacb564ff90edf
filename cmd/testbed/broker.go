package testbed

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
)

//go:embed kafka/pom.xml
var brokerPOM []byte

//go:embed kafka/log4j2.xml
var brokerLogging []byte

// clusterID is any valid one: a test's broker is its own cluster.
const clusterID = "vbxI1zg5Q12uW3vo9PFiOQ"

// kafkaProcess starts Apache Kafka as one KRaft node, its disk formatted first.
func kafkaProcess(ctx context.Context, spec brokerSpec) (addr string, host machine, err error) {
	at, err := freeEndpoints(1)
	if err != nil {
		return "", nil, err
	}
	p, err := startBroker(ctx, spec, at[0])
	if err != nil {
		return "", nil, err
	}
	return at[0].clients, p, nil
}

// startBroker starts Apache Kafka as one KRaft node at the given addresses and waits until it serves.
func startBroker(ctx context.Context, spec brokerSpec, at endpoints) (*process, error) {
	java, err := findJava()
	if err != nil {
		return nil, err
	}
	jars, err := brokerJars(ctx, spec.release())
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "hotlead-kafka-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for Kafka: %w", err)
	}
	at.data = filepath.Join(dir, "data")
	command, err := prepareBroker(ctx, dir, java, jars, spec, at)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p, err := launch(dir, command...)
	if err != nil {
		return nil, err
	}
	if err := awaitProcess(ctx, p, func(ctx context.Context) error { return kafkaServes(ctx, at.internal) }); err != nil {
		return nil, err
	}
	return p, nil
}

func findJava() (string, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return "", fmt.Errorf("finding java (apt-get install default-jre-headless): %w", err)
	}
	return java, nil
}

// freeEndpoints are the addresses of n brokers, on ports that nothing listens on.
func freeEndpoints(n int) ([]endpoints, error) {
	ports, err := freePorts(3 * n)
	if err != nil {
		return nil, err
	}
	var at []endpoints
	for p := range slices.Chunk(ports, 3) {
		at = append(at, endpoints{clients: loopback(p[0]), internal: loopback(p[1]), controller: loopback(p[2])})
	}
	return at, nil
}

// prepareBroker writes the broker's configuration into dir, formats its log directory, and says how to run it.
func prepareBroker(ctx context.Context, dir, java, jars string, spec brokerSpec, at endpoints) (command []string, err error) {
	spec.advertised = cmp.Or(spec.advertised, at.clients)
	settings := kafkaSettings(spec, at)
	properties := filepath.Join(dir, "server.properties")
	logging := filepath.Join(dir, "log4j2.xml")
	err = errors.Join(
		writeFile(properties, func(w io.Writer) {
			for _, key := range slices.Sorted(maps.Keys(settings)) {
				fmt.Fprintf(w, "%s=%s\n", key, settings[key])
			}
		}),
		writeFile(logging, func(w io.Writer) { _, _ = w.Write(brokerLogging) }), // into memory: can't fail
	)
	if err != nil {
		return nil, err
	}
	run := slices.Concat([]string{java}, spec.java(), []string{"-Dlog4j2.configurationFile=" + logging, "-cp", filepath.Join(jars, "*")})
	format := slices.Concat(run, []string{"kafka.tools.StorageTool", "format", "-t", clusterID, "-c", properties}, spec.format)
	if out, err := exec.CommandContext(ctx, format[0], format[1:]...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("formatting Kafka's log directory: %w: %s", err, bytes.TrimSpace(out))
	}
	return append(run, "kafka.Kafka", properties), nil
}

// KafkaJars is the directory with the jars of the Apache Kafka that tests run, its Java client among them, fetched by
// Maven the first time. The error says what is missing.
func KafkaJars(ctx context.Context) (string, error) { return brokerJars(ctx, kafkaVersion) }

// brokerJars is the directory with the jars of a release of Kafka, fetched by Maven the first time.
func brokerJars(ctx context.Context, version string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a directory to keep Kafka's jars in: %w", err)
	}
	dir := filepath.Join(cache, "hotlead", "kafka-"+version)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("finding mvn, which fetches Kafka's jars once (apt-get install maven): %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("making a directory for Kafka's jars: %w", err)
	}
	unlock, err := lockFile(dir + ".lock") // several test binaries start at once
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil // another one fetched them meanwhile
	}
	return dir, fetchJars(ctx, mvn, version, dir)
}

// fetchJars lets Maven collect the jars, and gives them their place only when all are there.
func fetchJars(ctx context.Context, mvn, version, dir string) error {
	work, err := os.MkdirTemp(filepath.Dir(dir), "fetch-")
	if err != nil {
		return fmt.Errorf("fetching Kafka's jars: %w", err)
	}
	defer os.RemoveAll(work)
	pom, lib := filepath.Join(work, "pom.xml"), filepath.Join(work, "lib")
	if err := os.WriteFile(pom, brokerPOM, 0o600); err != nil {
		return fmt.Errorf("fetching Kafka's jars: %w", err)
	}
	fetch := exec.CommandContext(ctx, mvn, "-q", "-B", "-f", pom,
		"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies",
		"-DincludeScope=runtime", "-Dkafka.version="+version, "-DoutputDirectory="+lib)
	if out, err := fetch.CombinedOutput(); err != nil {
		return fmt.Errorf("fetching Kafka's jars by Maven: %w: %s", err, bytes.TrimSpace(out))
	}
	if err := os.Rename(lib, dir); err != nil {
		return fmt.Errorf("fetching Kafka's jars: %w", err)
	}
	return nil
}

// lockFile waits for an exclusive lock among all processes that ask for the same path.
func lockFile(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
	}
	return func() { file.Close() }, nil
}
