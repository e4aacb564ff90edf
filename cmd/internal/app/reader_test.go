package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

// begun is when the leads of these tests act.
var begun = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// kept is a store of leads in memory.
type kept struct {
	lanes int
	leads map[string]*scorer.Lead
	model state.ModelInForce
	err   error
}

func (k *kept) LeadByID(_ context.Context, lane int, id string) (*scorer.Lead, *state.ModelInForce, error) {
	l := k.leads[id]
	switch {
	case k.err != nil:
		return nil, nil, k.err
	case l == nil || lane != events.Lane(id, k.lanes):
		return nil, nil, fmt.Errorf("lane %d: %w", lane, state.ErrNoLead)
	}
	own := *l
	return &own, &k.model, nil
}

// Top lists as the index does: by the rank and tier as of the last write.
func (k *kept) Top(_ context.Context, lanes int, tier string, limit int) ([]state.LeadAt, error) {
	var found []state.LeadAt
	for id, l := range k.leads {
		if own := *l; l.Tier == tier {
			found = append(found, state.LeadAt{Lane: events.Lane(id, lanes), Lead: &own})
		}
	}
	slices.SortFunc(found, func(a, b state.LeadAt) int { return strings.Compare(a.Lead.ID, b.Lead.ID) })
	return found[:min(limit, len(found))], k.err
}

// Page takes the lanes one after the other, each by ID from behind.
func (k *kept) Page(_ context.Context, after []int64, tier string, limit int) (page []state.LeadAt, next []int64, err error) {
	next = slices.Clone(after)
	for lane := range after {
		var of []state.LeadAt
		for id, l := range k.leads {
			if own := *l; l.Tier == tier && events.Lane(id, len(after)) == lane {
				of = append(of, state.LeadAt{Lane: lane, Lead: &own})
			}
		}
		slices.SortFunc(of, func(a, b state.LeadAt) int { return strings.Compare(b.Lead.ID, a.Lead.ID) })
		of = of[min(int(after[lane]), len(of)):]
		of = of[:min(len(of), limit-len(page))]
		next[lane] += int64(len(of))
		page = append(page, of...)
	}
	if len(page) < limit {
		next = nil
	}
	return page, next, k.err
}

func (k *kept) Counts(context.Context, int) (map[string]int64, error) {
	counts := map[string]int64{}
	for _, l := range k.leads {
		counts[l.Tier]++
	}
	return counts, k.err
}

func (k *kept) ModelInForce(context.Context, int) (*state.ModelInForce, error) {
	return &k.model, k.err
}

// acted is a store with leads that asked for a demo, each so much after begun.
func acted(t *testing.T, leads map[string]time.Duration) *kept {
	t.Helper()
	m := smallModel(t)
	k := &kept{lanes: 3, leads: map[string]*scorer.Lead{}, model: state.ModelInForce{Name: m.Name, Version: m.Version, Text: m.Text}}
	for id, after := range leads {
		l := &scorer.Lead{ID: id}
		e := scorer.Event{Lead: id, Source: "web", ID: id, Type: "demo.requested", Time: scorer.InstantOf(begun.Add(after))}
		if _, _, err := m.Folder().Apply(l, &e, nil); err != nil {
			t.Fatal(err)
		}
		k.leads[id] = l
	}
	return k
}

func readerAt(t *testing.T, k *kept, now time.Time) *Reader {
	t.Helper()
	r := NewReader(k, func(context.Context) (int, error) { return k.lanes, nil }, smallModel(t))
	r.now = func() time.Time { return now }
	return r
}

// shown is the part of a lead's JSON that these tests look at.
type shown struct {
	Lead, Tier string
	Score      float64
	AsOf       time.Time `json:"as_of"`
	NextChange *struct {
		At time.Time
		To string
	} `json:"next_change"`
	Model struct{ Version int }
}

func decode(t *testing.T, text json.RawMessage) shown {
	t.Helper()
	var s shown
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return s
}

