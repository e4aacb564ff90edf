package testbed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// RedisSecurity is how a Redis is secured.
type RedisSecurity struct {
	// MutualTLS lets Redis ask for the client's certificate.
	MutualTLS bool
	// Plaintext leaves TLS out.
	Plaintext bool
	// Rules is what the user of Access may do, in the words of Redis' ACLs. Empty is everything: "~* &* +@all".
	Rules string
	// ACLFile has users to take instead of that one, as an operator hands them to Redis. Access has no user then.
	ACLFile string
}

// SecureRedis is a Redis for this test alone that lets clients in only as s says, the default user not at all: Access is
// what they need, and Inside the test's own way past all that. Its faults work as on every other Redis. It runs only as
// a process, and is removed when the test ends. args are more arguments of redis-server.
func SecureRedis(t testing.TB, s RedisSecurity, args ...string) *RedisServer {
	t.Helper()
	if err := processes(); err != nil {
		t.Fatalf("testbed: a secured Redis runs only as a process: %v", err)
	}
	r := &RedisServer{own: own{t: t}}
	secured, err := s.secured(t.TempDir(), r)
	if err == nil {
		ctx, cancel := context.WithTimeout(t.Context(), startLimit)
		defer cancel()
		r.login.addr, r.dir, r.host, err = redisProcess(ctx, r.login, append(secured, args...))
	}
	if err != nil {
		t.Fatalf("testbed: starting a secured Redis: %v", err)
	}
	if r.Addr == "" {
		r.Addr = r.login.addr
	}
	r.mode, r.ready = Process, func(ctx context.Context) error { return redisServes(ctx, r.login) }
	r.removeAfter()
	t.Logf("testbed: Redis %s at %s, secured as %+v", r.mode, r.Addr, s)
	return r
}

// secured are the arguments of such a Redis. r gets to know its address for TLS, how its clients are let in, and how the
// test is.
func (s RedisSecurity) secured(dir string, r *RedisServer) (args []string, err error) {
	users, err := s.users(r)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "users.acl")
	if err := os.WriteFile(file, []byte(users), 0o600); err != nil {
		return nil, fmt.Errorf("writing its users: %w", err)
	}
	args = []string{"--aclfile", file}
	if s.Plaintext {
		return args, nil
	}
	authority, err1 := newAuthority(dir)
	port, err2 := freePort()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	cert, key, err := authority.issue("redis")
	if err != nil {
		return nil, fmt.Errorf("making its certificate: %w", err)
	}
	r.Addr, r.Access.CAFile = loopback(port), authority.CAFile
	asked := "no"
	if s.MutualTLS {
		asked = "yes"
		if r.Access.CertFile, r.Access.KeyFile, err = authority.issue("hotlead"); err != nil {
			return nil, fmt.Errorf("making the client's certificate: %w", err)
		}
	}
	return append(args, "--tls-port", strconv.Itoa(port), "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-ca-cert-file", authority.CAFile, "--tls-auth-clients", asked), nil
}

// users is the file of users: those of the test's choice, and the test itself.
func (s RedisSecurity) users(r *RedisServer) (string, error) {
	r.login.username, r.login.password = newUser()
	text := fmt.Sprintf("user %s on >%s ~* &* +@all\n", r.login.username, r.login.password)
	if s.ACLFile != "" {
		theirs, err := os.ReadFile(s.ACLFile)
		if err != nil {
			return "", fmt.Errorf("reading the users to take: %w", err)
		}
		return string(theirs) + "\n" + text, nil
	}
	rules := s.Rules
	if rules == "" {
		rules = "~* &* +@all"
	}
	r.Access.Username, r.Access.Password = newUser()
	return text + fmt.Sprintf("user default off ~* +@write\nuser %s on >%s %s\n", r.Access.Username, r.Access.Password, rules), nil
}
