package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clusterSlots is how many slots a Redis Cluster has.
const clusterSlots = 16384

// clusterTimeout is how long a node may be silent before the others doubt it.
const clusterTimeout = 2 * time.Second

// RedisNodes is a Redis Cluster. Nodes are numbered from 0 in the order of Addrs: the first masters, then their replicas;
// a node keeps its number when it changes its part.
type RedisNodes struct {
	t       testing.TB
	nodes   []*RedisServer
	elected map[int]time.Time // when a node last took a master's part by being elected
}

// RedisCluster is a cluster for this test alone, which may fault it: so many masters, which share the slots evenly, each
// with so many replicas. A replica stands in for a dead master by itself after about three seconds. It runs only as
// processes, and is removed when the test ends.
func RedisCluster(t testing.TB, masters, replicasEach int) *RedisNodes {
	t.Helper()
	if err := processes(); err != nil {
		t.Fatalf("testbed: a Redis Cluster runs only as processes: %v", err)
	}
	c := &RedisNodes{t: t, elected: make(map[int]time.Time)}
	n := masters * (1 + replicasEach)
	buses, err := freePorts(n)
	if err != nil {
		t.Fatalf("testbed: starting a Redis Cluster: %v", err)
	}
	for _, bus := range buses {
		c.nodes = append(c.nodes, ownRedis(t, Process, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus),
			"--cluster-node-timeout", strconv.FormatInt(clusterTimeout.Milliseconds(), 10), "--appendonly", "yes"))
	}
	if err := c.form(t.Context(), masters, buses); err != nil {
		t.Fatalf("testbed: forming a Redis Cluster: %v", err)
	}
	c.awaitOK("the cluster to be whole", n)
	return c
}

// form introduces the nodes to each other and gives each its part.
func (c *RedisNodes) form(ctx context.Context, masters int, buses []int) error {
	for i, node := range c.nodes {
		var errs []error
		if i < masters {
			from, to := i*clusterSlots/masters, (i+1)*clusterSlots/masters-1
			errs = append(errs, redisDo(ctx, node.login, "CLUSTER", "ADDSLOTSRANGE", from, to))
		}
		host, port, err := net.SplitHostPort(node.Addr)
		errs = append(errs, err,
			redisDo(ctx, node.login, "CLUSTER", "SET-CONFIG-EPOCH", i+1),
			redisDo(ctx, c.nodes[0].login, "CLUSTER", "MEET", host, port, buses[i]))
		if err := errors.Join(errs...); err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
	}
	for i, node := range c.nodes[masters:] {
		id, err := c.id(ctx, i%masters)
		if err != nil {
			return err
		}
		err = eventually(ctx, "a replica to know its master", func(ctx context.Context) error {
			return redisDo(ctx, node.login, "CLUSTER", "REPLICATE", id)
		})
		if err != nil {
			return fmt.Errorf("node %d: %w", masters+i, err)
		}
	}
	return nil
}

// Addrs are the nodes' addresses, HOST:PORT each: the first masters, then their replicas.
func (c *RedisNodes) Addrs() []string {
	var addrs []string
	for _, n := range c.nodes {
		addrs = append(addrs, n.Addr)
	}
	return addrs
}

// Node is one node, for faults.
func (c *RedisNodes) Node(i int) *RedisServer { return c.nodes[i] }

// Kill ends node i at once, as SIGKILL does. A replica takes its part by itself after about three seconds; Kill does not
// wait for that.
func (c *RedisNodes) Kill(i int) { c.t.Helper(); c.nodes[i].Kill() }

// Restart starts node i again after Kill, and waits until it finds the cluster whole.
func (c *RedisNodes) Restart(i int) {
	c.t.Helper()
	c.nodes[i].Restart()
	c.ask("waiting for the cluster", func(ctx context.Context) error { return c.whole(ctx, i, 0) })
}

// Failover lets a replica of master i take its part in good order: nothing is lost. It waits until every node that runs
// says so, and returns the number of the new master. A node that is let take over again and again waits eight seconds
// in between: Redis 7.0 would count the votes of its last election, and come with an epoch that nobody believes.
func (c *RedisNodes) Failover(i int) int {
	c.t.Helper()
	next := c.failover(i)
	c.elected[next] = time.Now()
	return next
}

// FailoverByForce lets a replica of master i, which may be dead, take its part without asking it or anyone else (Redis
// calls that TAKEOVER): what the master had not yet handed on is lost.
func (c *RedisNodes) FailoverByForce(i int) int { c.t.Helper(); return c.failover(i, "TAKEOVER") }

