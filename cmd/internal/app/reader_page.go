package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

const (
	// courseSamples is in how many pieces each part of a lead's course is drawn: until now, to the next change, beyond it.
	courseSamples = 60
	// A forecast reaches a little beyond the next change, and a month where there will be none.
	shortestForecast = 24 * time.Hour
	usualForecast    = 30 * 24 * time.Hour
	longestForecast  = 365 * 24 * time.Hour
)

// pages reads what the pages show: leads through the Reader, lanes as the metrics tell of them.
type pages struct {
	*Reader
	metrics prometheus.Gatherer
}

var _ web.Pages = pages{}

// Model is the configured model.
func (r *Reader) Model() scorer.Description { return r.model.Describe() }

// Shown are the first leads that somebody looks for, highest rank first, and how many there are. By route or account it
// looks through the first 20,000 of the tier.
func (r *Reader) Shown(ctx context.Context, s web.Sought) ([]web.Shown, int64, error) {
	lanes, err := r.laneCount(ctx)
	if err != nil {
		return nil, 0, err
	}
	if s.Route != "" || s.Account != "" {
		found, total, err := r.lookThrough(ctx, s, lanes)
		return forPages(found), total, err
	}
	found, err := r.store.Top(ctx, lanes, s.Tier, s.Limit)
	if err != nil {
		return nil, 0, consumer.RedisMend(fmt.Errorf("listing the leads of a tier: %w", err))
	}
	v := r.views()
	shown := make([]shownLead, 0, len(found))
	for _, f := range found {
		lead, err := v.show(ctx, f)
		if err != nil {
			return nil, 0, err
		}
		// The index is as of each lead's last write; time may have moved one on since.
		if lead.lead.Tier == s.Tier {
			shown = append(shown, lead)
		}
	}
	sortByRank(shown)
	counts, err := r.Counts(ctx) // after the list, so that a lead which comes in between is not listed uncounted
	if err != nil {
		return nil, 0, err
	}
	return forPages(shown), counts[s.Tier], nil
}

// forPages are leads as the pages show them; those of one lane share the description of its model.
func forPages(shown []shownLead) []web.Shown {
	models := map[*view]*scorer.Description{}
	leads := make([]web.Shown, len(shown))
	for i, s := range shown {
		if models[s.by] == nil {
			model := s.by.model.Describe()
			models[s.by] = &model
		}
		leads[i] = web.Shown{Lead: s.lead, Standing: s.standing, Model: models[s.by]}
		if s.next != nil {
			leads[i].Next = &web.NextChange{At: s.next.At.Time(), To: s.next.To}
		}
	}
	return leads
}

// Counts are the leads in each tier, of all lanes.
func (r *Reader) Counts(ctx context.Context) (map[string]int64, error) {
	lanes, err := r.laneCount(ctx)
	if err != nil {
		return nil, err
	}
	counts, err := r.store.Counts(ctx, lanes)
	if err != nil {
		return nil, consumer.RedisMend(fmt.Errorf("counting the leads of the tiers: %w", err))
	}
	return counts, nil
}

// InForce are the models that lanes are under, the one of most lanes first.
func (r *Reader) InForce(ctx context.Context) ([]web.InForce, error) {
	lanes, err := r.laneCount(ctx)
	if err != nil {
		return nil, err
	}
	var all []web.InForce
	for p := range lanes {
		inForce, err := r.store.ModelInForce(ctx, p)
		switch {
		case errors.Is(err, state.ErrNoLedger):
			continue // Nobody has taken this lane over yet.
		case err != nil:
			return nil, consumer.RedisMend(fmt.Errorf("reading the model of lane %d: %w", p, err))
		}
		i := slices.IndexFunc(all, func(m web.InForce) bool { return m.Model.Name == inForce.Name && m.Model.Version == inForce.Version })
		if i < 0 {
			model, err := r.modelOf(inForce)
			if err != nil {
				return nil, err
			}
			i, all = len(all), append(all, web.InForce{Model: model.Describe()})
		}
		all[i].Lanes++
		if since := inForce.Since.Time(); inForce.Since > 0 && (all[i].Since.IsZero() || since.Before(all[i].Since)) {
			all[i].Since = since
		}
	}
	slices.SortStableFunc(all, func(a, b web.InForce) int { return cmp.Compare(b.Lanes, a.Lanes) })
	return all, nil
}

// Course is a lead as it stands now, how it came from the newest instant that was folded, and where time alone will take
// it. The error matches web.ErrNoLead where there is no such lead.
func (r *Reader) Course(ctx context.Context, id string) (*web.Course, error) {
	lead, v, err := r.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return v.course(lead, scorer.InstantOf(r.now())), nil
}

// course draws the course of lead, which is the caller's own copy.
func (v *view) course(lead *scorer.Lead, now scorer.Instant) *web.Course {
	now = max(now, lead.Clock)
	model := v.model.Describe()
	c := &web.Course{Past: v.sample(nil, lead, lead.Clock, now)}
	s := v.show(lead, now)
	c.Shown = web.Shown{Lead: lead, Standing: s.standing, Model: &model}
	if s.next == nil {
		c.Forecast = v.sample(nil, lead, now, now.Add(usualForecast))
		return c
	}
	c.Next = &web.NextChange{At: s.next.At.Time(), To: s.next.To}
	end := now.Add(min(max(s.next.At.Sub(now)/8*9, shortestForecast), longestForecast))
	turn := min(s.next.At, end)
	c.Forecast = v.sample(v.sample(nil, lead, now, turn), lead, turn, end)
	return c
}

// sample appends how lead stands on the way from one instant to another, as time alone moves it.
func (v *view) sample(samples []web.Sample, lead *scorer.Lead, from, to scorer.Instant) []web.Sample {
	for i := range scorer.Instant(courseSamples + 1) {
		s := v.folder.Explain(lead, from+(to-from)*i/courseSamples)
		samples = append(samples, web.Sample{At: s.At.Time(), Score: s.Score, Total: s.Total})
		if from == to {
			break
		}
	}
	return samples
}

// Lanes are the lanes of this process, by number.
func (p pages) Lanes() ([]web.Lane, error) {
	families, err := p.metrics.Gather()
	if err != nil {
		return nil, fmt.Errorf("gathering what the lanes tell of themselves: %w", err)
	}
	lanes := map[int]*web.Lane{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range metric.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			number, err := strconv.Atoi(labels["partition"])
			if err != nil {
				continue
			}
			lane := lanes[number]
			if lane == nil {
				lane = &web.Lane{Number: number}
				lanes[number] = lane
			}
			switch value := metric.GetGauge().GetValue(); family.GetName() {
			case "hotlead_lag_records":
				lane.Records += int64(value)
			case "hotlead_lag_seconds":
				lane.Behind = time.Duration(value * float64(time.Second))
			case "hotlead_lane_refused":
				if value > 0 {
					lane.Refused = labels["reason"]
				}
			}
		}
	}
	all := make([]web.Lane, 0, len(lanes))
	for _, lane := range lanes {
		all = append(all, *lane)
	}
	slices.SortFunc(all, func(a, b web.Lane) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}
