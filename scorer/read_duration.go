package scorer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxDuration bounds every duration of a model: ten years.
const maxDuration = 3660 * 24 * time.Hour

// ParseDuration reads a duration of a model: as Go writes it, with d (24 hours) and w (7 days) besides: 90m, 12h, 1.5d,
// 2w, 1d12h. None is below 0 or longer than ten years.
func ParseDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, fmt.Errorf("%q is no duration", text)
	}
	var total time.Duration
	for rest := text; rest != ""; {
		digits := strings.IndexFunc(rest, func(c rune) bool { return c != '.' && (c < '0' || c > '9') })
		if digits <= 0 {
			return 0, fmt.Errorf("%q is no duration", text)
		}
		number := rest[:digits]
		rest = rest[digits:]
		letters := strings.IndexFunc(rest, func(c rune) bool { return c == '.' || '0' <= c && c <= '9' })
		if letters < 0 {
			letters = len(rest)
		}
		part, err := durationOfUnit(number, rest[:letters])
		if err != nil {
			return 0, fmt.Errorf("%q is no duration", text)
		}
		rest = rest[letters:]
		total += part
		if part > maxDuration || total > maxDuration {
			return 0, fmt.Errorf("%q is longer than ten years", text)
		}
	}
	return total, nil
}

// durationOfUnit reads one number with its unit.
func durationOfUnit(number, unit string) (time.Duration, error) {
	days := 0.0
	switch unit {
	case "d":
		days = 1
	case "w":
		days = 7
	default:
		return time.ParseDuration(number + unit)
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, err
	}
	if n *= days; n > maxDuration.Hours()/24 {
		return math.MaxInt64, nil
	}
	return time.Duration(math.Round(n * float64(24*time.Hour))), nil
}
