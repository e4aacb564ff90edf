package events

import (
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hotlead/hotlead/scorer"
)

func TestTimesAreRoundedDownToTheMillisecond(t *testing.T) {
	for text, want := range map[string]scorer.Instant{
		"1970-01-01T00:00:00Z":                0,
		"2026-01-01T00:00:00.500Z":            1767225600500,
		"2026-01-01T00:00:00.5Z":              1767225600500,
		"2026-01-01T00:00:00.5009999999Z":     1767225600500,
		"2026-01-01T01:30:00+01:30":           1767225600000,
		"2025-12-31T19:00:00.001-05:00":       1767225600001,
		"2024-02-29T00:00:00Z":                1709164800000,
		"1969-12-31T23:59:59.9995Z":           -1,
		"0000-01-01T00:00:00Z":                -62167219200000,
		"9999-12-31T23:59:59.999999999-23:59": 253402387139999,
	} {
		if got, ok := parseTime(text); !ok || got != want {
			t.Errorf("%s is %d, %t; want %d", text, got, ok, want)
		}
	}
}

// FuzzTime holds parseTime against the standard library, which lets through more than the grammar of RFC 3339.
func FuzzTime(f *testing.F) {
	grammar := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
	for _, seed := range []string{
		"2026-01-01T00:00:00.500Z", "2026-01-01T00:00:00+23:59", "2024-02-29T23:59:59.1-00:00", "2023-02-29T00:00:00Z",
		"2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z", "2026-01-01T00:00:00,5Z", "2026-1-01T00:00:00Z",
		"2026-01-01t00:00:00z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00", "",
		"1900-02-29T00:00:00Z", "2000-02-29T00:00:00Z", "0000-02-29T00:00:00Z", "2026-01-01T00:00:00+24:00", "2026-00-00T00:00:00Z",
		"20:6-01-01T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-01T00:00:00Z ", "2026-01-01T00:00:00.123456789123Z",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var at time.Time
		err := at.UnmarshalText([]byte(text))
		want := err == nil && grammar.MatchString(text)
		got, ok := parseTime(text)
		if ok != want {
			t.Fatalf("%q: read %t, want %t (the standard library says %v)", text, ok, want, err)
		}
		if ok && got != scorer.InstantOf(at) {
			t.Fatalf("%q is %d, want %d", text, got, scorer.InstantOf(at))
		}
	})
}

func TestEveryDayIsReadAsItIsWritten(t *testing.T) {
	for day := time.Date(0, 1, 1, 12, 34, 56, 0, time.UTC); day.Year() < 10_000; day = day.AddDate(0, 0, 1) {
		text := day.Format(time.RFC3339)
		if got, ok := parseTime(text); !ok || got != scorer.InstantOf(day) {
			t.Fatalf("%s is %d, %t; want %d", text, got, ok, scorer.InstantOf(day))
		}
	}
}

func TestAppendTimeReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := scorer.Instant(rapid.Int64Range(-62167219200000, 253402300799999).Draw(t, "at"))
		text := string(appendTime(nil, at))
		if got, ok := parseTime(text); !ok || got != at {
			t.Fatalf("%s reads back as %d, %t; want %d", text, got, ok, at)
		}
	})
	if got := string(appendTime(nil, 1767225600507)); got != "2026-01-01T00:00:00.507Z" {
		t.Error(got)
	}
	if got := string(appendTime(nil, -62167219199001)); got != "0000-01-01T00:00:00.999Z" {
		t.Error(got)
	}
	if got := string(appendTime(nil, 1767225600000)); got != "2026-01-01T00:00:00Z" {
		t.Error(got)
	}
}
