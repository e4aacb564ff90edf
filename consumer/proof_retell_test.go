package consumer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
)

// Kafka has acknowledged transactions, and does not hold them any more.

// TestKafkaLostWhatItAcknowledged: for a while, all that lanes announce is acknowledged and comes to nothing: changes,
// forwards, dead letters and positions. Who takes the lanes over tells the world, each thing once; dead letters at least
// once.
func TestKafkaLostWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	k, proxy := testbed.KafkaBehindProxy(t)
	if !k.Faults() {
		return
	}
	w := newWorldOn(t, k.Addr, testbed.Redis(t).Addr, nil)
	traffic := w.traffic(60)
	first := w.start()
	w.sendAstray(some(traffic, 600)...)
	w.check(strictly)
	told := len(testbed.ReadTopic(t, w.kafka, w.topics.TierChanges))

	proxy.ForgeEndTxn(w.endsTransaction)
	poison := w.poison(8)
	w.folded(func() { w.sendAstray(some(traffic, 100)...) })
	first.stop()
	proxy.ForgeEndTxn(nil)
	w.wantBehind()
	w.sendAstray(some(traffic, 100)...)

	heir := w.start()
	changes := w.check(testbed.Strictness{Gaps: true})
	if n := heir.tookOver(retell); n != lanesOfTests {
		t.Errorf("%d lanes were taken over with %q, want all %d", n, retell, lanesOfTests)
	}
	if n := testutil.ToFloat64(heir.o.Metrics.lostTransactions); n != lanesOfTests {
		t.Errorf("the metric tells of %v lost transactions, want one a lane", n)
	}
	corrected, all := 0, 0
	for _, list := range changes {
		for _, c := range list {
			all++
			if c.CauseKind == "recovery" {
				corrected++
			}
		}
	}
	if corrected == 0 || corrected > 60*2 || all <= told {
		t.Errorf("%d corrections among %d changes, %d before: nothing was lost, or all was told anew", corrected, all, told)
	}
	w.wantLetters(poison)
}

// TestKafkaLostItAgainWhileItWasTold: what is told anew is lost as well.
func TestKafkaLostItAgainWhileItWasTold(t *testing.T) {
	t.Parallel()
	k, proxy := testbed.KafkaBehindProxy(t)
	if !k.Faults() {
		return
	}
	w := newWorldOn(t, k.Addr, testbed.Redis(t).Addr, nil)
	traffic := w.traffic(60)
	worker := w.start()
	w.sendAstray(some(traffic, 600)...)
	w.check(strictly)
	proxy.ForgeEndTxn(w.endsTransaction)
	poison := w.poison(8)
	w.folded(func() { w.sendAstray(some(traffic, 100)...) })
	worker.stop()
	for range 2 {
		worker = w.start()
		w.folded(func() { w.sendAstray(some(traffic, 50)...) })
		worker.wantTookOver(retell)
		worker.stop()
	}
	proxy.ForgeEndTxn(nil)
	heir := w.start()
	w.check(testbed.Strictness{Gaps: true})
	heir.wantTookOver(retell)
	w.wantLetters(poison)
}

