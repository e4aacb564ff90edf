package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/hotlead/hotlead/state"
)

// clientID is how hotlead introduces itself to Kafka.
const clientID = "hotlead"

// ErrNoCertificate is the error of a file of authorities that holds none.
var ErrNoCertificate = errors.New("holds no PEM certificate")

// client is the TLS configuration of a client, nil where TLS is off.
func (t TLS) client() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the authorities to trust: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading the authorities to trust: %s %w", t.CAFile, ErrNoCertificate)
		}
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("reading the own certificate %s and its key %s: %w", t.CertFile, t.KeyFile, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// client is the mechanism by which to sign on, nil for none.
func (s SASL) client() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "":
		return nil, nil
	case "plain":
		return plain.Mechanism{Username: s.Username, Password: s.Password.Reveal()}, nil
	}
	algorithm := scram.SHA256
	if s.Mechanism == "scram-sha-512" {
		algorithm = scram.SHA512
	}
	m, err := scram.Mechanism(algorithm, s.Username, s.Password.Reveal())
	if err != nil {
		return nil, fmt.Errorf("preparing to sign on by %s: %w", s.Mechanism, err)
	}
	return m, nil
}

// redisLog takes in what go-redis has to say of its connections, which would go to standard error: in detail, since
// whoever the connection fails logs that as well.
type redisLog struct{ log *slog.Logger }

func (r redisLog) Printf(ctx context.Context, format string, args ...any) {
	if r.log.Enabled(ctx, slog.LevelDebug) {
		r.log.DebugContext(ctx, "redis client", "detail", fmt.Sprintf(format, args...))
	}
}

// OpenStore opens the way to the leads. It does not connect; the caller closes the store. What the client of Redis logs
// goes to log from then on, for the whole process.
func OpenStore(c Redis, log *slog.Logger) (*state.Store, error) {
	redis.SetLogger(redisLog{log})
	secured, err := c.TLS.client()
	if err != nil {
		return nil, unusable("redis.tls", err)
	}
	store, err := state.Open(state.Options{
		Addrs: c.Addrs, Cluster: c.Cluster, DB: c.DB, Prefix: c.Prefix,
		Username: c.Username, Password: c.Password.Reveal(), TLS: secured,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the store in Redis at %v: %w", c.Addrs, err)
	}
	return store, nil
}
