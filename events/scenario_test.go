package events

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/hotlead/hotlead/scorer"
)

// TestScenarios tells stories of leads that a marketer can read: a model, what happens, and what hotlead says to it.
// Each event of a story goes the whole way, as the record that a sender would write. With -update the stories' endings
// are written anew.
//
// A story is a file of scorer/testdata/scenarios. What stands before its first part says what it is about. Its parts:
//
//	model    the model, or "shipped: NAME"; "model 2" and so on: what is put in force later
//	story    what happens, in the order in which hotlead learns of it (see readStory)
//	changes  every tier and stage change: when it became true, of whom, and why
//	remarks  what hotlead noticed about single events: late, a duplicate, refused, ahead of its time
//	leads    where everybody stands in the end, and what time alone will do to them
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("../scorer/testdata/scenarios/*.txtar")
	if err != nil || len(files) < 14 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			archive := txtar.Parse(text)
			s := newScene(t, archive)
			for _, line := range readStory(t, partOf(archive, "story")) {
				s.happen(line)
			}
			parts := slices.DeleteFunc(slices.Clone(archive.Files), func(f txtar.File) bool {
				return f.Name == "changes" || f.Name == "remarks" || f.Name == "leads"
			})
			for _, part := range []txtar.File{{Name: "changes", Data: s.told()},
				{Name: "remarks", Data: s.remarks.Bytes()}, {Name: "leads", Data: s.standings()}} {
				if len(part.Data) > 0 || part.Name == "changes" {
					parts = append(parts, part)
				}
			}
			got := txtar.Format(&txtar.Archive{Comment: archive.Comment, Files: parts})
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(got, text) {
				t.Errorf("the story ends otherwise, with\n%s\nwant\n%s", got, text)
			}
		})
	}
}

