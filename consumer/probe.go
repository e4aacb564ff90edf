package consumer

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
)

// brokerSkew is how far a broker's clock may be behind ours.
const brokerSkew = 10 * time.Minute

// probe finds out without a committed position how Redis and Kafka stand to each other. Where the output partition
// holds a change that Redis does not know, Redis lost writes: the lane refolds. Else Redis is at least as new, and all
// that may be missing in Kafka is the outbox.
func (l *lane) probe(hard context.Context, f found) error {
	behind, err := l.behind(hard)
	if err != nil {
		return fmt.Errorf("comparing Redis with what was announced: %w", err)
	}
	if !behind {
		return l.announceUnless(hard)
	}
	l.Metrics.rollbacks.Inc()
	l.log.Warn("Redis does not know all that was announced: folding again; nothing is announced twice")
	l.recovery = refoldTo(f, nil)
	l.ledger.Outbox = nil // of an older batch than the last one announced
	l.ledger.Batch = max(l.ledger.Batch, f.highest)
	return nil
}

// behind is whether a change stands in the lane's output that Redis does not know.
func (l *lane) behind(ctx context.Context) (bool, error) {
	told := map[string]uint64{}
	behind := false
	compare := func() error {
		ids := make([]string, 0, len(told))
		for id := range told {
			ids = append(ids, id)
		}
		l.begin()
		for _, id := range ids {
			l.want(id)
		}
		if err := l.loadLeads(ctx); err != nil {
			return err
		}
		for i := range l.batch.leads {
			if _, err := l.decode(&l.batch.leads[i]); err != nil {
				return err
			}
			behind = behind || l.lead.Sequence < told[l.lead.ID]
		}
		clear(told)
		return nil
	}
	err := l.scan(ctx, l.output, l.ledger.OutputOffset, func(r *events.Record) error {
		if t, id, ok := l.toldBy(r); ok {
			told[id] = t.Sequence
		}
		if len(told) < l.toldAtOnce {
			return nil
		}
		return compare()
	})
	if err != nil {
		return false, err
	}
	err = compare()
	l.begin()
	return behind, err
}

// announceUnless announces the outbox only if Kafka does not hold it yet: without a committed position, its last record
// tells, since a transaction is whole. The last, because changes come last in an outbox: neither retention nor compaction
// takes a lead's newest change, while a dead letter or a forward may be gone by the time that the offsets have expired.
func (l *lane) announceUnless(hard context.Context) error {
	records, err := events.ReadOutbox(l.ledger.Outbox)
	if err != nil {
		return &Refusal{Reason: "format", Detail: "the outbox can't be read: " + err.Error(), Mend: "run the version of hotlead that wrote it"}
	}
	if len(records) > 0 {
		held, err := l.holds(hard, &records[len(records)-1])
		if err != nil {
			return fmt.Errorf("looking for the outbox in Kafka: %w", err)
		}
		if held {
			records = nil
		}
	}
	return l.commit(hard, records)
}

// holds is whether a record stands in its partition, read committed. It was written no earlier than the timestamp that
// it carries says, by our clock; where brokers write the timestamps, their clocks may be behind. Headers count: an event that was sent twice to the wrong lane makes two
// forwards that differ in nothing but where they came from.
func (l *lane) holds(ctx context.Context, r *events.OutRecord) (bool, error) {
	part := wire.Partition{Topic: r.Topic, Partition: r.Partition}
	at, err := l.cluster.OffsetAt(ctx, part, r.Time.Add(-brokerSkew))
	if err != nil {
		return false, err
	}
	held := false
	err = l.lookThrough(ctx, part, at, func(have *events.Record) error {
		held = held || bytes.Equal(have.Key, r.Key) && bytes.Equal(have.Value, r.Value) &&
			slices.EqualFunc(have.Headers, r.Headers, func(a, b events.Header) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) })
		return nil
	})
	return held, err
}

// lookThrough is scan for something that may stand there. Where dead letters can't be read, because we may only write there, which
// is all that they take, or because one is corrupt, nothing is found, and what is there is sent again.
func (l *lane) lookThrough(ctx context.Context, part wire.Partition, at int64, each func(*events.Record) error) error {
	err := l.scan(ctx, part, at, each)
	if part.Topic == l.Topics.DeadLetters && err != nil && ctx.Err() == nil && !wire.Retriable(err) {
		return nil
	}
	return err
}

// scan reads what is committed of a partition from offset at (or its start) to its present end.
func (l *lane) scan(ctx context.Context, part wire.Partition, at int64, each func(*events.Record) error) error {
	return scan(ctx, l.cluster, part, at, each)
}
