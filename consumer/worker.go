package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hotlead/hotlead/consumer/internal/group"
	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

const (
	// drainTimeout bounds how long a planned stop, or a hand-over, waits for the batches in hand.
	drainTimeout = 20 * time.Second
	// probeTimeout bounds how long readiness waits for Redis and Kafka to answer.
	probeTimeout = 2 * time.Second
)

// Worker is one member of the consumer group, with the lanes that the group has given it.
type Worker struct {
	o       Options
	cluster *wire.Cluster
	// starting is why the worker has not joined the group yet; nil when it has.
	starting atomic.Pointer[startError]

	// life outlives the context of Run: lanes finish their batches on it.
	life context.Context

	mu     sync.Mutex
	member *group.Member
	lanes  map[int]*tenure
	// layout is that of the topics, set before the worker joins.
	layout layout
}

type startError struct{ err error }

// tenure is one lane's time with this worker: the lane, and the goroutine that runs it while the group stands.
type tenure struct {
	lane *lane
	// drain ends the goroutine at its batch's end, cut at once; stopped is closed when it has ended.
	drain, cut context.CancelFunc
	stopped    chan struct{}
}

// New makes a Worker. It talks to nobody before Run.
func New(o Options) (*Worker, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	w := &Worker{o: o, lanes: map[int]*tenure{}}
	w.starting.Store(&startError{errors.New("the service has not started")})
	return w, nil
}

// Run works until ctx ends: then it finishes and announces the batches in hand, leaves the group and returns. A server
// that is away, or topics that are not as they must be, are waited for with growing pauses; Ready says what is amiss.
func (w *Worker) Run(ctx context.Context) error {
	w.life = context.WithoutCancel(ctx)
	w.cluster = wire.Dial(wire.Options{Brokers: w.o.Brokers, TLS: w.o.TLS, SASL: w.o.SASL, ClientID: w.o.ClientID, Log: w.o.Log, Reused: w.o.reused})
	defer w.cluster.Close()
	for {
		if !w.start(ctx) {
			return nil
		}
		if err := w.work(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		w.o.Log.Info("the topics have other partitions than before; joining the group anew")
	}
}

// work is one membership of the group: until ctx ends, or the topics are cut another way.
func (w *Worker) work(ctx context.Context) error {
	member := group.Join(group.Options{
		Brokers: w.o.Brokers, Transport: w.cluster.Transport(), ID: w.o.Group, ClientID: w.o.ClientID,
		Topics: w.o.Topics.inputs(), Lanes: w.layout.lanes, Partitions: w.layout.partitions,
		SessionTimeout: w.o.SessionTimeout, RebalanceTimeout: w.o.RebalanceTimeout, Log: w.o.Log,
	})
	w.mu.Lock()
	w.member = member
	w.mu.Unlock()
	w.starting.Store(nil)
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		defer cancel()
		w.watchLayout(ctx)
	})
	err := member.Run(ctx, (*owner)(w))
	cancel()
	watching.Wait()
	return errors.Join(err, w.close())
}

// watchLayout returns when the topics have other partitions than the worker joined with: a new partition of an input
// belongs to a lane, and would never be read. A layout that can't work is left to start to tell of.
func (w *Worker) watchLayout(ctx context.Context) {
	for {
		pause := pauses{now: w.o.lookAtTopicsEvery}
		if !pause.wait(ctx) {
			return
		}
		at, err := readLayout(ctx, w.cluster, w.o.Topics)
		switch {
		case errors.Is(err, errLayout):
			return
		case err == nil && !maps.Equal(at.partitions, w.layout.partitions):
			return
		}
	}
}

// start waits until Kafka and Redis are as they must be; false when ctx ended first.
func (w *Worker) start(ctx context.Context) bool {
	pause := pauses{first: 200 * time.Millisecond, now: 200 * time.Millisecond, least: 200 * time.Millisecond, most: 5 * time.Second}
	said := map[string]bool{} // a server that is away may say so in two or three ways, by turns
	for ctx.Err() == nil {
		err := w.check(ctx)
		if err == nil {
			return true
		}
		w.starting.Store(&startError{err})
		if text := gist(err); !said[text] && ctx.Err() == nil {
			w.o.Log.Warn("waiting to start", "error", err)
			if len(said) > 20 {
				clear(said)
			}
			said[text] = true
		}
		if !pause.wait(ctx) {
			break
		}
	}
	return false
}

// check asks Kafka for the topics and Redis for its settings.
func (w *Worker) check(ctx context.Context) error {
	at, err := readLayout(ctx, w.cluster, w.o.Topics)
	if err != nil {
		if w.o.TLS == nil && errors.Is(err, io.ErrUnexpectedEOF) {
			return withMend(err, "if the brokers want TLS, set kafka.tls.enabled: true")
		}
		return KafkaMend(err)
	}
	warnings, err := w.o.Store.Check(ctx)
	if err != nil {
		return RedisMend(fmt.Errorf("checking Redis: %w", err))
	}
	for _, warning := range warnings {
		w.o.Log.Warn("Redis: " + warning)
	}
	w.layout = at
	return nil
}

// close gives up what the lanes hold; they stand still.
func (w *Worker) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for p, t := range w.lanes {
		errs = append(errs, t.lane.close())
		delete(w.lanes, p)
	}
	w.o.Metrics.lanesOwned.Set(0)
	return errors.Join(errs...)
}

