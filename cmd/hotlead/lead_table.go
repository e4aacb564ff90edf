package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hotlead/hotlead/cmd/internal/words"
)

// shownLead is a lead as events.AppendLead writes it.
type shownLead struct {
	Lead, Account, Tier, Stage string
	Since                      time.Time
	Score                      float64
	Engagement                 struct {
		Score  float64
		Groups map[string]float64
	}
	Fit struct {
		Score float64
		Grade string
	}
	Qualification struct {
		Total       float64
		Rated       int
		Complete    bool
		Ratings     map[string]float64
		Disposition string
	}
	Contributions []struct {
		Rule   string
		Points float64
	}
	NextChange *struct {
		At time.Time
		To string
	} `json:"next_change"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	AsOf      time.Time `json:"as_of"`
	Model     struct {
		Name    string
		Version int
	}
}

// printLeadTable writes a lead, given as its JSON, for people: a line for each thing that there is to say.
func printLeadTable(out io.Writer, text []byte, zone *time.Location) error {
	var l shownLead
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("reading the lead: %w", err)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, line := range l.lines(func(at time.Time) string { return moment(at, zone) }) {
		if line.said != "" {
			fmt.Fprintf(w, "%s\t%s\n", line.name, words.Printable(line.said))
		}
	}
	return w.Flush()
}

type leadLine struct{ name, said string }

// lines are what there is to say, instants written by when.
func (l *shownLead) lines(when func(time.Time) string) []leadLine {
	lines := []leadLine{
		{"lead", l.Lead},
		{"account", l.Account},
		{"tier", l.Tier + ", since " + when(l.Since)},
		{"stage", l.Stage},
		{"score", words.Points(l.Score)},
		{"engagement", words.Points(l.Engagement.Score) + listed(": ", l.Engagement.Groups)},
		{"fit", strings.TrimSpace(words.Points(l.Fit.Score) + " " + l.Fit.Grade)},
		{"qualification", l.qualified()},
	}
	for i, c := range l.Contributions {
		name := ""
		if i == 0 {
			name = "made of"
		}
		lines = append(lines, leadLine{name, words.SignedPoints(c.Points) + " " + c.Rule})
	}
	if l.NextChange != nil {
		lines = append(lines, leadLine{"next", l.NextChange.To + ", by time alone, on " + when(l.NextChange.At)})
	}
	return append(lines,
		leadLine{"first event", when(l.FirstSeen)},
		leadLine{"last event", when(l.LastSeen)},
		leadLine{"as of", when(l.AsOf)},
		leadLine{"model", fmt.Sprintf("%s, version %d", l.Model.Name, l.Model.Version)})
}

// qualified is what was learned by asking, "" for nothing.
func (l *shownLead) qualified() string {
	q := l.Qualification
	var parts []string
	if q.Rated > 0 {
		complete := ""
		if q.Complete {
			complete = ", complete"
		}
		parts = append(parts, words.Points(q.Total)+listed(": ", q.Ratings)+complete)
	}
	if q.Disposition != "" {
		parts = append(parts, strings.ReplaceAll(q.Disposition, "_", " "))
	}
	return strings.Join(parts, "; ")
}

// moment is an instant in its reader's zone, "" for none.
func moment(at time.Time, zone *time.Location) string {
	if at.IsZero() {
		return ""
	}
	return at.In(zone).Format("Mon 2006-01-02 15:04:05")
}

// listed are numbers by their names, in the names' order, behind what comes before them; "" where there are none.
func listed(before string, numbers map[string]float64) string {
	var parts []string
	for name, n := range numbers {
		parts = append(parts, name+" "+words.Points(n))
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return before + strings.Join(parts, ", ")
}
