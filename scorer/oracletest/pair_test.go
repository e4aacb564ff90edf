package oracletest

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hotlead/hotlead/scorer"
)

func TestMain(m *testing.M) {
	flag.Parse()
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "rapid.checks" })
	if !told {
		if err := flag.Set("rapid.checks", checksByDefault); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// pair is one lead twice: as the scorer has it and as the oracle has it.
type pair struct {
	t      *rapid.T
	texts  []string // of the models, a newer one each
	model  *scorer.Model
	folder *scorer.Folder
	lead   scorer.Lead
	told   []scorer.Change
	oracle *oracle
	story  []string
}

func newPair(t *rapid.T, texts ...string) *pair {
	p := &pair{t: t, texts: texts, model: modelOf(t, texts[0]), oracle: newOracle(readModel(texts[0]))}
	p.folder = p.model.Folder()
	p.lead.Clear("lead")
	return p
}

// twin is another lead under the same model.
func (p *pair) twin() *pair {
	other := &pair{t: p.t, texts: p.texts, model: p.model, folder: p.model.Folder(), oracle: newOracle(p.oracle.model)}
	other.lead.Clear("lead")
	return other
}

func modelOf(t *rapid.T, text string) *scorer.Model {
	m, err := scorer.ReadModel("model.yaml", []byte(text))
	if err != nil {
		t.Fatalf("the model is refused: %v\n%s", err, text)
	}
	return m
}

// fatalf fails with the model and all that happened.
func (p *pair) fatalf(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s\n\n%s\n%s", fmt.Sprintf(format, args...), strings.Join(p.texts, "---\n"), strings.Join(p.story, "\n"))
}

func (p *pair) note(format string, args ...any) {
	p.story = append(p.story, fmt.Sprintf(format, args...))
}

// apply folds an event on both sides.
func (p *pair) apply(e *event) {
	p.t.Helper()
	p.note("%d %s %s id=%s data=%v ratings=%v attributes=%v %s%s", e.at-start, e.source, e.typ, e.id, e.data, e.ratings, e.attributes, e.disposition, e.outcome)
	out, result, err := p.folder.Apply(&p.lead, e.forScorer(p.t), p.told)
	p.told = out
	var refusal *scorer.Refusal
	if err != nil && !errors.As(err, &refusal) {
		p.fatalf("%v", err)
	}
	got := outcome{result.Duplicate, result.Late, err != nil, result.Unevaluable}
	if want := p.oracle.apply(e); got != want {
		p.fatalf("the event was taken as %+v, the oracle says %+v", got, want)
	}
}

func (p *pair) advance(to int64) {
	p.note("%d time passes", to-start)
	p.told = p.folder.Advance(&p.lead, scorer.Instant(to), p.told)
	p.oracle.advance(to)
}

// renew puts the second model in force: at once, or when the lead is next looked at.
func (p *pair) renew(atOnce bool, at int64) {
	p.note("%d the second model is in force (for the lead too: %v)", at-start, atOnce)
	p.model = modelOf(p.t, p.texts[1])
	p.folder, p.oracle.newer = p.model.Folder(), readModel(p.texts[1])
	if atOnce && p.oracle.tier != "" {
		p.told = p.folder.Retier(&p.lead, scorer.Instant(at), p.told)
		p.oracle.retier(at)
	}
}

// forScorer is the event as the scorer takes it.
func (e *event) forScorer(t *rapid.T) *scorer.Event {
	out := &scorer.Event{Lead: "lead", Source: e.source, ID: e.id, Type: e.typ, Time: scorer.Instant(e.at), Account: e.account}
	data, err := json.Marshal(e.data)
	if err != nil {
		t.Fatal(err)
	}
	out.Data = data
	if e.engages() {
		return out
	}
	out.Qualification = &scorer.Qualification{Disposition: e.disposition, Conversion: scorer.Conversion{Outcome: e.outcome, Amount: e.amount}}
	for _, name := range names(e.ratings) {
		out.Qualification.Ratings = append(out.Qualification.Ratings, scorer.CriterionRating{Criterion: name, Value: e.ratings[name]})
	}
	for _, name := range names(e.attributes) {
		out.Qualification.Attributes = append(out.Qualification.Attributes, scorer.Attribute{Name: name, Value: valueOf(e.attributes[name])})
	}
	return out
}

func valueOf(v any) scorer.Value {
	switch v := v.(type) {
	case string:
		return scorer.Value{Kind: scorer.String, String: v}
	case float64:
		return scorer.Value{Kind: scorer.Number, Number: v}
	case bool:
		if v {
			return scorer.Value{Kind: scorer.Bool, Number: 1}
		}
		return scorer.Value{Kind: scorer.Bool}
	default:
		return scorer.Value{}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// agree compares where the lead stands.
func (p *pair) agree() {
	p.t.Helper()
	o, l := p.oracle, &p.lead
	if l.Tier != o.tier || l.Stage != o.stage || int64(l.Clock) != o.clock || int64(l.Since) != o.since ||
		int64(l.FirstSeen) != o.firstSeen || int64(l.LastSeen) != o.lastSeen || int64(l.Engaged) != o.engaged {
		p.fatalf("the lead is in %q %q since %d, its clock at %d, seen %d to %d, engaged %d; the oracle says %q %q %d %d %d %d %d",
			l.Tier, l.Stage, l.Since-scorer.Instant(start), l.Clock-scorer.Instant(start), l.FirstSeen, l.LastSeen, l.Engaged,
			o.tier, o.stage, o.since-start, o.clock-start, o.firstSeen, o.lastSeen, o.engaged)
	}
	if o.tier == "" || o.newer != nil { // a newer model shows its own standing before it has decided the lead
		return
	}
	p.agreeStanding(p.folder.Explain(l, l.Clock), o.stand())
	account, _ := o.account.value.(string)
	converted, _ := o.conversion.value.(string)
	if got := fmt.Sprint(l.Conversion.Outcome, " ", l.Conversion.Amount); l.Account != account || converted != "" && got != converted || converted == "" && l.Conversion.Outcome != "" {
		p.fatalf("account %q, conversion %s; the oracle says %q and %s", l.Account, got, account, converted)
	}
}

func (p *pair) agreeStanding(got scorer.Standing, want *standing) {
	p.t.Helper()
	for name, pair := range map[string][2]float64{
		"score": {got.Score, want.score}, "engagement": {got.Engagement, want.engagement}, "fit": {got.Fit, want.fit}, "total": {got.Total, want.total},
		"floor": {got.Floor, want.floor}, "ceiling": {got.Ceiling, want.ceiling}, "rated": {float64(got.Rated), float64(want.rated)}, "rank": {got.Rank, p.oracle.ranked(want)},
	} {
		if !near(pair[0], pair[1]) {
			p.fatalf("%s is %v, the oracle says %v", name, pair[0], pair[1])
		}
	}
	if got.Grade != want.grade || got.Complete != want.complete || got.Disposition != want.disposition || got.Route != p.oracle.route() {
		p.fatalf("%+v; the oracle says %+v, route %s", got, want, p.oracle.route())
	}
	for _, group := range got.Groups {
		if !near(group.Points, want.groups[group.Name]) {
			p.fatalf("group %s is %v, the oracle says %v", group.Name, group.Points, want.groups[group.Name])
		}
	}
	for i, c := range got.Contributions {
		if !near(c.Points, want.contributions[c.Name]) {
			p.fatalf("%s gives %v, the oracle says %v", c.Name, c.Points, want.contributions[c.Name])
		}
		if i > 0 && cmp.Or(cmp.Compare(math.Abs(got.Contributions[i-1].Points), math.Abs(c.Points)), cmp.Compare(c.Name, got.Contributions[i-1].Name)) < 0 {
			p.fatalf("contributions out of order: %v", got.Contributions)
		}
	}
	for name, points := range want.contributions {
		if !near(points, 0) && len(got.Contributions) < len(want.contributions) && !gives(got.Contributions, name) {
			p.fatalf("the oracle says that %s gives %v, the scorer knows nothing of it", name, points)
		}
	}
	for _, r := range got.Ratings {
		if want.ratings[r.Criterion].value != r.Value {
			p.fatalf("%s is rated %v, the oracle says %v", r.Criterion, r.Value, want.ratings[r.Criterion].value)
		}
	}
}

func gives(all []scorer.Points, name string) bool {
	for _, c := range all {
		if c.Name == name {
			return true
		}
	}
	return false
}

// agreeChanges compares all changes so far, and holds that they form a chain.
func (p *pair) agreeChanges() {
	p.t.Helper()
	var got []told
	var moved scorer.Instant // when the tier changed last; 0: never yet
	for i, c := range p.told {
		cause := string(c.Cause.Kind)
		if c.Cause.Kind == scorer.ByEvent {
			cause += " " + c.Cause.ID
		}
		got = append(got, told{at: int64(c.At), stage: c.Kind == scorer.StageReached, from: c.From, to: c.To, stageAfter: c.Stage,
			up: c.Up, route: c.Route, cause: cause, score: c.Standing.Score})
		if c.Sequence != uint64(i+1) || i > 0 && c.From != p.told[i-1].To || c.Previous != moved {
			p.fatalf("change %d breaks the chain: %+v", i, c)
		}
		if c.Kind == scorer.TierChanged {
			moved = c.At
		}
	}
	same := len(got) == len(p.oracle.told)
	for i := 0; same && i < len(got); i++ {
		a, b := got[i], p.oracle.told[i]
		same = near(a.score, b.score)
		a.score = b.score
		same = same && a == b
	}
	if !same {
		p.fatalf("changes\n%v\nthe oracle says\n%v", lines(got), lines(p.oracle.told))
	}
}

func lines(all []told) string {
	var b strings.Builder
	for _, c := range all {
		c.at -= start
		fmt.Fprintln(&b, c)
	}
	return b.String()
}
