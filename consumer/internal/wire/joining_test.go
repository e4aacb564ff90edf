package wire

import (
	"bytes"
	"encoding/binary"
	"io"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// read is an answer as another library writes it, read by the request that it is to.
func read(t testing.TB, request flexible, answer kmsg.Response) (protocol.Message, error) {
	t.Helper()
	return readAnswer(wired(request, answer), request)
}

// wired is an answer on the wire, behind its size.
func wired(request flexible, answer kmsg.Response) []byte {
	b := binary.BigEndian.AppendUint32(nil, correlation)
	if request.ApiKey() != protocol.ApiVersions {
		b = append(b, noTags)
	}
	answer.SetVersion(request.version())
	return answer.AppendTo(b)
}

// TestFlexibleRequests holds what is written against what another library reads.
func TestFlexibleRequests(t *testing.T) {
	epoch := Epoch{ProducerID: 1<<40 + 7, Epoch: math.MaxInt16 - 1}
	long := string(bytes.Repeat([]byte("t"), 200)) // a length of two bytes
	null := kmsg.NewTxnOffsetCommitRequest().InstanceID
	metadata := "batch 4"
	for name, c := range map[string]struct {
		request flexible
		want    kmsg.Request
	}{
		"features": {featuresRequest{}, &kmsg.ApiVersionsRequest{
			Version: 3, ClientSoftwareName: "hotlead", ClientSoftwareVersion: "unknown"}},
		"produce": {
			&produceRequest{transactionalID: "id", timeout: 5000, batches: []*outBatch{
				{to: Partition{Topic: "one", Partition: 3}, bytes: []byte("records")}, {to: Partition{Topic: long}, bytes: make([]byte, 300)}}},
			&kmsg.ProduceRequest{Version: 12, TransactionID: kmsg.StringPtr("id"), Acks: -1, TimeoutMillis: 5000, Topics: []kmsg.ProduceRequestTopic{
				{Topic: "one", Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 3, Records: []byte("records")}}},
				{Topic: long, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: make([]byte, 300)}}}}},
		},
		"offsets": {
			&offsetsRequest{transactionalID: "id", epoch: epoch, of: &Transaction{Group: "group", Generation: 7, Member: "me", Metadata: metadata,
				Offsets: []Position{{Partition{Topic: "one", Partition: 3}, 1 << 40}, {Partition{Topic: "two"}, 0}}}},
			&kmsg.TxnOffsetCommitRequest{Version: 5, TransactionalID: "id", Group: "group", ProducerID: epoch.ProducerID, ProducerEpoch: epoch.Epoch,
				Generation: 7, MemberID: "me", InstanceID: null, Topics: []kmsg.TxnOffsetCommitRequestTopic{
					{Topic: "one", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{Partition: 3, Offset: 1 << 40, LeaderEpoch: -1, Metadata: &metadata}}},
					{Topic: "two", Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{{LeaderEpoch: -1, Metadata: &metadata}}}}},
		},
		"no generation": {
			&offsetsRequest{transactionalID: "id", epoch: epoch, of: &Transaction{Group: "group", Generation: -1}},
			&kmsg.TxnOffsetCommitRequest{Version: 5, TransactionalID: "id", Group: "group", ProducerID: epoch.ProducerID, ProducerEpoch: epoch.Epoch,
				Generation: -1, InstanceID: null, Topics: []kmsg.TxnOffsetCommitRequestTopic{}},
		},
		"end": {&endRequest{transactionalID: "id", epoch: epoch, commit: true},
			&kmsg.EndTxnRequest{Version: 5, TransactionalID: "id", ProducerID: epoch.ProducerID, ProducerEpoch: epoch.Epoch, Commit: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got := appendRequest(nil, "client", c.request)
			want := kmsg.NewRequestFormatter(kmsg.FormatterClientID("client")).AppendRequest(nil, c.want, correlation)
			if !bytes.Equal(got, want) {
				t.Errorf("wrote\n%x, want\n%x", got, want)
			}
		})
	}
}

