package app

import (
	"bytes"
	"io"
	"log/slog"
	"testing"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/events"
)

// announcedByW1 are changes that the model of W1 makes, as if they had come from lane 0.
func announcedByW1(tb testing.TB) []consumer.Change {
	var out bytes.Buffer
	f := NewFold(FoldOptions{Model: benchmarkModels(tb)[0], Limits: events.DefaultLimits(), Changes: &out, Errors: io.Discard})
	if err := f.Read(tb.Context(), "in", bytes.NewReader(stream(100_000))); err != nil {
		tb.Fatal(err)
	}
	var changes []consumer.Change
	for line := range bytes.Lines(out.Bytes()) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		a, err := events.SkimChange(line)
		if err != nil {
			tb.Fatal(err)
		}
		changes = append(changes, consumer.Change{Announced: a, JSON: line})
	}
	return changes
}

// BenchmarkFollowChanges follows what is announced, a hundred changes at a time: with nobody who reads them, with one who
// reads all, and with one who wants none of them. An operation is a hundred changes.
//
//	go test -run '^$' -bench FollowChanges ./cmd/internal/app
func BenchmarkFollowChanges(b *testing.B) {
	told := announcedByW1(b)
	for name, wanted := range map[string]*web.Wanted{"nobody": nil, "one": {}, "one-filtered": {Tier: "none"}} {
		b.Run(name, func(b *testing.B) {
			c := NewChanges(nil, slog.New(slog.DiscardHandler))
			c.now = told[len(told)-1].At.Time
			c.begin(consumer.Position{0}, consumer.Position{0})
			var f *following
			if wanted != nil {
				f = &following{c: c, wanted: *wanted, at: consumer.Position{0}, next: c.first}
			}
			offset := 0
			b.ReportAllocs()
			for b.Loop() {
				from := offset % (len(told) - changesAtOnce)
				batch := told[from : from+changesAtOnce]
				for i := range batch {
					batch[i].Offset = int64(offset)
					offset++
				}
				c.push(batch)
				if f == nil {
					continue
				}
				if _, _, err := f.ready(); err != nil || f.at[0] != int64(offset) {
					b.Fatal(err, f.at)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*changesAtOnce), "ns/change")
		})
	}
}
