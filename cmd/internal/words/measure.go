package words

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/hotlead/hotlead/scorer"
)

// number writes a number as people do: 10, 2.5.
func number(v float64) string {
	return strings.Replace(strconv.FormatFloat(v, 'f', -1, 64), "-", "−", 1)
}

// points writes points with their sign: +10 points, −1 point.
func points(v float64) string {
	sign := ""
	if v > 0 {
		sign = "+"
	}
	return sign + plural(v, "point")
}

// plural is a number of things: 1 point, 10 points.
func plural(v float64, thing string) string {
	if math.Abs(v) == 1 {
		return number(v) + " " + thing
	}
	return number(v) + " " + thing + "s"
}

// units are what durations are told in, the longest first.
var units = [...]struct {
	length time.Duration
	name   string
}{
	{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}, {time.Millisecond, "millisecond"},
}

// span writes a duration: 30 days, 1 hour 30 minutes.
func span(d time.Duration) string {
	var parts []string
	for _, u := range units {
		if n := d / u.length; n > 0 {
			parts = append(parts, plural(float64(n), u.name))
			d -= n * u.length
		}
	}
	if len(parts) == 0 {
		return "no time"
	}
	return strings.Join(parts, " ")
}

// each writes how often something happens: every day, every 30 days.
func each(d time.Duration) string {
	return "every " + strings.TrimPrefix(span(d), "1 ")
}

// limit says how often a rule counts: counts at most once a day.
func limit(l scorer.LimitDescription) string {
	times := plural(float64(l.Count), "time")
	switch l.Count {
	case 1:
		times = "once"
	case 2:
		times = "twice"
	}
	switch l.Per {
	case 0:
		return "counts at most " + times + " in a lead's life"
	case time.Hour:
		return "counts at most " + times + " an hour"
	case 24 * time.Hour:
		return "counts at most " + times + " a day"
	case 7 * 24 * time.Hour:
		return "counts at most " + times + " a week"
	default:
		return "counts at most " + times + " in " + span(l.Per)
	}
}

// fading says how what was counted fades: halves every 7 days.
func fading(d scorer.DecayDescription) string {
	switch {
	case d.HalfLife > 0:
		return "halves " + each(d.HalfLife)
	case d.Linear > 0:
		return "fades evenly to nothing over " + span(d.Linear)
	case len(d.Steps) > 0:
		var parts []string
		for i, s := range d.Steps {
			part := number(math.Round(s.Keep*1e6)/1e4) + " % "
			if i == 0 {
				part += "for " + span(s.Until)
			} else {
				part += "until " + span(s.Until)
			}
			parts = append(parts, part)
		}
		return "keeps " + strings.Join(parts, ", ") + ", then nothing"
	default:
		return "does not fade"
	}
}

// sameFading is whether two decays are one.
func sameFading(a, b scorer.DecayDescription) bool {
	return fadingKey(a) == fadingKey(b)
}

// fadingKey tells decays apart to the last digit.
func fadingKey(d scorer.DecayDescription) string {
	key := d.HalfLife.String() + " " + d.Linear.String()
	for _, s := range d.Steps {
		key += " " + s.Until.String() + ":" + strconv.FormatFloat(s.Keep, 'g', -1, 64)
	}
	return key
}

// bounded is whether a bound is set.
func bounded(v float64) bool { return !math.IsInf(v, 0) }

// list joins words: a, b or c.
func list(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

// code shows a piece of a model as it is written there, on one line.
func code(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}
