package consumer

import (
	"testing"
	"time"
)

// A lane that keeps up rests between batches, but a first event after a quiet time does not wait.
func TestALaneRests(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		since time.Duration
		want  time.Duration
	}{
		"just begun":                  {since: 0, want: beat},
		"begun a while ago":           {since: beat / 4, want: beat - beat/4},
		"a batch that took a beat":    {since: beat, want: 0},
		"after a quiet time":          {since: time.Hour, want: 0},
		"the clock has been set back": {since: -time.Hour, want: beat},
	} {
		l := &lane{Options: &Options{now: func() time.Time { return now }}, worked: now.Add(-c.since)}
		if got := l.rest(); got != c.want {
			t.Errorf("%s: a rest of %v, want %v", what, got, c.want)
		}
	}
}
