package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times under /proc: USER_HZ, 100 on every Linux.
const tick = 10 * time.Millisecond

// processors is processor time so far, system calls included: of this process, of what it has started, and of the
// machine.
type processors struct {
	at                 time.Time
	self, kafka, redis time.Duration
	// others are this process' other children, by process ID.
	others map[int]time.Duration
	// busy is what all processes of the machine have had, stolen what the machine did not get.
	busy, stolen time.Duration
}

// spent reads the processor times of this process, of its children and of the machine.
func spent() (processors, error) {
	p := processors{at: time.Now(), others: map[int]time.Duration{}}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return p, fmt.Errorf("looking for processes: %w", err)
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
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return p, fmt.Errorf("reading how busy the machine is: %w", err)
	}
	p.busy, p.stolen, err = readMachine(string(text))
	return p, err
}

// readMachine reads the first line of /proc/stat.
func readMachine(text string) (busy, stolen time.Duration, err error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, fmt.Errorf("/proc/stat begins with %q: it should tell of the whole machine", line)
	}
	var ticks [8]int64 // user, nice, system, idle, iowait, irq, softirq, steal
	for i := range ticks {
		if ticks[i], err = strconv.ParseInt(fields[i+1], 10, 64); err != nil {
			return 0, 0, fmt.Errorf("reading /proc/stat: %w", err)
		}
	}
	return time.Duration(ticks[0]+ticks[1]+ticks[2]+ticks[5]+ticks[6]) * tick, time.Duration(ticks[7]) * tick, nil
}

// since is what the process pid, Kafka and Redis have spent since before, in seconds.
func (p processors) since(before processors, pid int) CPU {
	return CPU{
		Own:   (p.others[pid] - before.others[pid]).Seconds(),
		Kafka: (p.kafka - before.kafka).Seconds(),
		Redis: (p.redis - before.redis).Seconds(),
	}
}

// othersSince is the share of n processors that went, since before, neither to this process nor to its children.
func (p processors) othersSince(before processors, n int) float64 {
	ours := p.self - before.self + p.kafka - before.kafka + p.redis - before.redis
	for pid, time := range p.others {
		ours += time - before.others[pid]
	}
	others := p.busy - before.busy + p.stolen - before.stolen - ours
	return max(0, others.Seconds()/(p.at.Sub(before.at).Seconds()*float64(n)))
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

// peakMemory is the most resident memory that a process has had, in MiB; 0 where it has ended.
func peakMemory(pid int) int64 {
	return kibibytes(filepath.Join("/proc", strconv.Itoa(pid), "status"), "VmHWM:") >> 10
}

// residentMemory is what Redis holds now, in MiB, for a process of which only the command is known.
func residentMemory(command string) (mib int64) {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is right
	for _, dir := range dirs {
		parent, _, ok := readStat(dir)
		text, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // of one that has ended meanwhile: nobody's
		if ok && parent == os.Getpid() && bytes.Contains(text, []byte(command)) {
			mib += kibibytes(filepath.Join(dir, "status"), "VmRSS:") >> 10
		}
	}
	return mib
}

// kibibytes is what a line of a file under /proc says behind name, in KiB; 0 where it can't be read.
func kibibytes(file, name string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

// thisMachine describes the machine that this process runs on.
func thisMachine(processors int) Machine {
	m := Machine{Processors: processors, MemoryMiB: kibibytes("/proc/meminfo", "MemTotal:") >> 10}
	text, _ := os.ReadFile("/proc/cpuinfo") // without it: no name
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			m.Model = strings.TrimSpace(strings.TrimLeft(name, "\t :"))
			break
		}
	}
	release, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	m.System = "Linux " + strings.TrimSpace(string(release))
	return m
}
