package web

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/hotlead/hotlead/cmd/internal/words"
	"github.com/hotlead/hotlead/scorer"
)

// modelView is a model in words.
type modelView struct {
	scorer.Description
	Said *words.Sayings
	// Groups are the rules by group, those of no group last.
	Groups []ruleGroup
	// Lanes of All are under it.
	Lanes, All int
	// Since is when it took effect; zero where nobody knows.
	Since time.Time
}

// ruleGroup are the rules of a group.
type ruleGroup struct {
	Name, Said string
	Rules      []saidRule
}

// saidRule is a rule in words.
type saidRule struct {
	ID string
	words.RuleSaying
}

// Paragraphs are what the model's file begins with, without its line breaks.
func (v modelView) Paragraphs() []string {
	if v.Comment == "" {
		return nil
	}
	return strings.Split(v.Comment, "\n\n")
}

// FitBound is the most that fit gives, "" for no bound.
func (v modelView) FitBound() string {
	if math.IsInf(v.FitMax, 0) {
		return ""
	}
	return number(v.FitMax)
}

// modelPage answers GET /model: the models in force, one but while a new one is put in force.
func (h *handler) modelPage(w http.ResponseWriter, r *http.Request) {
	views, err := h.modelViews(r.Context())
	h.draw(w, r, "model", "Model", views, err)
}

func (h *handler) modelViews(ctx context.Context) ([]modelView, error) {
	inForce, err := h.Pages.InForce(ctx)
	if err != nil {
		return nil, err
	}
	all := 0
	for _, m := range inForce {
		all += m.Lanes
	}
	var views []modelView
	for _, m := range inForce {
		said, err := words.Say(m.Model)
		if err != nil {
			return nil, fmt.Errorf("saying the model %s: %w", m.Model.Name, err)
		}
		views = append(views, modelView{m.Model, said, grouped(&m.Model, said), m.Lanes, all, m.Since})
	}
	return views, nil
}

// grouped are a model's engagement rules by group.
func grouped(m *scorer.Description, said *words.Sayings) []ruleGroup {
	var groups []ruleGroup
	for i, g := range m.Groups {
		groups = append(groups, ruleGroup{Name: g.Name, Said: said.Groups[i]})
	}
	groups = append(groups, ruleGroup{})
	for i, r := range m.Rules {
		for g := range groups {
			if groups[g].Name == r.Group {
				groups[g].Rules = append(groups[g].Rules, saidRule{r.ID, said.Rules[i]})
			}
		}
	}
	if last := len(groups) - 1; len(groups[last].Rules) == 0 {
		groups = groups[:last]
	}
	return groups
}
