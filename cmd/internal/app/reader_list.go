package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/scorer"
)

// mostReads is how often List reads from the store for one page at most, so that few leads among many do not hold up
// whoever waits for the page: it may then hold fewer than it could.
const mostReads = 20

// cursor is a place in a list: a tier, and how many of its leads were taken of each lane.
type cursor struct {
	Tier  string  `json:"tier"`
	Taken []int64 `json:"taken"`
}

// String is the cursor as it is given out: letters, digits, hyphen and underscore.
func (c cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // a text and numbers
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// readCursor reads what String wrote, of a list of these tiers over so many lanes. The error matches web.ErrNoCursor.
func readCursor(text string, tiers []string, lanes int) (cursor, error) {
	var c cursor
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return c, web.ErrNoCursor
	}
	if err := json.Unmarshal(decoded, &c); err != nil || len(c.Taken) != lanes || !slices.Contains(tiers, c.Tier) {
		return c, web.ErrNoCursor
	}
	// Redis counts from the end where a number is below 0.
	if slices.Min(c.Taken) < 0 {
		return c, web.ErrNoCursor
	}
	return c, nil
}

// Routes are where the model sends leads of the tiers that can be listed, each once, from the model's top.
func (r *Reader) Routes() []string {
	var routes []string
	for _, t := range r.model.Tiers() {
		if t.Indexed && t.Route != "" && !slices.Contains(routes, t.Route) {
			routes = append(routes, t.Route)
		}
	}
	return routes
}

// tiersOf are the tiers that a query is about, from the model's top.
func (r *Reader) tiersOf(q web.LeadQuery) []string {
	var names []string
	for _, t := range r.model.Tiers() {
		if t.Indexed && (q.Tier == "" || t.Name == q.Tier) && (q.Route == "" || t.Route == q.Route) {
			names = append(names, t.Name)
		}
	}
	return names
}

// List is a page of leads as of now. Which leads come on which page goes by their rank as of their last event; within a
// page they are ordered by their rank as of now.
func (r *Reader) List(ctx context.Context, q web.LeadQuery) (web.LeadPage, error) {
	lanes, err := r.laneCount(ctx)
	if err != nil {
		return web.LeadPage{}, err
	}
	tiers := r.tiersOf(q)
	page := web.LeadPage{Total: -1}
	if q.Account == "" {
		counts, err := r.store.Counts(ctx, lanes)
		if err != nil {
			return web.LeadPage{}, consumer.RedisMend(fmt.Errorf("counting the leads of a list: %w", err))
		}
		page.Total = 0
		for _, t := range tiers {
			page.Total += counts[t]
		}
	}
	if len(tiers) == 0 {
		return page, nil
	}
	at := cursor{tiers[0], make([]int64, lanes)}
	if q.Cursor != "" {
		if at, err = readCursor(q.Cursor, tiers, lanes); err != nil {
			return web.LeadPage{}, err
		}
	}
	if q.Account != "" {
		done, err := r.look(ctx)
		if err != nil {
			return web.LeadPage{}, err
		}
		defer done()
	}
	v := r.views()
	for reads := 0; reads < mostReads && len(page.Leads) < q.Limit; {
		var found []json.RawMessage
		var used int
		if found, at.Taken, used, err = r.listTier(ctx, v, at, q, q.Limit-len(page.Leads), mostReads-reads); err != nil {
			return web.LeadPage{}, err
		}
		page.Leads = append(page.Leads, found...)
		reads += used
		if at.Taken == nil {
			next := slices.Index(tiers, at.Tier) + 1
			if next == len(tiers) {
				return page, nil
			}
			at = cursor{tiers[next], make([]int64, lanes)}
		}
	}
	page.Next = at.String()
	return page, nil
}

// listTier lists up to limit leads of one tier, by at most so many reads, and says how many it took and where to go on;
// nil: nowhere.
func (r *Reader) listTier(ctx context.Context, v *views, from cursor, q web.LeadQuery, limit, reads int) (texts []json.RawMessage, next []int64, used int, err error) {
	var shown []shownLead
	for next = from.Taken; next != nil && len(shown) < limit && used < reads; used++ {
		found, after, err := r.store.Page(ctx, next, from.Tier, limit-len(shown))
		if err != nil {
			return nil, nil, 0, consumer.RedisMend(fmt.Errorf("listing the leads of a tier: %w", err))
		}
		for _, f := range found {
			s, err := v.show(ctx, f)
			if err != nil {
				return nil, nil, 0, err
			}
			// The index is as of each lead's last write; time may have moved one on since.
			if s.lead.Tier == from.Tier && (q.Account == "" || s.lead.Account == q.Account) {
				shown = append(shown, s)
			}
		}
		next = after
	}
	sortByRank(shown)
	for _, s := range shown {
		texts = append(texts, s.by.json(s))
	}
	return texts, next, used, nil
}

// Refuses says why an event would certainly become a dead letter by the model, nil where it would not: a criterion or a
// rating that neither the configured model knows nor the one that a lane was last found under.
func (r *Reader) Refuses(e *scorer.Event) *scorer.Refusal {
	var refusal *scorer.Refusal
	for _, m := range []*scorer.Model{r.model, r.other.Load()} {
		if m == nil {
			continue
		}
		_, _, err := m.Folder().Apply(&scorer.Lead{ID: e.Lead}, e, nil)
		if err == nil {
			return nil
		}
		if refusal == nil && !errors.As(err, &refusal) {
			return nil
		}
	}
	return refusal
}
