package app

import (
	"context"
	"errors"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
)

// errStopping is why a service that has been told to stop is not ready: nobody should send it anything new.
var errStopping = errors.New("the service is stopping")

// readiness is what /readyz tells: what the worker says, until the service is told to stop.
type readiness struct {
	worker  *consumer.Worker
	stopped context.Context // ends when the service is told to stop
}

var _ web.Readiness = readiness{}

// Ready is nil where lanes are owned and Redis and Kafka answer.
func (r readiness) Ready(ctx context.Context) error {
	if r.stopped.Err() != nil {
		return errStopping
	}
	return r.worker.Ready(ctx)
}
