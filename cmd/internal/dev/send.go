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

func sender(client *kgo.Client, topics app.Topics) Sender {
	var sent atomic.Int64
	// The run's start keeps the IDs of two runs apart.
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	return func(ctx context.Context, a Act) error {
		value, err := json.Marshal(map[string]any{
			"specversion": "1.0", "id": run + "-" + strconv.FormatInt(sent.Add(1), 10), "source": a.Source, "type": a.Type, "subject": a.Lead,
			"time": time.Now().UTC().Format(time.RFC3339Nano), "datacontenttype": "application/json", "data": a.Data,
		})
		if err != nil {
			return fmt.Errorf("writing an event of type %s: %w", a.Type, err)
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
