package testbed

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Strictness says in what announced changes must agree with the expected ones, beyond forming a chain.
type Strictness struct {
	// Path: the same changes in the same order, with the same causes. Without it they need only end in the same tier.
	Path bool
	// Times: at the same instants. It goes with Path.
	Times bool
	// Gaps: Kafka has lost changes that it had acknowledged, and not all that came after them.
	Gaps bool
}

// ReadChanges reads a topic of changes from its start to its end, read committed, by a client other than hotlead's. Each
// lead's changes come in the order in which they stand there.
func ReadChanges(t testing.TB, addr, topic string) map[string][]Change {
	t.Helper()
	changes := make(map[string][]Change)
	for _, r := range ReadTopic(t, addr, topic) {
		c, err := readChange(r)
		if err != nil {
			t.Fatalf("testbed: reading %s[%d] at %d: %v", topic, r.Partition, r.Offset, err)
		}
		changes[c.Lead] = append(changes[c.Lead], c)
	}
	return changes
}

func readChange(r *kgo.Record) (Change, error) {
	var wire struct {
		ID, Type, Subject string
		Time              time.Time
		Data              struct {
			Lead            string
			Sequence        uint64
			From, To, Stage string
			Cause           struct{ Kind, ID string }
			Previous        time.Time `json:"previous_change"`
			Model           struct{ Version int }
		}
	}
	if err := json.Unmarshal(r.Value, &wire); err != nil {
		return Change{}, err
	}
	d := &wire.Data
	c := Change{
		Type: wire.Type, Lead: d.Lead, Sequence: d.Sequence, From: d.From, To: d.To, Stage: d.Stage,
		CauseKind: d.Cause.Kind, CauseID: d.Cause.ID, Milliseconds: wire.Time.UnixMilli(), ModelVersion: d.Model.Version,
		Partition: r.Partition,
	}
	if !d.Previous.IsZero() {
		c.PreviousMillisecond = d.Previous.UnixMilli()
	}
	switch {
	case string(r.Key) != d.Lead || wire.Subject != d.Lead:
		return c, fmt.Errorf("key %q, subject %q and lead %q are not the same", r.Key, wire.Subject, d.Lead)
	case wire.ID != fmt.Sprintf("%s/%d", d.Lead, d.Sequence):
		return c, fmt.Errorf("id %q is not that of sequence %d", wire.ID, d.Sequence)
	}
	return c, nil
}

// ReadTopic reads a topic from its start to its end, read committed. It fails the test if a transaction is open there.
func ReadTopic(t testing.TB, addr, topic string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DisableClientMetrics(), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords()) // a partition may end in markers of transactions: they show how far it was read
	if err != nil {
		t.Fatalf("testbed: reading %s: %v", topic, err)
	}
	defer client.Close()
	starts, ends := bounds(ctx, t, client, topic)
	at := make(map[int32]kgo.Offset)
	left := make(map[int32]int64)
	starts.Each(func(o kadm.ListedOffset) {
		if end, _ := ends.Lookup(topic, o.Partition); end.Offset > o.Offset {
			at[o.Partition] = kgo.NewOffset().At(o.Offset)
			left[o.Partition] = end.Offset
		}
	})
	return readTo(ctx, t, client, topic, at, left)
}

// readTo reads partitions from at on until the positions of left.
func readTo(ctx context.Context, t testing.TB, client *kgo.Client, topic string, at map[int32]kgo.Offset, left map[int32]int64) []*kgo.Record {
	t.Helper()
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: at})
	var records []*kgo.Record
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("testbed: reading %s: %v; still to be read to: %v", topic, ctx.Err(), left)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, wanted := left[r.Partition]
			if wanted && !r.Attrs.IsControl() {
				records = append(records, r)
			}
			if r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		})
	}
	return records
}

