package oracletest

import "fmt"

// event is one event, as much of it as the oracle needs.
type event struct {
	id, source, typ string
	at              int64 // ms
	account         string
	data            map[string]any
	ratings         map[string]float64
	attributes      map[string]any // nil removes
	disposition     string
	outcome         string
	amount          float64
}

func (e *event) engages() bool {
	return e.ratings == nil && e.attributes == nil && e.disposition == "" && e.outcome == ""
}

// counted is an event that counted for a rule.
type counted struct {
	at     int64
	weight float64
}

// dated is a value, and when it was said.
type dated struct {
	value any
	at    int64
}

// told is a change.
type told struct {
	at                   int64
	stage                bool // a stage was reached; else a tier was changed
	from, to, stageAfter string
	up                   bool
	route, cause         string
	score                float64
}

func (c told) String() string {
	what := c.from + " -> " + c.to
	if c.stage {
		what = "in " + c.to + " reaches"
	}
	return fmt.Sprintf("%d %s (stage %q, up %v, route %q) by %s at score %.9g", c.at, what, c.stageAfter, c.up, c.route, c.cause, c.score)
}

// outcome is what became of an event.
type outcome struct {
	duplicate, late, refused bool
	unevaluable              int
}
