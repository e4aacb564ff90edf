package testbed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"
)

// clusterSession is how long the controller of a cluster waits for a heartbeat. Three brokers on a small machine are
// slow at times: shorter, and leaders would move on their own.
const clusterSession = 3 * time.Second

// KafkaNodes is a cluster of Kafka brokers, each of which is a controller too. Brokers are numbered from 0, in the order
// of Addrs; Kafka itself numbers them from 1.
type KafkaNodes struct {
	t     testing.TB
	addrs []string
	nodes []*own
}

// KafkaCluster is a cluster for this test alone, which may fault it. It runs only as processes. Topics get three
// replicas, or as many as there are brokers, and so do Kafka's own; with three a write needs two of them. That holds for
// a topic that CreateTopics makes, too. It is removed when the test ends.
func KafkaCluster(t testing.TB, brokers int) *KafkaNodes {
	t.Helper()
	return KafkaClusterVersion(t, brokers, "")
}

// KafkaClusterVersion is KafkaCluster of another release of Apache Kafka, such as 4.1.1; "" is the usual one.
func KafkaClusterVersion(t testing.TB, brokers int, version string) *KafkaNodes {
	t.Helper()
	if err := processes(); err != nil {
		t.Fatalf("testbed: a cluster of Kafka brokers runs only as processes: %v", err)
	}
	at, err := freeEndpoints(brokers)
	if err != nil {
		t.Fatalf("testbed: starting a cluster of Kafka brokers: %v", err)
	}
	k := &KafkaNodes{t: t, nodes: make([]*own, brokers)}
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	starting, ctx := errgroup.WithContext(ctx)
	for i, a := range at {
		k.addrs = append(k.addrs, a.clients)
		k.nodes[i] = &own{t: t, mode: Process, ready: func(ctx context.Context) error { return k.joined(ctx, i) }}
		starting.Go(func() error {
			p, err := startBroker(ctx, brokerSpec{version: version, session: clusterSession, settings: clusterSettings(at, i)}, a)
			if err == nil {
				k.nodes[i].host = p
			}
			return err
		})
	}
	err = starting.Wait()
	for _, n := range k.nodes {
		if n.host != nil {
			n.removeAfter()
		}
	}
	if err == nil {
		err = k.formed(t.Context())
	}
	if err != nil {
		t.Fatalf("testbed: starting a cluster of %d Kafka brokers: %v", brokers, err)
	}
	t.Logf("testbed: Kafka %s at %s", Process, strings.Join(k.addrs, ", "))
	return k
}

// clusterSettings are what broker i of a cluster has beside the settings of every test broker.
func clusterSettings(at []endpoints, i int) map[string]string {
	var voters []string
	for n, a := range at {
		voters = append(voters, strconv.Itoa(n+1)+"@"+a.controller)
	}
	copies := min(3, len(at))
	replicas, inSync := strconv.Itoa(copies), strconv.Itoa(max(1, copies-1))
	return map[string]string{
		"node.id":                                          strconv.Itoa(i + 1),
		"controller.quorum.voters":                         strings.Join(voters, ","),
		"default.replication.factor":                       replicas,
		"min.insync.replicas":                              inSync,
		"offsets.topic.replication.factor":                 replicas,
		"transaction.state.log.replication.factor":         replicas,
		"transaction.state.log.min.isr":                    inSync,
		"share.coordinator.state.topic.replication.factor": replicas,
		"share.coordinator.state.topic.min.isr":            inSync,
		"auto.leader.rebalance.enable":                     "false", // leaders move when the test says so
		"replica.lag.time.max.ms":                          "5000",
		"controller.quorum.election.backoff.max.ms":        "250",
	}
}

// Addrs are the brokers' addresses, HOST:PORT each.
func (k *KafkaNodes) Addrs() []string { return slices.Clone(k.addrs) }

// Kill ends broker i at once, as SIGKILL does. Others take over its partitions when its session is over, in about
// three seconds; Kill does not wait for that.
func (k *KafkaNodes) Kill(i int) { k.t.Helper(); k.nodes[i].Kill() }

// Restart starts broker i again after Kill or Terminate, and waits until it is in sync with every partition that it has
// a replica of. A broker that still runs is killed first.
func (k *KafkaNodes) Restart(i int) { k.t.Helper(); k.nodes[i].Restart() }

// Stop freezes broker i as SIGSTOP does: connections stay open, nothing answers.
func (k *KafkaNodes) Stop(i int) { k.t.Helper(); k.nodes[i].Stop() }

// Cont lets a stopped broker go on, and waits until it is in sync with every partition that it has a replica of.
func (k *KafkaNodes) Cont(i int) {
	k.t.Helper()
	n := k.nodes[i]
	n.Cont()
	n.do("waiting for", func(_ machine, ctx context.Context) error { return n.ready(ctx) })
}

// Terminate lets broker i hand its partitions over and end, as SIGTERM does, and waits until it has ended.
func (k *KafkaNodes) Terminate(i int) { k.t.Helper(); k.nodes[i].Terminate() }

// Leader is the broker that leads a partition, -1 while none does.
func (k *KafkaNodes) Leader(topic string, partition int) int {
	k.t.Helper()
	leader := -1
	k.ask("finding the leader of "+topic+"/"+strconv.Itoa(partition), func(ctx context.Context, admin clusterAdmin) error {
		p, err := partitionOf(ctx, admin, topic, partition)
		if err == nil && p.Leader > 0 {
			leader = int(p.Leader) - 1
		}
		return err
	})
	return leader
}

// Controller is the broker that leads the cluster. It waits until one does.
func (k *KafkaNodes) Controller() int {
	k.t.Helper()
	controller := -1
	k.ask("finding the controller", func(ctx context.Context, admin clusterAdmin) error {
		leader, err := quorumLeader(ctx, admin.client)
		controller = int(leader) - 1
		return err
	})
	return controller
}