// TestKafkaLeftATransactionUndecided: what lanes announced hangs, though the coordinator is through with it and the
// position is committed. Nobody can read on there, and whatever marker comes next would decide it.
func TestKafkaLeftATransactionUndecided(t *testing.T) {
	t.Parallel()
	t.Run("and nothing after it", func(t *testing.T) {
		t.Parallel()
		w, proxy := newWorldUnverified(t)
		if proxy == nil {
			return
		}
		traffic := w.traffic(60)
		first := w.start()
		w.send(some(traffic, 600)...)
		w.check(strictly)
		proxy.ForgeAddPartitionsToTxn(w.announces)
		w.eventually("changes to hang", func(ctx context.Context) error {
			w.send(some(traffic, 20)...)
			w.poison(lanesOfTests) // changes go in a transaction where a dead letter goes with them
			return w.hangs(ctx)
		})
		first.stop()
		proxy.ForgeAddPartitionsToTxn(nil)
		testbed.SetTransactionVersion(t, w.kafka, 2)
		heir := w.start()
		w.send(some(traffic, 100)...)
		w.check(strictly)
		if n := testutil.ToFloat64(heir.o.Metrics.lostTransactions); n == 0 {
			t.Error("nobody has noticed")
		}
	})
	t.Run("and another batch decided", func(t *testing.T) {
		t.Parallel()
		w, proxy := newWorldUnverified(t)
		if proxy == nil {
			return
		}
		l, traffic := w.owner(), w.traffic(1)
		announce := func(ctx context.Context) error {
			l.groupedAt = time.Time{} // so that the group's offsets come along
			return l.announce(ctx)
		}
		w.untilChange(l, traffic, announce)
		proxy.ForgeAddPartitionsToTxn(w.announces)
		for range 3 { // batch after batch, so that what hangs is not of the last one alone
			w.untilChange(l, traffic, announce)
		}
		proxy.ForgeAddPartitionsToTxn(nil)
		w.untilChange(l, traffic, func(context.Context) error { return nil }) // it dies before it announces it
		testbed.SetTransactionVersion(t, w.kafka, 2)
		heir := w.owner()
		w.mend(heir)
		w.checkAnnounced(strictly)
	})
	t.Run("and the batch in the outbox with it", func(t *testing.T) {
		t.Parallel()
		w, proxy := newWorldUnverified(t)
		if proxy == nil {
			return
		}
		l, traffic := w.owner(), w.traffic(1)
		announce := func(ctx context.Context) error {
			l.groupedAt = time.Time{} // so that the group's offsets come along
			return l.announce(ctx)
		}
		w.untilChange(l, traffic, announce)
		proxy.ForgeAddPartitionsToTxn(w.announces)
		w.untilChange(l, traffic, announce)
		ended := proxy.HoldRequest(w.endsTransaction)
		w.untilChange(l, traffic, func(ctx context.Context) error {
			if len(l.batch.moved) == 0 {
				return nil
			}
			ctx, dies := context.WithCancel(ctx)
			defer dies()
			go func() {
				<-ended.Caught()
				dies()
			}()
			if announce(ctx) == nil {
				return errors.New("its transaction has come to its end")
			}
			return nil
		})
		proxy.ForgeAddPartitionsToTxn(nil)
		testbed.SetTransactionVersion(t, w.kafka, 2)
		heir := w.owner()
		w.mend(heir)
		w.checkAnnounced(strictly)
	})
}

