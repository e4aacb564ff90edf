package web

import (
	"math"

	"github.com/hotlead/hotlead/cmd/internal/words"
)

// plot is what the page's script draws of a lead: points are pairs of an instant, in seconds since 1970, and a value.
type plot struct {
	Kind    string       `json:"kind"`
	Measure string       `json:"measure"`
	Now     float64      `json:"now"`
	Changes [][2]float64 `json:"changes"`
	Past    [][2]float64 `json:"past"`
	Ahead   [][2]float64 `json:"ahead"`
	Bounds  []bound      `json:"bounds"`
	Next    *turn        `json:"next,omitempty"`
}

// bound is a line that a lead crosses into or out of a tier.
type bound struct {
	Tier  string  `json:"tier"`
	Value float64 `json:"value"`
}

// turn is the next change.
type turn struct {
	At float64 `json:"at"`
	To string  `json:"to"`
}

func (h *handler) plot(c *Course) (plot, error) {
	ratings := byRatings(c.Model)
	p := plot{Kind: "course", Measure: "score", Changes: [][2]float64{}, Bounds: []bound{}, Now: seconds(c.Standing.At.Time().UnixMilli()), Past: points(c.Past, ratings), Ahead: points(c.Forecast, ratings)}
	if ratings {
		p.Measure = "total of ratings"
	}
	if c.Next != nil {
		p.Next = &turn{At: seconds(c.Next.At.UnixMilli()), To: c.Next.To}
	}
	thresholds, err := words.Thresholds(*c.Model, c.Lead.Tier)
	if err != nil {
		return p, err
	}
	for _, t := range thresholds {
		switch {
		case !ratings && t.Of == "score", ratings && (t.Of == "qualification.total" || t.Of == "qualification.floor"):
			p.Bounds = append(p.Bounds, bound{t.Tier, t.Value})
		case !ratings && t.Of == "engagement.score": // Fit does not fade, so the line is as level as the score's.
			p.Bounds = append(p.Bounds, bound{t.Tier, t.Value + c.Standing.Fit})
		}
	}
	return p, nil
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }

func points(samples []Sample, ratings bool) [][2]float64 {
	all := make([][2]float64, 0, len(samples))
	for _, s := range samples {
		value := s.Score
		if ratings {
			value = s.Total
		}
		all = append(all, [2]float64{seconds(s.At.UnixMilli()), math.Round(value*100) / 100})
	}
	return all
}
