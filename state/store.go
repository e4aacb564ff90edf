package state

import (
	"context"
	"crypto/tls"
	"errors"

	"github.com/redis/go-redis/v9"
)

// Options say where Redis is.
type Options struct {
	// Addrs are host:port; more than one only with Cluster, where they are the seeds.
	Addrs   []string
	Cluster bool
	// DB is the database number; a cluster has only 0.
	DB int
	// Prefix begins every key, "hotlead" where it is empty. Two services may share a Redis under different prefixes.
	Prefix string
	// Username and Password are an ACL user's, or the password alone.
	Username, Password string
	// TLS is nil for plain TCP.
	TLS *tls.Config
}

// Store is the way to a Redis. It is safe for concurrent use.
type Store struct {
	client redis.UniversalClient
	prefix string
}

var errNotYet = errors.New("not built yet")

// Open prepares a Store. It does not connect, so it succeeds while Redis is away; its errors are of the options alone.
func Open(o Options) (*Store, error) { return nil, errNotYet }

// Close closes all connections; the lanes' too.
func (s *Store) Close() error { return errNotYet }

// Ping says whether Redis answers.
func (s *Store) Ping(ctx context.Context) error { return errNotYet }

// Check asks every server whether it can be trusted with the lanes. Its error says what must be mended first: an
// eviction policy that may drop leads, a version that is too old. A warning is what is unwise (no persistence) or could
// not be asked.
func (s *Store) Check(ctx context.Context) (warnings []string, err error) { return nil, errNotYet }
