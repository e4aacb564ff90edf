package bench

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hotlead/hotlead/cmd/testbed/workload"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

const (
	foldBatch = 5_000
	// foldWarm is how many batches are folded before the first that counts, so that leads have a history.
	foldWarm = 40
)

// BenchmarkFold is what a lane does with its batches in memory, without Kafka and Redis: decode the records, find their
// leads and unpack them, fold, pack the leads again and keep them. An operation is a batch of 5,000 events of the work;
// the other figures are an event's share of each stage, in ns of processor time, medians over all batches.
func BenchmarkFold(b *testing.B) {
	model, err := scorer.ReadModel("model.yaml", workload.Model)
	if err != nil {
		b.Fatal(err)
	}
	l := &foldLane{
		folder: model.Folder(), decoder: events.NewDecoder(events.DefaultLimits()), held: state.NewLeads(512 << 20),
		byHash: map[uint32]int{},
		work:   workload.New(1, workload.Leads, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
	}
	for range foldWarm {
		l.fetch()
		l.batch(b)
	}
	runtime.LockOSThread() // whose processor time is read
	defer runtime.UnlockOSThread()
	for stage := range l.spent {
		l.spent[stage] = l.spent[stage][:0]
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		l.fetch()
		b.StartTimer()
		l.batch(b)
	}
	total := 0.0
	for stage, name := range stageNames {
		slices.Sort(l.spent[stage])
		median := float64(l.spent[stage][b.N/2]) / foldBatch
		total += median
		b.ReportMetric(median, name+"-ns/event")
	}
	b.ReportMetric(total, "ns/event")
}

// The stages of a batch.
const (
	decoding = iota
	finding
	unpacking
	folding
	packing
	keeping
	stages
)

var stageNames = [stages]string{"decode", "find", "unpack", "fold", "pack", "keep"}

// foldLane is the part of a lane that is in memory.
type foldLane struct {
	folder  *scorer.Folder
	decoder *events.Decoder
	held    *state.Leads
	work    *workload.Generator

	records []events.Record
	text    []byte
	inputs  []foldInput
	leads   []foldLead
	byHash  map[uint32]int // of two leads with one hash the last
	changes []scorer.Change
	packed  []byte
	spent   [stages][]time.Duration
}

type foldInput struct {
	event scorer.Event
	lead  int
}

type foldLead struct {
	lead scorer.Lead
	hash uint32
	blob []byte
}

// fetch has the next records of lane 0 ready.
func (l *foldLane) fetch() {
	l.records = l.records[:0]
	l.text = make([]byte, 0, foldBatch*512)
	for len(l.records) < foldBatch {
		text, key := l.work.Append(l.text[len(l.text):])
		if events.Lane(string(text[:key]), lanes) != 0 {
			continue
		}
		l.text = l.text[:len(l.text)+len(text)]
		l.records = append(l.records, events.Record{Key: text[:key:key], Value: text[key:]})
	}
}

func (l *foldLane) batch(b *testing.B) {
	at := processorTime(b)
	done := func(stage int) {
		now := processorTime(b)
		l.spent[stage] = append(l.spent[stage], now-at)
		at = now
	}
	l.inputs = l.inputs[:0]
	for i := range l.records {
		l.inputs = append(l.inputs, foldInput{})
		if _, err := l.decoder.Decode(&l.records[i], &l.inputs[i].event); err != nil {
			b.Fatal(err)
		}
	}
	done(decoding)
	clear(l.byHash)
	l.leads = l.leads[:0]
	for i := range l.inputs {
		l.inputs[i].lead = l.want(l.inputs[i].event.Lead)
	}
	for i := range l.leads {
		l.leads[i].blob, _ = l.held.Get(l.leads[i].hash, l.leads[i].lead.ID)
	}
	done(finding)
	for i := range l.leads {
		w := &l.leads[i]
		if w.blob == nil {
			w.lead.Clear(w.lead.ID)
		} else if err := state.DecodeLead(w.blob, &w.lead); err != nil {
			b.Fatal(err)
		}
	}
	done(unpacking)
	l.changes = l.changes[:0]
	for i := range l.inputs {
		in := &l.inputs[i]
		changes, _, err := l.folder.Apply(&l.leads[in.lead].lead, &in.event, l.changes)
		if err != nil {
			b.Fatal(err)
		}
		l.changes = changes
	}
	done(folding)
	l.packed = l.packed[:0]
	for i := range l.leads {
		w, from := &l.leads[i], len(l.packed)
		l.packed = state.AppendLead(l.packed, &w.lead)
		w.blob = l.packed[from:len(l.packed):len(l.packed)]
	}
	done(packing)
	for i := range l.leads {
		l.held.Put(l.leads[i].hash, l.leads[i].lead.ID, l.leads[i].blob)
	}
	done(keeping)
}

// processorTime is what this thread has taken.
func processorTime(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

func (l *foldLane) want(id string) int {
	hash := l.held.Hash(id)
	if i, ok := l.byHash[hash]; ok && l.leads[i].lead.ID == id {
		return i
	}
	i := len(l.leads)
	if i < cap(l.leads) {
		l.leads = l.leads[:i+1]
	} else {
		l.leads = append(l.leads, foldLead{})
	}
	l.leads[i].lead.ID, l.leads[i].hash = id, hash
	l.byHash[hash] = i
	return i
}
