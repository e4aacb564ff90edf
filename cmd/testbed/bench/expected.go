package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"strings"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// tally is which changes a program has announced, in whatever order: how many, and a sum over which event moved a lead
// to which tier. Programs with equal tallies have announced the same.
type tally struct {
	byEvents int
	sum      uint64
	byTime   int // changes without an event, which only hotlead announces
}

// same is whether events caused the same.
func (t tally) same(as tally) bool { return t.byEvents == as.byEvents && t.sum == as.sum }

// event counts a change that an event caused.
func (t *tally) event(id, to string) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %s", id, to)
	t.byEvents++
	t.sum += h.Sum64()
}

// change is what of a change is compared; hotlead's cause is an object, the peers' the event's ID.
type change struct {
	Data struct {
		To    string          `json:"to"`
		Cause json.RawMessage `json:"cause"`
	} `json:"data"`
}

// readChange is the event that caused a change, "" where none did, and the tier that it leads to.
func readChange(text []byte) (id, to string, err error) {
	var c change
	if err := json.Unmarshal(text, &c); err != nil {
		return "", "", fmt.Errorf("reading a change: %w", err)
	}
	if bytes.HasPrefix(c.Data.Cause, []byte(`"`)) {
		err = json.Unmarshal(c.Data.Cause, &id)
	} else {
		var cause struct{ ID string }
		err = json.Unmarshal(c.Data.Cause, &cause)
		id = cause.ID
	}
	if err == nil && c.Data.To == "" {
		err = errors.New("it leads nowhere")
	}
	if err != nil {
		return "", "", fmt.Errorf("reading the change %.200s: %w", text, err)
	}
	return id, c.Data.To, nil
}

// add counts a change as it was announced, and says which event caused it, "" where none did.
func (t *tally) add(text []byte) (id string, err error) {
	id, to, err := readChange(text)
	switch {
	case err != nil:
		return "", err
	case id == "":
		t.byTime++
	default:
		t.event(id, to)
	}
	return id, nil
}

// eventOnly folds the work as the peers do, which look at a lead only when an event comes. It is written apart from
// hotlead's own fold.
type eventOnly struct {
	tally   tally
	leads   map[string]*eventLead
	decoder *events.Decoder
}

func newEventOnly() *eventOnly {
	return &eventOnly{leads: map[string]*eventLead{}, decoder: events.NewDecoder(events.DefaultLimits())}
}

type eventLead struct {
	counts [10]float64 // as points, one per event type
	asOf   scorer.Instant
	tier   string
}

// worth are the points of each event type, in an order that fixes that of the sum.
var worth = [...]struct {
	kind   string
	points float64
}{
	{"page.viewed", 3}, {"email.opened", 1}, {"email.clicked", 5}, {"form.submitted", 15}, {"content.downloaded", 10},
	{"webinar.registered", 8}, {"webinar.attended", 15}, {"pricing.viewed", 12}, {"demo.requested", 40}, {"email.unsubscribed", -20},
}

// fold folds one event as the workload writes it.
func (e *eventOnly) fold(value []byte) error {
	var event scorer.Event
	if _, err := e.decoder.Decode(&events.Record{Value: value}, &event); err != nil {
		return fmt.Errorf("reading an event of the work: %w", err)
	}
	lead := e.leads[event.Lead]
	if lead == nil {
		lead = &eventLead{asOf: event.Time, tier: "cold"}
		e.leads[strings.Clone(event.Lead)] = lead
	}
	keep := math.Exp2(-event.Time.Sub(lead.asOf).Hours() / (7 * 24))
	lead.asOf = event.Time
	score := 0.0
	for i, w := range worth {
		lead.counts[i] *= keep
		if w.kind == event.Type {
			lead.counts[i]++
		}
		score += w.points * lead.counts[i]
	}
	tier := "cold"
	switch {
	case score >= 70:
		tier = "hot"
	case score >= 30:
		tier = "warm"
	}
	if tier != lead.tier {
		lead.tier = tier
		e.tally.event(event.ID, tier)
	}
	return nil
}
