package consumer

import (
	"testing"
	"time"
)

// A lane that keeps up rests between batches; one that is behind does not, nor does a first event after a quiet time wait.
func TestALaneRestsOnlyWhileItKeepsUp(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		caughtUp bool
		since    time.Duration
		want     time.Duration
	}{
		"just begun":                  {caughtUp: true, since: 0, want: beat},
		"begun a while ago":           {caughtUp: true, since: beat / 4, want: beat - beat/4},
		"a batch that took a beat":    {caughtUp: true, since: beat, want: 0},
		"after a quiet time":          {caughtUp: true, since: time.Hour, want: 0},
		"behind":                      {caughtUp: false, since: 0, want: 0},
		"the clock has been set back": {caughtUp: true, since: -time.Hour, want: beat},
	} {
		l := &lane{Options: &Options{now: func() time.Time { return now }}, caughtUp: c.caughtUp, worked: now.Add(-c.since)}
		if got := l.rest(); got != c.want {
			t.Errorf("%s: a rest of %v, want %v", what, got, c.want)
		}
	}
}
