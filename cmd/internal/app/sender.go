package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/events"
)

const (
	// sendAtOnce is how many partitions one Send writes to at a time.
	sendAtOnce = 16
	// sendBytes is how much goes to a partition in one write: brokers refuse one above 1,048,588 bytes by default. A single
	// event larger than that goes alone, and the broker decides.
	sendBytes = 900 << 10
	// recordBytes is about what a record takes beside key, value and headers.
	recordBytes = 64
	// sendPause is how long it is waited before what Kafka could not take just now is sent again.
	sendPause = 100 * time.Millisecond
)

// Sender writes events to the input topics: by their type, keyed by the lead ID, where Java's producer would put them.
type Sender struct {
	broker *Broker
}

var _ web.Sender = Sender{}

// NewSender writes through a broker, which the caller closes when nobody sends any more.
func NewSender(b *Broker) Sender { return Sender{b} }

// partition is one partition of one topic.
type partition struct {
	topic  string
	number int
}

// Send returns once every replica in sync has all the events. What Kafka can't take just now is sent again until ctx ends.
// Where there is an error, some of the events may be there and some not. The error matches web.ErrTooLarge where an event
// is larger than its topic takes.
func (s Sender) Send(ctx context.Context, list []web.Event) error {
	counts, err := s.counts(ctx)
	if err != nil {
		return err
	}
	byPartition := map[partition][]*web.Event{}
	for i := range list {
		topic := s.broker.topics.Engagement
		if events.IsQualificationType(list[i].Type) {
			topic = s.broker.topics.Qualification
		}
		to := partition{topic, events.Lane(list[i].Lead, counts[topic])}
		byPartition[to] = append(byPartition[to], &list[i])
	}
	sending, ctx := errgroup.WithContext(ctx)
	sending.SetLimit(sendAtOnce)
	for to, list := range byPartition {
		sending.Go(func() error { return s.write(ctx, to, list) })
	}
	return sending.Wait()
}

// counts are the partitions of the input topics.
func (s Sender) counts(ctx context.Context) (map[string]int, error) {
	counts, err := s.broker.partitions(ctx)
	if err != nil {
		return nil, err
	}
	for _, topic := range []string{s.broker.topics.Engagement, s.broker.topics.Qualification} {
		if counts[topic] == 0 {
			return nil, &TopicsMissingError{Names: []string{topic}}
		}
	}
	return counts, nil
}

// write writes the events of one partition in their order.
func (s Sender) write(ctx context.Context, to partition, list []*web.Event) error {
	for len(list) > 0 {
		n := fitting(list)
		if err := s.writeOnce(ctx, to, list[:n]); err != nil {
			return fmt.Errorf("writing to %s: %w", to.topic, consumer.KafkaMend(err))
		}
		list = list[n:]
	}
	return nil
}

// fitting is how many of the events go in one write, at least one.
func fitting(list []*web.Event) int {
	size := 0
	for i, e := range list {
		size += recordBytes + len(e.Lead) + len(e.Value)
		for _, h := range e.Headers {
			size += len(h.Key) + len(h.Value)
		}
		if i > 0 && size > sendBytes {
			return i
		}
	}
	return len(list)
}

// writeOnce writes one batch, and again until Kafka has it, ctx ends or there is no hope. An answer that got lost makes
// it stand there twice, which counts once.
func (s Sender) writeOnce(ctx context.Context, to partition, list []*web.Event) error {
	for {
		err := s.produce(ctx, to, list)
		var code kafka.Error
		switch {
		case err == nil:
			return nil
		case errors.Is(err, kafka.MessageSizeTooLarge), errors.Is(err, kafka.RecordListTooLarge):
			return fmt.Errorf("%w (see max.message.bytes of the topic): %w", web.ErrTooLarge, err)
		case errors.As(err, &code) && !code.Temporary():
			return err
		}
		timer := time.NewTimer(sendPause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w; the last try: %w", ctx.Err(), err)
		case <-timer.C:
		}
	}
}

func (s Sender) produce(ctx context.Context, to partition, list []*web.Event) error {
	records := make([]kafka.Record, len(list))
	for i, e := range list {
		records[i] = kafka.Record{Key: kafka.NewBytes([]byte(e.Lead)), Value: kafka.NewBytes(e.Value)}
		for _, h := range e.Headers {
			records[i].Headers = append(records[i].Headers, kafka.Header{Key: h.Key, Value: h.Value})
		}
	}
	answer, err := s.broker.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: to.topic, Partition: to.number, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
	})
	if err != nil {
		return err
	}
	return answer.Error
}
