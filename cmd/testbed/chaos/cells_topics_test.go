package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/hotlead/hotlead/cmd/testbed"
)

// topicCells strike at what the service keeps in Kafka: topics, offsets, what retention leaves.
func topicCells() []cell {
	return []cell{
		{"topics/other-partition-counts", true, otherPartitionCounts},
		{"topics/recreated", true, topicRecreated},
		{"offsets/deleted", true, offsetsDeleted},
		{"offsets/deleted-and-old-backup", false, offsetsDeletedAndOldBackup},
		{"retention/past-the-ledger", true, retentionPastTheLedger},
		{"retention/and-redis-empty", true, retentionAndRedisEmpty},
		{"soak", false, soak},
	}
}

// otherPartitionCounts: most events arrive in a lane that is not their lead's, and workers are killed.
func otherPartitionCounts(t *trial) {
	w := t.at(place{engagement: 6, qualification: 3})
	w.traffic.flow()
	for _, step := range []string{"decided", "folded", "announced"} {
		w.run(how{strike: fmt.Sprintf("%s:%d:kill", step, 3+w.chance(10))}).killedItself()
	}
	w.run(how{}).ready()
	w.progress(200)
	w.finish(exactly)
}

// topicRecreated deletes an input under a running service and makes it anew: lanes whose offsets are beyond its end are
// refused until the operator gives his word.
func topicRecreated(t *trial) {
	w := t.at(place{})
	w.push(800)
	s := w.run(how{})
	w.settled()
	if _, err := w.admin().DeleteTopic(w.limited(), w.topics.Engagement); err != nil {
		t.Fatal(err)
	}
	w.eventually("the broker to forget the topic", func(ctx context.Context) error {
		listed, err := w.admin().ListTopics(ctx, w.topics.Engagement)
		if err == nil && listed.Has(w.topics.Engagement) {
			err = errors.New("it is still there")
		}
		return err
	})
	s.unready()
	room := "4194304"
	w.createTopic(w.topics.Engagement, lanes, map[string]*string{"max.message.bytes": &room})
	w.client = w.franz()
	w.traffic.connect()
	w.push(60)
	s.unready("made anew", "--rebuild=from-retained")
	s.terminate()
	w.run(how{args: []string{"--rebuild=from-retained"}}).ready()
	w.traffic.flow()
	w.progress(100)
	w.finish(exactly)
}

// deleteOffsets deletes the group, once its last member is gone.
func (w *world) deleteOffsets() {
	w.t.Helper()
	w.eventually("the group to be deleted", func(ctx context.Context) error {
		deleted, err := w.admin().DeleteGroups(ctx, w.group)
		if err == nil {
			err = deleted.Error()
		}
		return err
	})
}

// offsetsDeleted: the group's offsets are gone, once after a planned stop, once with an outbox that nobody announced,
// and once with one that somebody did.
func offsetsDeleted(t *trial) {
	w := t.at(place{})
	w.push(400)
	first := w.run(how{})
	w.settled()
	first.terminate()
	for _, step := range []string{"", "decided", "announced"} {
		if step != "" {
			w.push(200)
			w.run(how{strike: fmt.Sprintf("%s:%d:kill", step, 2+w.chance(4))}).killedItself()
		}
		w.deleteOffsets()
		w.push(100)
		heir := w.run(how{})
		heir.ready()
		w.settled()
		heir.wantTookOver("probe")
		heir.terminate()
	}
	w.finish(promise{Strictness: exactly.Strictness})
}

// offsetsDeletedAndOldBackup: neither Redis nor the group knows how far the world was told.
func offsetsDeletedAndOldBackup(t *trial) {
	r := testbed.OwnRedis(t)
	w := t.at(place{redis: []string{r.Addr}})
	var backup testbed.Snapshot
	for round := range 2 {
		w.push(400)
		s := w.run(how{})
		w.settled()
		s.terminate()
		if round == 0 {
			backup = r.SaveSnapshot()
		}
	}
	r.Rollback(backup)
	w.deleteOffsets()
	w.push(100)
	heir := w.run(how{})
	w.settled()
	heir.wantTookOver("probe")
	w.finish(promise{lettersAgain: true})
}

