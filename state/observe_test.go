package state

import (
	"slices"
	"sync"
	"testing"
	"time"
)

func TestCommandsAreObserved(t *testing.T) {
	eachServer(t, func(t *testing.T, at *server) {
		s := openStore(t, Options{Addrs: []string{at.addr}})
		var mu sync.Mutex
		var names []string
		s.Observe(func(command string, took time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			if took < 0 {
				t.Errorf("%s took %v", command, took)
			}
			names = append(names, command)
		})
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		l := s.Lane(0)
		must(t, l.Claim(t.Context(), nil, newLedger()))
		must(t, l.Decide(t.Context(), batch(1)))
		must(t, l.Close())
		mu.Lock()
		defer mu.Unlock()
		for _, want := range []string{"ping", "exec"} {
			if !slices.Contains(names, want) {
				t.Errorf("%q was not observed, only %q", want, names)
			}
		}
	})
}
