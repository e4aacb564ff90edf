package scorer

// composite is the kind of a value that is no scalar: an object or an array in an event's data. It equals no scalar.
const composite Kind = 255

// valueNode is a value that time alone does not change; false where it is absent.
type valueNode interface {
	at(s *scene) (Value, bool)
}

// valueConst is a literal.
type valueConst struct{ value Value }

func (n *valueConst) at(*scene) (Value, bool) { return n.value, true }

// stillValue is one of a lead's still values that can be absent, by its slot.
type stillValue int

func (n stillValue) at(s *scene) (Value, bool) {
	v := s.still[n]
	return v, v.Kind != Null
}

// stillText is a still text that is "" where the lead has none: a stage, a grade, a disposition.
type stillText int

func (n stillText) at(s *scene) (Value, bool) {
	v := s.still[n]
	if v.Kind != String {
		return Value{Kind: String}, true
	}
	return v, true
}

// hasStill is has(profile.x).
type hasStill int

func (n hasStill) at(s *scene) truth                    { return truthOf(s.still[n].Kind != Null) }
func (n hasStill) over(_, _ []float64, s *scene) truths { return n.at(s).set() }

// hasMoving is has(engagement.idle).
type hasMoving int

func (n hasMoving) at(s *scene) truth { return truthOf(s.moving[n] == s.moving[n]) }

func (n hasMoving) over(lo, hi []float64, _ *scene) truths {
	return truthOf(lo[n] == lo[n]).set() | truthOf(hi[n] == hi[n]).set()
}

// dataValue is data.a.b of the event.
type dataValue struct{ path []string }

func (n *dataValue) at(s *scene) (Value, bool) {
	v := s.event.lookup(n.path)
	if v == nil {
		return Value{}, false
	}
	return scalarOf(v)
}

// hasData is has(data.a.b).
type hasData struct{ path []string }

func (n *hasData) at(s *scene) truth { return s.event.has(n.path) }

func (n *hasData) over(_, _ []float64, s *scene) truths { return n.at(s).set() }

// eventSource and eventType are `source` and `type`.
type (
	eventSource struct{}
	eventType   struct{}
)

func (eventSource) at(s *scene) (Value, bool) {
	if s.event.event == nil {
		return Value{}, false
	}
	return Value{Kind: String, String: s.event.event.Source}, true
}

func (eventType) at(s *scene) (Value, bool) {
	if s.event.event == nil {
		return Value{}, false
	}
	return Value{Kind: String, String: s.event.event.Type}, true
}
