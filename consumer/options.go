package consumer

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go/sasl"
	"go.opentelemetry.io/otel/trace"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// Topics are the names of the topics that hotlead reads and writes.
type Topics struct {
	Engagement, Qualification string // in
	TierChanges, DeadLetters  string // out
	Inbox                     string // internal: what arrived in a lane that is not its lead's
}

// inputs are the topics that lanes read, in the order in which equal timestamps are folded.
func (t Topics) inputs() []string { return []string{t.Engagement, t.Qualification, t.Inbox} }

// Options are what a Worker needs.
type Options struct {
	Brokers  []string
	TLS      *tls.Config    // nil: plain text
	SASL     sasl.Mechanism // nil: none
	ClientID string
	Group    string
	Topics   Topics

	// Store is where lanes keep their state; the caller closes it after Run has returned.
	Store *state.Store
	// Model is the configured model. A lane whose own is newer runs its own.
	Model *scorer.Model
	// Limits bound what an event may be.
	Limits events.Limits
	// MemoryBytes bounds the leads that all lanes of this process hold in memory, together.
	MemoryBytes int64
	// RebuildFromRetained is the operator's word that events which retention has deleted are lost, and that lanes shall
	// go on from what is left instead of refusing.
	RebuildFromRetained bool

	Metrics *Metrics
	Log     *slog.Logger
	// Tracer is told of each batch; nil: nobody traces.
	Tracer trace.Tracer

	// SessionTimeout and RebalanceTimeout are the group's; 0: its defaults.
	SessionTimeout, RebalanceTimeout time.Duration

	// now is the wall clock, step is told of each numbered step of a batch, lookAtTopicsEvery is how often the topics'
	// partitions are looked at, reused is given what was fetched when nobody is to read it any more, stretchRecords
	// bounds a stretch, and toldAtOnce a batch of a reconcile: seams for tests.
	now               func() time.Time
	step              func(lane int, step Step)
	lookAtTopicsEvery time.Duration
	reused            func([]byte)
	stretchRecords    int
	toldAtOnce        int
}

// Step is a point in the life of a batch at which a test may strike.
type Step uint8

// The numbered steps of a batch, in order.
const (
	Fetched   Step = iota + 1 // 1: records are in hand
	Loaded                    // 2: so are their leads
	Folded                    // 3: the outcome is known, in memory alone
	Decided                   // 4: Redis has it
	Announced                 // 5: Kafka has it
	Recovered                 // one batch of a recovery is over
)

func (o *Options) complete() error {
	switch {
	case len(o.Brokers) == 0:
		return errors.New("consumer: no Kafka brokers are named")
	case o.Store == nil || o.Model == nil || o.Metrics == nil || o.Log == nil:
		return errors.New("consumer: Store, Model, Metrics and Log are required")
	case o.Group == "":
		return errors.New("consumer: no group is named")
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.lookAtTopicsEvery == 0 {
		o.lookAtTopicsEvery = 30 * time.Second
	}
	if o.stretchRecords == 0 {
		o.stretchRecords = stretchRecords
	}
	if o.toldAtOnce == 0 {
		o.toldAtOnce = toldAtOnce
	}
	if o.step == nil {
		o.step = func(int, Step) {}
	}
	return nil
}
