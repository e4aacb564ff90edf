package testbed

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed testdata/proof.yaml
var proofModel string

// ProofModel is the text of the model that an Oracle judges by, in that version: from 2 on leads are hot more easily.
func ProofModel(version int) []byte {
	begins, stays := hotFrom(version)
	return []byte(strings.NewReplacer(
		"VERSION", strconv.Itoa(version),
		"HOT_BEGINS", strconv.FormatFloat(begins, 'f', 1, 64),
		"HOT_STAYS", strconv.FormatFloat(stays, 'f', 1, 64),
	).Replace(proofModel))
}

// hotFrom is the score at which a lead becomes hot, and the one at which it stays so. They lie between the scores that
// can be, so that ten years' half-life does not matter.
func hotFrom(version int) (begins, stays float64) {
	if version >= 2 {
		return 39.5, 29.5
	}
	return 59.5, 49.5
}

// Event is one input event, as a test sends it.
type Event struct {
	Lead, Source, ID, Type string
	Time                   time.Time
	Data                   map[string]any
}

// JSON is the event as a CloudEvent in structured mode.
func (e *Event) JSON() []byte {
	text, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": e.ID, "source": e.Source, "type": e.Type, "subject": e.Lead,
		"time": e.Time.UTC().Format("2006-01-02T15:04:05.000Z"), "data": e.Data,
	})
	if err != nil {
		panic(err) // maps of scalars
	}
	return text
}

// Change is one announcement: what an Oracle expects and what a checker reads.
type Change struct {
	Type, Lead          string
	Sequence            uint64
	From, To, Stage     string
	CauseKind, CauseID  string
	Milliseconds        int64 // when it became true, since the Unix epoch
	ModelVersion        int
	Partition           int32 // where a checker read it; an Oracle does not know
	PreviousMillisecond int64
}

// The types of a Change.
const (
	tierChanged  = "lead.tier.changed"
	stageReached = "lead.stage.reached"
)

// Oracle says what the model of ProofModel makes of events: one lead at a time, event by event, with arithmetic of its
// own. It judges the code that is tested and so uses none of it. A lead's events must be given in the order in which
// its lane folds them.
type Oracle struct {
	version int
	leads   map[string]*Expected
}

// Expected is what an Oracle expects of a lead.
type Expected struct {
	Tier, Stage string
	Score       float64
	Changes     []Change

	seen                         map[string]bool
	clock, reset, moved          int64
	visits, pricing              int
	opened, openedInLife         int
	downloads, bounced           int
	minutes                      float64
	attributes, ratings, verdict map[string]dated
}

// dated is a value of which the newest holds.
type dated struct {
	value any
	at    int64
}

// NewOracle is an Oracle that has seen nothing.
func NewOracle() *Oracle { return &Oracle{version: 1, leads: make(map[string]*Expected)} }

// Leads are all leads of which an event was folded.
func (o *Oracle) Leads() map[string]*Expected { return o.leads }

// Changes counts the announcements that are expected of all leads.
func (o *Oracle) Changes() int {
	n := 0
	for _, lead := range o.leads {
		n += len(lead.Changes)
	}
	return n
}

// Fold folds one event.
func (o *Oracle) Fold(e *Event) {
	lead := o.leads[e.Lead]
	if lead == nil {
		lead = &Expected{
			Tier: "cold", seen: make(map[string]bool),
			attributes: make(map[string]dated), ratings: make(map[string]dated), verdict: make(map[string]dated),
		}
		o.leads[e.Lead] = lead
	}
	if lead.seen[e.Source+"\x00"+e.ID] {
		return
	}
	lead.seen[e.Source+"\x00"+e.ID] = true
	at := e.Time.UnixMilli()
	lead.clock = max(lead.clock, at)
	lead.learn(e, at)
	if at >= lead.reset {
		lead.engage(e, at)
	}
	o.settle(e.Lead, lead, "event", e.ID)
}

// Retier puts a new version of the model in force for every lead.
func (o *Oracle) Retier(version int) {
	o.version = version
	for id, lead := range o.leads {
		o.settle(id, lead, "model", "")
	}
}

