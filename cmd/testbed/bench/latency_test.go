package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/cmd/testbed/workload"
)

const (
	// offered are events a second, sent in small groups: each is to be sent at its group's instant, whatever happened to
	// those before it, and is late if it is not.
	offered  = 10_000
	group    = 10
	interval = time.Second * group / offered
	// warmFor is how long a contender gets to start, to catch up and to compile, measuredFor how long it is measured.
	warmFor     = 20 * time.Second
	measuredFor = 20 * time.Second
)

// latency lets the contenders work at a steady rate in turns.
func (s *servers) latency(report *Report, rounds int) {
	s.b.Helper()
	for round := range rounds {
		for i := range byLatency {
			c := byLatency[(round+i)%len(byLatency)]
			if c.settings != nil && s.programs.peers == "" || c.rounds > 0 && round >= c.rounds {
				continue
			}
			l, err := s.prompt(c)
			if err != nil {
				say("latency, round %d: %v", round+1, err)
				report.Failed = append(report.Failed, fmt.Sprintf("latency, round %d: %v", round+1, err))
				continue
			}
			l.Round = round + 1
			report.Latency = append(report.Latency, l)
			say("latency, round %d: %s: p50 %.1f, p99 %.1f, p99.9 %.1f ms of %d changes, %.2f cores (own %.2f, Kafka %.2f, Redis %.2f), others %.0f %%", l.Round, l.Contender,
				l.P50, l.P99, l.P999, l.Changes, l.CPU.All(), l.CPU.Own, l.CPU.Kafka, l.CPU.Redis, 100*l.Others)
		}
	}
}

// schedule is which event is to be sent when.
type schedule struct {
	begin time.Time
	n     int
}

// at is when event i is to be sent.
func (t schedule) at(i int) time.Time { return t.begin.Add(time.Duration(i/group) * interval) }

// events is a generator of the events, each of which happens, by its time in milliseconds, when it is to be sent.
func (t schedule) events() *workload.Generator {
	g := workload.New(1, workload.Leads, t.begin)
	g.Every = interval / group
	return g
}

// prompt is one run of a contender at the steady rate.
func (s *servers) prompt(c contender) (Latency, error) {
	s.b.Helper()
	w := &work{topic: testbed.Unique(s.b, "engagement"), lanes: lanes}
	testbed.CreateTopics(s.b, s.kafka, map[string]int{w.topic: w.lanes}, forever)
	r := s.start(c, job{input: w.topic, lanes: w.lanes})
	r.topics[w.topic] = w.lanes
	defer s.discard(r)
	plan := schedule{begin: time.Now().Truncate(time.Second).Add(2 * time.Second), n: int((warmFor + measuredFor).Seconds()) * offered}

	ctx, cancel := context.WithCancel(s.b.Context())
	defer cancel()
	inbox, err := s.receive(ctx, r, plan)
	if err != nil {
		return Latency{}, err
	}
	defer inbox.wait.Wait() // after cancel, which comes last
	defer cancel()
	var before, after processors
	var beforeErr, afterErr error
	warm := time.AfterFunc(time.Until(plan.begin.Add(warmFor)), func() { before, beforeErr = spent() })
	defer warm.Stop()
	if err := s.offer(ctx, w, plan); err != nil {
		return Latency{}, fmt.Errorf("offering events to %s: %w", r.name, err)
	}
	after, afterErr = spent()
	if err := errors.Join(beforeErr, afterErr); err != nil {
		return Latency{}, err
	}
	must, err := s.mustAnnounce(c, plan)
	if err != nil {
		return Latency{}, err
	}
	got, took, err := inbox.await(must)
	if err != nil {
		return Latency{}, fmt.Errorf("%s at a steady rate: %w; it said:\n%s", r.name, err, r.words())
	}
	if !got.same(must) {
		return Latency{}, fmt.Errorf("%s announced %d changes that events caused, and not the %d that it must", r.name, got.byEvents, must.byEvents)
	}
	l := Latency{Contender: r.name, CPU: after.since(before, r.cmd.Process.Pid).over(after.at.Sub(before.at).Seconds()), Others: after.othersSince(before, s.cpus)}
	l.summary(took)
	return l, nil
}

