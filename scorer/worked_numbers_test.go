package scorer

import (
	"fmt"
	"testing"
	"time"
)

// The frequency limits that scoring tools offer, each by events that come and how many of them count.
func TestFrequencyLimits(t *testing.T) {
	const hour = time.Hour
	every := func(step time.Duration, times int) (all []time.Duration) {
		for i := range times {
			all = append(all, time.Duration(i)*step)
		}
		return all
	}
	for _, c := range []struct {
		name, limit string
		at          []time.Duration
		counts      float64
	}{
		{"once ever", "{count: 1}", []time.Duration{0, day, 1000 * day}, 1},
		{"once a day", "{count: 1, per: 1d}", []time.Duration{0, 23 * hour, 25 * hour}, 2}, // the first and the third
		{"once a week", "{count: 1, per: 1w}", []time.Duration{0, 6 * day, 7 * day, 13 * day, 14 * day}, 3},
		{"once in 90 days", "{count: 1, per: 90d}", every(30*day, 7), 3}, // at 0, 90 and 180 days
		{"20 a day", "{count: 20, per: 1d}", every(hour/2, 60), 32},      // 20 by 9:30, and again from 24:00 to 29:30
		{"no limit", "{count: 1000}", every(hour, 60), 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tell(t, engagementModel("    - {id: visit, on: page.viewed, points: 1, limit: "+c.limit+"}\n"))
			for _, at := range c.at {
				s.does(at, "page.viewed")
			}
			s.scores(c.at[len(c.at)-1], c.counts)
		})
	}
	s := tell(t, engagementModel(`
    - {id: visit, on: page.viewed, points: 1, limit: {count: 20, per: 1d}}
    - {id: open, on: email.opened, points: 1, limit: {count: 20, per: 1d}}
`))
	for i := range 60 {
		s.does(time.Duration(i)*time.Minute, []string{"page.viewed", "email.opened"}[i%2])
	}
	s.scores(hour, 40) // 20 a day of each activity
}

// A total of 20 to 25 is hot, 13 to 19 warm, 7 to 12 cold, 5 and 6 disqualified, for every total there is.
func TestFiveCriteriaByTheirTotal(t *testing.T) {
	for total := 5; total <= 25; total++ {
		want := "hot"
		switch {
		case total <= 6:
			want = "disqualified"
		case total <= 12:
			want = "cold"
		case total <= 19:
			want = "warm"
		}
		var values []float64
		for left, i := total, 5; i > 0; i-- {
			values = append(values, float64(left/i))
			left -= left / i
		}
		t.Run(fmt.Sprint(total), func(t *testing.T) {
			s := tell(t, shippedText(t, "bant"))
			s.rated(0, ratings(values...)...)
			s.isIn(want)
			if got := s.folder.Explain(&s.lead, t0).Total; got != float64(total) {
				t.Errorf("%v add up to %v", values, got)
			}
		})
	}
}

// Where a lead goes: by its tier, or by what it said outright.
func TestFiveCriteriaByWhatWasSaid(t *testing.T) {
	for disposition, want := range map[string]struct{ tier, route string }{
		"":               {"hot", "sales"},
		"interested":     {"hot", "sales"},
		"not_interested": {"hot", "nurture"},
		"invalid":        {"disqualified", ""},
	} {
		s := tell(t, shippedText(t, "bant"))
		s.rated(0, ratings(5, 4, 5, 4, 5)...)
		if disposition != "" {
			s.disposed(0, disposition)
		}
		s.isIn(want.tier)
		if route := s.folder.Route(&s.lead); route != want.route {
			t.Errorf("%q goes to %q, want %q", disposition, route, want.route)
		}
	}
}
