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

// BenchmarkFollowChanges follows what is announced, a hundred changes at a time: with nobody who reads them, and with one.
// An operation is a change.
//
//	go test -run '^$' -bench FollowChanges ./cmd/internal/app
func BenchmarkFollowChanges(b *testing.B) {
	told := announcedByW1(b)
	follow := func(b *testing.B, read func(c *Changes)) {
		c := NewChanges(nil, slog.New(slog.DiscardHandler))
		c.now = told[len(told)-1].At.Time
		c.begin(consumer.Position{0}, consumer.Position{0})
		offset := int64(0)
		b.ReportAllocs()
		for b.Loop() {
			from := int(offset) % (len(told) - changesAtOnce)
			batch := told[from : from+changesAtOnce]
			for i := range batch {
				batch[i].Offset = offset
				offset++
			}
			c.push(batch)
			read(c)
		}
		per := float64(b.N * changesAtOnce)
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/per, "ns/change")
	}
	b.Run("nobody", func(b *testing.B) { follow(b, func(*Changes) {}) })
	b.Run("one", func(b *testing.B) {
		var f web.Following
		follow(b, func(c *Changes) {
			if f == nil {
				f = &following{c: c, at: consumer.Position{0}}
				f.(*following).join()
			}
			if shown, err := f.Next(b.Context()); err != nil || len(shown) != changesAtOnce {
				b.Fatal(err, len(shown))
			}
		})
	})
}