// offer sends the events as they are planned.
func (s *servers) offer(ctx context.Context, w *work, plan schedule) error {
	client, err := kgo.NewClient(append(producing(s.kafka), kgo.DefaultProduceTopic(w.topic), kgo.ProducerLinger(0))...)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return err
	}
	var first kgo.FirstErrPromise
	g := plan.events()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for i := 0; i < plan.n; {
		now := time.Now()
		for ; i < plan.n && !plan.at(i).After(now); i++ {
			text, key := g.Append(make([]byte, 0, 512))
			client.Produce(ctx, &kgo.Record{Key: text[:key:key], Value: text[key:], Timestamp: plan.at(i)}, first.Promise())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.Join(client.Flush(ctx), first.Err())
}

// mustAnnounce is what c has to announce of the planned events.
func (s *servers) mustAnnounce(c contender, plan schedule) (tally, error) {
	s.b.Helper()
	peers, g := newEventOnly(), plan.events()
	file, err := os.Create(filepath.Join(s.dir, "steady.ndjson"))
	if err != nil {
		return tally{}, err
	}
	defer file.Close()
	lines := bufio.NewWriterSize(file, 1<<20)
	var text []byte
	for range plan.n {
		var key int
		text, key = g.Append(text[:0])
		_, err = lines.Write(append(text[key:], '\n'))
		if err := errors.Join(err, peers.fold(text[key:])); err != nil {
			return tally{}, err
		}
	}
	if err := lines.Flush(); err != nil || c.settings != nil {
		return peers.tally, err
	}
	by, _ := s.offline(&work{file: file.Name(), events: int64(plan.n)})
	return by, nil
}

// inbox is what another client has received of a contender's changes.
type inbox struct {
	wait sync.WaitGroup
	plan schedule

	mu    sync.Mutex
	tally tally
	took  []time.Duration
	err   error
	more  chan struct{} // gets a token when something has come
}

// receive reads what r announces, as it comes, until ctx ends.
func (s *servers) receive(ctx context.Context, r *running, plan schedule) (*inbox, error) {
	reader, err := kgo.NewClient(kgo.SeedBrokers(s.kafka), kgo.ConsumeTopics(r.output), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DisableClientMetrics(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	in := &inbox{plan: plan, more: make(chan struct{}, 1)}
	in.wait.Go(func() {
		defer reader.Close()
		for {
			fetched := reader.PollFetches(ctx)
			now := time.Now()
			if ctx.Err() != nil {
				return
			}
			fetched.EachRecord(func(record *kgo.Record) { in.take(record.Value, now) })
			select {
			case in.more <- struct{}{}:
			default:
			}
		}
	})
	return in, nil
}

// take counts a change that came at now.
func (in *inbox) take(text []byte, now time.Time) {
	in.mu.Lock()
	defer in.mu.Unlock()
	id, err := in.tally.add(text)
	if err != nil {
		in.err = err
		return
	}
	if id == "" {
		return // time caused it
	}
	i, err := strconv.Atoi(id[1:])
	if err != nil {
		in.err = fmt.Errorf("reading the number of event %s: %w", id, err)
		return
	}
	if at := in.plan.at(i); !at.Before(in.plan.begin.Add(warmFor)) {
		in.took = append(in.took, now.Sub(at))
	}
}

// await waits until as many changes have come as must, but not for ever.
func (in *inbox) await(must tally) (tally, []time.Duration, error) {
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	for {
		in.mu.Lock()
		got, took, err := in.tally, in.took, in.err
		in.mu.Unlock()
		if err != nil || got.byEvents >= must.byEvents {
			return got, took, err
		}
		select {
		case <-in.more:
		case <-late.C:
			return got, took, nil
		}
	}
}
