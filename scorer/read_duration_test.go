package scorer

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"1s": time.Second, "90m": 90 * time.Minute, "1h30m": 90 * time.Minute, "1.5h": 90 * time.Minute,
		"7d": 7 * day, "2w": 14 * day, "1w2d12h": 9*day + 12*time.Hour, "0.5d": 12 * time.Hour, "1.5w": 252 * time.Hour,
		"250ms": 250 * time.Millisecond, "1us": time.Microsecond, "1µs": time.Microsecond, "0s": 0, "3660d": maxDuration,
	} {
		if got, err := ParseDuration(text); got != want || err != nil {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "7", "d", "7 d", "-7d", "+7d", "7D", "7days", "1d 2h", "d7", "1..5d", ".", ".d", "1e3d",
		"3661d", "999999999999999w", "9999999999999999999999h", "1y", "∞", "7d\n"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