// TestFlexibleAnswers reads what another library writes.
func TestFlexibleAnswers(t *testing.T) {
	to := func(topic string, partition int) Partition { return Partition{Topic: topic, Partition: partition} }
	why := "too large"
	for name, c := range map[string]struct {
		request flexible
		answer  kmsg.Response
		want    protocol.Message
	}{
		"produce": {&produceRequest{}, &kmsg.ProduceResponse{Topics: []kmsg.ProduceResponseTopic{
			{Topic: "one", Partitions: []kmsg.ProduceResponseTopicPartition{
				{Partition: 3, BaseOffset: 1 << 40},
				{Partition: 4, ErrorCode: 10, BaseOffset: -1, ErrorMessage: &why, ErrorRecords: []kmsg.ProduceResponseTopicPartitionErrorRecord{
					{RelativeOffset: 1, ErrorMessage: &why}, {RelativeOffset: 2}}},
				{Partition: 5, ErrorCode: 6, CurrentLeader: kmsg.ProduceResponseTopicPartitionCurrentLeader{LeaderID: 2, LeaderEpoch: 9}}}},
			{Topic: "two", Partitions: []kmsg.ProduceResponseTopicPartition{{BaseOffset: 5}}}},
			Brokers: []kmsg.ProduceResponseBroker{{NodeID: 2, Host: "host", Port: 9092}}},
			&produceAnswer{[]written{{to("one", 3), 0, 1 << 40}, {to("one", 4), 10, -1}, {to("one", 5), 6, 0}, {to("two", 0), 0, 5}}}},
		"offsets": {&offsetsRequest{}, &kmsg.TxnOffsetCommitResponse{ThrottleMillis: 1, Topics: []kmsg.TxnOffsetCommitResponseTopic{
			{Topic: "one", Partitions: []kmsg.TxnOffsetCommitResponseTopicPartition{{Partition: 3}, {Partition: 4, ErrorCode: 22}}}, {Topic: "two"}}},
			&offsetsAnswer{[]written{{to: to("one", 3)}, {to: to("one", 4), code: 22}}}},
		"end": {&endRequest{}, &kmsg.EndTxnResponse{ThrottleMillis: 1, ProducerID: 1 << 40, ProducerEpoch: 9}, &endAnswer{0, Epoch{1 << 40, 9}}},
		"end refused": {&endRequest{}, &kmsg.EndTxnResponse{ErrorCode: 51, ProducerID: -1, ProducerEpoch: -1},
			&endAnswer{51, Epoch{-1, -1}}},
		"features": {featuresRequest{}, finalized(7, 2), &features{transaction: 2}},
		"features that the broker does not know yet": {featuresRequest{}, finalized(-1, 2), &features{}},
		"no features": {featuresRequest{}, &kmsg.ApiVersionsResponse{FinalizedFeaturesEpoch: -1}, &features{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(t, c.request, c.answer)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("read %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}

// finalized is what a Kafka says that has transaction.version at a level.
func finalized(epoch int64, level int16) *kmsg.ApiVersionsResponse {
	return &kmsg.ApiVersionsResponse{
		ApiKeys:                []kmsg.ApiVersionsResponseApiKey{{ApiKey: 0, MinVersion: 3, MaxVersion: 13}, {ApiKey: 18, MaxVersion: 4}},
		SupportedFeatures:      []kmsg.ApiVersionsResponseSupportedFeature{{Name: transactionFeature, MaxVersion: 2}},
		FinalizedFeaturesEpoch: epoch,
		FinalizedFeatures: []kmsg.ApiVersionsResponseFinalizedFeature{
			{Name: "metadata.version", MaxVersionLevel: 29, MinVersionLevel: 29},
			{Name: transactionFeature, MaxVersionLevel: level, MinVersionLevel: level}},
	}
}

// TestAKafkaBeforeFeatures answers in the version that everybody knows.
func TestAKafkaBeforeFeatures(t *testing.T) {
	answer := &kmsg.ApiVersionsResponse{ErrorCode: int16(kafka.UnsupportedVersion), ApiKeys: []kmsg.ApiVersionsResponseApiKey{{ApiKey: 18, MaxVersion: 2}}}
	got, err := readAnswer(answer.AppendTo(binary.BigEndian.AppendUint32(nil, correlation)), featuresRequest{})
	if err != nil || !reflect.DeepEqual(got, &features{}) {
		t.Errorf("read %+v, %v; want that it has none", got, err)
	}
}

// conversation is a connection of which one end has been written already.
type conversation struct {
	io.Reader
	io.Writer
}

func TestAnAnswerThatIsTooLargeOrOfAnother(t *testing.T) {
	for name, answer := range map[string][]byte{
		"too large":              {0xff, 0xff, 0xff, 0xff, 0, 0, 0, correlation},
		"to another request":     {0, 0, 0, 5, 0, 0, 0, correlation + 1, 0},
		"cut":                    {0, 0, 0, 6, 0, 0, 0, correlation, 0, 0},
		"more topics than bytes": {0, 0, 0, 10, 0, 0, 0, correlation, 0, 0xff, 0xff, 0xff, 0xff, 0x0f},
	} {
		if got, err := roundTripFlexible(conversation{bytes.NewReader(answer), io.Discard}, "client", &produceRequest{}); err == nil {
			t.Errorf("%s: read %+v", name, got)
		}
	}
}

// FuzzFlexibleAnswers: whatever comes, reading it ends, in memory not much larger than it.
func FuzzFlexibleAnswers(f *testing.F) {
	requests := []flexible{featuresRequest{}, &produceRequest{}, &offsetsRequest{}, &endRequest{}}
	for i, answer := range []kmsg.Response{
		finalized(7, 2),
		&kmsg.ProduceResponse{Topics: []kmsg.ProduceResponseTopic{{Topic: "t", Partitions: []kmsg.ProduceResponseTopicPartition{{BaseOffset: 5}}}}},
		&kmsg.TxnOffsetCommitResponse{Topics: []kmsg.TxnOffsetCommitResponseTopic{{Topic: "t", Partitions: []kmsg.TxnOffsetCommitResponseTopicPartition{{}}}}},
		&kmsg.EndTxnResponse{ProducerID: 7, ProducerEpoch: 9},
	} {
		f.Add(uint8(i), wired(requests[i], answer))
	}
	f.Fuzz(func(t *testing.T, kind uint8, answer []byte) {
		got, err := readAnswer(answer, requests[int(kind)%len(requests)])
		if err != nil {
			return
		}
		n := 0
		switch got := got.(type) {
		case *produceAnswer:
			n = len(got.partitions)
		case *offsetsAnswer:
			n = len(got.partitions)
		}
		if n > len(answer) {
			t.Errorf("%d partitions in %d bytes", n, len(answer))
		}
	})
}

// TestHowFarTransactionsAreKeptApart: as far as they have to be, for a while.
func TestHowFarTransactionsAreKeptApart(t *testing.T) {
	now := time.Now()
	began := func(gap, took time.Duration) *Producer {
		return &Producer{ownEpochs: true, ended: now.Add(-took - gap)}
	}
	const wait = joinPause + time.Millisecond
	for name, c := range map[string]struct {
		gap, took time.Duration
		want      time.Duration
	}{
		"at once, and it waited":       {0, wait, time.Millisecond},
		"soon, and it waited":          {4 * time.Millisecond, wait, 9 * time.Millisecond},
		"late, and it waited":          {20 * time.Millisecond, wait, farthestApart},
		"it waited for something else": {time.Second, wait, 0},
		"it did not wait":              {0, time.Millisecond, 0},
	} {
		p := began(c.gap, c.took)
		p.learn(true, now.Add(-c.took))
		if p.apart != c.want {
			t.Errorf("%s: kept apart %v, want %v", name, p.apart, c.want)
		}
	}
	p := began(4*time.Millisecond, wait)
	p.learn(true, now.Add(-wait))
	n := 0
	for ; p.apart > 4*time.Millisecond; n++ {
		p.learn(false, time.Now())
	}
	if n < 100 || n > 1000 {
		t.Errorf("the next try is after %d transactions", n)
	}
}
