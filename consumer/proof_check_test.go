package consumer

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// drained waits until the committed positions have reached the ends of all inputs.
func (w *world) drained() {
	w.t.Helper()
	w.eventually("the lag to drain", func(ctx context.Context) error {
		ends, err := w.admin().ListEndOffsets(ctx, w.topics.inputs()...)
		if err != nil {
			return err
		}
		committed, err := w.admin().FetchOffsets(ctx, w.group)
		if err != nil {
			return err
		}
		ends.Each(func(end kadm.ListedOffset) {
			if at, ok := committed.Lookup(end.Topic, end.Partition); err == nil && (!ok || at.At != end.Offset) {
				err = fmt.Errorf("%s[%d] ends at %d and is committed up to %d (%v)", end.Topic, end.Partition, end.Offset, at.At, ok)
			}
		})
		return err
	})
}

// corrected waits until all lanes have announced what they decided, and none recovers: a lane that recovers without a
// committed position commits the end of its input before it corrects what the world was told.
func (w *world) corrected() {
	w.t.Helper()
	w.eventually("the corrections", func(ctx context.Context) error {
		committed, err := w.admin().FetchOffsets(ctx, w.group)
		if err != nil {
			return err
		}
		for lane := range lanesOfTests {
			at, _ := committed.Lookup(w.topics.Engagement, int32(lane))
			if err := w.allTold(ctx, lane, at.Metadata); err != nil {
				return err
			}
		}
		return nil
	})
}

// allTold is whether a lane has announced all that it has decided, by the metadata of its offsets.
func (w *world) allTold(ctx context.Context, lane int, position string) error {
	ledger, err := w.raw.HMGet(ctx, w.ledgerKey(lane), "n", "recovery").Result()
	if err != nil {
		return err
	}
	var m metadata
	if err := json.Unmarshal([]byte(position), &m); err != nil {
		return err
	}
	if n := fmt.Sprint(m.Batch); ledger[0] != n || ledger[1] != nil {
		return fmt.Errorf("lane %d has decided batch %v, announced %s, and its recovery is %v", lane, ledger[0], n, ledger[1])
	}
	return nil
}

// strictly is what holds wherever time and the interleaving of topics do not matter.
var strictly = testbed.Strictness{Path: true, Times: true}

// check waits until all is drained, and holds all that can be seen against the oracle.
func (w *world) check(how testbed.Strictness) map[string][]testbed.Change {
	w.t.Helper()
	w.drained()
	w.mu.Lock()
	defer w.mu.Unlock()
	changes := testbed.ReadChanges(w.t, w.kafka, w.topics.TierChanges)
	for _, said := range testbed.CheckChains(changes, how) {
		w.t.Errorf("broken chain: %s", said)
	}
	for _, said := range w.oracle.Differences(changes, how) {
		w.t.Errorf("not as the oracle says: %s", said)
	}
	for id, list := range changes {
		if lane := events.Lane(id, lanesOfTests); int(list[0].Partition) != lane {
			w.t.Errorf("%s was announced in lane %d, its own is %d", id, list[0].Partition, lane)
		}
	}
	for _, topic := range []string{w.topics.Inbox, w.topics.DeadLetters} {
		testbed.ReadTopic(w.t, w.kafka, topic) // fails if a transaction is left open
	}
	w.checkRedis(changes, how)
	if !w.t.Failed() {
		w.t.Logf("%d leads, %d changes, as the oracle says", len(w.oracle.Leads()), w.oracle.Changes())
	}
	return changes
}

// past has a worker score the events, as the oracle does, and stop.
func (w *world) past(list ...testbed.Event) {
	w.t.Helper()
	w.send(list...)
	first := w.start()
	w.check(strictly)
	first.stop()
}

// checkRedis holds the stored leads, the counts and the indexes against the oracle.
func (w *world) checkRedis(changes map[string][]testbed.Change, how testbed.Strictness) {
	w.t.Helper()
	ctx := w.limited()
	store, err := state.Open(state.Options{Addrs: []string{w.redis}, Prefix: w.prefix})
	if err != nil {
		w.t.Fatal(err)
	}
	defer store.Close()
	wrong := 0
	for id, want := range w.oracle.Leads() {
		lead, inForce, err := store.LeadByID(ctx, events.Lane(id, lanesOfTests), id)
		if err != nil {
			w.t.Fatalf("%s: %v", id, err)
		}
		model, err := scorer.ReadModel("in force", inForce.Text)
		if err != nil {
			w.t.Fatal(err)
		}
		score := model.Folder().Explain(lead, lead.Clock).Score
		same := lead.Tier == want.Tier && math.Abs(score-want.Score) < 0.01 && lead.Sequence == testbed.ToldOf(changes[id])
		if how.Path {
			same = same && lead.Stage == want.Stage
		}
		if !same && wrong < 10 {
			wrong++
			w.t.Errorf("%s is %s %q with %v and sequence %d in Redis; want %s %q with %v and sequence %d", id,
				lead.Tier, lead.Stage, score, lead.Sequence, want.Tier, want.Stage, want.Score, testbed.ToldOf(changes[id]))
		}
	}
	w.checkCounts(ctx, store)
}

func (w *world) checkCounts(ctx context.Context, store *state.Store) {
	w.t.Helper()
	counts, err := store.Counts(ctx, lanesOfTests)
	if err != nil {
		w.t.Fatal(err)
	}
	want := w.oracle.Counts()
	for _, tier := range []string{"disqualified", "hot", "warm", "cold"} {
		if counts[tier] != want[tier] {
			w.t.Errorf("%d leads are counted %s, want %d", counts[tier], tier, want[tier])
		}
		top, err := store.Top(ctx, lanesOfTests, tier, len(w.oracle.Leads())+1)
		if err != nil {
			w.t.Fatal(err)
		}
		if tier != "cold" && int64(len(top)) != want[tier] || tier == "cold" && len(top) > 0 {
			w.t.Errorf("%d leads are indexed as %s, want %d (none for the last tier)", len(top), tier, want[tier])
		}
		for _, at := range top {
			if at.Lead.Tier != tier || w.oracle.Leads()[at.Lead.ID] == nil || w.oracle.Leads()[at.Lead.ID].Tier != tier {
				w.t.Errorf("%s is indexed as %s", at.Lead.ID, tier)
			}
		}
	}
}

// checkAnnounced holds what was announced so far against the oracle.
func (w *world) checkAnnounced(how testbed.Strictness) {
	w.t.Helper()
	changes := testbed.ReadChanges(w.t, w.kafka, w.topics.TierChanges)
	for _, said := range append(testbed.CheckChains(changes, how), w.oracle.Differences(changes, how)...) {
		w.t.Error(said)
	}
}
