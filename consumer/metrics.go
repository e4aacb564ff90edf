package consumer

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hotlead/hotlead/events"
)

// Metrics are what the lanes tell of themselves. No label ever holds a lead's ID.
type Metrics struct {
	events        *prometheus.CounterVec
	deadLetters   *prometheus.CounterVec
	duplicates    prometheus.Counter
	late          prometheus.Counter
	forgotten     prometheus.Counter
	future        prometheus.Counter
	unevaluable   *prometheus.CounterVec
	changes       *prometheus.CounterVec
	leads         *prometheus.GaugeVec
	eventToChange prometheus.Histogram
	lagRecords    *prometheus.GaugeVec
	lagSeconds    *lags
	batchSeconds  *prometheus.HistogramVec
	batchEvents   prometheus.Histogram
	transactions  *prometheus.CounterVec
	rollbacks     prometheus.Counter
	// lostTransactions counts lanes, not transactions: of those it can't tell how many there were.
	lostTransactions prometheus.Counter
	fenced           *prometheus.CounterVec
	takeOvers        *prometheus.CounterVec
	lanesOwned       prometheus.Gauge
	lanesRefused     *prometheus.GaugeVec
	rebalances       prometheus.Counter
	timersDue        prometheus.Gauge
}

// NewMetrics makes the metrics and registers them; it panics where they are registered already, as promauto does.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "hotlead", Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "hotlead", Name: name, Help: help}, labels)
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "hotlead", Name: name, Help: help}, labels)
	}
	seconds := []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60}
	m := &Metrics{
		events:      counters("events_total", "Input events by topic and what became of them: scored, duplicate, dead_letter, forwarded.", "topic", "result"),
		deadLetters: counters("dead_letters_total", "Events that could not be scored, by reason.", "reason"),
		duplicates:  counter("duplicates_total", "Events that had been counted before."),
		late:        counter("late_events_total", "Events older than their lead's clock."),
		forgotten:   counter("forgotten_events_total", "Events of the last seven days that a very busy lead no longer remembers, so that a repetition would count."),
		future:      counter("future_events_total", "Events whose time lay more than five minutes ahead of their record's and was taken as that."),
		unevaluable: counters("rule_unevaluable_total", "Times that a rule's condition or expression could not be evaluated, so that it did not match.", "rule"),
		changes:     counters("tier_changes_total", "Announced changes of tier.", "from", "to", "cause"),
		leads:       gauges("leads", "Leads by tier, of the lanes owned by this process.", "tier"),
		eventToChange: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "hotlead", Name: "event_to_change_seconds",
			Help: "From the record's timestamp to the committed change that it caused.", Buckets: seconds}),
		lagRecords: gauges("lag_records", "Records not yet folded, as far as Kafka has told.", "topic", "partition"),
		lagSeconds: newLags(gauges("lag_seconds",
			"For how long events of a lane have waited: the age of the newest folded record, or for how long the lane has stood still; 0 for one that has read to the end.", "partition")),
		batchSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "hotlead", Name: "batch_seconds",
			Help: "Time that batches spend in each phase: load, fold, decide, announce.", Buckets: seconds}, []string{"phase"}),
		batchEvents: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "hotlead", Name: "batch_events",
			Help: "Events in a batch.", Buckets: prometheus.ExponentialBuckets(1, 4, 10)}),
		transactions: counters("transactions_total", "What was announced to Kafka, in a transaction or in one record batch, by outcome: committed, failed.", "outcome"),
		rollbacks:    counter("state_rollbacks_total", "Times that Redis was found to have lost writes, so that a lane was folded again."),
		lostTransactions: counter("kafka_lost_transactions_total",
			"Times that Kafka was found to have lost a transaction of a lane that it had acknowledged, or to have left one undecided; what the world was not told was then told by corrections."),
		fenced:       counters("fenced_total", "Times that a lane was found to belong to another worker, by the layer that told: kafka, redis, group.", "layer"),
		takeOvers:    counters("take_overs_total", "Lanes taken over, by what was found: begin, resume, reannounce, probe, refold, rebuild, recover, retell.", "found"),
		lanesOwned:   prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "hotlead", Name: "lanes_owned", Help: "Lanes that this process owns."}),
		lanesRefused: gauges("lane_refused", "1 for a lane that can't go on without its operator, by reason.", "partition", "reason"),
		rebalances:   counter("rebalances_total", "Generations of the consumer group that this process took part in."),
		timersDue: prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "hotlead", Name: "timers_due",
			Help: "Leads in hand whose timer has come due; one that stays up is a lane that can't decide them."}),
	}
	reg.MustRegister(m.events, m.deadLetters, m.duplicates, m.late, m.forgotten, m.future, m.unevaluable, m.changes, m.leads, m.eventToChange,
		m.lagRecords, m.lagSeconds, m.batchSeconds, m.batchEvents, m.transactions, m.rollbacks, m.lostTransactions, m.fenced, m.takeOvers,
		m.lanesOwned, m.lanesRefused, m.rebalances, m.timersDue)
	// What a counter jumps to as it appears is no increase to Prometheus: so those that somebody is woken for begin at 0.
	for _, reason := range events.Reasons() {
		m.deadLetters.WithLabelValues(reason)
	}
	for _, layer := range []string{"kafka", "redis", "group"} {
		m.fenced.WithLabelValues(layer)
	}
	for _, outcome := range []string{"committed", "failed"} {
		m.transactions.WithLabelValues(outcome)
	}
	return m
}

