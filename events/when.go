package events

import (
	"encoding/binary"
	"time"

	"github.com/hotlead/hotlead/scorer"
)

const (
	secondsPerDay = 24 * 60 * 60
	// daysToEpoch are the days from 0000-03-01 to 1970-01-01.
	daysToEpoch = 719468
)

// minute is the minute of a time that was read before. Most that are read next are of the same one, and no more than
// their seconds then has to be read. The zero value is none.
type minute struct {
	day, clock uint64 // the text: "2006-01-", "02T15:04"
	begins     scorer.Instant
}

// usualTime is how programs mostly write a time.
const usualTime = len("2006-01-02T15:04:05.000Z")

// reads is the time of this minute that stands at i and is written as usual, with the quote behind it.
func (m *minute) reads(b []byte, i int) (at scorer.Instant, ok bool) {
	if i+usualTime >= len(b) || m.begins == 0 {
		return 0, false
	}
	t := (*[usualTime + 1]byte)(b[i:])
	if binary.LittleEndian.Uint64(t[:]) != m.day || binary.LittleEndian.Uint64(t[8:]) != m.clock ||
		t[16] != ':' || t[19] != '.' || t[23] != 'Z' || t[24] != '"' {
		return 0, false
	}
	text := alias(t[:])
	second, hundredth, milli := two(text, 17), two(text, 20), t[22]-'0'
	if second > 59 || hundredth > 99 || milli > 9 {
		return 0, false
	}
	return m.begins + scorer.Instant(second*1000+hundredth*10+int(milli)), true
}

// learn makes m the minute of a time after the beginning of 1970, if its text is written as usual.
func (m *minute) learn(text string, at scorer.Instant) {
	if len(text) != usualTime || text[usualTime-1] != 'Z' {
		return
	}
	b := []byte(text)
	*m = minute{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]), at - at%60_000}
}

// parseTime reads an RFC 3339 time, rounded down to the millisecond. Without a zone, with a leap second or in small
// letters it is none.
func parseTime(s string) (scorer.Instant, bool) {
	const shape = "2006-01-02T15:04:05Z"
	if len(s) < len(shape) || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	year, month, day := 100*two(s, 0)+two(s, 2), two(s, 5), two(s, 8)
	hour, minute, second := two(s, 11), two(s, 14), two(s, 17)
	// What are no digits is out of range here.
	if year > 9999 || month < 1 || month > 12 || day < 1 || day > daysIn(month, year) ||
		hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	milli, i, ok := fraction(s, 19)
	if !ok {
		return 0, false
	}
	offset, ok := zone(s[i:])
	if !ok {
		return 0, false
	}
	seconds := daysFromEpoch(year, month, day)*secondsPerDay + int64(hour*3600+minute*60+second) - int64(offset)
	return scorer.Instant(seconds*1000 + int64(milli)), true
}

// two is the number of the two digits at s[i], 10,000 or more where they are none.
func two(s string, i int) int {
	a, b := s[i]-'0', s[i+1]-'0'
	if a > 9 || b > 9 {
		return 10_000
	}
	return int(a)*10 + int(b)
}

// fraction reads ".123456" from s[i] on, of which the first three digits count; i is then what follows it.
func fraction(s string, i int) (milli, next int, ok bool) {
	if i >= len(s) || s[i] != '.' {
		return 0, i, true
	}
	first := i + 1
	worth := 100
	for i = first; i < len(s) && s[i]-'0' <= 9; i++ {
		milli += worth * int(s[i]-'0')
		worth /= 10
	}
	return milli, i, i > first
}

// zone reads "Z" or "+01:30": the seconds that the clock is ahead of UTC.
func zone(s string) (seconds int, ok bool) {
	if s == "Z" {
		return 0, true
	}
	if len(s) != len("+01:30") || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	hours, minutes := two(s, 1), two(s, 4)
	if hours > 23 || minutes > 59 {
		return 0, false
	}
	seconds = hours*3600 + minutes*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

func daysIn(month, year int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysFromEpoch are the days from 1970-01-01 to a date of the years 0 to 9999. Years are taken to begin in March, so
// that the leap day is their last (https://howardhinnant.github.io/date_algorithms.html, days_from_civil).
func daysFromEpoch(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	y := int64(year)
	century, leap := y/100, y/4
	if y < 0 { // January and February of the year 0
		century, leap = -1, -1
	}
	return 365*y + leap - century + century>>2 + int64((153*(month-3)+2)/5+day-1) - daysToEpoch
}

// appendTime appends t in RFC 3339, in UTC, with milliseconds where there are any: by hand, for package time is quick with
// whole seconds alone.
func appendTime(b []byte, t scorer.Instant) []byte {
	at := t.Time()
	b = at.AppendFormat(b, time.RFC3339)
	milli := at.Nanosecond() / int(time.Millisecond)
	if milli == 0 {
		return b
	}
	return append(b[:len(b)-1], '.', '0'+byte(milli/100), '0'+byte(milli/10%10), '0'+byte(milli%10), 'Z')
}
