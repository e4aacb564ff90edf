package oracletest

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// start is when drawn histories begin.
const start = int64(1767225600000) // 2026-01-01

// draft is a drawn model: its text, but for the numbers that a newer version may change.
type draft struct {
	unit       int64 // ms: what durations and histories are multiples of
	fit, rated bool  // the parts that the model has
	text       strings.Builder
}

// models draws models of the whole language. unit is the milliseconds that durations are multiples of. There are two:
// the second is a newer version of the first, with other points, caps, grades and tiers.
func models(t *rapid.T, unit int64) (first, second string) {
	rated := rapid.IntRange(0, 2).Draw(t, "qualification") > 0
	ruleParts := rules(t, unit, rated)
	fitParts := fitRules(t)
	stages := rapid.SampledFrom([]string{"", "stages:\n  - {name: MQL, when: 'tier == \"hot\"'}\n",
		"stages:\n  - {name: MQL, when: 'tier == \"hot\"'}\n  - {name: SQL, when: 'stage == \"MQL\" && score >= 9'}\n",
		"stages:\n  - {name: MQL, when: 'score >= 10'}\n  - {name: SQL, when: 'engagement.groups.web >= 8'}\n"}).Draw(t, "stages")
	version := func(n int) string {
		d := &draft{unit: unit, rated: rated, fit: len(fitParts) > 0}
		fmt.Fprintf(&d.text, "name: drawn\nversion: %d\n", n)
		d.engagement(t, ruleParts)
		d.fitPart(t, fitParts)
		if rated {
			d.text.WriteString("qualification:\n  scale: {min: 1, max: 5}\n  criteria: {need: {}, budget: {}, authority: {}}\n")
			d.text.WriteString("  routes: {not_interested: nurture, interested: sales}\n")
		}
		d.tiers(t)
		d.text.WriteString(stages)
		d.text.WriteString(rapid.SampledFrom([]string{"", "", "rank: engagement.score\n", "rank: score + profile.size\n"}).Draw(t, "rank"))
		return d.text.String()
	}
	return version(1), version(2)
}

// spans draws a duration of up to most units.
func spans(t *rapid.T, unit int64, most int, label string) string {
	return fmt.Sprint(int64(rapid.IntRange(1, most).Draw(t, label))*unit, "ms")
}

func decays(t *rapid.T, unit int64) string {
	switch rapid.IntRange(0, 5).Draw(t, "decay") {
	case 0:
		return ", decay: {half_life: " + rapid.SampledFrom([]string{fmt.Sprint(40*unit, "ms"), fmt.Sprint(120*unit, "ms")}).Draw(t, "life") + "}"
	case 1:
		return ", decay: {half_life: " + spans(t, unit, 300, "life") + "}"
	case 2, 3:
		return ", decay: {linear: " + spans(t, unit, 500, "length") + "}"
	case 4:
		return fmt.Sprintf(", decay: {steps: [{until: %s, keep: 1}, {until: %dms, keep: %v}]}", spans(t, unit, 100, "first"),
			int64(rapid.IntRange(101, 400).Draw(t, "second"))*unit, rapid.SampledFrom([]float64{0.5, 0.25}).Draw(t, "keep"))
	default:
		return ""
	}
}

// onEvents are conditions that rules on events may have.
func onEvents(t *rapid.T, unit int64) string {
	return rapid.SampledFrom([]string{
		`data.n > 2`, `data.url.startsWith("/p")`, `tier == "hot"`, `tier != "hot" || data.n > 5`, `score < 10`,
		`has(data.n)`, `source == "web"`, `type == "a.b" || data.flag`, `stage == ""`, `profile.size > 100 && data.n != 3`,
		`engagement.score + data.n > 6`, `!(data.url in ["/blog", "/jobs"])`, `engagement.groups.web < 5 || data.n == 1`,
		fmt.Sprintf("engagement.idle > duration(\"%s\")", spans(t, unit, 60, "idle")),
	}).Draw(t, "when")
}

// rule parts, in front of and behind the points, which a newer version may change.
type part struct {
	head, tail string
	points     string // an expression; "": a number
	resets     bool
}

// rules draws the rules of engagement.
func rules(t *rapid.T, unit int64, rated bool) []part {
	worth := []string{"data.n", "data.n * 2 - 1", "data.n / 4", "score / 8 + 1", `tier == "hot" ? 1 : 4`, "-data.n", "engagement.groups.web + 1"}
	if rated {
		worth = append(worth, "qualification.ratings.need")
	}
	var all []part
	for i := range rapid.IntRange(1, 6).Draw(t, "rules") {
		id := fmt.Sprint("r", i)
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			all = append(all, part{head: fmt.Sprintf("{id: %s, on: %s, reset: engagement", id, rapid.SampledFrom([]string{"out", "a"}).Draw(t, "on")), resets: true})
			continue
		case 1, 2:
			all = append(all, idleRule(t, unit, id))
			continue
		}
		p := part{head: fmt.Sprintf("{id: %s, on: %s", id, rapid.SampledFrom([]string{"a", "a.b", "a.c", "a.*", "a.b.*", "a.*"}).Draw(t, "on"))}
		if rapid.IntRange(0, 2).Draw(t, "conditional") == 0 {
			p.head += ", when: '" + onEvents(t, unit) + "'"
		}
		if rapid.IntRange(0, 3).Draw(t, "expression") == 0 {
			p.points = rapid.SampledFrom(worth).Draw(t, "points")
		}
		p.tail = whereTo(t) + decays(t, unit) + limits(t, unit)
		all = append(all, p)
	}
	return all
}