// bounds are where a topic's partitions begin and end. It waits for transactions that are just ending, not for long.
func bounds(ctx context.Context, t testing.TB, client *kgo.Client, topic string) (starts, ends kadm.ListedOffsets) {
	t.Helper()
	admin := kadm.NewClient(client)
	err := eventually(ctx, "the end of all transactions in "+topic, func(ctx context.Context) (err error) {
		if starts, err = admin.ListStartOffsets(ctx, topic); err != nil {
			return err
		}
		if ends, err = admin.ListEndOffsets(ctx, topic); err != nil {
			return err
		}
		stable, err := admin.ListCommittedOffsets(ctx, topic)
		if err != nil {
			return err
		}
		stable.Each(func(s kadm.ListedOffset) {
			if end, _ := ends.Lookup(topic, s.Partition); end.Offset != s.Offset {
				err = fmt.Errorf("partition %d is stable up to %d of %d: a transaction is open", s.Partition, s.Offset, end.Offset)
			}
		})
		return err
	})
	if err != nil {
		t.Fatalf("testbed: %v", err)
	}
	return starts, ends
}

// CheckChains says what is wrong with announced changes by themselves: for each lead the sequence begins at 1 and has
// neither gap nor repeat, each from is the previous to, and all of it stands in one partition. It names up to ten leads.
func CheckChains(announced map[string][]Change, how Strictness) []string {
	var said []string
	for id, changes := range announced {
		if broken := how.chain(changes); broken != "" {
			said = append(said, id+": "+broken)
		}
	}
	slices.Sort(said)
	return said[:min(len(said), 10)]
}

func (how Strictness) chain(changes []Change) string {
	tier, stage := "", ""
	next := uint64(1)
	for _, c := range changes {
		if how.Gaps && c.Sequence > next {
			next, tier, stage = c.Sequence, "", ""
		}
		switch {
		case c.Sequence != next:
			return fmt.Sprintf("sequence %d stands where %d belongs: %s", c.Sequence, next, path(changes))
		case tier != "" && c.From != tier:
			return fmt.Sprintf("sequence %d is from %s, but the lead was %s: %s", c.Sequence, c.From, tier, path(changes))
		case c.Type == tierChanged && c.From == c.To, c.Type == stageReached && (c.From != c.To || c.Stage == stage):
			return fmt.Sprintf("sequence %d announces nothing new: %s", c.Sequence, path(changes))
		case c.Partition != changes[0].Partition:
			return fmt.Sprintf("sequence %d stands in partition %d, the first in %d", c.Sequence, c.Partition, changes[0].Partition)
		}
		tier, stage, next = c.To, c.Stage, next+1
	}
	return ""
}

// ToldOf is the sequence of the last of a lead's changes; 0: none.
func ToldOf(changes []Change) uint64 {
	if len(changes) == 0 {
		return 0
	}
	return changes[len(changes)-1].Sequence
}

// path is a lead's changes in short.
func path(changes []Change) string {
	text := ""
	for _, c := range changes {
		text += fmt.Sprintf("%d:%s→%s(%s %s) ", c.Sequence, c.From, c.To, c.CauseKind, c.CauseID)
	}
	return text
}

// difference says how a lead's announced changes differ from what is expected; "": not.
func (how Strictness) difference(want *Expected, got []Change) string {
	if !how.Path {
		tier := "cold"
		if len(got) > 0 {
			tier = got[len(got)-1].To
		}
		if tier != want.Tier {
			return fmt.Sprintf("ends %s, want %s", tier, want.Tier)
		}
		return ""
	}
	for i := range max(len(got), len(want.Changes)) {
		if i >= len(got) || i >= len(want.Changes) || how.plain(got[i]) != how.plain(want.Changes[i]) {
			return fmt.Sprintf("change %d differs:\n\tgot  %s\n\twant %s\n\t%+v\n\t%+v", i+1, path(got), path(want.Changes), got[min(i, len(got)):min(i+1, len(got))],
				want.Changes[min(i, len(want.Changes)):min(i+1, len(want.Changes))])
		}
	}
	return ""
}

// plain is a change without what does not have to agree.
func (how Strictness) plain(c Change) Change {
	c.Partition = 0
	if !how.Times {
		c.Milliseconds, c.PreviousMillisecond = 0, 0
	}
	return c
}
