package scorer

import "github.com/valyala/fastjson"

// eventView lets conditions see an event. Its data is parsed when a condition first asks for it, by a parser whose
// memory is kept from event to event.
type eventView struct {
	event  *Event
	parser fastjson.Parser
	data   *fastjson.Value
	parsed bool
}

// set shows e, which must stay as it is until clear or the next set.
func (v *eventView) set(e *Event) { v.event, v.data, v.parsed = e, nil, false }

// clear shows no event: names of the event are then absent.
func (v *eventView) clear() { v.set(nil) }
