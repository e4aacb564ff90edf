package bench

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is the unit of processor times under /proc: USER_HZ, 100 on every Linux.
const tick = 10 * time.Millisecond

// processors is processor time so far, system calls included: of this process, and of what it has started.
type processors struct {
	self, kafka, redis time.Duration
	// others are its other children, by process ID.
	others map[int]time.Duration
}

// spent reads the processor times of this process and of its children.
func spent(t testing.TB) processors {
	t.Helper()
	p := processors{others: map[int]time.Duration{}}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		parent, time, ok := readStat(dir)
		if err != nil || !ok || pid != os.Getpid() && parent != os.Getpid() {
			continue
		}
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // of one that has ended meanwhile: nobody's
		switch {
		case pid == os.Getpid():
			p.self = time
		case bytes.Contains(command, []byte("kafka.Kafka")):
			p.kafka += time
		case bytes.Contains(command, []byte("redis-server")):
			p.redis += time
		default:
			p.others[pid] = time
		}
	}
	return p
}

// readStat is the parent of a process and the processor time that it has spent; not ok for one that has ended.
func readStat(dir string) (parent int, spent time.Duration, ok bool) {
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0, 0, false
	}
	_, after, ok := strings.Cut(string(text), ") ") // the name before it may hold spaces
	fields := strings.Fields(after)
	if !ok || len(fields) < 13 {
		return 0, 0, false
	}
	parent, err = strconv.Atoi(fields[1])
	user, userErr := strconv.ParseInt(fields[11], 10, 64)
	system, systemErr := strconv.ParseInt(fields[12], 10, 64)
	return parent, time.Duration(user+system) * tick, errors.Join(err, userErr, systemErr) == nil
}
