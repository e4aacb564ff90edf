package state

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// startCluster starts three masters that share the slots evenly.
func startCluster(t *testing.T) []*redis.Client {
	t.Helper()
	nodes := make([]*redis.Client, 3)
	for i := range nodes {
		addr := startRedis(t, "--cluster-enabled", "yes", "--cluster-config-file", fmt.Sprintf("nodes-%d.conf", i), "--cluster-node-timeout", "5000")
		nodes[i] = redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, DisableIdentity: true})
		t.Cleanup(func() { _ = nodes[i].Close() })
	}
	for i, node := range nodes {
		must(t, node.Do(t.Context(), "cluster", "addslotsrange", i*16384/3, (i+1)*16384/3-1).Err())
		host, port, err := net.SplitHostPort(node.Options().Addr)
		must(t, err)
		must(t, nodes[0].ClusterMeet(t.Context(), host, port).Err())
	}
	eventually(t, "every node sees the others and all slots", func() bool {
		for _, node := range nodes {
			info := node.ClusterInfo(t.Context()).Val()
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:3") {
				return false
			}
		}
		return true
	})
	return nodes
}

func TestCluster(t *testing.T) {
	if !haveRedis(t) {
		return
	}
	nodes := startCluster(t)
	store := openStore(t, Options{Addrs: []string{nodes[0].Options().Addr}, Cluster: true, Prefix: "c"})
	const lanes = 12
	t.Run("lanes on all nodes decide and are read", func(t *testing.T) {
		b := &bench{T: t, store: store}
		for p := range lanes {
			b.fill(p, hotLead(fmt.Sprint("lead ", p), float64(p)))
		}
		for i, node := range nodes {
			if node.DBSize(t.Context()).Val() == 0 {
				t.Errorf("node %d holds nothing", i)
			}
		}
		top, err := store.Top(t.Context(), lanes, "hot", 3)
		must(t, err)
		if len(top) != 3 || top[0].Lead.ID != "lead 11" || top[2].Lead.ID != "lead 9" {
			t.Errorf("top: %+v", top)
		}
		counts, err := store.Counts(t.Context(), lanes)
		must(t, err)
		b.equal(map[string]int64{"hot": lanes}, counts)
		lead, _, err := store.LeadByID(t.Context(), 7, "lead 7")
		must(t, err)
		b.equal("hot", lead.Tier)
	})
	t.Run("every master is checked", func(t *testing.T) {
		warnings, err := store.Check(t.Context())
		must(t, err)
		if len(warnings) != len(nodes) { // of persistence, which is off
			t.Errorf("%d warnings: %q", len(warnings), warnings)
		}
		must(t, nodes[2].ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
		if _, err := store.Check(t.Context()); err == nil || !strings.Contains(err.Error(), nodes[2].Options().Addr) {
			t.Errorf("a master that evicts: %v", err)
		}
		if _, failure := check(t, Options{Addrs: []string{nodes[0].Options().Addr}}); !strings.Contains(failure, "redis.cluster") {
			t.Errorf("opened as a single server: %q", failure)
		}
	})
	t.Run("a slot that moves: refused, and once rearmed it works", func(t *testing.T) { testMovedSlot(t, nodes, store) })
}

func testMovedSlot(t *testing.T, nodes []*redis.Client, store *Store) {
	b := &bench{T: t, store: store, keys: keysOf("c", 3)}
	lane := b.lane()
	found, err := lane.Read(t.Context())
	must(t, err)
	must(t, lane.Claim(t.Context(), found, found))
	n := found.Batch + 1
	must(t, lane.Decide(t.Context(), batch(n)))
	moveSlot(t, nodes, b.keys.ledger)
	d := batch(n + 1)
	b.is(lane.Decide(t.Context(), d), ErrRefused)
	must(t, lane.Rearm(t.Context()))
	must(t, lane.Decide(t.Context(), d))
	b.equal(n+1, b.read().Batch)
	b.equal([]string{string(d.Leads[0].Blob)}, b.load(lane, "lead-42"))
}

// moveSlot moves a key's slot, with its keys, to the next node.
func moveSlot(t *testing.T, nodes []*redis.Client, key string) {
	t.Helper()
	ctx := t.Context()
	slot := int(nodes[0].ClusterKeySlot(ctx, key).Val())
	owner := 0
	for i := range nodes {
		if slot >= i*16384/3 && slot < (i+1)*16384/3 {
			owner = i
		}
	}
	from, to := nodes[owner], nodes[(owner+1)%len(nodes)]
	fromID, toID := from.Do(ctx, "cluster", "myid").Val(), to.Do(ctx, "cluster", "myid").Val()
	must(t, to.Do(ctx, "cluster", "setslot", slot, "importing", fromID).Err())
	must(t, from.Do(ctx, "cluster", "setslot", slot, "migrating", toID).Err())
	host, port, err := net.SplitHostPort(to.Options().Addr)
	must(t, err)
	for _, k := range from.ClusterGetKeysInSlot(ctx, slot, 1000).Val() {
		must(t, from.Do(ctx, "migrate", host, port, k, 0, 5000).Err())
	}
	for _, node := range []*redis.Client{to, from} {
		must(t, node.Do(ctx, "cluster", "setslot", slot, "node", toID).Err())
	}
	eventually(t, "all nodes know where the slot went", func() bool {
		for _, node := range nodes {
			if !strings.Contains(fmt.Sprint(node.Do(ctx, "cluster", "slots").Val()), fmt.Sprintf("[%d %d [127.0.0.1 %s", slot, slot, port)) {
				return false
			}
		}
		return true
	})
}