func whereTo(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", ", group: web", ", group: web", ", group: mail"}).Draw(t, "group")
}

func limits(t *rapid.T, unit int64) string {
	switch rapid.IntRange(0, 5).Draw(t, "limit") {
	case 0:
		return fmt.Sprintf(", limit: {count: %d}", rapid.IntRange(1, 3).Draw(t, "count"))
	case 1, 2:
		return fmt.Sprintf(", limit: {count: %d, per: %s}", rapid.IntRange(1, 3).Draw(t, "count"), spans(t, unit, 150, "per"))
	default:
		return ""
	}
}

func idleRule(t *rapid.T, unit int64, id string) part {
	p := part{head: fmt.Sprintf("{id: %s, on: idle, after: %dms, repeat: %v", id, int64(rapid.IntRange(15, 200).Draw(t, "after"))*unit, rapid.Bool().Draw(t, "repeat"))}
	if rapid.IntRange(0, 2).Draw(t, "conditional") == 0 {
		p.head += ", when: '" + rapid.SampledFrom([]string{`tier == "hot"`, "score > 3", "profile.size > 100", `stage == ""`}).Draw(t, "when") + "'"
	}
	if rapid.IntRange(0, 3).Draw(t, "expression") == 0 {
		p.points = rapid.SampledFrom([]string{"-score / 4", `tier == "hot" ? -2 : 1`, "profile.size / 100"}).Draw(t, "points")
	}
	p.tail = whereTo(t) + decays(t, unit) + limits(t, unit)
	return p
}

func caps(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"", "", ", max: 12", ", max: 25"}).Draw(t, label)
}

func (d *draft) engagement(t *rapid.T, all []part) {
	fmt.Fprintf(&d.text, "engagement:\n  min: %d\n", rapid.SampledFrom([]int{0, 0, -50}).Draw(t, "min"))
	if rapid.Bool().Draw(t, "capped") {
		d.text.WriteString("  max: 60\n")
	}
	// A group's decay is where a version must not change it: in its rules' counters. So it is drawn of the rules' text.
	decay := ""
	if len(all)%2 == 0 {
		decay = fmt.Sprintf(", decay: {half_life: %dms}", 60*d.unit)
	}
	fmt.Fprintf(&d.text, "  groups:\n    web: {%s}\n    mail: {%s}\n  rules:\n",
		strings.TrimPrefix(caps(t, "web max"), ", "), strings.TrimPrefix(caps(t, "mail max")+decay, ", "))
	for _, p := range all {
		d.text.WriteString("    - " + p.head)
		switch {
		case p.resets:
		case p.points != "":
			fmt.Fprintf(&d.text, ", points: '%s'%s%s", p.points, p.tail, caps(t, "max"))
		default:
			fmt.Fprintf(&d.text, ", points: %d%s%s", rapid.IntRange(-9, 14).Draw(t, "points"), p.tail, caps(t, "max"))
		}
		d.text.WriteString("}\n")
	}
}

func fitRules(t *rapid.T) []string {
	var all []string
	for i := range rapid.IntRange(0, 4).Draw(t, "fit rules") {
		when := rapid.SampledFrom([]string{"profile.size >= 100", `profile.title in ["cto", "ceo"]`, `profile.title.contains("t")`,
			"profile.active", `profile.size < 10 || profile.title == "cto"`, `profile.title != "cto"`, "has(profile.size)"}).Draw(t, "when")
		all = append(all, fmt.Sprintf("    - {id: f%d, when: '%s', points: ", i, when))
	}
	return all
}

func (d *draft) fitPart(t *rapid.T, all []string) {
	if len(all) == 0 {
		return
	}
	d.text.WriteString("fit:\n")
	if rapid.Bool().Draw(t, "fit capped") {
		d.text.WriteString("  max: 22\n")
	}
	d.text.WriteString("  rules:\n")
	for _, head := range all {
		fmt.Fprintf(&d.text, "%s%d}\n", head, rapid.SampledFrom([]int{-8, -3, 4, 9, 15}).Draw(t, "points"))
	}
	fmt.Fprintf(&d.text, "  grades: {A: %d, B: 4, C: 0}\n", rapid.IntRange(8, 15).Draw(t, "grade"))
}

