package state

import (
	"crypto/tls"
	"crypto/x509"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
)

func TestOpenRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"no address":                    {},
		"several addresses, no cluster": {Addrs: []string{"a:1", "b:2"}},
		"a database of a cluster":       {Addrs: []string{"a:1"}, Cluster: true, DB: 1},
		"a brace in the prefix":         {Addrs: []string{"a:1"}, Prefix: "a{b}"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Open(o); err == nil {
				t.Error("it was opened")
			}
		})
	}
}

func TestOpenNeedsNoServer(t *testing.T) {
	openStore(t, Options{Addrs: []string{"127.0.0.1:1"}})
}

// check says what Check warns of, and its error, as one text each.
func check(t *testing.T, o Options) (warnings, failure string) {
	t.Helper()
	all, err := openStore(t, o).Check(t.Context())
	if err != nil {
		failure = err.Error()
	}
	return strings.Join(all, "\n"), failure
}

func TestCheckOfTheEmbeddedRedisCouldAskNothing(t *testing.T) {
	warnings, failure := check(t, Options{Addrs: []string{embedded(t).addr}})
	if failure != "" {
		t.Error(failure)
	}
	for _, want := range []string{"its version", "its maxmemory-policy", "whether it persists"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("no warning of %s in:\n%s", want, warnings)
		}
	}
}

func TestCheck(t *testing.T) {
	if !haveRedis(t) {
		return
	}
	s := process(t)
	set := func(t *testing.T, name, value string) { must(t, s.raw.ConfigSet(t.Context(), name, value).Err()) }
	user := func(t *testing.T, rules ...any) {
		must(t, s.raw.Do(t.Context(), append([]any{"acl", "setuser", "lane", "reset", "on", ">secret", "~*", "&*"}, rules...)...).Err())
	}
	for _, c := range []struct {
		name              string
		prepare           func(t *testing.T)
		o                 Options
		warnings, failure []string // what must stand in them; nothing: they must be empty
	}{
		{name: "persistence on", prepare: func(t *testing.T) { set(t, "save", "3600 1") }},
		{name: "persistence off", prepare: func(t *testing.T) { set(t, "save", "") }, warnings: []string{"persists nothing", "appendonly yes"}},
		{
			name: "a policy that evicts", prepare: func(t *testing.T) { set(t, "save", "3600 1"); set(t, "maxmemory-policy", "allkeys-lru") },
			failure: []string{"allkeys-lru", "CONFIG SET maxmemory-policy noeviction", "redis.conf"},
		},
		{
			name:     "an ACL user without CONFIG",
			prepare:  func(t *testing.T) { set(t, "maxmemory-policy", "noeviction"); user(t, "+@all", "-config") },
			o:        Options{Username: "lane", Password: "secret"},
			warnings: []string{"CONFIG GET"},
		},
		{
			name: "an ACL user without INFO", prepare: func(t *testing.T) { user(t, "+@all", "-info") },
			o: Options{Username: "lane", Password: "secret"}, warnings: []string{"its version"},
		},
		{
			name: "an ACL user without INFO, and a policy that evicts", prepare: func(t *testing.T) { set(t, "maxmemory-policy", "volatile-ttl") },
			o: Options{Username: "lane", Password: "secret"}, warnings: []string{"its version"}, failure: []string{"volatile-ttl"},
		},
		{
			name: "a wrong password", prepare: func(t *testing.T) { set(t, "maxmemory-policy", "noeviction") },
			o: Options{Username: "lane", Password: "wrong"}, failure: []string{"WRONGPASS"},
		},
		{name: "a database that there is not", prepare: func(*testing.T) {}, o: Options{DB: 99}, failure: []string{"DB index"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.prepare(t)
			c.o.Addrs = []string{s.addr}
			warnings, failure := check(t, c.o)
			says(t, "warnings", warnings, c.warnings)
			says(t, "failure", failure, c.failure)
		})
	}
}

func says(t *testing.T, what, got string, want []string) {
	t.Helper()
	if len(want) == 0 && got != "" {
		t.Errorf("%s: %s", what, got)
	}
	for _, part := range want {
		if !strings.Contains(got, part) {
			t.Errorf("%s: no %q in %q", what, part, got)
		}
	}
}

func TestCheckVersion(t *testing.T) {
	for version, want := range map[string]string{
		"6.0.16": "upgrade", "5.0.7": "upgrade", "6.2.0": "", "7.0.15": "", "8.2": "", "10.0.0": "", "": "warning", "new": "warning", "a.b": "warning",
	} {
		var c checked
		got := ""
		if err := c.version("addr", version); err != nil {
			got = "upgrade"
		} else if len(c.warnings) > 0 {
			got = "warning"
		}
		if got != want {
			t.Errorf("version %q: %q, want %q", version, got, want)
		}
	}
}

// These four categories on the keys of the prefix are all that an ACL user needs.
func TestALaneWorksForAnACLUserOfItsOwn(t *testing.T) {
	if !haveRedis(t) {
		return
	}
	s := process(t)
	must(t, s.raw.Do(t.Context(), "acl", "setuser", "lane", "on", ">secret", "~{acl.*", "+@read", "+@write", "+@transaction", "+@connection").Err())
	b := &bench{T: t, server: s, keys: keysOf("acl", 3)}
	b.store = openStore(t, Options{Addrs: []string{s.addr}, Prefix: "acl", Username: "lane", Password: "secret"})
	must(t, b.claimed().Decide(t.Context(), batch(1)))

	// Without transactions the claim is refused, before a single key is written.
	must(t, s.raw.Do(t.Context(), "acl", "setuser", "lane", "-multi").Err())
	must(t, s.raw.FlushAll(t.Context()).Err())
	b.is(b.lane().Claim(t.Context(), nil, newLedger()), ErrRefused)
	if n := s.raw.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys were written", n)
	}
}

func TestOverTLS(t *testing.T) {
	// Only its certificate, which is good for 127.0.0.1, is of use here.
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	m, err := miniredis.RunTLS(&tls.Config{Certificates: certified.TLS.Certificates})
	must(t, err)
	t.Cleanup(m.Close)
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	store := openStore(t, Options{Addrs: []string{m.Addr()}, TLS: &tls.Config{RootCAs: roots}})
	must(t, store.Ping(t.Context()))
	if err := openStore(t, Options{Addrs: []string{m.Addr()}, TLS: &tls.Config{}}).Ping(t.Context()); err == nil {
		t.Error("a certificate that nobody vouches for was accepted")
	}
}
