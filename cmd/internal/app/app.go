package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// Options are what Run needs.
type Options struct {
	// Config is checked already, as LoadConfig does.
	Config Config
	// Model is the configured model.
	Model *scorer.Model
	Build Build
	Log   *slog.Logger
	// RebuildFromRetained is the operator's word that events which retention has deleted are lost.
	RebuildFromRetained bool
	// Listening, where not nil, is told the address of the HTTP server once it serves.
	Listening func(net.Addr)
}

// closeTimeout bounds how long the HTTP server's last answers may take at the end: longer than Kafka is given to take the
// events of a post.
const closeTimeout = 10 * time.Second

// Run is the whole service, until ctx ends: then it finishes and announces the batches in hand, closes everything, and
// returns nil. It waits for servers that are away and for topics that are missing; /readyz says for what. An address
// that is taken is an error at once.
func Run(ctx context.Context, o Options) (err error) {
	var undo cleanups
	defer func() { err = errors.Join(err, undo.run()) }()

	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)

	store, err := OpenStore(o.Config.Redis, o.Log)
	if err != nil {
		return err
	}
	undo.add("closing the store", store.Close)
	broker, err := OpenBroker(o.Config.Kafka)
	if err != nil {
		return err
	}
	undo.add("closing the connections to Kafka", broker.Close)
	changes, err := followChanges(ctx, &undo, o)
	if err != nil {
		return err
	}

	registry := newRegistry(o.Build, o.Model)
	observeRedis(registry, store)
	options, err := workerOptions(o, registry, store)
	if err != nil {
		return err
	}
	if options.Tracer, err = openTracer(ctx, &undo, o); err != nil {
		return err
	}
	if err := tamper(&options); err != nil {
		return err
	}
	worker, err := consumer.New(options)
	if err != nil {
		return fmt.Errorf("preparing the worker: %w", err)
	}
	ready := readiness{worker, ctx}
	observeReadiness(ctx, registry, ready)
	leads := NewReader(store, broker.Lanes, o.Model)
	handler, err := handler(o, registry, web.Options{
		Leads: leads, Pages: pages{leads, registry}, Changes: changes, Sender: NewSender(broker), Readiness: ready,
		Limits: options.Limits, Refuses: leads.Refuses,
		Stopping: ctx.Done(),
	})
	if err != nil {
		return err
	}
	// HTTP comes before the worker, so that health can be asked for while the worker waits for servers, and goes after it.
	if err := serve(ctx, &undo, o, handler, fail); err != nil {
		return err
	}
	o.Log.Info("starting", "version", o.Build.Version, "model", o.Model.Name, "model_version", o.Model.Version,
		"brokers", o.Config.Kafka.Brokers, "group", o.Config.Kafka.Group, "redis", o.Config.Redis.Addrs)
	if err := worker.Run(ctx); err != nil {
		return errors.Join(failure(ctx), fmt.Errorf("working on the lanes: %w", err))
	}
	return failure(ctx)
}

// failure is what ended ctx, nil where its owner did, as planned.
func failure(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return cause
	}
	return nil
}

func workerOptions(o Options, registry *prometheus.Registry, store *state.Store) (consumer.Options, error) {
	c := o.Config.Kafka
	secured, err := c.TLS.client()
	if err != nil {
		return consumer.Options{}, unusable("kafka.tls", err)
	}
	mechanism, err := c.SASL.client()
	if err != nil {
		return consumer.Options{}, unusable("kafka.sasl", err)
	}
	return consumer.Options{
		Brokers: c.Brokers, TLS: secured, SASL: mechanism, ClientID: clientID, Group: c.Group,
		Topics: consumer.Topics{
			Engagement: c.Topics.Engagement, Qualification: c.Topics.Qualification,
			TierChanges: c.Topics.TierChanges, DeadLetters: c.Topics.DeadLetters, Inbox: c.Topics.Inbox,
		},
		Store: store, Model: o.Model,
		Limits:              events.Limits{EventBytes: o.Config.Limits.EventBytes, ProfileBytes: o.Config.Limits.ProfileBytes},
		MemoryBytes:         o.Config.Limits.MemoryBytes,
		Metrics:             consumer.NewMetrics(registry),
		RebuildFromRetained: o.RebuildFromRetained,
		Log:                 o.Log,
	}, nil
}

// followChanges follows the tier changes until everything is closed.
func followChanges(ctx context.Context, undo *cleanups, o Options) (*Changes, error) {
	log, err := OpenChangeLog(o.Config.Kafka, o.Log)
	if err != nil {
		return nil, err
	}
	undo.add("closing the connections by which tier changes are read", log.Close)
	changes := NewChanges(log, o.Log)
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		changes.Run(ctx)
	}()
	undo.add("following the tier changes", func() error {
		stop()
		<-done
		return nil
	})
	return changes, nil
}

// handler is what the HTTP server serves: w, and what the options and the registry add to it.
func handler(o Options, registry *prometheus.Registry, w web.Options) (http.Handler, error) {
	var token Secret
	if file := o.Config.HTTP.TokenFile; file != "" {
		var err error
		if token, err = ReadSecret(file); err != nil {
			return nil, unusable("http.token_file", err)
		}
	}
	w.Metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn)})
	w.Model = o.Model.Name + ", version " + strconv.Itoa(o.Model.Version)
	w.Token, w.Log = token.Reveal(), o.Log
	return web.New(w), nil
}

// serve starts the HTTP server. Where it ends by itself, fail is told why.
func serve(ctx context.Context, undo *cleanups, o Options, handler http.Handler, fail context.CancelCauseFunc) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Config.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("listening on %s (if something else listens there, choose another address: http.listen, or --listen of hotlead dev): %w", o.Config.HTTP.Listen, err)
	}
	server := web.NewServer(handler, o.Log)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(web.Limit(listener)); !errors.Is(err, http.ErrServerClosed) {
			fail(fmt.Errorf("serving HTTP on %s: %w", listener.Addr(), err))
		}
	}()
	undo.add("closing the HTTP server", func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err := server.Shutdown(ctx)
		if err != nil {
			err = errors.Join(err, server.Close())
		}
		<-done
		return err
	})
	if o.Listening != nil {
		o.Listening(listener.Addr())
	}
	return nil
}