// outcome is what became of an event.
type outcome uint8

const (
	scored outcome = iota
	duplicate
	deadLetter
	forwarded
	outcomes // how many there are
)

var outcomeNames = [outcomes]string{"scored", "duplicate", "dead_letter", "forwarded"}

// ofTopic are the counters of a topic's events by outcome, looked up once and not for every event.
func (m *Metrics) ofTopic(topic string) (counters [outcomes]prometheus.Counter) {
	for i, name := range outcomeNames {
		counters[i] = m.events.WithLabelValues(topic, name)
	}
	return counters
}

// counted is what became of the events of a batch. It is told once the batch is decided: counters that all lanes share
// cost each event more than its lead does to find.
type counted struct {
	became          [][outcomes]int // by the lane's inputs; of those with one topic only the first counts
	late, forgotten int
}

func (c *counted) clear() {
	clear(c.became)
	c.late, c.forgotten = 0, 0
}

// countedAt is where the events of a topic are counted.
func (l *lane) countedAt(topic string) int32 {
	for i := range l.inputs {
		if l.inputs[i].Topic == topic {
			return int32(i)
		}
	}
	return 0 // never: nothing else is fetched
}

// count counts an event.
func (l *lane) count(topic int32, became outcome) {
	c := &l.batch.counted
	if c.became == nil {
		c.became = make([][outcomes]int, len(l.inputs))
	}
	c.became[topic][became]++
}

// tell adds what the batch counted to the metrics, but not what was folded a second time.
func (l *lane) tell() {
	if l.recovery != nil {
		return
	}
	l.Metrics.batchEvents.Observe(float64(l.batch.taken))
	c := &l.batch.counted
	for topic := range c.became {
		for became, n := range c.became[topic] {
			if n > 0 {
				l.counters[topic][became].Add(float64(n))
			}
		}
		l.Metrics.duplicates.Add(float64(c.became[topic][duplicate]))
	}
	l.Metrics.late.Add(float64(c.late))
	l.Metrics.forgotten.Add(float64(c.forgotten))
}

// forgetCounts takes the lane's leads out of the counts by tier.
func (l *lane) forgetCounts() {
	if l.ledger == nil {
		return
	}
	for tier, n := range l.ledger.Counts {
		l.Metrics.leads.WithLabelValues(tier).Sub(float64(n))
	}
	l.ledger = nil
}