// eat deletes all records that a partition has now, as retention does.
func (w *world) eat(topic string, partition int32) {
	w.t.Helper()
	ends, err := w.admin().ListEndOffsets(w.limited(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	end, _ := ends.Lookup(topic, partition)
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, partition, end.Offset, -1)
	deleted, err := w.admin().DeleteRecords(w.limited(), offsets)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// retentionPastTheLedger deletes records that nobody has folded: that lane is refused and the others work, until the
// operator gives his word that they are lost.
func retentionPastTheLedger(t *trial) {
	const lane = 2
	w := t.at(place{})
	w.push(400)
	first := w.run(how{})
	w.settled()
	first.terminate()
	w.traffic.lose(w.topics.Engagement, lane)
	w.push(400)
	w.eat(w.topics.Engagement, lane)
	w.traffic.loseNothing()
	second := w.run(how{})
	second.unready("retention has deleted", "--rebuild=from-retained")
	w.push(100)
	w.eventually("the other lanes to go on", func(ctx context.Context) error {
		return w.drainedBut(ctx, lane)
	})
	second.terminate()
	w.run(how{args: []string{"--rebuild=from-retained"}}).ready()
	w.traffic.flow()
	w.progress(100)
	w.finish(exactly)
}

// drainedBut is nil once all lanes but one are at the ends of the engagement topic.
func (w *world) drainedBut(ctx context.Context, lane int32) error {
	ends, err := w.admin().ListEndOffsets(ctx, w.topics.Engagement)
	if err != nil {
		return err
	}
	committed, err := w.offsets(ctx)
	if err != nil {
		return err
	}
	ends.Each(func(end kadm.ListedOffset) {
		if at, _ := committed.Lookup(end.Topic, end.Partition); end.Partition != lane && at.At != end.Offset {
			err = fmt.Errorf("partition %d ends at %d and is committed up to %d", end.Partition, end.Offset, at.At)
		}
	})
	return err
}

// retentionAndRedisEmpty: what a lane was is gone from the log and from Redis. It goes on, on the operator's word, from
// what is left, and from what the world was told: what it announces is a chain all the same.
func retentionAndRedisEmpty(t *trial) {
	r := testbed.OwnRedis(t)
	w := t.at(place{redis: []string{r.Addr}})
	w.push(800)
	first := w.run(how{})
	w.settled()
	first.terminate()
	r.FlushAll()
	for lane := range int32(lanes) {
		w.eat(w.topics.Engagement, lane)
	}
	second := w.run(how{})
	second.unready("can't be rebuilt whole", "--rebuild=from-retained")
	second.terminate()
	w.run(how{args: []string{"--rebuild=from-retained"}}).ready()
	w.traffic.flow()
	w.progress(400)
	w.finish(promise{unseen: true})
}

// soak runs under light load, with workers that come and go, and holds that neither goroutines nor memory grow.
func soak(t *trial) {
	w := t.at(place{})
	w.traffic.rate = 3
	s := w.run(how{})
	s.ready()
	w.traffic.flow()
	var goroutines, heap []float64
	ends := time.Now().Add(*soakFor)
	for round := 0; time.Now().Before(ends); round++ {
		if round%4 == 3 {
			guest := w.run(how{})
			w.shared()
			guest.terminate()
			s.owns(lanes)
		}
		least := 0.0
		for range 10 { // between two collections the heap is full of what is garbage already
			n, err := s.metric(w.limited(), "go_memstats_heap_inuse_bytes")
			if err != nil {
				t.Fatal(err)
			}
			if least == 0 || n < least {
				least = n
			}
			w.dwell(500 * time.Millisecond)
		}
		running, err := s.metric(w.limited(), "go_goroutines")
		if err != nil {
			t.Fatal(err)
		}
		goroutines, heap = append(goroutines, running), append(heap, least)
	}
	t.Logf("goroutines %v", goroutines)
	t.Logf("heap in use, MiB %s", mebibytes(heap))
	goroutines, heap = goroutines[len(goroutines)/4:], heap[len(heap)/4:] // caches are filled by then
	third := max(len(heap)/3, 1)
	if before, after := lowest(goroutines[:third]), lowest(goroutines[len(goroutines)-third:]); after > before+5 {
		t.Errorf("%v goroutines became %v", before, after)
	}
	if before, after := lowest(heap[:third]), lowest(heap[len(heap)-third:]); after > 1.5*before+8<<20 {
		t.Errorf("%.1f MiB of heap became %.1f", before/(1<<20), after/(1<<20))
	}
	w.finish(exactly)
}

func lowest(list []float64) float64 {
	least := list[0]
	for _, n := range list {
		least = min(least, n)
	}
	return least
}

func mebibytes(list []float64) string {
	var text strings.Builder
	for _, n := range list {
		fmt.Fprintf(&text, "%.1f ", n/(1<<20))
	}
	return text.String()
}
