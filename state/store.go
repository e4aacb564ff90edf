package state

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Options say where Redis is.
type Options struct {
	// Addrs are host:port; more than one only with Cluster, where they are the seeds.
	Addrs   []string
	Cluster bool
	// DB is the database number; a cluster has only 0.
	DB int
	// Prefix begins every key, "hotlead" where it is empty. Two services may share a Redis under different prefixes. It
	// holds no braces, for it stands within the keys' hash tag.
	Prefix string
	// Username and Password are an ACL user's, or the password alone.
	Username, Password string
	// TLS is nil for plain TCP.
	TLS *tls.Config
}

const (
	defaultPrefix = "hotlead"
	// An append-only file that waits for its disk holds an answer back for seconds; giving up early would only take the
	// lane over again, onto the same busy Redis.
	answerTimeout = 10 * time.Second
	dialTimeout   = 5 * time.Second
	// Every lane keeps a connection for as long as it lives, and readers must find one beside them.
	mostConnections = 1024
)

// Store is the way to a Redis. It is safe for concurrent use.
type Store struct {
	client redis.UniversalClient
	prefix string
}

// Open prepares a Store. It does not connect, so it succeeds while Redis is away; its errors are of the options alone.
func Open(o Options) (*Store, error) {
	prefix := o.Prefix
	if prefix == "" {
		prefix = defaultPrefix
	}
	switch {
	case len(o.Addrs) == 0:
		return nil, errors.New("open redis: no address is given; name at least one host:port")
	case len(o.Addrs) > 1 && !o.Cluster:
		return nil, fmt.Errorf("open redis: %d addresses are given for a single server; give one, or say that it is a cluster", len(o.Addrs))
	case o.Cluster && o.DB != 0:
		return nil, fmt.Errorf("open redis: database %d is chosen, but a cluster has only database 0", o.DB)
	case strings.ContainsAny(prefix, "{}"):
		return nil, fmt.Errorf("open redis: the prefix %q holds a brace; the keys' hash tag forbids it", prefix)
	}
	return &Store{prefix: prefix, client: redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs:         o.Addrs,
		IsClusterMode: o.Cluster,
		DB:            o.DB,
		Username:      o.Username,
		Password:      o.Password,
		TLSConfig:     o.TLS,
		// Nothing is ever sent twice: a batch resent after a lost answer could meet a ledger that it wrote itself.
		MaxRetries:            -1,
		DialerRetries:         1,
		DialTimeout:           dialTimeout,
		ReadTimeout:           answerTimeout,
		WriteTimeout:          answerTimeout,
		ContextTimeoutEnabled: true,
		PoolSize:              mostConnections,
		PipelinePoolSize:      -1,
		// RESP3 would bring pushed messages that nobody here asks for, among the answers of a transaction.
		Protocol:        2,
		DisableIdentity: true,
	})}, nil
}

// Prefix is what begins every key.
func (s *Store) Prefix() string { return s.prefix }

// Close closes all connections; the lanes' too.
func (s *Store) Close() error {
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("close redis: %w", err)
	}
	return nil
}

// Ping says whether Redis answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping redis: %w", err)
	}
	return nil
}
