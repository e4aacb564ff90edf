// Package dev is hotlead in one process, to try it out: an embedded Kafka and Redis, the service as it is, and
// simulated leads. Nothing is kept when it ends.
package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/hotlead/hotlead/cmd/internal/app"
	"github.com/hotlead/hotlead/cmd/internal/dev/servers"
	"github.com/hotlead/hotlead/scorer"
)

// lanes is how many lanes there are: enough to see that there are several.
const lanes = 4

// Traffic sends events until ctx ends, which is no error.
type Traffic func(ctx context.Context, model *scorer.Model, send Sender) error

// Options are what Run needs.
type Options struct {
	// Listen is the address of the page, the API and the metrics; Kafka the loopback address of the embedded Kafka.
	Listen, Kafka string
	Model         *scorer.Model
	// Program is how hotlead was called, and ModelName how the model was named: with both, what is proposed to try can be
	// copied as it is.
	Program, ModelName string
	Build              app.Build
	// Traffic sends the events; nil: nobody does, except whoever connects.
	Traffic Traffic
	// Out is told where everything is, and of each change.
	Out io.Writer
	Log *slog.Logger
}

// Run runs everything until ctx ends, which is no error. An address that is taken is one.
func Run(ctx context.Context, o Options) (err error) {
	config := app.DefaultConfig()
	config.HTTP.Listen = o.Listen
	var topics []servers.Topic
	for _, t := range app.TopicSpecs(config.Kafka.Topics, lanes) {
		topics = append(topics, servers.Topic{Name: t.Name, Partitions: int32(t.Partitions), Config: t.Config})
	}
	kafka, err := servers.StartKafka(o.Kafka, topics...)
	if err != nil {
		return fmt.Errorf("%w (--kafka)", err)
	}
	defer kafka.Close()
	redis, err := servers.StartRedis("")
	if err != nil {
		return err
	}
	defer redis.Close()
	config.Kafka.Brokers = []string{kafka.Addr()}
	config.Redis.Addrs = []string{redis.Addr()}

	// The service ends last of the three: what traffic has sent is still folded, what it announces still printed.
	all, ctx := errgroup.WithContext(ctx)
	serving := make(chan net.Addr, 1)
	all.Go(func() error {
		err := app.Run(ctx, app.Options{
			Config: config, Model: o.Model, Build: o.Build, Log: o.Log,
			Listening: func(a net.Addr) { serving <- a },
		})
		if err == nil && ctx.Err() == nil {
			err = errors.New("the service ended by itself")
		}
		return err
	})
	all.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case a := <-serving:
			welcome(o, a, config)
		}
		return watch(ctx, config.Kafka, o.Out)
	})
	if o.Traffic != nil {
		all.Go(func() error { return traffic(ctx, o, config.Kafka) })
	}
	err = all.Wait()
	if err == nil {
		fmt.Fprintln(o.Out, "\nhotlead has ended; nothing of it is kept")
	}
	return err
}

// welcome says where everything is.
func welcome(o Options, http net.Addr, config app.Config) {
	page := "http://" + http.String()
	kafka, redis := config.Kafka.Brokers[0], config.Redis.Addrs[0]
	fmt.Fprintf(o.Out, `hotlead is running with everything in this process (model %s, version %d)

  page     %s
  API      %s/v1/leads?tier=hot
  metrics  %s/metrics
  Kafka    %s  (send events to %s and %s, read %s)
  Redis    %s

In another terminal, ada asks for a demo, and three ways to see what comes of it:

  export HOTLEAD_KAFKA_BROKERS=%s HOTLEAD_REDIS_ADDRS=%s HOTLEAD_MODEL=%s
  curl %s/v1/events -H 'Content-Type: application/cloudevents+json' \
    -d '{"specversion":"1.0","id":"1","source":"try","type":"demo.requested","subject":"ada","data":{}}'
  %[15]s lead show ada
  %[15]s lead history ada
  %[15]s watch --since 1h

Stop with Ctrl-C. Tier changes, as they happen:

`, o.Model.Name, o.Model.Version, page, page, page, kafka,
		config.Kafka.Topics.Engagement, config.Kafka.Topics.Qualification, config.Kafka.Topics.TierChanges, redis,
		kafka, redis, shellWord(o.ModelName), page, shellWord(o.Program))
}

// shellWord is text as one word of a shell.
func shellWord(text string) string {
	if strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// traffic gives the traffic a way to send.
func traffic(ctx context.Context, o Options, k app.Kafka) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.Brokers...), kgo.ProducerLinger(0))
	if err != nil {
		return fmt.Errorf("preparing to send simulated traffic: %w", err)
	}
	defer client.Close()
	err = o.Traffic(ctx, o.Model, sender(client, k.Topics))
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("sending simulated traffic: %w", err)
	}
	return nil
}
