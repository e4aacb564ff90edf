package bench

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed/workload"
)

const (
	// million is at how many leads memory and take-overs are judged.
	million = 1_000_000
	// drawn are the events about leads drawn uniformly that follow one event about each lead.
	drawn = 1_000_000
	// leastMemory is the least that hotlead may be told to keep leads in.
	leastMemory = 1 << 20
	// refolds are how often a refold is measured, each time beside the live rate of the same run: one time is a fifth off
	// the other.
	refolds = 3
)

// alone measures what hotlead is held to by itself.
func (s *servers) alone(report *Report, sizes []int) error {
	s.b.Helper()
	for _, n := range sizes {
		size, err := s.size(s.populated(n, lanes))
		if err != nil {
			return err
		}
		size.Leads = n
		report.Alone.Sizes = append(report.Alone.Sizes, size)
		say("%d leads, none in memory: %s events/s, %.2f s of processors a million (own %.2f, Kafka %.2f, Redis %.2f)", n, short(size.PerSecond),
			size.CPU.All(), size.CPU.Own, size.CPU.Kafka, size.CPU.Redis)
	}
	if err := s.refolded(&report.Alone); err != nil {
		return err
	}
	if err := s.takeOver(&report.Alone); err != nil {
		return err
	}
	say("taking a lane of %d leads over: first event folded after %.3f s", report.Alone.TakeOverLeads, report.Alone.TakeOverSeconds)
	return nil
}

// population is a topic with one event about each of its leads, and then events about leads drawn uniformly; more are the
// events that could follow.
type population struct {
	*work
	leads int
	more  *workload.Generator
}

// populated writes a population whose events are of the last eleven days.
func (s *servers) populated(leads, lanes int) population {
	s.b.Helper()
	every := 11 * 24 * time.Hour / time.Duration(leads+drawn)
	const ahead = 3 * time.Hour // for what follows: a broker takes no record of the future
	begin := time.Now().Add(-ahead - every*time.Duration(leads+drawn))
	each := workload.NewInTurn(1, uint64(leads), begin)
	each.Every = every
	p := population{work: s.write(each, leads, lanes), leads: leads}
	p.more = workload.NewEven(2, uint64(leads), each.Time()) // its event IDs are those of before, of other leads for the most part
	p.more.Every = every
	s.append(p.work, p.more, drawn)
	return p
}

// size is the cost of an event about leads drawn uniformly that are all in Redis, and none in memory.
func (s *servers) size(p population) (Size, error) {
	s.b.Helper()
	r := s.start(contender{name: Hotlead}, job{input: p.topic, lanes: p.lanes, memory: leastMemory})
	r.topics[p.topic] = p.lanes
	defer s.discard(r)
	// Lanes do not come there all at once: those of the last tenth have all leads behind them.
	run, err := s.timed(r, p.work, int64(p.leads)+drawn/10)
	return Size{PerSecond: run.PerSecond, CPU: run.CPU, ChangesPerEvent: s.metric(r, "hotlead_tier_changes_total") / float64(p.events)}, err
}

// refolded measures refolds, and tells of the one in the middle, and of the most memory.
func (s *servers) refolded(a *Alone) error {
	s.b.Helper()
	all := make([]Alone, refolds)
	for i := range all {
		one := &all[i]
		if err := s.refold(one); err != nil {
			return err
		}
		say("%d leads: %d MiB; folded %s events/s, and %s again after FLUSHALL", million, one.MillionMiB, short(one.LivePerSecond), short(one.RefoldPerSecond))
		a.MillionMiB = max(a.MillionMiB, one.MillionMiB)
	}
	slices.SortFunc(all, func(x, y Alone) int {
		return cmp.Compare(x.RefoldPerSecond/x.LivePerSecond, y.RefoldPerSecond/y.LivePerSecond)
	})
	middle := &all[refolds/2]
	a.LivePerSecond, a.RefoldPerSecond = middle.LivePerSecond, middle.RefoldPerSecond
	return nil
}

// refold measures the memory of hotlead with a million leads, and how quickly it folds them all again when Redis has lost
// them.
func (s *servers) refold(a *Alone) error {
	s.b.Helper()
	p := s.populated(million, lanes)
	r := s.start(contender{name: Hotlead}, job{input: p.topic, lanes: p.lanes})
	r.topics[p.topic] = p.lanes
	defer s.discard(r)
	run, err := s.timed(r, p.work, 0)
	if err != nil {
		return err
	}
	a.MillionMiB, a.LivePerSecond = run.PeakMiB, run.PerSecond
	if err := s.raw.FlushAll(s.b.Context()).Err(); err != nil {
		return fmt.Errorf("emptying Redis: %w", err)
	}
	begun, again := time.Now(), p.events
	s.append(p.work, p.more, 1000) // a lane notices as it decides
	s.committed(r, p.work, p.events)
	a.RefoldPerSecond = float64(again) / time.Since(begun).Seconds()
	return nil
}

// takeOver measures how long a lane of a million leads takes from being owned to its first event.
func (s *servers) takeOver(a *Alone) error {
	s.b.Helper()
	p := s.populated(million, 1)
	r := s.start(contender{name: Hotlead}, job{input: p.topic, lanes: p.lanes})
	r.topics[p.topic] = p.lanes
	defer s.discard(r)
	s.committed(r, p.work, p.events)
	r.stop()
	s.append(p.work, p.more, 10_000)
	r.cmd = exec.Command(r.cmd.Path, r.cmd.Args[1:]...)
	s.run(r)
	ctx, cancel := context.WithTimeout(s.b.Context(), time.Minute)
	defer cancel()
	every := time.NewTicker(5 * time.Millisecond)
	defer every.Stop()
	var owned time.Time
	for {
		text, err := scrape(r.http) // until it listens: refused
		now := time.Now()
		if err == nil && owned.IsZero() && metricIn(text, "hotlead_lanes_owned") > 0 {
			owned = now
		}
		if err == nil && metricIn(text, "hotlead_events_total") > 0 {
			a.TakeOverLeads, a.TakeOverSeconds = million, max(now.Sub(owned), 5*time.Millisecond).Seconds()
			return nil
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the first event after a take-over: %w; it said:\n%s", context.Cause(ctx), r.words())
		}
	}
}

// numbers reads whole numbers with commas between them.
func numbers(text string) (all []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil, fmt.Errorf("reading %q as numbers with commas between them: %w", text, err)
		}
		all = append(all, n)
	}
	return all, nil
}
