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
	// foldTogether is how many leads are unpacked, folded and packed at a time: a lane does one after the other, but to read
	// the clock for each would take longer than that.
	foldTogether = 64
	// foldWarm is how many batches are folded before the first that counts, so that leads have a history.
	foldWarm = 40
)

// BenchmarkFold is what a lane does with its batches in memory, without Kafka and Redis: decode the records, find their
// leads, and, lead by lead, unpack it, fold its events, and pack it again; keep them all. An operation is a batch of 5,000
// events of the work; the other figures are an event's share of each stage, in ns of processor time, medians over all batches.
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
	hashes  []uint32       // of leads
	byHash  map[uint32]int // of two leads with one hash the last
	changes []scorer.Change
	packed  []byte
	hands   [foldTogether]scorer.Lead
	spent   [stages][]time.Duration
}

type foldInput struct {
	event scorer.Event
	next  int // of the same lead; none: the last
}

type foldLead struct {
	id          string
	hash        uint32
	blob        []byte
	first, last int // inputs
}

const none = -1

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
	for stage := range l.spent {
		l.spent[stage] = append(l.spent[stage], 0)
	}
	done := func(stage int) {
		now := processorTime(b)
		l.spent[stage][len(l.spent[stage])-1] += now - at
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
	l.leads, l.hashes = l.leads[:0], l.hashes[:0]
	for i := range l.inputs {
		l.want(i)
	}
	l.held.Fetch(l.hashes)
	for i := range l.leads {
		// Not held is no error: the lead is new then, and has no blob.
		l.leads[i].blob, _ = l.held.Get(l.leads[i].hash, l.leads[i].id)
	}
	done(finding)
	l.changes, l.packed = l.changes[:0], l.packed[:0]
	for leads := range slices.Chunk(l.leads, foldTogether) {
		l.unpack(b, leads)
		done(unpacking)
		l.fold(b, leads)
		done(folding)
		l.pack(leads)
		done(packing)
	}
	for i := range l.leads {
		l.held.Put(l.leads[i].hash, l.leads[i].id, l.leads[i].blob)
	}
	done(keeping)
}

func (l *foldLane) unpack(b *testing.B, leads []foldLead) {
	for i := range leads {
		w, lead := &leads[i], &l.hands[i]
		if lead.ID = w.id; w.blob == nil {
			lead.Clear(w.id)
		} else if err := state.DecodeLead(w.blob, lead); err != nil {
			b.Fatal(err)
		}
	}
}

func (l *foldLane) fold(b *testing.B, leads []foldLead) {
	for i := range leads {
		for at := leads[i].first; at != none; at = l.inputs[at].next {
			changes, _, err := l.folder.Apply(&l.hands[i], &l.inputs[at].event, l.changes)
			if err != nil {
				b.Fatal(err)
			}
			l.changes = changes
		}
	}
}

func (l *foldLane) pack(leads []foldLead) {
	for i := range leads {
		w, from := &leads[i], len(l.packed)
		l.packed = state.AppendLead(l.packed, &l.hands[i])
		w.blob = l.packed[from:len(l.packed):len(l.packed)]
	}
}

// processorTime is what this thread has taken.
func processorTime(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// want adds an input to those of its lead.
func (l *foldLane) want(input int) {
	id := l.inputs[input].event.Lead
	l.inputs[input].next = none
	hash := l.held.Hash(id)
	if i, ok := l.byHash[hash]; ok && l.leads[i].id == id {
		w := &l.leads[i]
		l.inputs[w.last].next = input
		w.last = input
		return
	}
	i := len(l.leads)
	if i < cap(l.leads) {
		l.leads = l.leads[:i+1]
	} else {
		l.leads = append(l.leads, foldLead{})
	}
	w := &l.leads[i]
	w.id, w.hash, w.first, w.last = id, hash, input, input
	l.hashes = append(l.hashes, hash)
	l.byHash[hash] = i
}
