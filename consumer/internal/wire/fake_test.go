package wire_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
)

// fake is a Kafka that fails on demand.
func fake(t testing.TB, brokers int, opts ...kfake.Opt) (*kfake.Cluster, *wire.Cluster) {
	t.Helper()
	k, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(brokers)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k, dial(t, k.ListenAddrs()[0])
}

// refuse makes the next n requests of a kind fail with an error code, without effect, or, where there is no code, with
// a connection that breaks.
func refuse(k *kfake.Cluster, key protocol.ApiKey, n int, code *kerr.Error) {
	for range n {
		k.ControlKey(int16(key), func(request kmsg.Request) (kmsg.Response, error, bool) {
			if code == nil {
				return nil, io.ErrUnexpectedEOF, true
			}
			return failing(request, code.Code), nil, true
		})
	}
}

// failing is the answer to a request that refuses all of it.
func failing(request kmsg.Request, code int16) kmsg.Response {
	answer := request.ResponseKind()
	switch r := answer.(type) {
	case *kmsg.InitProducerIDResponse:
		r.ErrorCode = code
	case *kmsg.AddOffsetsToTxnResponse:
		r.ErrorCode = code
	case *kmsg.EndTxnResponse:
		r.ErrorCode = code
	case *kmsg.FindCoordinatorResponse:
		r.ErrorCode = code
	case *kmsg.AddPartitionsToTxnResponse:
		for _, asked := range request.(*kmsg.AddPartitionsToTxnRequest).Topics {
			t := kmsg.AddPartitionsToTxnResponseTopic{Topic: asked.Topic}
			for _, p := range asked.Partitions {
				t.Partitions = append(t.Partitions, kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p, ErrorCode: code})
			}
			r.Topics = append(r.Topics, t)
		}
	case *kmsg.ProduceResponse:
		for _, asked := range request.(*kmsg.ProduceRequest).Topics {
			t := kmsg.ProduceResponseTopic{Topic: asked.Topic}
			for _, p := range asked.Partitions {
				t.Partitions = append(t.Partitions, kmsg.ProduceResponseTopicPartition{Partition: p.Partition, ErrorCode: code, BaseOffset: -1})
			}
			r.Topics = append(r.Topics, t)
		}
	case *kmsg.TxnOffsetCommitResponse:
		for _, asked := range request.(*kmsg.TxnOffsetCommitRequest).Topics {
			t := kmsg.TxnOffsetCommitResponseTopic{Topic: asked.Topic}
			for _, p := range asked.Partitions {
				t.Partitions = append(t.Partitions, kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
			}
			r.Topics = append(r.Topics, t)
		}
	default:
		panic(fmt.Sprintf("no failing answer for %T", answer))
	}
	return answer
}

// kinds are the levels of a Kafka's transaction.version: with 2 each transaction has an epoch of its own.
var kinds = map[string]int16{"an epoch each": 2, "one epoch": 1}

// fakeOfKind is a fake whose transactions are of a kind.
func fakeOfKind(t testing.TB, level int16) (*kfake.Cluster, *wire.Cluster) {
	t.Helper()
	k, c := fake(t, 1, kfake.SeedTopics(2, "out"))
	testbed.SetTransactionVersion(t, k.ListenAddrs()[0], level)
	return k, c
}

// ofOneEpoch is whether a request is made only for transactions that have no epoch of their own.
func ofOneEpoch(key protocol.ApiKey) bool {
	return key == protocol.AddPartitionsToTxn || key == protocol.AddOffsetsToTxn
}
