package chaos_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// promise is what a trial holds the service to, beyond what holds always.
type promise struct {
	testbed.Strictness
	// letters may come twice: where neither Redis nor the group knows how far the world was told, they are sent again.
	lettersAgain bool
	// anyTier: a model came while leads were at the brink of a tier, and nobody knows on which side it found them.
	anyTier bool
	// unseen: events are gone that no oracle can take back, so that only chains and transactions are judged.
	unseen bool
}

// exactly is what holds wherever Redis keeps what it took.
var exactly = promise{Strictness: testbed.Strictness{Path: true, Times: true}}

// lossy is what holds where Redis lost writes: what was told is a chain, and ends where the oracle ends.
var lossy = promise{}

// finish lets everything come to its end, stops the services as their operator does, and judges.
func (w *world) finish(p promise) {
	w.t.Helper()
	w.settled()
	for _, s := range w.services {
		s.terminate()
	}
	w.judge(p)
}

// settled halts the traffic and waits until all is folded and committed, every service says that it is ready, and no lag is told.
func (w *world) settled() {
	w.t.Helper()
	w.traffic.halt()
	w.drained()
	for _, s := range w.services {
		if s.gone {
			continue
		}
		s.ready()
		w.eventually(s.name+" to tell of no lag", func(ctx context.Context) error {
			lag, err := s.metric(ctx, "hotlead_lag_records")
			if err == nil && lag != 0 {
				err = fmt.Errorf("it tells of %v records", lag)
			}
			return err
		})
	}
}

// drained waits until the committed positions have reached the ends of all inputs.
func (w *world) drained() {
	w.t.Helper()
	w.eventually("the lag to drain", func(ctx context.Context) error {
		ends, err := w.admin().ListEndOffsets(ctx, w.inputs()...)
		if err != nil {
			return err
		}
		committed, err := w.offsets(ctx)
		if err != nil {
			return err
		}
		ends.Each(func(end kadm.ListedOffset) {
			if err != nil {
				return
			}
			if end.Err != nil {
				err = end.Err
			} else if at, ok := committed.Lookup(end.Topic, end.Partition); !ok || at.At != end.Offset {
				err = fmt.Errorf("%s[%d] ends at %d and is committed up to %d (%v)", end.Topic, end.Partition, end.Offset, at.At, ok)
			}
		})
		return err
	})
}

// judge holds all that can be seen against the oracle.
func (w *world) judge(p promise) {
	w.t.Helper()
	f := w.traffic
	f.mu.Lock()
	defer f.mu.Unlock()
	changes := testbed.ReadChanges(w.t, w.brokers[0], w.topics.TierChanges)
	for _, said := range testbed.CheckChains(changes, p.Strictness) {
		w.t.Errorf("broken chain: %s", said)
	}
	for id, list := range changes {
		if lane := events.Lane(id, lanes); int(list[0].Partition) != lane {
			w.t.Errorf("%s was announced in lane %d, its own is %d", id, list[0].Partition, lane)
		}
	}
	w.checkTransactions()
	if p.unseen {
		return
	}
	if !p.anyTier {
		for _, said := range f.oracle.Differences(changes, p.Strictness) {
			w.t.Errorf("not as the oracle says: %s", said)
		}
	}
	w.checkLetters(p)
	w.checkLeads(changes, p)
	if !w.t.Failed() {
		w.t.Logf("%d leads, %d changes, %d dead letters, as the oracle says", len(f.oracle.Leads()), f.oracle.Changes(), len(f.buried))
	}
}

// checkTransactions holds that no transaction is left open or half ended: by the logs of all topics, by the group's
// offsets, and by what the coordinators know of each lane's producer.
func (w *world) checkTransactions() {
	w.t.Helper()
	topics := append(w.inputs(), w.topics.TierChanges, w.topics.DeadLetters)
	w.eventually("all transactions to have ended", func(ctx context.Context) error {
		ends, err := w.admin().ListEndOffsets(ctx, topics...)
		if err != nil {
			return err
		}
		stable, err := w.admin().ListCommittedOffsets(ctx, topics...)
		if err != nil {
			return err
		}
		stable.Each(func(s kadm.ListedOffset) {
			if end, _ := ends.Lookup(s.Topic, s.Partition); end.Offset != s.Offset {
				err = fmt.Errorf("%s[%d] is stable up to %d of %d", s.Topic, s.Partition, s.Offset, end.Offset)
			}
		})
		return err
	})
	w.eventually("the group's offsets to be stable", w.stableOffsets)
	for lane := range lanes {
		w.eventually("the coordinator to be through with a lane's transaction", func(ctx context.Context) error {
			return w.ended(ctx, fmt.Sprintf("%s-lane-%d", w.group, lane))
		})
	}
}