// MoveLeader makes broker to the leader of a partition, in good order, and waits until it is.
func (k *KafkaNodes) MoveLeader(topic string, partition, to int) {
	k.t.Helper()
	node := int32(to + 1)
	k.ask(fmt.Sprintf("moving the leader of %s/%d to broker %d", topic, partition, to), func(ctx context.Context, admin clusterAdmin) error {
		p, err := partitionOf(ctx, admin, topic, partition)
		if err != nil || p.Leader == node {
			return err
		}
		if p.Replicas[0] != node {
			return errors.Join(preferred(ctx, admin, p, node), errNotYet)
		}
		if !slices.Contains(p.ISR, node) {
			return fmt.Errorf("it is not in sync: of %v only %v are", p.Replicas, p.ISR)
		}
		var set kadm.TopicsSet
		set.Add(topic, p.Partition)
		_, err = admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, set)
		return errors.Join(err, errNotYet)
	})
}

// errNotYet lets a step be looked at again until it has shown effect.
var errNotYet = errors.New("not done yet")

// preferred makes node the first of the partition's replicas. Where it is none of them yet it takes the last one's place.
func preferred(ctx context.Context, admin clusterAdmin, p kadm.PartitionDetail, node int32) error {
	others := slices.DeleteFunc(slices.Clone(p.Replicas), func(r int32) bool { return r == node })
	var req kadm.AlterPartitionAssignmentsReq
	req.Assign(p.Topic, p.Partition, append([]int32{node}, others[:len(p.Replicas)-1]...))
	res, err := admin.AlterPartitionAssignments(ctx, req)
	if err != nil {
		return err
	}
	return res.Error()
}

// partitionOf is what the cluster says about one partition.
func partitionOf(ctx context.Context, admin clusterAdmin, topic string, partition int) (kadm.PartitionDetail, error) {
	topics, err := admin.ListTopicsWithInternal(ctx, topic)
	if err != nil {
		return kadm.PartitionDetail{}, err
	}
	p, ok := topics[topic].Partitions[int32(partition)]
	if !ok {
		return kadm.PartitionDetail{}, errors.Join(topics[topic].Err, kerr.UnknownTopicOrPartition)
	}
	return p, nil
}

// quorumLeader is the node that leads the controllers. The metadata answer names any broker for that, on purpose.
func quorumLeader(ctx context.Context, client *kgo.Client) (int32, error) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	topic, partition := kmsg.NewDescribeQuorumRequestTopic(), kmsg.NewDescribeQuorumRequestTopicPartition()
	topic.Topic, topic.Partitions = "__cluster_metadata", append(topic.Partitions, partition)
	req.Topics = append(req.Topics, topic)
	res, err := req.RequestWith(ctx, client)
	if err != nil {
		return 0, err
	}
	if err := kerr.ErrorForCode(res.ErrorCode); err != nil {
		return 0, err
	}
	p := res.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		return 0, err
	}
	if p.LeaderID <= 0 {
		return 0, errors.New("none is elected")
	}
	return p.LeaderID, nil
}

// formed waits until every broker is a member and the coordinators are there.
func (k *KafkaNodes) formed(ctx context.Context) error {
	err := k.eventually(ctx, "the cluster to be whole", func(ctx context.Context, admin clusterAdmin) error {
		brokers, err := admin.ListBrokers(ctx)
		if err == nil && len(brokers) < len(k.nodes) {
			err = fmt.Errorf("%d of %d brokers have joined", len(brokers), len(k.nodes))
		}
		return err
	})
	if err != nil {
		return err
	}
	return warmUp(ctx, k.addrs[0])
}

// joined waits until broker i is a member, and in sync with every partition that it has a replica of.
func (k *KafkaNodes) joined(ctx context.Context, i int) error {
	node := int32(i + 1)
	return k.eventually(ctx, "broker "+strconv.Itoa(i)+" to be in sync", func(ctx context.Context, admin clusterAdmin) error {
		meta, err := admin.Metadata(ctx)
		if err != nil {
			return err
		}
		if !slices.Contains(meta.Brokers.NodeIDs(), node) {
			return errors.New("it is no member")
		}
		topics, err := admin.ListTopicsWithInternal(ctx)
		if err != nil {
			return err
		}
		var behind []string
		topics.EachPartition(func(p kadm.PartitionDetail) {
			if slices.Contains(p.Replicas, node) && !slices.Contains(p.ISR, node) {
				behind = append(behind, p.Topic+"/"+strconv.Itoa(int(p.Partition)))
			}
		})
		if len(behind) > 0 {
			return fmt.Errorf("it is behind on %s", strings.Join(behind, ", "))
		}
		return nil
	})
}

// clusterAdmin is an admin client and the client below, for what the admin client can't ask.
type clusterAdmin struct {
	*kadm.Client
	client *kgo.Client
}

// ask does an errand, again and again until it succeeds or takes longer than stopLimit.
func (k *KafkaNodes) ask(what string, errand func(context.Context, clusterAdmin) error) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), stopLimit)
	defer cancel()
	if err := k.eventually(ctx, what, errand); err != nil {
		k.t.Fatalf("testbed: %s: %v", what, err)
	}
}

// eventually is the package's eventually with a client of the cluster.
func (k *KafkaNodes) eventually(ctx context.Context, what string, try func(context.Context, clusterAdmin) error) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(k.addrs...), kgo.DisableClientMetrics(), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	defer client.Close()
	admin := clusterAdmin{kadm.NewClient(client), client}
	return eventually(ctx, what, func(ctx context.Context) error { return try(ctx, admin) })
}
