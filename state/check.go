package state

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// The oldest Redis that all commands used here are known to work on.
const (
	oldestMajor = 6
	oldestMinor = 2
)

// Check asks every server whether it can be trusted with the lanes. Its error says what must be mended first: an
// eviction policy that may drop leads, a version that is too old, a cluster that is not configured as one. A warning is
// what is unwise (no persistence) or could not be asked.
func (s *Store) Check(ctx context.Context) (warnings []string, err error) {
	switch client := s.client.(type) {
	case *redis.ClusterClient:
		var found checked
		err := client.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
			return found.server(ctx, master, master.Options().Addr, s.prefix)
		})
		return found.warnings, err
	case *redis.Client:
		var found checked
		err := found.server(ctx, client, client.Options().Addr, s.prefix)
		if err == nil && found.cluster {
			err = errors.New("check redis: the server is part of a cluster; set redis.cluster to true")
		}
		return found.warnings, err
	default:
		return nil, fmt.Errorf("check redis: a client of type %T can't be checked", client)
	}
}

// checked gathers what several servers were found to be, from as many goroutines.
type checked struct {
	mu       sync.Mutex
	warnings []string
	cluster  bool
}

func (c *checked) server(ctx context.Context, client *redis.Client, addr, prefix string) error {
	// First, so that a wrong password is an error, not a question that was declined.
	if err := client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("check redis at %s: %w", addr, err)
	}
	info, err := infoOf(ctx, client)
	if err != nil {
		return fmt.Errorf("check redis at %s: %w", addr, err)
	}
	if err := c.version(addr, info["redis_version"]); err != nil {
		return err
	}
	if err := c.eviction(ctx, client, addr, info["maxmemory_policy"]); err != nil {
		return err
	}
	c.mu.Lock()
	c.cluster = c.cluster || info["cluster_enabled"] == "1"
	c.mu.Unlock()
	if err := c.persistence(ctx, client, addr, info["aof_enabled"]); err != nil {
		return err
	}
	if err := mayWrite(ctx, client, prefix); err != nil {
		return fmt.Errorf("check redis at %s: %w", addr, err)
	}
	return nil
}

func (c *checked) warn(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

func (c *checked) version(addr, version string) error {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		c.warn("redis at %s does not tell its version; %d.%d or newer is needed", addr, oldestMajor, oldestMinor)
		return nil
	}
	major, errMajor := strconv.Atoi(parts[0])
	minor, errMinor := strconv.Atoi(parts[1])
	if errMajor != nil || errMinor != nil {
		c.warn("redis at %s tells the version %q, which can't be read; %d.%d or newer is needed", addr, version, oldestMajor, oldestMinor)
		return nil
	}
	if major < oldestMajor || major == oldestMajor && minor < oldestMinor {
		return fmt.Errorf("check redis at %s: it is version %s; upgrade it to %d.%d or newer", addr, version, oldestMajor, oldestMinor)
	}
	return nil
}

// eviction takes the policy from INFO, which an ACL user may more likely read, or else from CONFIG.
func (c *checked) eviction(ctx context.Context, client *redis.Client, addr, policy string) error {
	if policy == "" {
		config, err := configOf(ctx, client, "maxmemory-policy")
		if err != nil {
			return fmt.Errorf("check redis at %s: %w", addr, err)
		}
		policy = config["maxmemory-policy"]
	}
	switch policy {
	case "noeviction":
	case "":
		c.warn("redis at %s does not tell its maxmemory-policy; see to it that it is noeviction, or leads may be lost", addr)
	default:
		return fmt.Errorf("check redis at %s: its maxmemory-policy is %s, which drops leads when memory runs short; run "+
			"CONFIG SET maxmemory-policy noeviction, and put the line \"maxmemory-policy noeviction\" into its redis.conf", addr, policy)
	}
	return nil
}

// persistence asks CONFIG only where INFO does not say yet that there is an append-only file: who may run CONFIG GET can
// read passwords with it, so a user had better not.
func (c *checked) persistence(ctx context.Context, client *redis.Client, addr, aof string) error {
	if aof == "1" {
		return nil
	}
	config := make(map[string]string, 2)
	for _, name := range []string{"appendonly", "save"} {
		got, err := configOf(ctx, client, name)
		if err != nil {
			return fmt.Errorf("check redis at %s: %w", addr, err)
		}
		value, ok := got[name]
		if !ok {
			c.warn("redis at %s does not tell whether it persists (CONFIG GET %s was not answered); "+
				"without appendonly or save a restart of it folds all retained input again", addr, name)
			return nil
		}
		config[name] = value
	}
	if config["appendonly"] != "yes" && config["save"] == "" {
		c.warn("redis at %s persists nothing, so a restart of it folds all retained input again; "+
			"set \"appendonly yes\" in its redis.conf", addr)
	}
	return nil
}

// infoOf are the fields of INFO; none where the server won't tell.
func infoOf(ctx context.Context, client *redis.Client) (map[string]string, error) {
	text, err := client.Info(ctx).Result()
	if err != nil && !isDeclined(err) {
		return nil, err
	}
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}

// configOf is what CONFIG GET name answers; nothing where the server won't tell: not every service offers CONFIG, and
// an ACL may forbid it.
func configOf(ctx context.Context, client *redis.Client, name string) (map[string]string, error) {
	config, err := client.ConfigGet(ctx, name).Result()
	if err != nil && !isDeclined(err) {
		return nil, err
	}
	return config, nil
}

// isDeclined says whether the server won't answer this question at all: NOPERM of an ACL, or ERR for a command that it
// does not know.
func isDeclined(err error) bool {
	return redis.IsPermissionError(err) || isAnswer(err) && strings.HasPrefix(err.Error(), "ERR ")
}

// isAnswer says whether err is an error that Redis itself sent: the connection is sound and the command was understood
// and declined.
func isAnswer(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer)
}
