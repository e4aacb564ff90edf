package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hotlead/hotlead/scorer"
)

const (
	// usualRows is how many leads of a tier the list shows, moreRows how many more at a time, and mostRows how many at most:
	// who looks for one further down looks by route and account.
	usualRows = 50
	moreRows  = 200
	mostRows  = 1000
	// rowReasons is how many contributions of each lead the list shows.
	rowReasons = 3
	// longestForm bounds what a form of the page may send, in bytes.
	longestForm = 8 << 10
)

// leadsView is the list of leads.
type leadsView struct {
	Chosen choice
	Tiers  []tierChoice
	Routes []string
	Lists  []tierList
}

// choice is what somebody wants to see.
type choice struct {
	Tier, Route, Account string
	Rows                 int
}

// tierChoice is a tier that can be chosen.
type tierChoice struct {
	Name  string
	Total int64
}

// tierList are leads of a tier, by route.
type tierList struct {
	Tier   string
	Total  int64
	Shown  int
	Routes []routeList
	// More is how many rows to ask for next, 0 where all are shown.
	More int
}

// routeList are leads of a tier that go to one route.
type routeList struct {
	Route string
	Leads []row
}

// row is a lead on the list.
type row struct {
	Shown
	Value         string
	Moved         move
	Contributions []scorer.Points
	// First is whether this is the lead to begin with.
	First bool
}

// usual are the tiers that are listed where nobody chose one: hot and warm where the model has such, else all.
func usual(tiers []string) []string {
	wanted := slices.DeleteFunc(slices.Clone(tiers), func(t string) bool { return t != "hot" && t != "warm" })
	if len(wanted) == 0 {
		return tiers
	}
	return wanted
}

// leadsPage answers GET / and POST /.
func (h *handler) leadsPage(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, longestForm)
	if err := r.ParseForm(); err != nil {
		writeProblem(w, http.StatusBadRequest, "the form can't be read")
		return
	}
	// PostForm and not Form: what a URL asks for is not looked at.
	chosen := choice{Tier: r.PostForm.Get("tier"), Route: r.PostForm.Get("route"), Account: r.PostForm.Get("account"), Rows: usualRows}
	if n, err := strconv.Atoi(r.PostForm.Get("rows")); err == nil {
		chosen.Rows = min(max(n, usualRows), mostRows)
	}
	view, err := h.leadsView(r.Context(), chosen)
	h.draw(w, r, "leads", "Leads", view, err)
}

func (h *handler) leadsView(ctx context.Context, chosen choice) (*leadsView, error) {
	model := h.Pages.Model()
	view := &leadsView{Chosen: chosen, Routes: routes(&model)}
	counts, err := h.Pages.Counts(ctx)
	for _, name := range h.Leads.Tiers() {
		view.Tiers = append(view.Tiers, tierChoice{name, counts[name]})
	}
	if err != nil {
		return view, err
	}
	tiers := usual(h.Leads.Tiers())
	if slices.Contains(h.Leads.Tiers(), chosen.Tier) {
		tiers = []string{chosen.Tier}
	}
	for _, name := range tiers {
		leads, total, err := h.Pages.Shown(ctx, Sought{name, chosen.Route, strings.TrimSpace(chosen.Account), chosen.Rows})
		if err != nil {
			return view, fmt.Errorf("listing tier %s: %w", name, err)
		}
		list := tierList{Tier: name, Total: total, Shown: len(leads)}
		if int64(len(leads)) < total && chosen.Rows < mostRows {
			list.More = min(chosen.Rows+moreRows, mostRows)
		}
		for _, l := range leads {
			list.add(l)
		}
		list.order(&model)
		view.Lists = append(view.Lists, list)
	}
	view.first()
	return view, nil
}

// first marks the lead to begin with: the first of the first tier that has any, where that tier's leads go somewhere.
func (v *leadsView) first() {
	for _, list := range v.Lists {
		if len(list.Routes) > 0 {
			list.Routes[0].Leads[0].First = list.Routes[0].Route != "" && v.Chosen.Tier == ""
			return
		}
	}
}

// add puts a lead under its route.
func (t *tierList) add(l Shown) {
	i := slices.IndexFunc(t.Routes, func(r routeList) bool { return r.Route == l.Standing.Route })
	if i < 0 {
		i, t.Routes = len(t.Routes), append(t.Routes, routeList{Route: l.Standing.Route})
	}
	reasons := l.Standing.Contributions
	t.Routes[i].Leads = append(t.Routes[i].Leads, row{
		Shown: l, Value: l.Value(), Moved: l.moved(), Contributions: reasons[:min(len(reasons), rowReasons)],
	})
}

// order puts the route that the tier itself goes to first: others are those that somebody chose for a lead.
func (t *tierList) order(m *scorer.Description) {
	own := slices.IndexFunc(m.Tiers, func(d scorer.TierDescription) bool { return d.Name == t.Tier })
	slices.SortStableFunc(t.Routes, func(a, b routeList) int {
		return cmp.Compare(rankOf(a.Route, own, m), rankOf(b.Route, own, m))
	})
}

func rankOf(route string, tier int, m *scorer.Description) int {
	if tier >= 0 && route == m.Tiers[tier].Route {
		return 0
	}
	return 1
}

// routes are all routes that a model sends leads to.
func routes(m *scorer.Description) []string {
	var all []string
	for _, t := range m.Tiers {
		all = append(all, t.Route)
	}
	for _, r := range m.Routes {
		all = append(all, r.Route)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(r string) bool { return r == "" })
}

// Narrow is whether only leads of a route or an account are looked for.
func (c choice) Narrow() bool { return c.Route != "" || c.Account != "" }

// All is how many leads the list has.
func (t tierList) All() int { return int(t.Total) }
