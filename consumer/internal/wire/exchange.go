package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// anyBroker routes a request to whichever broker answers first.
const anyBroker int32 = -1

// requestTimeout is how long a broker may take over an answer, beyond what the request itself asks it to wait.
const requestTimeout = 10 * time.Second

// exchange is a request on its way through kafka-go's Transport. By being a BrokerMessage it says itself which broker it
// goes to; by being a RawExchanger it writes and reads the connection itself, or leaves that to kafka-go's codec.
type exchange struct {
	// Message is the request in kafka-go's terms.
	protocol.Message
	broker   int32
	clientID string
	// ctx ends the exchange by ending its connection: the Transport by itself would leave it waiting for an answer that
	// nobody wants.
	ctx context.Context
	// read reads the answer; nil leaves it to kafka-go.
	read func(r io.Reader, version int16) (protocol.Message, error)

	version int16
	sent    atomic.Bool
}

var (
	_ protocol.BrokerMessage = (*exchange)(nil)
	_ protocol.RawExchanger  = (*exchange)(nil)
)

// Broker says where the request goes.
func (e *exchange) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: e.broker}, nil
}

// Required is always: that is how the request learns which version the connection speaks.
func (e *exchange) Required(versions map[protocol.ApiKey]int16) bool {
	e.version = versions[e.ApiKey()]
	return true
}

// RawExchange does the round trip on a connection that is this request's alone meanwhile.
func (e *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	conn, ok := rw.(interface{ SetDeadline(time.Time) error })
	if !ok {
		return nil, fmt.Errorf("a connection of type %T has no deadline", rw)
	}
	stop := context.AfterFunc(e.ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	e.sent.Store(true)
	answer, err := e.roundTrip(rw)
	if !stop() {
		// The deadline has been cut or is about to be: the error makes the Transport close the connection.
		return nil, e.ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	return &reply{answer}, nil
}

// reply hides an answer from the Transport, which would take some kinds for the answer to a request of its own.
type reply struct{ protocol.Message }

func (e *exchange) roundTrip(rw io.ReadWriter) (protocol.Message, error) {
	if own, ok := e.Message.(flexible); ok {
		return roundTripFlexible(rw, e.clientID, own)
	}
	if e.read == nil {
		return protocol.RoundTrip(rw, e.version, correlation, e.clientID, e.Message)
	}
	if err := protocol.WriteRequest(rw, e.version, correlation, e.clientID, e.Message); err != nil {
		return nil, err
	}
	return e.read(rw, e.version)
}

// ask sends a request to a broker and returns its answer. The error is ctx's when ctx ended first, else a *brokenError.
func (c *Cluster) ask(ctx context.Context, broker int32, request protocol.Message) (protocol.Message, error) {
	return c.do(ctx, requestTimeout, &exchange{Message: request, broker: broker})
}

func (c *Cluster) do(ctx context.Context, timeout time.Duration, e *exchange) (protocol.Message, error) {
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	e.ctx, e.clientID = limited, c.options.ClientID
	answer, err := c.transport.RoundTrip(limited, c.address, e)
	switch {
	case err == nil:
		return answer.(*reply).Message, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("asking %s (%s): %w", e.where(), e.ApiKey(), ctx.Err())
	case errors.Is(err, context.Canceled):
		// Not ours: Close ended the connections.
		err = errors.New("the connections were closed")
	}
	return nil, &brokenError{sent: e.sent.Load(), class: classOfBroken(err),
		err: fmt.Errorf("asking %s (%s): %w", e.where(), e.ApiKey(), err)}
}

func (e *exchange) where() string {
	if e.broker == anyBroker {
		return "the brokers"
	}
	return fmt.Sprintf("broker %d", e.broker)
}
