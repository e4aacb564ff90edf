package app

import (
	"bufio"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hotlead/hotlead/scorer"
)

// The columns of a timeline, in characters: a time with milliseconds, what it gave, the score, and what happened.
const (
	pageWidth   = 100
	timeWidth   = 24
	numberWidth = 9
	whatWidth   = pageWidth - timeWidth - 2*numberWidth - 2
)

// page lays a timeline out: plain text in columns.
type page struct {
	out   *bufio.Writer // keeps its first error until it is flushed
	begun bool
}

func (p *page) head(lead string, m *scorer.Description) {
	p.begun = true
	fmt.Fprintf(p.out, "lead %s, by the model %s, version %d\n", clean(lead), m.Name, m.Version)
	fmt.Fprint(p.out, "Times are UTC. Points are cut to two decimals, so what is just below 60 shows as 59.99.\n\n")
	p.line("time", "change", "score", "what happened", "")
}

// entry begins what happened at an instant.
func (p *page) entry(at scorer.Instant, what string) { p.line(instant(at), "", "", what, "  ") }

// amount is a line with points, in hundredths.
func (p *page) amount(change, score float64, what string) {
	p.line("", signed(change/100), number(score/100), "  "+what, "    ")
}

// note is a line without points.
func (p *page) note(what string) { p.line("", "", "", "  "+what, "    ") }

// mark is a line that says how the lead moved.
func (p *page) mark(what string) { p.line("", "", "", "  * "+what, "    ") }

// reason is a line below a mark.
func (p *page) reason(what string) {
	p.line("", "", "", "    "+strings.Join(strings.Fields(what), " "), "      ")
}

// line is a line in columns. What does not fit goes on in the next, behind that indent.
func (p *page) line(at, change, score, what, indent string) {
	for i, part := range wrapped(what, indent, whatWidth) {
		if i > 0 {
			at, change, score = "", "", ""
		}
		line := fmt.Sprintf("%-*s%*s%*s  %s", timeWidth, at, numberWidth, change, numberWidth, score, part)
		fmt.Fprintln(p.out, strings.TrimRight(line, " "))
	}
}

// wrapped cuts text between words into lines of at most width characters, where its words allow it. All but the first
// begin with indent.
func wrapped(text, indent string, width int) []string {
	var lines []string
	for {
		rest := strings.TrimLeft(text, " ")
		start := len(text) - len(rest)
		end, size := len(text), start
		for i, r := range rest {
			if r == ' ' && (size <= width || end == len(text)) {
				end = start + i
			}
			if size++; size > width && end < len(text) {
				break
			}
		}
		if start+utf8.RuneCountInString(rest) <= width || end == len(text) {
			return append(lines, text)
		}
		lines = append(lines, text[:end])
		text = indent + strings.TrimLeft(text[end:], " ")
	}
}

// stands lays out where the lead stands, in the words and numbers of a lead shown as JSON.
func (t *Timeline) stands(s *scorer.Standing) {
	l := &t.lead
	t.page.blank()
	t.page.field("as of", instant(s.At))
	tier := l.Tier + " since " + instant(l.Since)
	if s.Route != "" {
		tier += ", route " + clean(s.Route)
	}
	t.page.field("account", clean(l.Account))
	t.page.field("tier", tier)
	t.page.field("stage", l.Stage)
	t.page.field("score", number(s.Score))
	t.page.field("engagement", number(s.Engagement)+groups(s.Groups))
	t.page.field("fit", graded(s))
	t.page.field("qualification", qualified(s))
	t.page.field("disposition", clean(s.Disposition))
	t.page.contributions(s.Contributions)
	next := "none: time alone will not move the lead"
	if at, to, moves := t.folder.NextChange(l); moves {
		next = instant(at) + " to " + to
	}
	t.page.field("next change", next)
	t.page.field("first seen", instant(l.FirstSeen))
	t.page.field("last seen", instant(l.LastSeen))
	t.page.field("sequence", strconv.FormatUint(l.Sequence, 10))
}

const fieldWidth = 16

func (p *page) blank() { fmt.Fprintln(p.out) }

// field is a line of the end; without a value, there is none.
func (p *page) field(name, value string) {
	if value == "" {
		return
	}
	for _, part := range wrapped(value, "", pageWidth-fieldWidth) {
		fmt.Fprintf(p.out, "%-*s%s\n", fieldWidth, name, part)
		name = ""
	}
}

// contributions are a line a rule, the names below each other.
func (p *page) contributions(all []scorer.Points) {
	name, width := "contributions", 0
	for _, c := range all {
		width = max(width, utf8.RuneCountInString(c.Name))
	}
	for _, c := range all {
		fmt.Fprintf(p.out, "%-*s%-*s  %s\n", fieldWidth, name, width, c.Name, number(c.Points))
		name = ""
	}
}

// groups are the groups' scores, as an addition to the engagement's.
func groups(all []scorer.Points) string {
	parts := make([]string, len(all))
	for i, g := range all {
		parts[i] = g.Name + " " + number(g.Points)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func graded(s *scorer.Standing) string {
	if s.Grade == "" {
		return number(s.Fit)
	}
	return number(s.Fit) + ", grade " + s.Grade
}

// qualified is what a lead's ratings come to; "" where it has none.
func qualified(s *scorer.Standing) string {
	if s.Rated == 0 {
		return ""
	}
	text := fmt.Sprintf("total %s, rated %d", number(s.Total), s.Rated)
	if s.Complete {
		text += ", complete"
	} else {
		text += fmt.Sprintf(", floor %s, ceiling %s", number(s.Floor), number(s.Ceiling))
	}
	parts := make([]string, len(s.Ratings))
	for i, r := range s.Ratings {
		parts[i] = r.Criterion + " " + number(r.Value)
	}
	return text + " (" + strings.Join(parts, ", ") + ")"
}

// instant is an instant as events write it.
func instant(at scorer.Instant) string {
	if at%1000 == 0 {
		return at.Time().Format(time.RFC3339)
	}
	return at.Time().Format("2006-01-02T15:04:05.000Z07:00")
}

// number is a number as events write it, though never with an exponent.
func number(n float64) string {
	if n == 0 {
		return "0" // not -0
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// signed is number with a + where it is not negative.
func signed(n float64) string {
	if n < 0 {
		return number(n)
	}
	return "+" + number(n)
}

// hundredths are points in hundredths, cut: an amount just below a bound must not show as the bound.
func hundredths(points float64) float64 { return math.Floor(math.RoundToEven(points*1e10) / 1e8) }

// seen is whether an amount of points is more than the dust of a sum.
func seen(points float64) bool { return math.Abs(points) > 1e-9 }

// duration is a duration in days, hours, minutes and seconds, to the second, without those that are 0.
func duration(d time.Duration) string {
	var b strings.Builder
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if n := d / unit.of; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			d -= n * unit.of
		}
	}
	if b.Len() == 0 {
		return d.String()
	}
	return b.String()
}

// clean is a text from outside as it can be shown: what has no look of its own is escaped.
func clean(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// shortMost is how much of an ID or a source is shown, in characters.
const shortMost = 24

func short(text string) string {
	runes := []rune(clean(text))
	if len(runes) > shortMost {
		return string(runes[:shortMost-1]) + "…"
	}
	return string(runes)
}
