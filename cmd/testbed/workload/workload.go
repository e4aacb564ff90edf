// Package workload is W1, the work on which hotlead's speed is measured and compared: two million engagement events of
// about 350 bytes about a million leads, drawn by Zipf's law, scored by ten rules into three tiers. The same seed gives
// the same bytes, so that every program that is measured folds the same.
package workload

import (
	_ "embed"
	"math/rand" //nolint:depguard // its numbers for a seed are those of every program that makes this work
	"strconv"
	"time"
)

// Model is the model file of the work: points per event type that halve every 7 days, hot from 70, warm from 30.
//
//go:embed model.yaml
var Model []byte

// Of the whole work.
const (
	Events = 2_000_000
	Leads  = 1_000_000
	// Changes is how many tier changes the whole work makes with seed 1 for a program that looks at a lead only when an
	// event comes. hotlead also announces what decay does in between, at its instant, and so makes more.
	Changes = 62_629
)

// Every is how far the times of two events that follow each other lie apart.
const Every = 500 * time.Millisecond

// shares are the event types and how many of a hundred events are of each.
var shares = [...]struct {
	name    string
	percent int
}{
	{"page.viewed", 40}, {"email.opened", 20}, {"email.clicked", 12}, {"form.submitted", 6}, {"content.downloaded", 6},
	{"webinar.registered", 4}, {"webinar.attended", 3}, {"pricing.viewed", 5}, {"demo.requested", 2}, {"email.unsubscribed", 2},
}

// Generator makes the events in their order.
type Generator struct {
	// Every is how far the times of two events that follow each other lie apart, the package's Every at first.
	Every time.Duration

	random *rand.Rand
	lead   func() uint64
	types  [100]string
	number uint64
	start  time.Time
}

// New is a generator of events about so many leads, the first of them at start. It is math/rand's first generator, whose
// numbers for a seed never change.
func New(seed int64, leads uint64, start time.Time) *Generator {
	g := newGenerator(seed, start)
	g.lead = rand.NewZipf(g.random, 1.05, 50, leads-1).Uint64
	return g
}

// NewEven is New with leads drawn uniformly.
func NewEven(seed int64, leads uint64, start time.Time) *Generator {
	g := newGenerator(seed, start)
	g.lead = func() uint64 { return uint64(g.random.Int63n(int64(leads))) }
	return g
}

// NewInTurn is New with one lead after the other, from the first again after the last.
func NewInTurn(seed int64, leads uint64, start time.Time) *Generator {
	g := newGenerator(seed, start)
	g.lead = func() uint64 { return g.number % leads }
	return g
}

func newGenerator(seed int64, start time.Time) *Generator {
	g := &Generator{Every: Every, random: rand.New(rand.NewSource(seed)), start: start.UTC()}
	at := 0
	for _, s := range shares {
		for range s.percent {
			g.types[at] = s.name
			at++
		}
	}
	return g
}

// Time is when the next event happens.
func (g *Generator) Time() time.Time { return g.start.Add(time.Duration(g.number) * g.Every) }

// Append appends the next event to b: its key, then its value. It returns b and the length of the key.
func (g *Generator) Append(b []byte) (text []byte, key int) {
	lead := g.lead()
	kind := g.types[g.random.Intn(100)]
	x := g.random.Int63()
	before := len(b)
	b = appendLead(b, lead)
	key = len(b) - before
	b = append(b, `{"specversion":"1.0","id":"e`...)
	b = appendPadded(b, g.number, 9)
	b = append(b, `","source":"mautic/eu","type":"`...)
	b = append(b, kind...)
	b = append(b, `","subject":"`...)
	b = appendLead(b, lead)
	b = append(b, `","time":"`...)
	b = g.Time().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","datacontenttype":"application/json","data":{"url":"/docs/`...)
	b = strconv.AppendInt(b, x%1000, 10)
	b = append(b, `","account_id":"acme-`...)
	b = strconv.AppendUint(b, lead/10, 10)
	b = append(b, `","campaign":"q4-`...)
	b = strconv.AppendInt(b, x/1000%20, 10)
	b = append(b, `","duration_ms":`...)
	b = strconv.AppendInt(b, x/20000%100000, 10)
	b = append(b, `,"referrer":"https://example.com/`...)
	b = strconv.AppendInt(b, x, 10)
	b = append(b, `"}}`...)
	g.number++
	return b, key
}

func appendLead(b []byte, lead uint64) []byte {
	return appendPadded(append(b, "lead-"...), lead, 7)
}

// appendPadded appends the last digits of v, width of them.
func appendPadded(b []byte, v uint64, width int) []byte {
	var digits [20]byte
	for i := width - 1; i >= 0; i-- {
		digits[i] = byte('0' + v%10)
		v /= 10
	}
	return append(b, digits[:width]...)
}
