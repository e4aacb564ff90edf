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
	reads         reading
}

// engagement is what leads do is worth. Bounds are in points; absent ones are infinite.
type engagement struct {
	min, max float64
	groups   []group
	decays   []decay // of the groups, in their order; their rules have taken them over
	rules    []rule
	// byType finds the rules of an exact event type. A rule on a family stands in families under its own prefix alone
	// (page.* under "page."), so an event's rules are those of its type and of each prefix of it that ends in a dot.
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
	on     string      // as the model writes it
	group  int         // index into groups; -1: none
	when   *condition  // nil: always
	points float64     // 1 where there is a worth
	worth  *expression // where points is an expression; nil else
	max    float64     // points, ±; +Inf: none
	limit  limit
	decay  decay         // its own or else its group's; nil: none
	reset  bool          // then it gives no points
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

// stillKind says which of a lead's still values a name means: those that only an event or a model changes. A profile
// attribute or a rating that the lead does not have is Null, which is absent to conditions; a disposition, stage or
// grade that it does not have is "".
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

// TierInfo is what a page or a command tells of a tier.
type TierInfo struct {
	Name, Route string
	// Indexed is whether leads of this tier can be listed: of all tiers but the last, which every lead begins in.
	Indexed bool
}

// Tiers are the model's tiers from the top. A lead begins in the last.
func (m *Model) Tiers() []TierInfo {
	infos := make([]TierInfo, len(m.tiers))
	for i, t := range m.tiers {
		infos[i] = TierInfo{Name: t.name, Route: t.route, Indexed: i < len(m.tiers)-1}
	}
	return infos
}

// Stages are the names of the model's stages, the first to be reached first.
func (m *Model) Stages() []string {
	names := make([]string, len(m.stages))
	for i, s := range m.stages {
		names[i] = s.name
	}
	return names
}

// CriterionInfo is what a page shows of a criterion: how to ask for it and what its ratings mean.
type CriterionInfo struct {
	Name, Label string
	Questions   []string
	Levels      []LevelInfo // highest rating first
}

// LevelInfo says what a rating of a criterion means.
type LevelInfo struct {
	Rating float64
	Text   string
}

// Criteria are the model's qualification criteria in the order of the file.
func (m *Model) Criteria() []CriterionInfo {
	infos := make([]CriterionInfo, len(m.qualification.criteria))
	for i, c := range m.qualification.criteria {
		infos[i] = CriterionInfo{Name: c.name, Label: c.label, Questions: append([]string(nil), c.questions...)}
		for _, l := range c.levels {
			infos[i].Levels = append(infos[i].Levels, LevelInfo{Rating: l.rating, Text: l.text})
		}
	}
	return infos
}

// RatingScale is the lowest and the highest rating that a criterion can get; 0, 0 where the model has no criteria.
func (m *Model) RatingScale() (lowest, highest float64) {
	return m.qualification.min, m.qualification.max
}

// RuleIDs are the IDs of the model's rules in the order of the file: of engagement first, then of fit.
func (m *Model) RuleIDs() []string {
	ids := make([]string, 0, len(m.engagement.rules)+len(m.fit.rules))
	for _, r := range m.engagement.rules {
		ids = append(ids, r.id)
	}
	for _, r := range m.fit.rules {
		ids = append(ids, r.id)
	}
	return ids
}
