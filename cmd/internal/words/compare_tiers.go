package words

import (
	"slices"
	"strings"

	"github.com/hotlead/hotlead/scorer"
)

func (c *comparison) tiers() {
	byName := func(name string) func(scorer.TierDescription) bool {
		return func(t scorer.TierDescription) bool { return t.Name == name }
	}
	var order [2][]string // of the tiers that both have
	for _, was := range c.old.Tiers {
		at := slices.IndexFunc(c.new.Tiers, byName(was.Name))
		if at < 0 {
			c.atOnce("tier %s is gone; every lead that is in it moves to the first tier that fits it", was.Name)
			continue
		}
		order[0] = append(order[0], was.Name)
		is := c.new.Tiers[at]
		switch {
		case sameText(was.When, is.When):
		case was.When == "":
			c.atOnce("tier %s: all others -> if %s; every lead is put in its tier anew", is.Name, c.condition(is.When))
		case is.When == "":
			c.atOnce("tier %s: if %s -> all others; every lead is put in its tier anew", is.Name, c.before.condition(was.When))
		default:
			c.atOnce("tier %s: %s; every lead is put in its tier anew", is.Name, c.conditions(was.When, is.When))
		}
		if was.Route != is.Route {
			c.beside("leads in tier %s go to: %s; said with their next change, and nothing is announced for it alone",
				is.Name, became(orNowhere(was.Route), orNowhere(is.Route)))
		}
	}
	for i, is := range c.new.Tiers {
		if slices.ContainsFunc(c.old.Tiers, byName(is.Name)) {
			order[1] = append(order[1], is.Name)
			continue
		}
		when := "all others"
		if is.When != "" {
			when = "if " + c.condition(is.When)
		}
		c.atOnce("tier %s is new, number %d from the top: %s; every lead is put in its tier anew", is.Name, i+1, when)
	}
	if !slices.Equal(order[0], order[1]) {
		c.atOnce("the order of the tiers: %s; every lead is put in its tier anew", became(strings.Join(order[0], ", "), strings.Join(order[1], ", ")))
	}
	if was, is := c.old.Tiers[len(c.old.Tiers)-1].Name, c.new.Tiers[len(c.new.Tiers)-1].Name; was != is {
		c.fromThenOn("new leads begin in: %s", became(was, is))
	}
}

func orNowhere(route string) string {
	if route == "" {
		return "nowhere"
	}
	return route
}

func (c *comparison) stages() {
	byName := func(name string) func(scorer.StageDescription) bool {
		return func(s scorer.StageDescription) bool { return s.Name == name }
	}
	var order [2][]string // of the stages that both have
	for _, was := range c.old.Stages {
		at := slices.IndexFunc(c.new.Stages, byName(was.Name))
		if at < 0 {
			c.atOnce("stage %s is gone; every lead that stands on it begins the ladder anew: all stages that fit it are reached and announced, also again", was.Name)
			continue
		}
		order[0] = append(order[0], was.Name)
		if is := c.new.Stages[at]; !sameText(was.When, is.When) {
			c.atOnce("stage %s: %s; leads that fit it now reach it, and who has reached it keeps it", is.Name, c.conditions(was.When, is.When))
		}
	}
	for i, is := range c.new.Stages {
		if slices.ContainsFunc(c.old.Stages, byName(is.Name)) {
			order[1] = append(order[1], is.Name)
			continue
		}
		c.atOnce("stage %s is new, number %d of the ladder: if %s; leads that fit it and stand below it reach it", is.Name, i+1, c.condition(is.When))
	}
	if !slices.Equal(order[0], order[1]) {
		c.atOnce("the order of the stages: %s; a lead stands where its stage stands now, and reaches those above that fit it",
			became(strings.Join(order[0], ", "), strings.Join(order[1], ", ")))
	}
}
