package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// passes are how often the floor reads the work in one run: it is quick.
const passes = 3

// throughput lets all contenders fold the work in turns, and then hotlead alone, offline.
func (s *servers) throughput(report *Report, w *work, rounds int) {
	s.b.Helper()
	var scored []float64
	for round := range rounds {
		for i := range byThroughput {
			c := byThroughput[(round+i)%len(byThroughput)] // no one always follows the same one
			if c.settings != nil && s.programs.peers == "" {
				continue
			}
			run, err := s.measure(c, w)
			if err != nil {
				say("round %d: %v", round+1, err)
				report.Failed = append(report.Failed, fmt.Sprintf("round %d: %v", round+1, err))
				continue
			}
			run.Round = round + 1
			report.Throughput = append(report.Throughput, run)
			say("round %d: %s: %s events/s, %.2f s of processors a million (own %.2f, Kafka %.2f, Redis %.2f), %d MiB, others %.0f %%", run.Round, run.Contender,
				short(run.PerSecond), run.CPU.All(), run.CPU.Own, run.CPU.Kafka, run.CPU.Redis, run.PeakMiB, 100*run.Others)
		}
		_, perCore := s.offline(w)
		say("round %d: hotlead score: %s events for a second of processor time", round+1, short(perCore))
		scored = append(scored, perCore)
	}
	if len(scored) > 0 {
		report.Alone.ScorePerCore = median(scored, func(perCore float64) float64 { return perCore })
	}
}

// measure is one run of a contender over the whole work; an error says that it was none.
func (s *servers) measure(c contender, w *work) (Run, error) {
	s.b.Helper()
	if c.name == Floor {
		return s.floor(w)
	}
	r := s.start(c, job{input: w.topic, lanes: w.lanes})
	defer s.discard(r)
	run, err := s.timed(r, w, 0)
	if err != nil {
		return run, err
	}
	must := w.byPeers
	if c.settings == nil {
		must = w.byHotlead
	}
	announced, err := s.audit(r, must)
	run.Changes, run.ByTime = announced.byEvents, announced.byTime
	return run, err
}

// timed is measured from when so many events are committed to the last. With none it is from the first commit, so that
// nobody's start counts. Lanes commit batch by batch, one after the other, so of each it counts what comes after its first
// commit within that time, over the time since then: what a lane has folded but not committed yet is left out at both ends.
func (s *servers) timed(r *running, w *work, from int64) (Run, error) {
	s.b.Helper()
	run := Run{Contender: r.name}
	pid := r.cmd.Process.Pid
	var before processors
	var allocations float64
	var base []int64
	firsts := make([]firstCommit, w.lanes)
	s.watch(r, w, func(at []int64) bool {
		if base == nil {
			if sum(at) < from {
				return false
			}
			base = slices.Clone(at)
		}
		now := time.Now()
		for p := range at {
			if firsts[p].at.IsZero() && at[p] > base[p] {
				firsts[p] = firstCommit{at: now, events: at[p]}
			}
		}
		if before.at.IsZero() && sum(at) > sum(base) {
			before, allocations = processorsSoFar(s.b), s.allocations(r)
		}
		return sum(at) >= w.events
	})
	after := processorsSoFar(s.b)
	allocations = s.allocations(r) - allocations
	counted := int64(0)
	for p, first := range firsts {
		counted += w.endOf(p) - first.events
		run.PerSecond += float64(w.endOf(p)-first.events) / after.at.Sub(first.at).Seconds()
	}
	if counted < (w.events-from)/4 {
		return run, fmt.Errorf("after the first commits of %s's lanes no more than %d of %d events are left to measure", r.name, counted, w.events)
	}
	run.Seconds = after.at.Sub(before.at).Seconds()
	run.Events = int64(run.PerSecond * run.Seconds)
	run.CPU = after.since(before, pid).over(float64(run.Events) / 1e6)
	run.Others = after.othersSince(before, s.cpus)
	run.PeakMiB = peakMemory(pid)
	if r.http != "" {
		run.AllocationsPerEvent = allocations / float64(run.Events)
		run.RedisMiB = residentMemory("redis-server")
		run.BytesPerLead = usedMemory(s.b, s.raw) / s.metric(r, "hotlead_leads")
	}
	return run, nil
}

// firstCommit is how many events of a lane are committed, and since when.
type firstCommit struct {
	events int64
	at     time.Time
}

// allocations are how many hotlead has made so far; of a peer nobody knows.
func (s *servers) allocations(r *running) float64 {
	if r.http == "" {
		return 0
	}
	return s.metric(r, "go_memstats_mallocs_total")
}

// over is the time for each of n.
func (c CPU) over(n float64) CPU { return CPU{Own: c.Own / n, Kafka: c.Kafka / n, Redis: c.Redis / n} }

// floor is a run of the floor, which commits nothing and measures itself.
func (s *servers) floor(w *work) (Run, error) {
	s.b.Helper()
	var out, said bytes.Buffer
	floor := exec.CommandContext(s.b.Context(), s.programs.floor, s.kafka, w.topic, strconv.Itoa(w.lanes), strconv.Itoa(passes))
	floor.Stdout, floor.Stderr = &out, &said
	before := processorsSoFar(s.b)
	if err := floor.Run(); err != nil {
		return Run{}, fmt.Errorf("running the floor: %w\n%s", err, said.String())
	}
	after := processorsSoFar(s.b)
	var told struct {
		Events  int64
		Seconds float64
	}
	if err := json.Unmarshal(out.Bytes(), &told); err != nil {
		return Run{}, fmt.Errorf("reading what the floor says: %w", err)
	}
	if told.Events != passes*w.events {
		return Run{}, fmt.Errorf("the floor decoded %d events instead of %d", told.Events, passes*w.events)
	}
	own := floor.ProcessState.UserTime() + floor.ProcessState.SystemTime()
	spent := CPU{Own: own.Seconds(), Kafka: (after.kafka - before.kafka).Seconds()}
	run := Run{Contender: Floor, Events: told.Events, Seconds: told.Seconds, PerSecond: float64(told.Events) / told.Seconds, CPU: spent.over(float64(told.Events) / 1e6)}
	run.Others = max(0, after.othersSince(before, s.cpus)-own.Seconds()/(after.at.Sub(before.at).Seconds()*float64(s.cpus)))
	return run, nil
}

// metric is the sum over all labels of one of hotlead's metrics.
func (s *servers) metric(r *running, name string) (sum float64) {
	s.b.Helper()
	text, err := scrape(r.http)
	if err != nil {
		s.b.Fatalf("asking hotlead for %s: %v; it said:\n%s", name, err, r.words())
	}
	return metricIn(text, name)
}

func scrape(addr string) (string, error) {
	answer, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	return string(text), err
}

// metricIn sums over all labels.
func metricIn(text, name string) (sum float64) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok && strings.HasPrefix(strings.TrimLeft(rest, " "), "{") || ok && strings.HasPrefix(rest, " ") {
			fields := strings.Fields(line)
			value, _ := strconv.ParseFloat(fields[len(fields)-1], 64)
			sum += value
		}
	}
	return sum
}