// tiers draws the tiers: what is asked to stay is never more than what is asked to enter.
func (d *draft) tiers(t *rapid.T) {
	what := rapid.SampledFrom([]string{"score", "score", "engagement.score", "engagement.groups.web"}).Draw(t, "measured by")
	top := map[bool]int{true: 9, false: 18}[what == "engagement.groups.web"]
	hot := rapid.IntRange(6, top).Draw(t, "hot")
	warm := rapid.IntRange(1, 5).Draw(t, "warm")
	gap := rapid.IntRange(0, 3).Draw(t, "gap")
	also := []string{"", "", "", fmt.Sprintf(` && engagement.idle < duration("%s")`, spans(t, d.unit, 100, "idle")),
		` && qualification.disposition != "not_interested"`, ` && !(profile.size < 10)`,
		` && (profile.size >= 100 || engagement.groups.mail >= 2)`, ` || engagement.groups.web > engagement.groups.mail + 4`}
	if d.rated {
		also = append(also, ` && qualification.floor >= 6`, ` || qualification.total >= 9`, ` && (qualification.rated < 2 || qualification.ratings.need >= 3)`)
	}
	if d.fit {
		also = append(also, ` && fit.grade in ["A", "B"]`, ` && fit.score > -5`)
	}
	d.text.WriteString("tiers:\n")
	if rapid.Bool().Draw(t, "disqualified") {
		d.text.WriteString("  - {name: disqualified, when: 'qualification.disposition == \"invalid\"'}\n")
	}
	fmt.Fprintf(&d.text, "  - {name: hot, when: '%s >= (tier == \"hot\" ? %d : %d)%s', route: sales}\n", what, hot-gap, hot, rapid.SampledFrom(also).Draw(t, "also"))
	if rapid.IntRange(0, 3).Draw(t, "has warm") > 0 {
		fmt.Fprintf(&d.text, "  - {name: warm, when: '%s >= (tier in [\"hot\", \"warm\"] ? %d : %d)%s', route: nurture}\n", what, max(1, warm-gap), warm,
			rapid.SampledFrom(slices.Concat([]string{"", ""}, also)).Draw(t, "also"))
	}
	d.text.WriteString("  - {name: cold}\n")
}

// histories draws events in their order of arrival: most in order, some late, some again.
func histories(t *rapid.T, unit int64, most int) []event {
	var all []event
	at := start
	for i := range rapid.IntRange(1, most).Draw(t, "events") {
		at += int64(rapid.IntRange(0, 45).Draw(t, "then")) * unit
		e := happening(t, i, at)
		switch rapid.IntRange(0, 9).Draw(t, "arrival") {
		case 0, 1:
			e.at -= int64(rapid.IntRange(1, 120).Draw(t, "late by")) * unit
		case 2:
			if i > 0 {
				other := all[rapid.IntRange(0, i-1).Draw(t, "again")]
				e.id, e.source = other.id, other.source
			}
		}
		all = append(all, e)
	}
	return all
}

// happening draws an event.
func happening(t *rapid.T, i int, at int64) event {
	e := event{id: fmt.Sprint("e", i), source: rapid.SampledFrom([]string{"web", "crm"}).Draw(t, "source"), typ: "lead.told", at: at, data: map[string]any{}}
	switch rapid.IntRange(0, 13).Draw(t, "what") {
	case 0, 1:
		e.ratings = map[string]float64{rapid.SampledFrom([]string{"need", "budget", "authority", "luck"}).Draw(t, "criterion"): float64(rapid.IntRange(0, 5).Draw(t, "rating"))}
	case 2, 3:
		e.attributes = map[string]any{"size": rapid.SampledFrom([]any{nil, 5., 50., 100., 300., "large"}).Draw(t, "size")}
		if rapid.Bool().Draw(t, "whole") {
			e.attributes["title"] = rapid.SampledFrom([]any{nil, "cto", "ceo", "intern"}).Draw(t, "title")
			e.attributes["active"] = rapid.SampledFrom([]any{true, false, 1.}).Draw(t, "active")
		}
	case 4:
		e.disposition = rapid.SampledFrom([]string{"invalid", "interested", "not_interested"}).Draw(t, "disposition")
	case 5:
		e.outcome, e.amount = rapid.SampledFrom([]string{"won", "lost"}).Draw(t, "outcome"), float64(i)
	default:
		e.typ = rapid.SampledFrom([]string{"a", "a.b", "a.b", "a.c", "a.b.c", "out", "other"}).Draw(t, "type")
		if n := rapid.SampledFrom([]any{nil, nil, 1., 3., 4., 8., "eight"}).Draw(t, "n"); n != nil {
			e.data["n"] = n
		}
		if url := rapid.SampledFrom([]string{"", "/pricing", "/blog"}).Draw(t, "url"); url != "" {
			e.data["url"] = url
		}
		if rapid.Bool().Draw(t, "flag") {
			e.data["flag"] = true
		}
	}
	if rapid.IntRange(0, 4).Draw(t, "account") == 0 {
		e.account = fmt.Sprint("acme", i)
	}
	return e
}