func (c *RedisNodes) failover(i int, how ...any) int {
	c.t.Helper()
	next := -1
	c.ask(fmt.Sprintf("finding a replica of node %d", i), func(ctx context.Context) (err error) {
		next, err = c.replicaOf(ctx, i)
		return err
	})
	if at, ok := c.elected[next]; ok && len(how) == 0 {
		select {
		case <-time.After(time.Until(at.Add(4 * clusterTimeout))):
		case <-c.t.Context().Done():
		}
	}
	c.ask(fmt.Sprintf("letting node %d take the part of node %d", next, i), func(ctx context.Context) error {
		if err := redisDo(ctx, c.nodes[next].login, append([]any{"CLUSTER", "FAILOVER"}, how...)...); err != nil {
			return err
		}
		// Asked again while it is at it, it would begin again: so it is given its time, which eventually bounds.
		return eventually(ctx, "it to be the master", func(ctx context.Context) error {
			master, err := c.isMaster(ctx, next)
			if err == nil && !master {
				err = errNotYet
			}
			return err
		})
	})
	c.awaitOK(fmt.Sprintf("everyone to follow node %d", next), 0)
	return next
}

// MoveSlot moves a slot with its keys to master to, and waits until every node that runs says so.
func (c *RedisNodes) MoveSlot(slot, to int) {
	c.t.Helper()
	c.ask(fmt.Sprintf("moving slot %d to node %d", slot, to), func(ctx context.Context) error {
		from, err := c.ownerOf(ctx, slot)
		if err != nil || from == to {
			return err
		}
		return c.moveSlot(ctx, slot, from, to)
	})
	c.awaitOK("everyone to know of the move", 0)
}

func (c *RedisNodes) moveSlot(ctx context.Context, slot, from, to int) error {
	source, err1 := c.id(ctx, from)
	target, err2 := c.id(ctx, to)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := redisDo(ctx, c.nodes[to].login, "CLUSTER", "SETSLOT", slot, "IMPORTING", source); err != nil {
		return err
	}
	if err := redisDo(ctx, c.nodes[from].login, "CLUSTER", "SETSLOT", slot, "MIGRATING", target); err != nil {
		return err
	}
	if err := c.moveKeys(ctx, slot, from, to); err != nil {
		return err
	}
	// The new owner first: were the old one told first, a node could be sent to and fro.
	for _, i := range append([]int{to, from}, c.otherMasters(ctx, to, from)...) {
		if err := redisDo(ctx, c.nodes[i].login, "CLUSTER", "SETSLOT", slot, "NODE", target); err != nil {
			return err
		}
	}
	return nil
}

// moveKeys hands over the keys of a slot.
func (c *RedisNodes) moveKeys(ctx context.Context, slot, from, to int) error {
	host, port, err := net.SplitHostPort(c.nodes[to].Addr)
	if err != nil {
		return err
	}
	client, done := c.nodes[from].client()
	defer done()
	for {
		keys, err := client.ClusterGetKeysInSlot(ctx, slot, 100).Result()
		if err != nil || len(keys) == 0 {
			return err
		}
		command := []any{"MIGRATE", host, port, "", 0, stopLimit.Milliseconds(), "REPLACE", "KEYS"}
		for _, k := range keys {
			command = append(command, k)
		}
		if err := client.Do(ctx, command...).Err(); err != nil {
			return fmt.Errorf("migrating keys: %w", err)
		}
	}
}

// otherMasters are the running masters but for some.
func (c *RedisNodes) otherMasters(ctx context.Context, except ...int) []int {
	var others []int
	for i := range c.nodes {
		if master, err := c.isMaster(ctx, i); err == nil && master && !slices.Contains(except, i) {
			others = append(others, i)
		}
	}
	return others
}

// Owner is the node that serves a slot.
func (c *RedisNodes) Owner(slot int) int {
	c.t.Helper()
	owner := -1
	c.ask(fmt.Sprintf("finding the owner of slot %d", slot), func(ctx context.Context) (err error) {
		owner, err = c.ownerOf(ctx, slot)
		return err
	})
	return owner
}

func (c *RedisNodes) ownerOf(ctx context.Context, slot int) (int, error) {
	for i := range c.running() {
		if master, err := c.isMaster(ctx, i); err != nil || !master {
			continue
		}
		owners, err := c.owners(ctx, i)
		if err != nil {
			return 0, err
		}
		owner := slices.Index(c.Addrs(), owners[slot])
		if owner < 0 {
			return 0, fmt.Errorf("its owner %q is none of ours", owners[slot])
		}
		return owner, nil
	}
	return 0, errors.New("no master runs")
}

