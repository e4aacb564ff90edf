package wire

import (
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Options say where the cluster is and how to talk to it.
type Options struct {
	// Brokers are HOST:PORT addresses to begin with; one that answers is enough.
	Brokers []string
	// TLS is nil for a plain connection.
	TLS *tls.Config
	// SASL is nil for none.
	SASL sasl.Mechanism
	// ClientID names this client in the brokers' logs and quotas.
	ClientID string
	// Log gets what is retried; nil for silence.
	Log *slog.Logger
}

// Cluster is a Kafka cluster. It may be used by several goroutines at a time.
type Cluster struct {
	transport *kafka.Transport
}

// Dial makes a Cluster without talking to it; the first call that needs a broker connects.
func Dial(o Options) *Cluster { return &Cluster{} }

// Close closes the connections. Fetchers are closed before.
func (c *Cluster) Close() {}

// Ping asks any of the brokers for the cluster's layout, once.
func (c *Cluster) Ping(ctx context.Context) error { return nil }

// Transport is what the cluster's connections belong to, for requests that kafka-go routes by itself to a group's or a
// transaction's coordinator. It knows no topics, so it can't route to a partition's leader.
func (c *Cluster) Transport() *kafka.Transport { return c.transport }