// TestKafkaHoldsHalfOfATransaction: the changes that a lane announced stand in the output, but the offsets that were
// committed with them and a dead letter are those of before.
func TestKafkaHoldsHalfOfATransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, traffic := w.owner(), w.traffic(1)
	ctx := w.limited()
	w.untilChange(l, traffic, l.announce)
	var before kadm.OffsetResponses
	letters := map[string]bool{}
	w.untilChange(l, traffic, l.announce, func() {
		w.eventually("the group's offsets to be those of the batch before", func(ctx context.Context) error {
			f, err := l.find(ctx)
			if err == nil && f.grouped != l.grouped {
				err = fmt.Errorf("the group has batch %d, not %d", f.grouped, l.grouped)
			}
			if err == nil {
				before, err = w.admin().FetchOffsets(ctx, w.group)
			}
			return err
		})
		value := fmt.Sprintf(`{"poison":%d`, len(letters))
		letters[value] = true
		r := &kgo.Record{Topic: w.topics.Engagement, Partition: int32(l.number), Value: []byte(value), Timestamp: time.Now()}
		if err := w.client.ProduceSync(ctx, r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := w.admin().CommitOffsets(ctx, w.group, before.Offsets()); err != nil {
		t.Fatal(err)
	}
	heir := w.owner()
	if n := testutil.ToFloat64(heir.Metrics.lostTransactions); n != 1 {
		t.Errorf("the metric tells of %v lost transactions, want 1", n)
	}
	w.checkAnnounced(strictly)
	if n := heir.ledger.Batch; heir.committed != n || n <= 1 {
		t.Errorf("committed is batch %d of %d", heir.committed, n)
	}
	w.wantLetters(letters)
	if n := len(testbed.ReadTopic(t, w.kafka, w.topics.DeadLetters)); n != len(letters) {
		t.Errorf("%d dead letters for %d events", n, len(letters))
	}
}

// newWorldUnverified is a world on a Kafka that takes what is of no transaction, behind a proxy; no proxy where the
// testbed has no such Kafka. Partitions are added to transactions by requests of their own there.
func newWorldUnverified(t *testing.T) (*world, *testbed.Proxy) {
	t.Helper()
	k, proxy := testbed.KafkaBehindProxy(t)
	if !k.Faults() {
		return nil, nil
	}
	testbed.SetTransactionVersion(t, k.Addr, 1)
	w := newWorldOn(t, k.Addr, testbed.Redis(t).Addr, nil)
	unchecked := "false"
	w.eventually("the broker to take what is of no transaction", func(ctx context.Context) error {
		_, err := w.admin().AlterBrokerConfigs(ctx, []kadm.AlterConfig{
			{Op: kadm.SetConfig, Name: "transaction.partition.verification.enable", Value: &unchecked}})
		return err
	})
	return w, proxy
}

// hangs is nil once something stands undecided in the tier changes.
func (w *world) hangs(ctx context.Context) error {
	ends, err := w.admin().ListEndOffsets(ctx, w.topics.TierChanges)
	if err != nil {
		return err
	}
	stable, err := w.admin().ListCommittedOffsets(ctx, w.topics.TierChanges)
	if err != nil {
		return err
	}
	err = errors.New("all is decided")
	ends.Each(func(end kadm.ListedOffset) {
		if at, ok := stable.Lookup(end.Topic, end.Partition); ok && at.Offset < end.Offset {
			err = nil
		}
	})
	return err
}

// untilChange sends events and folds and decides them, batch after batch, until one has a change to announce, and ends
// each batch; before each event it does what comes with it.
func (w *world) untilChange(l *lane, traffic *testbed.Traffic, end func(context.Context) error, with ...func()) {
	w.t.Helper()
	ctx := w.limited()
	for changed := false; !changed; {
		for _, do := range with {
			do()
		}
		w.send(traffic.Next())
		if err := errors.Join(l.fetch(ctx), l.foldStretches(ctx, ctx, nil)); err != nil {
			w.t.Fatal(err)
		}
		changed = len(l.batch.moved) > 0
		if err := l.decide(ctx, ctx); err != nil {
			w.t.Fatal(err)
		}
		if err := end(ctx); err != nil {
			w.t.Fatal(err)
		}
	}
}

// announces is whether a request adds the output to the transaction of one of the lanes.
func (w *world) announces(request []byte) bool {
	const addPartitionsToTxn = 24
	return w.asks(request, addPartitionsToTxn) && bytes.Contains(request, []byte(w.topics.TierChanges))
}

// endsTransaction is whether a request ends the transaction of one of the lanes.
func (w *world) endsTransaction(request []byte) bool {
	const endTxn = 26
	return w.asks(request, endTxn)
}

// asks is whether a request is of that kind and in the name of one of the lanes.
func (w *world) asks(request []byte, key uint16) bool {
	return len(request) > 8 && binary.BigEndian.Uint16(request[4:]) == key && bytes.Contains(request, []byte(w.group+"-lane-"))
}

// sendAstray is send, of which every other lead's events come in a lane that is not theirs.
func (w *world) sendAstray(list ...testbed.Event) {
	w.t.Helper()
	records := make([]*kgo.Record, len(list))
	w.mu.Lock()
	for i := range list {
		records[i] = w.record(&list[i])
		if n, err := strconv.Atoi(list[i].Lead[len("lead-"):]); err == nil && n%2 == 1 {
			records[i].Partition = (records[i].Partition + 1) % lanesOfTests
		}
		w.oracle.Fold(&list[i])
	}
	w.mu.Unlock()
	if err := w.client.ProduceSync(w.limited(), records...).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// poison sends so many records that can't be scored, and returns their values.
func (w *world) poison(n int) map[string]bool {
	w.t.Helper()
	values := map[string]bool{}
	for i := range n {
		value := fmt.Sprintf(`{"poison":%d`, i)
		values[value] = true
		r := &kgo.Record{Topic: w.topics.Engagement, Partition: int32(i % lanesOfTests), Value: []byte(value), Timestamp: time.Now()}
		if err := w.client.ProduceSync(w.limited(), r).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
	return values
}

// folded calls send again and again until each lane has decided a batch after one that Kafka has acknowledged and does
// not hold, and then waits until all that stands in the inputs is folded.
func (w *world) folded(send func()) {
	w.t.Helper()
	w.eventually("each lane to believe what is not so", func(ctx context.Context) error {
		send()
		return w.behind(ctx)
	})
	w.eventually("all to be folded", func(ctx context.Context) error {
		ends, err := w.admin().ListCommittedOffsets(ctx, w.topics.inputs()...)
		if err != nil {
			return err
		}
		ends.Each(func(end kadm.ListedOffset) {
			at := w.raw.HGet(ctx, w.ledgerKey(int(end.Partition)), fmt.Sprintf("offset:%s/%d", end.Topic, end.Partition)).Val()
			if at != strconv.FormatInt(end.Offset, 10) && err == nil {
				err = fmt.Errorf("%s[%d] is folded up to %s of %d", end.Topic, end.Partition, at, end.Offset)
			}
		})
		return err
	})
}

// behind is an error unless Kafka holds less of each lane than it has acknowledged.
func (w *world) behind(ctx context.Context) error {
	committed, err := w.admin().FetchOffsets(ctx, w.group)
	if err != nil {
		return err
	}
	cluster := wire.Dial(wire.Options{Brokers: []string{w.kafka}})
	defer cluster.Close()
	for p := range int32(lanesOfTests) {
		at, _ := committed.Lookup(w.topics.Engagement, p)
		position, err := readPosition(map[wire.Partition]wire.Commit{{Topic: at.Topic, Partition: int(p)}: {Offset: at.At, Metadata: at.Metadata}}, w.prefix)
		if err != nil || position == nil {
			return errors.Join(err, fmt.Errorf("lane %d has no position", p))
		}
		err = scan(ctx, cluster, wire.Partition{Topic: w.topics.TierChanges, Partition: int(p)}, 0, func(r *events.Record) error {
			if beside := readBeside(r, w.prefix, nil); beside != nil {
				position.Batch = max(position.Batch, beside.Batch)
			}
			return nil
		})
		if err != nil {
			return err
		}
		acknowledged, _ := w.raw.HGet(ctx, w.ledgerKey(int(p)), "acknowledged").Uint64()
		if acknowledged <= position.Batch {
			return fmt.Errorf("lane %d: acknowledged is batch %d, committed %d", p, acknowledged, position.Batch)
		}
	}
	return nil
}

func (w *world) wantBehind() {
	w.t.Helper()
	if err := w.behind(w.limited()); err != nil {
		w.t.Fatalf("the scenario is not what it should be: %v", err)
	}
}

// wantLetters holds that each of the values stands among the dead letters.
func (w *world) wantLetters(values map[string]bool) {
	w.t.Helper()
	found := map[string]bool{}
	for _, letter := range testbed.ReadTopic(w.t, w.kafka, w.topics.DeadLetters) {
		found[string(letter.Value)] = true
	}
	for value := range values {
		if !found[value] {
			w.t.Errorf("no dead letter says %s", value)
		}
	}
}
