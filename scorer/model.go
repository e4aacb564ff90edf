package scorer

import "time"

// Model is a model file, read, checked and compiled. It is immutable and safe for concurrent use; each goroutine that
// folds with it takes a Folder of its own.
type Model struct {
	Name    string
	Version int
	// Text is the file as it was read.
	Text []byte

	engagement    engagement
	fit           fit
	qualification qualification
	tiers         []tier // from the top; the last has no condition
	stages        []stage
	rank          *expression // nil: score, then qualification.total
	stills        []stillName // what scene.still holds, by slot
}

// engagement is what leads do is worth. Bounds are in points; absent ones are infinite.
type engagement struct {
	min, max float64
	groups   []group
	rules    []rule
	// byType finds the rules of an event type: exact types and, for families, every rule whose prefix matches is listed
	// under its prefix ("page.").
	byType   map[string][]int
	families map[string][]int
	idle     []int // rules on: idle
	byKey    map[Key]int
}

type group struct {
	name string
	max  float64 // points, ±; +Inf: none
}

type rule struct {
	id     string
	key    Key
	group  int        // index into groups; -1: none
	when   *condition // nil: always
	points float64
	worth  *expression // where points is an expression; nil else
	max    float64     // points, ±; +Inf: none
	limit  limit
	decay  decay // nil: none
	reset  bool
	after  time.Duration // on: idle
	repeat bool
}

// limit bounds how often a rule counts. count 0: no limit; per 0: in the lead's life.
type limit struct {
	count int
	per   time.Duration
}

type fit struct {
	max    float64
	rules  []fitRule
	grades []grade // highest bound first; empty: no grades
}

type fitRule struct {
	id     string
	when   *condition
	points float64
}

type grade struct {
	name  string
	bound float64
}

type qualification struct {
	min, max float64
	criteria []criterion
	byKey    map[Key]int
	// routes of dispositions (optional in the file): disposition → route, which goes before the tier's.
	routes map[string]string
}

type criterion struct {
	name      string
	key       Key
	label     string
	questions []string
	levels    []level // highest rating first
}

type level struct {
	rating float64
	text   string
}

type tier struct {
	name  string
	when  *condition // nil: always
	route string
}

type stage struct {
	name string
	when *condition
}

// The moving names: what time alone changes. scene.moving holds them by these slots; group i of the model stands at
// movingGroups+i. NaN: absent (a lead without engagement has no engagement.idle).
const (
	movingScore      = iota // score: engagement + fit, points
	movingEngagement        // engagement.score, points
	movingIdle              // engagement.idle, seconds
	movingGroups
)

// stillKind says which of a lead's still values a name means: those that only an event or a model changes.
type stillKind uint8

const (
	stillFitScore stillKind = iota
	stillFitGrade
	stillProfile // by name
	stillTotal
	stillRated
	stillComplete
	stillFloor
	stillCeiling
	stillRating // by name
	stillDisposition
	stillTier
	stillStage
)

// stillName is one still value that some condition of the model uses.
type stillName struct {
	kind stillKind
	name string // of stillProfile and stillRating
	key  Key    // of stillRating
}

// scene is what conditions and expressions see of a lead (and of an event) at one instant.
type scene struct {
	moving []float64 // by moving slot
	still  []Value   // by still slot of the model; Null: absent
	event  eventView // set for the rules of an event only
}

// verdict is what is known of a condition over a stretch of time.
type verdict uint8

const (
	maybe  verdict = iota
	never          // it holds at no instant of the stretch (or can't be evaluated)
	always         // it holds at every instant of the stretch
)
