package state

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Observe has f told of every command from now on: its name in lower case and how long its answer took. Commands that
// are sent together count as one, under the name of the first; a transaction, however it begins, as "exec". f is called
// by whoever called Redis, from many goroutines. It is set once, before the Store is used.
func (s *Store) Observe(f func(command string, took time.Duration)) {
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		// The hooks of a cluster's client do not reach the connections of its nodes, and those are what lanes use.
		cluster.OnNewNode(func(node *redis.Client) { node.AddHook(observer(f)) })
		return
	}
	s.client.AddHook(observer(f))
}

// observer is a hook of go-redis.
type observer func(command string, took time.Duration)

func (o observer) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (o observer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		begun := time.Now()
		err := next(ctx, cmd)
		o(cmd.Name(), time.Since(begun))
		return err
	}
}

func (o observer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		begun := time.Now()
		err := next(ctx, cmds)
		o(nameOf(cmds), time.Since(begun))
		return err
	}
}

func nameOf(cmds []redis.Cmder) string {
	if len(cmds) == 0 {
		return "none"
	}
	if first := cmds[0].Name(); !strings.EqualFold(first, "multi") {
		return first
	}
	return "exec"
}
