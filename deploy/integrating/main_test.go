package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
)

func TestMain(m *testing.M) {
	if os.Getenv("ACT_AS") == "integrating" {
		main()
		os.Exit(0)
	}
	os.Exit(testbed.Run(m))
}

// confluentKafka is the Python client that the program is tried with.
const confluentKafka = "2.16.1"

// announced is a topic with what a reader has to make sense of: two changes of a lead, one between them that was taken
// back, the first once more, and a stage.
func announced(t *testing.T, addr string) (topic string) {
	t.Helper()
	topic = testbed.Unique(t, "tier-changes")
	testbed.CreateTopics(t, addr, map[string]int{topic: 1})
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic), kgo.TransactionalID(testbed.Unique(t, "hotlead")))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	change := func(typ string, sequence int, data string) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":"ada/%d","source":"hotlead/small","type":%q,"subject":"ada","data":{"lead":"ada","sequence":%d,%s}}`, sequence, typ, sequence, data)
	}
	first := change("lead.tier.changed", 1, `"from":"cold","to":"warm"`)
	for _, transaction := range []struct {
		end    kgo.TransactionEndTry
		values []string
	}{
		{kgo.TryCommit, []string{first}},
		{kgo.TryAbort, []string{change("lead.tier.changed", 2, `"from":"warm","to":"cold"`)}},
		{kgo.TryCommit, []string{first, change("lead.tier.changed", 2, `"from":"warm","to":"hot","route":"sales"`), change("lead.stage.reached", 3, `"from":"hot","to":"hot","stage":"MQL"`)}},
		{kgo.TryCommit, []string{change("lead.tier.changed", 4, `"from":"hot","to":"warm"`)}},
	} {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for _, value := range transaction.values {
			if err := client.ProduceSync(t.Context(), kgo.KeyStringRecord("ada", value)).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.EndTransaction(t.Context(), transaction.end); err != nil {
			t.Fatal(err)
		}
	}
	return topic
}

// acts has a program read what was announced, and holds what it acts on.
func acts(t *testing.T, env []string, command ...string) {
	t.Helper()
	addr := testbed.OwnKafka(t).Addr // its own: a group waits for the member that the program before was
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], addr, announced(t, addr))...)
	cmd.Env = append(os.Environ(), env...)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(out); len(said) < 3 && lines.Scan(); {
		said = append(said, strings.TrimSpace(lines.Text()))
	}
	cancel()
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got, want := strings.Join(said, ", "), "ada 1 cold -> warm, ada 2 warm -> hot sales, ada 4 hot -> warm"; got != want {
		t.Errorf("it acts on %q, want %q; standard error:\n%s", got, want, &errOut)
	}
}

// missing tells that a program was not tried, which CI does not take.
func missing(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Logf("not tried: %s: %v", what, err)
}

func TestTheProgramInGo(t *testing.T) {
	acts(t, []string{"ACT_AS=integrating"}, os.Args[0])
}

func TestTheProgramInJava(t *testing.T) {
	jars, err := testbed.KafkaJars(t.Context())
	if err != nil {
		missing(t, "Kafka's client in Java", err)
		return
	}
	java, err := exec.LookPath("java")
	if err == nil {
		_, err = exec.LookPath("javac")
	}
	if err != nil {
		missing(t, "a JDK, of version 17 or later", err)
		return
	}
	acts(t, nil, java, "-cp", filepath.Join(jars, "*"), "TierChanges.java")
}

func TestTheProgramInPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		missing(t, "Python", err)
		return
	}
	packages, err := pythonPackages(t.Context(), python)
	if err != nil {
		missing(t, "Kafka's client in Python", err)
		return
	}
	acts(t, []string{"PYTHONPATH=" + packages}, python, "tier_changes.py")
}

// pythonPackages is a directory with the client, fetched by pip the first time.
func pythonPackages(ctx context.Context, python string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a directory to keep it in: %w", err)
	}
	dir := filepath.Join(cache, "hotlead", "confluent-kafka-"+confluentKafka)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	fetched, err := os.MkdirTemp(cache, "hotlead-")
	if err != nil {
		return "", fmt.Errorf("making a directory to fetch it into: %w", err)
	}
	defer os.RemoveAll(fetched)
	pip := exec.CommandContext(ctx, python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", fetched, "confluent-kafka=="+confluentKafka)
	if out, err := pip.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetching it by pip: %w: %s", err, bytes.TrimSpace(out))
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("making the directory to keep it in: %w", err)
	}
	if err := os.Rename(fetched, dir); err != nil {
		return "", fmt.Errorf("keeping it: %w", err)
	}
	return dir, nil
}
