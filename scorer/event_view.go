package scorer

import (
	"math"
	"unsafe"

	"github.com/valyala/fastjson"
)

// eventView lets conditions see an event. Its data is parsed when a condition first asks for it, by a parser whose
// memory is kept from event to event.
type eventView struct {
	event  *Event
	parser fastjson.Parser
	data   *fastjson.Value // once parsed; nil where there is none
	parsed bool
}

// set shows e, which must stay as it is until clear or the next set.
func (v *eventView) set(e *Event) { v.event, v.data, v.parsed = e, nil, false }

// clear shows no event: names of the event are then absent.
func (v *eventView) clear() { v.set(nil) }

// root is the event's data; nil where there is none.
func (v *eventView) root() *fastjson.Value {
	if v.parsed || v.event == nil {
		return v.data
	}
	v.parsed = true
	if len(v.event.Data) > 0 {
		if data, err := v.parser.ParseBytes(v.event.Data); err == nil {
			v.data = data
		}
	}
	return v.data
}

// lookup is the value at a path of object keys; nil where there is none. It is good until the next set.
func (v *eventView) lookup(path []string) *fastjson.Value {
	at := v.root()
	for _, key := range path {
		if at == nil || at.Type() != fastjson.TypeObject {
			return nil
		}
		at = at.Get(key)
	}
	return at
}

// has is whether there is a value at path. Without an object to look into this fails; but an event without data counts
// as one whose data is an empty object.
func (v *eventView) has(path []string) truth {
	last := len(path) - 1
	parent := v.lookup(path[:last])
	switch {
	case parent != nil && parent.Type() == fastjson.TypeObject:
		return truthOf(parent.Exists(path[last]))
	case parent == nil && last == 0 && v.event != nil:
		return no
	default:
		return failed
	}
}

// scalarOf is a JSON value as conditions see it; false for a number that is out of range. A text aliases the parser's
// memory, which is what makes looking at it free.
func scalarOf(v *fastjson.Value) (Value, bool) {
	switch v.Type() {
	case fastjson.TypeString:
		text, err := v.StringBytes()
		return Value{Kind: String, String: unsafe.String(unsafe.SliceData(text), len(text))}, err == nil
	case fastjson.TypeNumber:
		n, err := v.Float64()
		return Value{Kind: Number, Number: n}, err == nil && !math.IsInf(n, 0) && !math.IsNaN(n)
	case fastjson.TypeTrue:
		return Value{Kind: Bool, Number: 1}, true
	case fastjson.TypeFalse:
		return Value{Kind: Bool}, true
	case fastjson.TypeNull:
		return Value{Kind: Null}, true
	default:
		return Value{Kind: composite}, true
	}
}
