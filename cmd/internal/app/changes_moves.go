package app

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/scorer"
)

// hoursBack is over how many hours moves are counted.
const hoursBack = 24

// hourlyMoves are how often leads moved, by when the hour began.
type hourlyMoves map[scorer.Instant]moves

// moves are how often leads moved from which tier to which.
type moves map[move]*int

type move struct{ from, to string }

const anHour = scorer.Instant(time.Hour / time.Millisecond)

// hourOf is when the hour began that an instant lies in.
func hourOf(at scorer.Instant) scorer.Instant { return at - at%anHour }

// counter counts moves from an hour on.
func (h hourlyMoves) counter(first scorer.Instant) moveCounter {
	return moveCounter{all: h, first: first}
}

// moveCounter counts moves that come one after the other, most of them in the hour of the one before.
type moveCounter struct {
	all   hourlyMoves
	first scorer.Instant
	// hour is that of the last move, in what counts the moves of it.
	hour scorer.Instant
	in   moves
}

// count counts a move in its hour.
func (m *moveCounter) count(c *consumer.Change) {
	if c.Kind != scorer.TierChanged {
		return
	}
	hour := hourOf(c.At)
	if hour < m.first {
		return
	}
	if m.in == nil || hour != m.hour {
		m.hour, m.in = hour, m.all.from(hour, m.first)
	}
	times := m.in[move{c.From, c.To}]
	if times == nil {
		times = new(int)
		m.in[move{strings.Clone(c.From), strings.Clone(c.To)}] = times // or it would keep the change
	}
	*times++
}

// from is what counts the moves of an hour. Where it is a new one, those before the first are forgotten.
func (h hourlyMoves) from(hour, first scorer.Instant) moves {
	if h[hour] == nil {
		h[hour] = moves{}
		for old := range h {
			if old < first {
				delete(h, old)
			}
		}
	}
	return h[hour]
}

// of is what is counted of an hour.
func (h hourlyMoves) of(hour scorer.Instant) web.Hour {
	shown := web.Hour{Begin: hour.Time()}
	for m, n := range h[hour] {
		shown.Moves = append(shown.Moves, web.Move{From: m.from, To: m.to, Count: *n})
	}
	slices.SortFunc(shown.Moves, func(a, b web.Move) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return shown
}
