package scorer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What the checks of a model's conditions may cost, counted in nodes of conditions looked at: for all of a model, for one
// look, and for the combinations of cells of one look.
const (
	checkMost  = 20_000_000
	lookMost   = 400_000
	cellsAtAll = 8_192
)

// checkConditions finds conditions that can never hold, tiers that can't be reached, and tiers between which a lead would
// go back and forth. What it finds is so; what it does not find may be there all the same.
func (r *reader) checkConditions(m *Model) {
	r.ranges, r.work = rangesOf(m, r.doubts), checkMost
	for i := range m.engagement.rules {
		rule := &m.engagement.rules[i]
		scope := r.scope(m)
		if rule.on == onIdle {
			scope.idle = rule.after.Seconds()
		} else if !strings.HasSuffix(rule.on, "*") {
			scope.on = rule.on
		}
		r.checkHolds(rule.when, scope, "the rule never counts")
	}
	for i := range m.fit.rules {
		r.checkHolds(m.fit.rules[i].when, r.scope(m), "the rule never counts")
	}
	tiers := r.checkTiers(m)
	for i := range m.stages {
		r.checkHolds(m.stages[i].when, r.scope(m), "no lead ever reaches the stage")
	}
	r.checkReach(m, tiers)
	r.checkHysteresis(m)
}

// checkTiers checks the tiers' conditions one by one. It gives those from the top that may hold or not,
// down to one that always does.
func (r *reader) checkTiers(m *Model) []*tier {
	var all []*tier
	inReach := true
	for i := range m.tiers[:max(0, len(m.tiers)-1)] {
		t := &m.tiers[i]
		switch {
		case t.when == nil && r.whens[i] == nil:
			inReach = false
		case t.when == nil || !r.checkHolds(t.when, r.scope(m), "no lead ever gets into the tier"):
		case r.always(m, t.when):
			r.failAt(t.when, "move it to the end, without a when", "this always holds, so the tiers below can't be reached")
			inReach = false
		case inReach:
			all = append(all, t)
		}
	}
	return all
}

// checkHolds finds a condition that can never hold, and reports whether it can. Of conditions joined by && it names those
// that are to blame.
func (r *reader) checkHolds(c *condition, s *scope, so string) bool {
	if c == nil {
		return true
	}
	parts := slices.Clone(r.language.parts[c])
	blank := *s
	if !r.never(s, parts) {
		return true
	}
	for i := len(parts) - 1; i >= 0 && len(parts) > 1; i-- {
		if rest := slices.Delete(slices.Clone(parts), i, i+1); r.never(blank.fresh(), rest) {
			parts = rest
		}
	}
	scope := blank.fresh()
	texts := make([]string, len(parts))
	for i, p := range parts {
		scope.wide(p.root)
		texts[i] = p.text
	}
	what, mend := "this never holds", scope.told()
	if len(parts) > 1 {
		what = "these never hold at once: " + strings.Join(texts, " and ")
		if len(scope.axes) == 1 || mend == "" {
			mend = "leave one out, or join them by || if one of them is enough"
		}
	}
	r.failIn(r.places[c], []mistake{{parts[0].offset, parts[0].width, what + ", so " + so, mend}})
	return false
}

// fresh is a scope of the same place that no condition has been looked at in.
func (s *scope) fresh() *scope {
	return &scope{m: s.m, ranges: s.ranges, byName: map[string]*axis{}, on: s.on, idle: s.idle}
}

// never is whether it is certain that these conditions never hold at once.
func (r *reader) never(s *scope, parts []part) bool {
	roots := make([]boolNode, len(parts))
	for i, p := range parts {
		roots[i] = s.wide(p.root)
	}
	possible := false
	found := r.look(s, func() bool {
		possible = true
		for _, root := range roots {
			possible = possible && root.over(nil, nil, nil)&canYes != 0
		}
		return !possible
	})
	return found && !possible
}

// always is whether it is certain that c holds for every lead at any time.
func (r *reader) always(m *Model, c *condition) bool {
	s := r.scope(m)
	root := s.wide(c.root)
	always := true
	found := r.look(s, func() bool {
		always = root.over(nil, nil, nil) == canYes
		return always
	})
	return found && always
}

// look shows the combinations of cells of s, as far as the work that is left allows to cut it. It reports whether there
// were any.
func (r *reader) look(s *scope, show func() bool) bool {
	each := max(1, s.nodes+len(s.axes))
	s.cut(max(1, min(cellsAtAll, lookMost/each, r.work/each)))
	return s.each(func() bool {
		r.work -= each
		return show()
	})
}

// checkReach finds tiers whose condition holds only where one of a tier above does as well. The last tier is not among
// them: every lead begins in it.
func (r *reader) checkReach(m *Model, tiers []*tier) {
	s := r.scope(m)
	roots, open := make([]boolNode, len(tiers)), len(tiers)
	for i, t := range tiers {
		roots[i] = s.wide(t.when.root)
	}
	reached, above := make([]bool, len(tiers)), make([][]string, len(tiers))
	found := r.look(s, func() bool {
		first := -1 // the tier that holds for certain
		for i, root := range roots {
			can := root.over(nil, nil, nil)
			switch {
			case can&canYes == 0:
				continue
			case first >= 0:
				if !reached[i] && !slices.Contains(above[i], tiers[first].name) {
					above[i] = append(above[i], tiers[first].name)
				}
				continue
			case !reached[i]:
				reached[i], open = true, open-1
			}
			if can == canYes {
				first = i
			}
		}
		return open > 0
	})
	for i, t := range tiers {
		if found && !reached[i] {
			r.failAt(t.when, "put the tier that asks for more above the one that asks for less",
				"tier %s can't be reached: wherever this holds, a tier above does (%s)", strconv.Quote(t.name), strings.Join(above[i], ", "))
		}
	}
}

// failAt records a mistake of a condition as a whole.
func (r *reader) failAt(c *condition, mend, format string, args ...any) {
	r.failIn(r.places[c], []mistake{{0, wordAt(c.text, 0), fmt.Sprintf(format, args...), mend}})
}

// told says for people what the numbers in the scope can be, where that is bounded.
func (s *scope) told() string {
	var all []string
	for _, a := range s.axes {
		if a.still != nil && a.still.kind == stillFitGrade {
			for _, g := range s.m.fit.grades {
				if slices.Contains(s.named, g.name) {
					all = append(all, "grade "+g.name+" begins at fit.score "+plain(g.bound))
				}
			}
		}
		if !a.whole.hasNumber() || a.whole.hasText() || a.name == "engagement.idle" {
			continue
		}
		switch lo, hi := a.whole.lo, a.whole.hi; {
		case lo == hi:
			all = append(all, a.name+" is always "+plain(lo))
		case !math.IsInf(lo, 0) && !math.IsInf(hi, 0):
			all = append(all, a.name+" is "+plain(lo)+" to "+plain(hi))
		case !math.IsInf(lo, 0):
			all = append(all, a.name+" is "+plain(lo)+" or more")
		case !math.IsInf(hi, 0):
			all = append(all, a.name+" is "+plain(hi)+" or less")
		}
	}
	return strings.Join(all, ", ")
}

// plain writes a number as people do.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// plainSeconds writes a number of seconds as a duration.
func plainSeconds(v float64) string { return time.Duration(v * float64(time.Second)).String() }
