package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hotlead/hotlead/cmd/internal/words"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

const (
	// historyRows is how many changes of a lead its page shows, historyReasons how many contributions of each.
	historyRows    = 100
	historyReasons = 3
)

// historyView are the changes of a lead, newest first.
type historyView struct {
	Changes []pastChange
	// More is how many older ones are not shown.
	More int
	// Points are when they were, in seconds since 1970, and what the lead was worth by then.
	Points [][2]float64
}

// pastChange is a change, in the part of its JSON that the page shows.
type pastChange struct {
	Type string
	Time time.Time
	Data struct {
		From, To, Stage string
		Score           float64
		Cause           struct {
			Kind, Type string
		}
		Qualification struct{ Total float64 }
		Contributions []reason
		Model         scorer.ModelName
	}
}

// reason is what a rule gave a lead by then.
type reason struct {
	Rule   string
	Points float64
}

// Reached is the stage that the lead reached by a change, "" where it moved to another tier.
func (c pastChange) Reached() string {
	if c.Type == events.TypeStageReached {
		return c.Data.Stage
	}
	return ""
}

// Why is the change's cause in words.
func (c pastChange) Why() string {
	switch scorer.CauseKind(c.Data.Cause.Kind) {
	case scorer.ByEvent:
		return learnedBy(c.Data.Cause.Type)
	case scorer.ByTime:
		return "time passed"
	case scorer.ByModel:
		return fmt.Sprintf("the model %s, version %d, came into force", c.Data.Model.Name, c.Data.Model.Version)
	case scorer.ByCommand:
		return "by command"
	case scorer.ByRecovery:
		return "corrected after a recovery"
	default:
		return c.Data.Cause.Kind
	}
}

// Reasons are the largest contributions at the change.
func (c pastChange) Reasons() []reason {
	return c.Data.Contributions[:min(len(c.Data.Contributions), historyReasons)]
}

// learnedBy says what an event of that type is.
func learnedBy(kind string) string {
	if said, known := map[string]string{
		"criterion.rated": "a criterion was rated", "criteria.rated": "criteria were rated", "lead.profiled": "the profile changed",
		"lead.dispositioned": "somebody said what came of it", "lead.converted": "won or lost",
	}[kind]; known {
		return said
	}
	return words.Moved(scorer.RuleDescription{On: strings.TrimSuffix(kind, "*")})
}

// historyPart answers GET /leads/{id}/changes. It is a part of its own, for it is read from the topic, which takes longer
// than a lead does.
func (h *handler) historyPart(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if len(id) > longestID {
		writeProblem(w, http.StatusBadRequest, "a lead ID has at most 256 bytes")
		return
	}
	view, err := h.historyView(r.Context(), id)
	h.draw(w, r, "history", id, view, err)
}

func (h *handler) historyView(ctx context.Context, id string) (*historyView, error) {
	texts, err := h.Changes.Of(ctx, id)
	if err != nil {
		return nil, err
	}
	model := h.Pages.Model()
	view := &historyView{Points: [][2]float64{}}
	for _, text := range texts {
		var c pastChange
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("reading a change of a lead: %w", err)
		}
		value := c.Data.Score
		if byRatings(&model) {
			value = c.Data.Qualification.Total
		}
		view.Points = append(view.Points, [2]float64{seconds(c.Time.UnixMilli()), value})
		view.Changes = append(view.Changes, c)
	}
	slices.Reverse(view.Changes)
	if len(view.Changes) > historyRows {
		view.More = len(view.Changes) - historyRows
		view.Changes = view.Changes[:historyRows]
	}
	return view, nil
}