// Ready is nil when this worker does its part: it is a member of the group, every lane that it owns progresses, and
// Redis and Kafka answer.
func (w *Worker) Ready(ctx context.Context) error {
	if s := w.starting.Load(); s != nil {
		return s.err
	}
	w.mu.Lock()
	member := w.member
	var errs []error
	for _, t := range w.lanes {
		switch s := t.lane.status.Load(); {
		case s == nil || !s.Settled && s.Err == nil:
			errs = append(errs, fmt.Errorf("lane %d is being taken over", t.lane.number))
		case s.Err != nil:
			errs = append(errs, s.Err)
		}
	}
	w.mu.Unlock()
	s := member.State()
	if s.Err != nil {
		errs = append(errs, KafkaMend(fmt.Errorf("the consumer group: %w", s.Err)))
	}
	if s.Generation == (group.Generation{}) {
		errs = append(errs, errors.New("no lanes yet: the consumer group is forming"))
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	// Side by side, so that a Redis which is silent does not use up the time in which Kafka may answer.
	var redisErr error
	var asking sync.WaitGroup
	asking.Go(func() { redisErr = w.o.Store.Ping(ctx) })
	kafkaErr := w.cluster.Ping(ctx)
	asking.Wait()
	if redisErr != nil {
		errs = append(errs, RedisMend(fmt.Errorf("redis does not answer: %w", redisErr)))
	}
	if kafkaErr != nil {
		errs = append(errs, KafkaMend(fmt.Errorf("kafka does not answer: %w", kafkaErr)))
	}
	return errors.Join(errs...)
}

// owner is the Worker as its group.Member sees it.
type owner Worker

// Assigned takes the lanes of a new generation: those that we held go on where they stood, the others are taken over.
func (o *owner) Assigned(g group.Generation, lanes []int) {
	w := (*Worker)(o)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.o.Metrics.rebalances.Inc()
	keep := make(map[int]bool, len(lanes))
	for _, p := range lanes {
		keep[p] = true
	}
	for p, t := range w.lanes {
		if !keep[p] {
			delete(w.lanes, p)
			if err := t.lane.close(); err != nil {
				w.o.Log.Warn("closing a lane that went to another worker", "lane", p, "error", err)
			}
		}
	}
	for _, p := range lanes {
		t := w.lanes[p]
		if t == nil {
			t = &tenure{lane: w.newLane(p)}
			w.lanes[p] = t
		}
		t.lane.generation = g
		t.lane.bound(w.o.MemoryBytes, len(lanes))
		t.begin(w.life)
	}
	w.o.Metrics.lanesOwned.Set(float64(len(lanes)))
	w.o.Log.Info("lanes assigned", "lanes", lanes, "generation", g.ID)
}

// Revoke stands every lane still at its batch's end.
func (o *owner) Revoke(ctx context.Context) {
	w := (*Worker)(o)
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	w.stop(ctx)
}

// Lost drops every lane: they may be another's already.
func (o *owner) Lost(err error) {
	w := (*Worker)(o)
	w.o.Log.Warn("the membership of the consumer group is lost; lanes dropped", "error", err)
	ctx, cancel := context.WithCancel(w.life)
	cancel()
	for _, t := range w.stop(ctx) {
		t.lane.warm = false
	}
}

// stop stands every lane still: at its batch's end, or at once when ctx ends. The lock is not held while it waits, so
// that readiness answers.
func (w *Worker) stop(ctx context.Context) []*tenure {
	w.mu.Lock()
	tenures := slices.Collect(maps.Values(w.lanes))
	w.mu.Unlock()
	for _, t := range tenures {
		t.drain()
	}
	for _, t := range tenures {
		select {
		case <-t.stopped:
			continue
		case <-ctx.Done():
		}
		t.cut()
		<-t.stopped
	}
	return tenures
}

// begin runs the lane in a goroutine of its own, until drain or cut.
func (t *tenure) begin(life context.Context) {
	hard, cut := context.WithCancel(life)
	soft, drain := context.WithCancel(hard)
	t.cut, t.drain, t.stopped = cut, drain, make(chan struct{})
	go func(stopped chan struct{}) {
		defer close(stopped)
		defer cut()
		t.lane.run(soft, hard)
	}(t.stopped)
}

// newLane is a lane that has not been taken over.
func (w *Worker) newLane(p int) *lane {
	decoder := events.NewDecoder(w.o.Limits)
	decoder.QualificationTopic = w.o.Topics.Qualification
	l := &lane{
		Options: &w.o, number: p, lanes: w.layout.lanes, member: w.member,
		log:     w.o.Log.With(slog.Int("lane", p)),
		cluster: w.cluster, fetcher: w.cluster.Fetcher(mostFetchBytes),
		producer: w.cluster.Producer(fmt.Sprintf("%s-lane-%d", w.o.Group, p), transactionTimeout),
		store:    w.o.Store.Lane(p), decoder: decoder,
		inputs: w.layout.inputs(w.o.Topics, p), output: wire.Partition{Topic: w.o.Topics.TierChanges, Partition: p},
		deadLetters: w.layout.partitions[w.o.Topics.DeadLetters],
	}
	for _, part := range l.inputs {
		l.counters = append(l.counters, w.o.Metrics.ofTopic(part.Topic))
	}
	l.folded.Store(&progress{upTo: scorer.InstantOf(l.now()), atEnd: true}) // what waits is not known yet
	w.o.Metrics.lagSeconds.add(p, func() float64 { return l.folded.Load().behind(scorer.InstantOf(l.now())) })
	return l
}
