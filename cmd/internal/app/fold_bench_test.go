package app

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed/workload"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// The benchmarks of this file are run by
//
//	go test -run '^$' -bench ScoreFile ./cmd/internal/app

// stream is the first n lines of W1, about 320 bytes each.
func stream(n int) []byte {
	g := workload.New(1, workload.Leads, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	var text, event []byte
	for range n {
		var key int
		event, key = g.Append(event[:0])
		text = append(append(text, event[key:]...), '\n')
	}
	return text
}

// BenchmarkScoreFile is what `hotlead score` does with a file, from its lines to the leads' state and the changes, on
// one core, by two models, and, to compare, no more than decoding. An operation is the whole file. stored-B/lead is what a lead would take in Redis, held-B/lead what it takes here.
func BenchmarkScoreFile(b *testing.B) {
	const lines = 200_000
	text := stream(lines)
	for _, model := range benchmarkModels(b) {
		b.Run(model.Name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				foldStream(b, model, text, io.Discard)
			}
			reportEvents(b, lines)
			stored, held := leadBytes(b, model, text)
			b.ReportMetric(stored, "stored-B/lead")
			b.ReportMetric(held, "held-B/lead")
		})
	}
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decodeStream(b, text)
		}
		reportEvents(b, lines)
	})
}

// benchmarkModels are W1's own, which scores each event, and a shipped one with all that people write.
func benchmarkModels(tb testing.TB) []*scorer.Model {
	w1, err := scorer.ReadModel("model.yaml", workload.Model)
	if err != nil {
		tb.Fatal(err)
	}
	shipped, err := LoadModel("b2b-saas")
	if err != nil {
		tb.Fatal(err)
	}
	return []*scorer.Model{w1, shipped}
}

func reportEvents(b *testing.B, lines int) {
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(lines), "ns/event")
}

func foldStream(tb testing.TB, model *scorer.Model, text []byte, changes io.Writer) *Fold {
	f := NewFold(FoldOptions{Model: model, Limits: events.DefaultLimits(), Changes: changes, Errors: io.Discard})
	if err := f.Read(tb.Context(), "in", bytes.NewReader(text)); err != nil {
		tb.Fatal(err)
	}
	return f
}

func decodeStream(tb testing.TB, text []byte) {
	decoder := events.NewDecoder(events.DefaultLimits())
	lines := &lineReader{in: bytes.NewReader(text), buffer: make([]byte, stretchBytes)}
	var record events.Record
	var event scorer.Event
	for {
		line, err := lines.next(tb.Context())
		if err != nil {
			return
		}
		record.Value = line
		if _, err := decoder.Decode(&record, &event); err != nil {
			tb.Fatal(err)
		}
	}
}

// leadBytes are the mean bytes that a lead of the stream takes: stored, its ID included, and held by a Fold.
func leadBytes(tb testing.TB, model *scorer.Model, text []byte) (stored, held float64) {
	before := heap()
	f := foldStream(tb, model, text, nil)
	after := heap()
	total, ids := 0, f.leads.ids()
	for _, id := range ids {
		place, _ := f.leads.find(id)
		lead, err := f.leads.open(place)
		if err != nil {
			tb.Fatal(err)
		}
		total += len(id) + len(state.AppendLead(nil, lead))
	}
	n := float64(len(ids))
	return float64(total) / n, float64(after-before) / n
}

// heap is what is in use. It is smaller later where tests before left what takes more than one round to collect.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