func TestALeadIsShownAsTimeHasLeftIt(t *testing.T) {
	k := acted(t, map[string]time.Duration{"a": 0})
	r := readerAt(t, k, begun.Add(24*time.Hour))
	now, err := r.Lead(t.Context(), "a", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if s := decode(t, now); s.Tier != "warm" || s.Score != 20 || !s.AsOf.Equal(begun.Add(24*time.Hour)) || s.NextChange == nil || s.NextChange.To != "cold" {
		t.Errorf("a day later: %s", now)
	}
	then, err := r.Lead(t.Context(), "a", begun)
	if err != nil {
		t.Fatal(err)
	}
	if s := decode(t, then); s.Tier != "hot" || s.Score != 40 {
		t.Errorf("then: %s", then)
	}
	before, err := r.Lead(t.Context(), "a", begun.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if s := decode(t, before); !s.AsOf.Equal(begun) || s.Score != 40 {
		t.Errorf("before its clock: %s", before)
	}
	if k.leads["a"].Tier != "hot" {
		t.Error("showing a lead changed it")
	}
}

func TestALeadThatIsNot(t *testing.T) {
	r := readerAt(t, acted(t, nil), begun)
	if _, err := r.Lead(t.Context(), "nobody", time.Time{}); !errors.Is(err, web.ErrNoLead) {
		t.Errorf("the error is %v", err)
	}
}

func TestTheTopOfATierIsAsOfNow(t *testing.T) {
	// The older a demo, the less of it is left; c's has faded below hot since its last event.
	k := acted(t, map[string]time.Duration{"a": -5 * time.Hour, "b": 0, "c": -20 * time.Hour, "d": -time.Hour})
	page, err := readerAt(t, k, begun).List(t.Context(), web.LeadQuery{Tier: "hot", Limit: 10})
	if err != nil || page.Total != 4 {
		t.Fatalf("total %d, %v", page.Total, err)
	}
	var order string
	for _, text := range page.Leads {
		order += decode(t, text).Lead
	}
	if order != "bda" {
		t.Errorf("the order is %s", order)
	}
}

func TestALaneUnderAnotherModelIsShownByItsOwn(t *testing.T) {
	k := acted(t, map[string]time.Duration{"a": 0})
	other := strings.NewReplacer("version: 3", "version: 2", "points: 40", "points: 15").Replace(string(k.model.Text))
	k.model.Version, k.model.Text = 2, []byte(other)
	r := readerAt(t, k, begun)
	for range 2 {
		text, err := r.Lead(t.Context(), "a", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		if s := decode(t, text); s.Model.Version != 2 || s.Score != 15 {
			t.Errorf("shown as %s", text)
		}
	}
	first, err := r.modelOf(&k.model)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.modelOf(&k.model); again != first || err != nil {
		t.Errorf("the other model is compiled again, %v", err)
	}
	k.model.Version, k.model.Text = 1, []byte("not a model")
	var mistakes scorer.ModelErrors
	if _, err := r.Lead(t.Context(), "a", time.Time{}); !errors.As(err, &mistakes) {
		t.Errorf("the error is %v", err)
	}
}

func TestTiersThatCanBeListed(t *testing.T) {
	if got := readerAt(t, acted(t, nil), begun).Tiers(); !slices.Equal(got, []string{"hot", "warm"}) {
		t.Errorf("tiers %v", got)
	}
}

func TestTheLanesAreAskedForUntilTheyAreKnown(t *testing.T) {
	k := acted(t, map[string]time.Duration{"a": 0})
	away := errors.New("away")
	answers := []error{away, nil}
	r := NewReader(k, func(context.Context) (int, error) {
		err := answers[0]
		answers = answers[1:]
		return k.lanes, err
	}, smallModel(t))
	if _, err := r.Lead(t.Context(), "a", begun); !errors.Is(err, away) {
		t.Errorf("the error is %v", err)
	}
	for range 2 {
		if _, err := r.Lead(t.Context(), "a", begun); err != nil {
			t.Error(err)
		}
	}
}

func TestErrorsOfTheStoreAreTold(t *testing.T) {
	k := acted(t, map[string]time.Duration{"a": 0})
	k.err = errors.New("away")
	r := readerAt(t, k, begun)
	if _, err := r.Lead(t.Context(), "a", begun); !errors.Is(err, k.err) {
		t.Errorf("a lead: %v", err)
	}
	if _, err := r.List(t.Context(), web.LeadQuery{Tier: "hot", Limit: 1}); !errors.Is(err, k.err) {
		t.Errorf("a tier: %v", err)
	}
}