// owners are the addresses of those who serve the slots, as node i knows it.
func (c *RedisNodes) owners(ctx context.Context, i int) (owners [clusterSlots]string, err error) {
	client, done := c.nodes[i].client()
	defer done()
	nodes, err := client.ClusterNodes(ctx).Result()
	if err != nil {
		return owners, fmt.Errorf("asking node %d for the others: %w", i, err)
	}
	for line := range strings.Lines(nodes) {
		fields := strings.Fields(line) // ID, address@bus, flags, master, ping, pong, epoch, link, slots
		addr, _, _ := strings.Cut(fields[1], "@")
		for _, slots := range fields[8:] {
			if strings.HasPrefix(slots, "[") {
				continue // on the move
			}
			first, last, ranged := strings.Cut(slots, "-")
			if !ranged {
				last = first
			}
			from, err1 := strconv.Atoi(first)
			to, err2 := strconv.Atoi(last)
			if err := errors.Join(err1, err2); err != nil {
				return owners, fmt.Errorf("reading the slots of %s: %w", addr, err)
			}
			for s := from; s <= to; s++ {
				owners[s] = addr
			}
		}
	}
	return owners, nil
}

// replicaOf is a replica of master i that follows it, or did when it died.
func (c *RedisNodes) replicaOf(ctx context.Context, i int) (int, error) {
	for n := range c.running() {
		info, err := info(ctx, c.nodes[n], "replication")
		if err != nil {
			return 0, err
		}
		following := info["master_link_status"] == "up" || c.nodes[i].gone()
		if info["role"] == "slave" && net.JoinHostPort(info["master_host"], info["master_port"]) == c.nodes[i].Addr && following {
			return n, nil
		}
	}
	return 0, errors.New("it has none that is up to date")
}

func (c *RedisNodes) isMaster(ctx context.Context, i int) (bool, error) {
	info, err := info(ctx, c.nodes[i], "replication")
	return info["role"] == "master", err
}

// id is the name that the cluster has for node i.
func (c *RedisNodes) id(ctx context.Context, i int) (string, error) {
	client, done := c.nodes[i].client()
	defer done()
	return client.Do(ctx, "CLUSTER", "MYID").Text()
}

// running are the nodes that were neither killed nor stopped.
func (c *RedisNodes) running() map[int]*RedisServer {
	up := make(map[int]*RedisServer)
	for i, n := range c.nodes {
		if !n.gone() {
			up[i] = n
		}
	}
	return up
}

// awaitOK waits until every running node finds all slots served, agrees with the others on by whom, and knows at least
// so many nodes.
func (c *RedisNodes) awaitOK(what string, nodes int) {
	c.t.Helper()
	c.ask("waiting for "+what, func(ctx context.Context) error {
		for i := range c.running() {
			if err := c.whole(ctx, i, nodes); err != nil {
				return err
			}
		}
		return c.agreed(ctx)
	})
}

// whole is nil when node i finds all slots served and knows at least so many nodes, and follows its master if it is a
// replica.
func (c *RedisNodes) whole(ctx context.Context, i, nodes int) error {
	client, done := c.nodes[i].client()
	defer done()
	text, err := client.ClusterInfo(ctx).Result()
	if err != nil {
		return err
	}
	if !strings.Contains(text, "cluster_state:ok") {
		return fmt.Errorf("node %d does not find all slots served", i)
	}
	known, err := client.ClusterNodes(ctx).Result()
	if err != nil {
		return err
	}
	if n := strings.Count(known, "\n"); n < nodes {
		return fmt.Errorf("node %d knows %d of %d nodes", i, n, nodes)
	}
	fields, err := infoBy(ctx, client, "replication")
	if err == nil && fields["role"] == "slave" && fields["master_link_status"] != "up" {
		err = fmt.Errorf("node %d does not follow its master yet", i)
	}
	return err
}

// agreed is nil when all running nodes say the same about who serves which slots.
func (c *RedisNodes) agreed(ctx context.Context) error {
	var said [][clusterSlots]string
	for i := range c.running() {
		owners, err := c.owners(ctx, i)
		if err != nil {
			return err
		}
		if said = append(said, owners); owners != said[0] {
			return fmt.Errorf("node %d says otherwise than others about who serves which slots", i)
		}
	}
	return nil
}

// ask does an errand, again and again until it succeeds or takes longer than stopLimit.
func (c *RedisNodes) ask(what string, errand func(context.Context) error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), stopLimit)
	defer cancel()
	if err := eventually(ctx, "it", errand); err != nil {
		c.t.Fatalf("testbed: %s: %v", what, err)
	}
}
