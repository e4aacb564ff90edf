package dev

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/events"
)

// Act is something that a lead does, or that people learn about one.
type Act struct {
	Lead string
	// Source says where it was seen, Type what it is, Data what belongs to it.
	Source, Type string
	Data         map[string]any
}

// Sender sends an act as an event that happens now, to the topic that it belongs to.
type Sender func(ctx context.Context, a Act) error

// event is the act as an event in structured mode.
func (a Act) event(id string, at time.Time) ([]byte, error) {
	value, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": a.Source, "type": a.Type, "subject": a.Lead,
		"time": at.UTC().Format(time.RFC3339Nano), "datacontenttype": "application/json", "data": a.Data,
	})
	if err != nil {
		return nil, fmt.Errorf("writing an event of type %s: %w", a.Type, err)
	}
	return value, nil
}

func sender(client *kgo.Client, topics app.Topics) Sender {
	var sent atomic.Int64
	return func(ctx context.Context, a Act) error {
		value, err := a.event(strconv.FormatInt(sent.Add(1), 10), time.Now())
		if err != nil {
			return err
		}
		topic := topics.Engagement
		if events.IsQualificationType(a.Type) {
			topic = topics.Qualification
		}
		record := &kgo.Record{Topic: topic, Key: []byte(a.Lead), Value: value}
		if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
			return fmt.Errorf("sending an event to %s: %w", topic, err)
		}
		return nil
	}
}
