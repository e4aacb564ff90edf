package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// Store is what a Reader reads.
type Store interface {
	LeadByID(ctx context.Context, lane int, id string) (*scorer.Lead, *state.ModelInForce, error)
	Top(ctx context.Context, lanes int, tier string, limit int) ([]state.LeadAt, error)
	Page(ctx context.Context, after []int64, tier string, limit int) (page []state.LeadAt, next []int64, err error)
	Counts(ctx context.Context, lanes int) (map[string]int64, error)
	ModelInForce(ctx context.Context, lane int) (*state.ModelInForce, error)
}

// Reader shows leads as they stand at an instant: what time has done to them since their last event is applied to the
// copy that is shown. It is safe for concurrent use.
type Reader struct {
	store Store
	model *scorer.Model
	now   func() time.Time

	// askLanes says over how many lanes the leads are spread; that never changes, so lanes keeps the first answer (0: none
	// yet).
	askLanes func(context.Context) (int, error)
	lanes    atomic.Int64
	// other is the model, not the configured one, that a lane was last found under.
	other atomic.Pointer[scorer.Model]
	// looks holds one for each look through many leads in hand.
	looks chan struct{}
}

var _ web.Leads = (*Reader)(nil)

// NewReader reads leads of the store, spread over as many lanes as lanes says. A lane that is under another model than
// the configured one is shown by its own.
func NewReader(store Store, lanes func(context.Context) (int, error), model *scorer.Model) *Reader {
	return &Reader{store: store, model: model, now: time.Now, askLanes: lanes, looks: make(chan struct{}, looksAtOnce)}
}

func (r *Reader) laneCount(ctx context.Context) (int, error) {
	if n := r.lanes.Load(); n > 0 {
		return int(n), nil
	}
	n, err := r.askLanes(ctx)
	if err != nil {
		return 0, fmt.Errorf("asking over how many lanes the leads are spread: %w", err)
	}
	r.lanes.Store(int64(n))
	return n, nil
}

// Tiers are the tiers that List can list, from the model's top.
func (r *Reader) Tiers() []string {
	var names []string
	for _, t := range r.model.Tiers() {
		if t.Indexed {
			names = append(names, t.Name)
		}
	}
	return names
}

// Lead is the JSON of one lead as of at, or as of now where at is zero. A lead can't be shown as of an instant before
// the newest that was folded: that is then the instant it is shown as of. The error matches web.ErrNoLead where there
// is no such lead.
func (r *Reader) Lead(ctx context.Context, id string, at time.Time) (json.RawMessage, error) {
	if at.IsZero() {
		at = r.now()
	}
	lead, v, err := r.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return v.json(v.show(lead, scorer.InstantOf(at))), nil
}

// find is a lead as it was last stored, the caller's own copy, and the view of its lane's model. The error matches
// web.ErrNoLead where there is no such lead.
func (r *Reader) find(ctx context.Context, id string) (*scorer.Lead, *view, error) {
	lanes, err := r.laneCount(ctx)
	if err != nil {
		return nil, nil, err
	}
	lead, inForce, err := r.store.LeadByID(ctx, events.Lane(id, lanes), id)
	switch {
	case errors.Is(err, state.ErrNoLead):
		return nil, nil, fmt.Errorf("%w: %w", web.ErrNoLead, err)
	case err != nil:
		return nil, nil, consumer.RedisMend(fmt.Errorf("reading a lead: %w", err))
	}
	model, err := r.modelOf(inForce)
	if err != nil {
		return nil, nil, err
	}
	return lead, newView(model), nil
}

// sortByRank puts the highest rank first.
func sortByRank(shown []shownLead) {
	slices.SortStableFunc(shown, func(a, b shownLead) int {
		return cmp.Or(cmp.Compare(b.standing.Rank, a.standing.Rank), cmp.Compare(a.lead.ID, b.lead.ID))
	})
}

// views shows leads of several lanes as of one instant, each by its lane's model. It is not safe for concurrent use.
type views struct {
	reader *Reader
	now    scorer.Instant
	lanes  map[int]*view
}

func (r *Reader) views() *views {
	return &views{reader: r, now: scorer.InstantOf(r.now()), lanes: map[int]*view{}}
}

func (v *views) show(ctx context.Context, at state.LeadAt) (shownLead, error) {
	of := v.lanes[at.Lane]
	if of == nil {
		var err error
		if of, err = v.reader.viewOf(ctx, at.Lane); err != nil {
			return shownLead{}, err
		}
		v.lanes[at.Lane] = of
	}
	return of.show(at.Lead, v.now), nil
}

func (r *Reader) viewOf(ctx context.Context, lane int) (*view, error) {
	inForce, err := r.store.ModelInForce(ctx, lane)
	if err != nil {
		return nil, fmt.Errorf("reading the model of lane %d: %w", lane, err)
	}
	model, err := r.modelOf(inForce)
	if err != nil {
		return nil, err
	}
	return newView(model), nil
}

// modelOf is the model in force at a lane: usually the configured one, which is compiled already.
func (r *Reader) modelOf(inForce *state.ModelInForce) (*scorer.Model, error) {
	for _, m := range []*scorer.Model{r.model, r.other.Load()} {
		if m != nil && m.Name == inForce.Name && m.Version == inForce.Version {
			return m, nil
		}
	}
	model, err := scorer.ReadModel(inForce.Name, inForce.Text)
	if err != nil {
		return nil, fmt.Errorf("reading the model %s, version %d, that a lane is under: %w", inForce.Name, inForce.Version, err)
	}
	r.other.Store(model)
	return model, nil
}

// view shows leads by one model. It is not safe for concurrent use.
type view struct {
	model  *scorer.Model
	folder *scorer.Folder
}

func newView(m *scorer.Model) *view { return &view{model: m, folder: m.Folder()} }

// shownLead is a lead as it stands at some instant.
type shownLead struct {
	by       *view
	lead     *scorer.Lead
	standing scorer.Standing
	next     *events.NextChange
}

// show advances lead, which is the caller's own copy, to at, or leaves it at its clock, if that is later.
func (v *view) show(lead *scorer.Lead, at scorer.Instant) shownLead {
	v.folder.Advance(lead, at, nil)
	shown := shownLead{by: v, lead: lead, standing: v.folder.Explain(lead, at)}
	if when, to, moves := v.folder.NextChange(lead); moves {
		shown.next = &events.NextChange{At: when, To: to}
	}
	return shown
}

// json writes a lead that v shows.
func (v *view) json(s shownLead) json.RawMessage {
	name := scorer.ModelName{Name: v.model.Name, Version: v.model.Version}
	return events.AppendLead(nil, s.lead, &s.standing, s.next, name)
}