func (l *Expected) engage(e *Event, at int64) {
	switch {
	case e.Type == "page.viewed":
		l.visits++
		if path, _ := e.Data["path"].(string); strings.HasPrefix(path, "/pricing") {
			l.pricing++
		}
	case e.Type == "email.opened":
		if l.openedInLife < 5 { // in the lead's life, whatever was reset in between
			l.openedInLife++
			l.opened++
		}
	case strings.HasPrefix(e.Type, "webinar."):
		minutes, _ := e.Data["minutes"].(int)
		l.minutes += float64(minutes)
	case e.Type == "file.downloaded":
		l.downloads++
	case e.Type == "email.bounced":
		l.bounced++
	case e.Type == "email.unsubscribed":
		l.reset = at
		l.visits, l.pricing, l.opened, l.downloads, l.bounced, l.minutes = 0, 0, 0, 0, 0, 0
	}
}

func (l *Expected) learn(e *Event, at int64) {
	newest := func(of map[string]dated, name string, value any) {
		if at >= of[name].at {
			of[name] = dated{value, at}
		}
	}
	switch e.Type {
	case "criterion.rated":
		newest(l.ratings, e.Data["criterion"].(string), e.Data["rating"])
	case "criteria.rated":
		for name, rating := range e.Data["ratings"].(map[string]any) {
			newest(l.ratings, name, rating)
		}
	case "lead.profiled":
		for name, value := range e.Data["attributes"].(map[string]any) {
			newest(l.attributes, name, value)
		}
	case "lead.dispositioned":
		newest(l.verdict, "disposition", e.Data["disposition"])
	}
}

// settle decides the tier and announces what came of it.
func (o *Oracle) settle(id string, l *Expected, cause, causeID string) {
	web := min(60, min(40, 5*l.visits)+15*l.pricing)
	engagement := float64(web+2*l.opened+min(30, 10*l.downloads)-8*l.bounced) + l.minutes
	l.Score = max(0, engagement)
	if l.attributes["title"].value == "cto" {
		l.Score += 20
	}
	if employees, ok := l.attributes["employees"].value.(int); ok && employees >= 500 {
		l.Score += 10
	}
	total := 0
	for _, rating := range l.ratings {
		total += rating.value.(int)
	}
	to := o.tier(l, total)
	announce := func(c Change) {
		c.Lead, c.Sequence, c.Stage = id, uint64(len(l.Changes)+1), l.Stage
		c.CauseKind, c.CauseID, c.Milliseconds, c.ModelVersion = cause, causeID, l.clock, o.version
		c.PreviousMillisecond = l.moved
		l.Changes = append(l.Changes, c)
	}
	if to != l.Tier {
		from := l.Tier
		l.Tier = to
		announce(Change{Type: tierChanged, From: from, To: to})
		l.moved = l.clock
	}
	if l.Tier == "hot" && l.Stage == "" {
		l.Stage = "MQL"
		announce(Change{Type: stageReached, From: l.Tier, To: l.Tier})
	}
}

func (o *Oracle) tier(l *Expected, total int) string {
	hot, stays := hotFrom(o.version)
	if l.Tier == "hot" {
		hot = stays
	}
	warm := 24.5
	if l.Tier == "warm" {
		warm = 14.5
	}
	switch {
	case l.verdict["disposition"].value == "invalid":
		return "disqualified"
	case l.Score >= hot || total >= 9:
		return "hot"
	case l.Score >= warm:
		return "warm"
	}
	return "cold"
}

// Counts are how many leads are in each tier.
func (o *Oracle) Counts() map[string]int64 {
	counts := make(map[string]int64)
	for _, lead := range o.leads {
		counts[lead.Tier]++
	}
	return counts
}

// Differences compares what was announced with what is expected, change by change, and describes up to ten leads that
// differ. Strictness says in what they must agree.
func (o *Oracle) Differences(announced map[string][]Change, how Strictness) []string {
	var said []string
	for id, lead := range o.leads {
		if d := how.difference(lead, announced[id]); d != "" {
			said = append(said, fmt.Sprintf("%s: %s", id, d))
		}
	}
	for id := range announced {
		if o.leads[id] == nil {
			said = append(said, id+": announced, and no event was sent of it")
		}
	}
	slices.Sort(said)
	if len(said) > 10 {
		said = append(said[:10], fmt.Sprintf("and %d more leads", len(said)-10))
	}
	return said
}