// stableOffsets asks for the group's offsets where pending ones are an error.
func (w *world) stableOffsets(ctx context.Context) error {
	request := kmsg.NewPtrOffsetFetchRequest()
	request.RequireStable = true
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = w.group
	request.Group, request.Groups = w.group, append(request.Groups, group)
	answer, err := request.RequestWith(ctx, w.client)
	if err != nil {
		return err
	}
	errs := []error{kerr.ErrorForCode(answer.ErrorCode)}
	for _, g := range answer.Groups {
		errs = append(errs, kerr.ErrorForCode(g.ErrorCode))
		for _, topic := range g.Topics {
			for _, at := range topic.Partitions {
				errs = append(errs, kerr.ErrorForCode(at.ErrorCode))
			}
		}
	}
	return errors.Join(errs...)
}

// checkLetters holds that the dead letters are exactly what was poisoned, as it came, with reason and place.
func (w *world) checkLetters(p promise) {
	w.t.Helper()
	found := map[string]int{}
	for _, letter := range testbed.ReadTopic(w.t, w.brokers[0], w.topics.DeadLetters) {
		trace := header(letter, traceHeader)
		found[trace]++
		want, poisoned := w.traffic.buried[trace]
		if !poisoned {
			w.t.Errorf("a dead letter for what can be scored: %s: %.200s", header(letter, events.HeaderReason), letter.Value)
			continue
		}
		r := want.record
		if !bytes.Equal(letter.Key, r.Key) || !bytes.Equal(letter.Value, r.Value) {
			w.t.Errorf("the dead letter for %s has not the key and value as they came", trace)
		}
		at := fmt.Sprintf("%s for %s[%d] at %d", header(letter, events.HeaderReason), header(letter, events.HeaderTopic),
			atoi(header(letter, events.HeaderPartition)), atoi(header(letter, events.HeaderOffset)))
		if should := fmt.Sprintf("%s for %s[%d] at %d", want.reason, r.Topic, r.Partition, r.Offset); at != should {
			w.t.Errorf("the dead letter for %s says %s; want %s", trace, at, should)
		}
	}
	for trace := range w.traffic.buried {
		if n := found[trace]; n == 0 || n > 1 && !p.lettersAgain {
			w.t.Errorf("%d dead letters for %s, want 1", n, trace)
		}
	}
}

func header(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func atoi(text string) (n int64) {
	_, _ = fmt.Sscan(text, &n) // 0 is told of then
	return n
}

// checkLeads holds the stored leads and the counts against the oracle.
func (w *world) checkLeads(changes map[string][]testbed.Change, p promise) {
	w.t.Helper()
	ctx := w.limited()
	store, err := state.Open(state.Options{Addrs: w.store, Cluster: w.cluster, Prefix: w.prefix})
	if err != nil {
		w.t.Fatal(err)
	}
	defer store.Close()
	wrong := 0
	for id, want := range w.traffic.oracle.Leads() {
		lead, inForce, err := store.LeadByID(ctx, events.Lane(id, lanes), id)
		if err != nil {
			w.t.Errorf("reading %s from Redis: %v", id, err)
			continue
		}
		model, err := scorer.ReadModel("in force", inForce.Text)
		if err != nil {
			w.t.Fatal(err)
		}
		score := model.Folder().Explain(lead, lead.Clock).Score
		tier := want.Tier
		if told := changes[id]; p.anyTier && len(told) > 0 {
			tier = told[len(told)-1].To
		}
		same := lead.Tier == tier && math.Abs(score-want.Score) < 0.01 && lead.Sequence == testbed.ToldOf(changes[id])
		if p.Path {
			same = same && lead.Stage == want.Stage
		}
		if !same {
			if wrong++; wrong <= 5 {
				w.t.Errorf("%s is %s %q with %v and sequence %d in Redis; want %s %q with %v and sequence %d", id,
					lead.Tier, lead.Stage, score, lead.Sequence, want.Tier, want.Stage, want.Score, testbed.ToldOf(changes[id]))
			}
		}
	}
	if p.anyTier {
		return
	}
	counts, err := store.Counts(ctx, lanes)
	if err != nil {
		w.t.Fatal(err)
	}
	for tier, want := range w.traffic.oracle.Counts() {
		if counts[tier] != want {
			w.t.Errorf("%d leads are counted %s in Redis, want %d", counts[tier], tier, want)
		}
	}
}
