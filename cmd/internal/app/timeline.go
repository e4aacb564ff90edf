package app

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hotlead/hotlead/scorer"
)

// Timeline tells what happens to one lead, for people: all that moves its score, each with what it gave and the score
// after it, like a statement of account. It folds the lead by itself; the same events give the same text. It is not safe
// for concurrent use.
type Timeline struct {
	model  scorer.Description
	rules  map[string]scorer.RuleDescription
	tiers  map[string]string // their conditions; "" of the last
	stages map[string]string
	folder *scorer.Folder
	lead   scorer.Lead
	page   page

	// score is what the newest line shows, as of at (0: there is no line yet).
	score float64
	at    scorer.Instant
}

// NewTimeline tells of the lead named id by that model. What is written to out is whole once the timeline has ended.
func NewTimeline(m *scorer.Model, id string, out io.Writer) *Timeline {
	t := &Timeline{
		model: m.Describe(), rules: map[string]scorer.RuleDescription{}, tiers: map[string]string{}, stages: map[string]string{},
		folder: m.Folder(), lead: scorer.Lead{ID: id}, page: page{out: bufio.NewWriter(out)},
	}
	for _, r := range t.model.Rules {
		t.rules[r.ID] = r
	}
	for _, tier := range t.model.Tiers {
		t.tiers[tier.Name] = tier.When
	}
	for _, s := range t.model.Stages {
		t.stages[s.Name] = s.When
	}
	return t
}

// fold tells of an event of the lead.
func (t *Timeline) fold(e *scorer.Event) {
	if !t.page.begun {
		t.page.head(t.lead.ID, &t.model)
	}
	what := e.Type + " " + short(e.ID) + " from " + short(e.Source)
	j := t.folder.Judge(&t.lead, e)
	switch {
	case j.Duplicate:
		t.page.entry(e.Time, what)
		t.page.note("a duplicate: an event of this source and ID was folded before, and it counts once")
		return
	case j.Refused != nil:
		t.page.entry(e.Time, what)
		t.page.note("can't be scored: " + j.Refused.Error())
		return
	}
	t.pass(e.Time)
	was := t.lead
	was.Ratings = slices.Clone(t.lead.Ratings)
	changes, result, err := t.folder.Apply(&t.lead, e, nil)
	t.page.entry(e.Time, what)
	if err != nil { // Judge has found all that there is to refuse
		t.page.note("can't be scored: " + err.Error())
		return
	}
	after := t.folder.Explain(&t.lead, t.lead.Clock)
	if was.Tier == "" {
		t.page.note("the first event: the lead begins in " + t.model.Tiers[len(t.model.Tiers)-1].Name)
	}
	switch {
	case !result.Late:
	case e.Qualification == nil:
		t.page.note("late, for the lead's clock was at " + instant(was.Clock) + ": it counts as of its own time, so it has decayed already")
	default:
		t.page.note("late, for the lead's clock was at " + instant(was.Clock) + ": what is newer holds")
	}
	if t.lead.Account != was.Account {
		t.page.note("account " + clean(t.lead.Account))
	}
	t.decayed(&j.Before)
	if e.Qualification == nil {
		t.engaged(j.Engagement, &j.Before, &after)
	} else {
		t.learned(e, &was, &after)
		t.fitted(j.Fit, &j.Before, &after)
	}
	t.score, t.at = after.Score, after.At
	t.changed(changes)
}

// pass tells what time does to the lead up to that instant.
func (t *Timeline) pass(to scorer.Instant) {
	for t.lead.Tier != "" && t.lead.Clock < to {
		due, j, fires := t.folder.JudgeIdle(&t.lead, to)
		if !fires {
			t.moved(t.folder.Advance(&t.lead, to, nil))
			return
		}
		t.moved(t.folder.Advance(&t.lead, due-1, nil))
		idle := due.Sub(t.lead.Engaged)
		changes := t.folder.Advance(&t.lead, due, nil)
		counts := slices.ContainsFunc(j.Engagement, func(j scorer.Judgement) bool { return j.Outcome != scorer.NotMet })
		if !counts && len(changes) == 0 {
			continue
		}
		after := t.folder.Explain(&t.lead, due)
		t.page.entry(due, "no engagement for "+duration(idle))
		t.decayed(&j.Before)
		t.engaged(j.Engagement, &j.Before, &after)
		t.score, t.at = after.Score, after.At
		t.changed(changes)
	}
}

// moved tells of the changes that time alone made.
func (t *Timeline) moved(changes []scorer.Change) {
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].At == changes[0].At {
			n++
		}
		t.page.entry(changes[0].At, "time passes")
		t.decayed(&changes[0].Standing)
		t.changed(changes[:n])
		changes = changes[n:]
	}
}

// decayed tells what the score has lost, or won back, since the newest line.
func (t *Timeline) decayed(now *scorer.Standing) {
	// What is too little to be seen is left out.
	if t.at != 0 && hundredths(now.Score) != hundredths(t.score) {
		t.gave(now.Score-t.score, "decayed in the "+duration(now.At.Sub(t.at))+" since the line before")
	}
	t.score, t.at = now.Score, now.At
}

