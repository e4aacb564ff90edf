package state

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// mayWrite asks whether the user may run all commands of a lane on a lane's keys, and runs none of them: Redis judges a
// command as it is queued for a transaction, and this one is never executed. Without MULTI of all things, the commands of
// a batch would take effect one by one, so it has to be known before the first. The error is Redis' own and names the
// command.
func mayWrite(ctx context.Context, client *redis.Client, prefix string) error {
	conn := client.EphemeralConn()
	defer func() { _ = conn.Close() }() // what it queued goes with it
	// A key that nobody uses, in the way of a lane's.
	key := keysOf(prefix, 0).tag + "rights"
	if err := conn.Do(ctx, "watch", key).Err(); isRefusal(err) {
		return err
	}
	for _, begin := range []string{"multi", "exec", "multi"} {
		if err := conn.Do(ctx, begin).Err(); err != nil {
			return err // without a transaction, what follows would be run
		}
	}
	for _, command := range [][]any{
		{"hmget", key, "f"}, {"hget", key, "f"}, {"hgetall", key}, {"hscan", key, 0},
		{"hset", key, "f", "v"}, {"hsetnx", key, "f", "v"}, {"hdel", key, "f"},
		{"zadd", key, 0, "m"}, {"zrem", key, "m"}, {"zrange", key, 0, 0}, {"zrevrange", key, 0, 0}, {"unlink", key},
	} {
		if err := conn.Do(ctx, command...).Err(); isRefusal(err) {
			return err
		}
	}
	return nil
}

// isRefusal says whether err is any but an answer that has nothing to do with rights, such as that of a server of a
// cluster which does not hold the key's slot.
func isRefusal(err error) bool { return err != nil && (!isAnswer(err) || redis.IsPermissionError(err)) }
