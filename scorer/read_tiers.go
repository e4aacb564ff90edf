package scorer

import (
	"slices"
	"strconv"
)

// namesOf are the names of the items of a list, before the list is read: conditions anywhere may use them.
func (r *reader) namesOf(list *yamlNode) []string {
	var names []string
	if list == nil {
		return nil
	}
	for _, item := range list.items {
		for _, pair := range item.pairs {
			if pair.key.text == "name" && pair.value.text != "" {
				names = append(names, pair.value.text)
			}
		}
	}
	return names
}

// readTiers reads the tiers, from the top.
func (r *reader) readTiers(model *fields, m *Model) {
	items := model.list("tiers", maxTiers)
	if n := model.get("tiers"); n != nil && n.kind == yamlSequence && len(items) == 0 {
		r.fail(n.place, "add at least the tier that every lead begins in", "there are no tiers")
	}
	var names []string
	for i, n := range items {
		f := r.fields(n, nameOf(n, "tier"), "name", "when", "route")
		f.require("name")
		t := tier{name: f.word("name", "a tier's name"), route: f.word("route", "a route")}
		when := f.get("when")
		r.whens = append(r.whens, when)
		switch last := i == len(items)-1; {
		case when != nil && last:
			r.fail(f.keyPlace("when"), "leave it out, or add a tier below that has none",
				"the last tier has no when: it is where a lead is when nothing above holds")
		case when != nil:
			t.when = r.condition(when, seesStretch)
		case f.node != nil && !last:
			r.fail(f.node.place, "add a when, or move it to the end",
				"%s has no when, so the tiers below it can't be reached", nameOf(n, "tier"))
		}
		r.checkName(f, names, "tier")
		names = append(names, t.name)
		m.tiers = append(m.tiers, t)
	}
}

// readStages reads the stages, the first to be reached first.
func (r *reader) readStages(model *fields, m *Model) {
	var names []string
	for _, n := range model.list("stages", maxTiers) {
		f := r.fields(n, nameOf(n, "stage"), "name", "when")
		f.require("name", "when")
		s := stage{name: f.word("name", "a stage's name")}
		if when := f.get("when"); when != nil {
			s.when = r.condition(when, seesStretch)
		}
		r.checkName(f, names, "stage")
		names = append(names, s.name)
		m.stages = append(m.stages, s)
	}
}

// checkName finds a name that stands above already.
func (r *reader) checkName(f *fields, above []string, what string) {
	if n := f.get("name"); n != nil && slices.Contains(above, n.text) {
		r.fail(n.place, "give each an own name", "another %s is called %s", what, strconv.Quote(n.text))
	}
}

// nameOf is what an item of a list is called in messages.
func nameOf(n *yamlNode, what string) string {
	for _, pair := range n.pairs {
		if pair.key.text == "name" && pair.value.text != "" {
			return what + " " + strconv.Quote(pair.value.text)
		}
	}
	return "a " + what
}