// rule tells what a rule gave.
func (t *Timeline) rule(j *scorer.Judgement) {
	what := j.Rule
	if j.Share != j.Worth {
		what += ", of " + signed(j.Worth) + ", held by its max of " + number(t.rules[j.Rule].Max)
	}
	t.gave(j.Share, what)
}

// gave tells of points, however few.
func (t *Timeline) gave(points float64, what string) {
	to := t.score + points
	t.page.amount(hundredths(to)-hundredths(t.score), hundredths(to), what)
	t.score = to
}

// engaged tells what the engagement rules made of an event, or of the passing of time.
func (t *Timeline) engaged(rules []scorer.Judgement, before, after *scorer.Standing) {
	if len(rules) == 0 {
		t.page.note("no rule is on this type")
	}
	rest := after.Engagement - before.Engagement
	groups := map[string]float64{}
	var resets []string
	for _, j := range rules {
		rest -= j.Share
		groups[t.rules[j.Rule].Group] += j.Share
		if j.Outcome == scorer.Resets {
			resets = append(resets, j.Rule)
		}
	}
	if len(resets) > 0 {
		t.gave(rest, "the engagement starts over, reset by "+strings.Join(resets, ", "))
	}
	for i := range rules {
		switch j := &rules[i]; {
		case j.Outcome == scorer.Counted || j.Share != 0:
			t.rule(j)
		case j.Outcome != scorer.Resets:
			t.page.note(j.Rule + " gives nothing: " + t.because(j))
		}
	}
	if len(resets) > 0 {
		return
	}
	for i, g := range after.Groups {
		if held := g.Points - before.Groups[i].Points - groups[g.Name]; seen(held) {
			t.gave(held, "held by the max of group "+g.Name+", "+number(t.model.Groups[i].Max))
			rest -= held
		}
	}
	if seen(rest) {
		t.gave(rest, "held by the "+t.bound(before, after)+" of the engagement")
	}
}

// because is why a rule gave nothing.
func (t *Timeline) because(j *scorer.Judgement) string {
	switch j.Outcome {
	case scorer.Unevaluable:
		return "it can't be evaluated, a value that it needs is absent or of another type"
	case scorer.OverLimit:
		limit := t.rules[j.Rule].Limit
		if limit.Per == 0 {
			return fmt.Sprintf("its limit of %d in the lead's life is reached", limit.Count)
		}
		return fmt.Sprintf("its limit of %d per %s is reached", limit.Count, duration(limit.Per))
	case scorer.BeforeReset:
		return "it happened before the reset of " + instant(t.lead.Reset)
	default:
		return "its condition does not hold"
	}
}

// bound is the bound of the engagement that a lead stood or stands at.
func (t *Timeline) bound(before, after *scorer.Standing) string {
	var bounds []string
	if lowest := t.model.Min; before.Engagement == lowest || after.Engagement == lowest {
		bounds = append(bounds, "min of "+number(lowest))
	}
	if highest := t.model.Max; before.Engagement == highest || after.Engagement == highest {
		bounds = append(bounds, "max of "+number(highest))
	}
	return strings.Join(bounds, " and the ")
}

// fitted tells how the fit changed.
func (t *Timeline) fitted(rules []scorer.Judgement, before, after *scorer.Standing) {
	rest := after.Fit - before.Fit
	var open []string
	for i := range rules {
		j := &rules[i]
		rest -= j.Share
		switch {
		case j.Outcome == scorer.Unevaluable:
			open = append(open, j.Rule)
		default:
			t.rule(j)
		}
	}
	if seen(rest) {
		t.gave(rest, "held by the max of the fit, "+number(t.model.FitMax))
	}
	if len(open) > 0 {
		t.page.note("can't be evaluated, a value that they need is absent or of another type: " + strings.Join(open, ", "))
	}
	if before.Fit != after.Fit || before.Grade != after.Grade {
		t.page.note("fit " + graded(after))
	}
}

// changed tells of the changes of an instant, and why.
func (t *Timeline) changed(changes []scorer.Change) {
	for i := range changes {
		c := &changes[i]
		if c.Kind == scorer.StageReached {
			t.page.mark("stage " + c.Stage + " is reached")
			t.page.reason("now " + t.stages[c.Stage])
			continue
		}
		what := "tier " + c.From + " → " + c.To
		if c.Route != "" {
			what += ", route " + clean(c.Route)
		}
		t.page.mark(what)
		if when := t.tiers[c.From]; !c.Up && when != "" {
			t.page.reason("no longer " + when)
		}
		if when := t.tiers[c.To]; when != "" {
			t.page.reason("now " + when)
		}
	}
}

// end lets time go on to that instant and tells where the lead stands then.
func (t *Timeline) end(at scorer.Instant) error {
	if t.known() {
		t.pass(at)
		standing := t.folder.Explain(&t.lead, t.lead.Clock)
		t.page.entry(standing.At, "the end")
		t.decayed(&standing)
		t.stands(&standing)
	}
	return t.flush()
}

// flush writes what is told so far.
func (t *Timeline) flush() error {
	if err := t.page.out.Flush(); err != nil {
		return fmt.Errorf("writing the timeline: %w", err)
	}
	return nil
}

// known is whether an event has reached the lead.
func (t *Timeline) known() bool { return t.lead.Tier != "" }