func partOf(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// scene is a story as far as it has been told.
type scene struct {
	t       *testing.T
	archive *txtar.Archive
	decoder *Decoder
	folder  *scorer.Folder
	models  int
	leads   map[string]*scorer.Lead
	names   []string // in the order of their first appearance
	clock   time.Time

	changes []scorer.Change
	remarks bytes.Buffer
}

func newScene(t *testing.T, archive *txtar.Archive) *scene {
	s := &scene{t: t, archive: archive, decoder: NewDecoder(DefaultLimits()), leads: map[string]*scorer.Lead{}}
	s.nextModel("model")
	return s
}

// nextModel puts the model of that part in force.
func (s *scene) nextModel(part string) {
	s.t.Helper()
	text := partOf(s.archive, part)
	if name, shipped := strings.CutPrefix(strings.TrimSpace(text), "shipped: "); shipped {
		known, ok := scorer.ShippedModel(name)
		if !ok {
			s.t.Fatalf("there is no shipped model %s", name)
		}
		text = string(known)
	}
	model, err := scorer.ReadModel(part, []byte(text))
	if err != nil {
		s.t.Fatalf("reading the %s of the story: %v", part, err)
	}
	s.folder = model.Folder()
	s.models++
}

// happen lets what a line says happen.
func (s *scene) happen(l storyLine) {
	s.t.Helper()
	arrives := l.at
	if !l.arrives.IsZero() {
		arrives = l.arrives
	}
	if arrives.After(s.clock) {
		s.clock = arrives
	}
	switch l.what {
	case "time passes":
		for _, name := range s.names {
			s.tell(s.folder.Advance(s.leads[name], scorer.InstantOf(l.at), nil))
		}
	case "a new model":
		s.nextModel(fmt.Sprint("model ", s.models+1))
		for _, name := range s.names {
			s.tell(s.folder.Retier(s.leads[name], scorer.InstantOf(l.at), nil))
		}
	default:
		s.fold(l)
	}
}

// fold sends an event on its way.
func (s *scene) fold(l storyLine) {
	s.t.Helper()
	lead, known := s.leads[l.lead]
	if !known {
		lead = &scorer.Lead{}
		lead.Clear(l.lead)
		s.leads[l.lead] = lead
		s.names = append(s.names, l.lead)
	}
	var e scorer.Event
	info, err := s.decoder.Decode(&Record{Time: scorer.InstantOf(s.clock), Key: []byte(l.lead), Value: l.json(s.t)}, &e)
	if err != nil {
		s.remark(l, "refused: "+err.Error())
		return
	}
	if info.FutureTime {
		s.remark(l, "ahead of its time, taken as of when it arrived: "+shown(e.Time))
	}
	changes, result, err := s.folder.Apply(lead, &e, nil)
	switch {
	case err != nil:
		s.remark(l, "refused: "+err.Error())
	case result.Duplicate:
		s.remark(l, "a duplicate, nothing changes")
	case result.Late:
		s.remark(l, "late, counts as of its own time")
	}
	if unevaluable := s.folder.Unevaluable(); result.Unevaluable > 0 {
		for _, rule := range sorted(unevaluable) {
			s.remark(l, fmt.Sprintf("rule %s can't be evaluated and does not match", rule))
		}
	}
	s.tell(changes)
}

func (s *scene) remark(l storyLine, what string) {
	fmt.Fprintf(&s.remarks, "%s  %s  %s  %s\n", l.at.Format(clockFormat), l.lead, l.what, what)
}

func (s *scene) tell(changes []scorer.Change) { s.changes = append(s.changes, changes...) }

// told are the changes in the order in which they became true.
func (s *scene) told() []byte {
	var b bytes.Buffer
	slices.SortStableFunc(s.changes, func(a, b scorer.Change) int { return cmp.Compare(a.At, b.At) })
	for _, c := range s.changes {
		moved := c.From + " -> " + c.To
		if c.Kind == scorer.StageReached {
			moved = "reaches " + c.Stage
		}
		cause := string(c.Cause.Kind)
		if c.Cause.Kind == scorer.ByEvent {
			cause = c.Cause.Type
		}
		fmt.Fprintf(&b, "%s  %s  %s  %s  score %.1f", shown(c.At), c.Lead, moved, cause, c.Standing.Score)
		if c.Route != "" {
			fmt.Fprintf(&b, "  to %s", c.Route)
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// standings are where all leads stand in the end.
func (s *scene) standings() []byte {
	var b bytes.Buffer
	for _, name := range s.names {
		lead := s.leads[name]
		if lead.Tier == "" {
			fmt.Fprintf(&b, "%s  unknown: nothing of them was folded\n", name)
			continue
		}
		now := s.folder.Explain(lead, lead.Clock)
		fmt.Fprintf(&b, "%s  %s since %s", name, lead.Tier, shown(lead.Since))
		if lead.Stage != "" {
			fmt.Fprintf(&b, ", stage %s", lead.Stage)
		}
		fmt.Fprintf(&b, ", score %.1f%s", now.Score, pointsOf(now.Contributions))
		if now.Grade != "" {
			fmt.Fprintf(&b, ", fit %.1f grade %s", now.Fit, now.Grade)
		}
		if now.Rated > 0 {
			fmt.Fprintf(&b, ", total %v of %d ratings (%v to %v with all)", now.Total, now.Rated, now.Floor, now.Ceiling)
		}
		if now.Disposition != "" {
			fmt.Fprintf(&b, ", %s", now.Disposition)
		}
		if now.Route != "" {
			fmt.Fprintf(&b, ", to %s", now.Route)
		}
		if lead.Conversion.Outcome != "" {
			fmt.Fprintf(&b, ", %s %v", lead.Conversion.Outcome, lead.Conversion.Amount)
		}
		if at, to, ok := s.folder.NextChange(lead); ok {
			fmt.Fprintf(&b, "; %s on %s if nothing happens", to, shown(at))
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// pointsOf are the rules that give points: " (pricing 10.0, demo 5.0)".
func pointsOf(all []scorer.Points) string {
	if len(all) == 0 {
		return ""
	}
	parts := make([]string, len(all))
	for i, p := range all {
		parts[i] = fmt.Sprintf("%s %.1f", p.Name, p.Points)
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// shown is an instant to the second.
func shown(at scorer.Instant) string { return at.Time().Format(time.DateTime) }
