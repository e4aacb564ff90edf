package words

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/hotlead/hotlead/scorer"
)

// reasonsSaid is how many contributions Why names.
const reasonsSaid = 3

// Change is what an announced change says, as far as it is told to people.
type Change struct {
	Type string
	Time time.Time
	Data struct {
		Lead, Account, From, To, Direction, Stage, Route string
		Score                                            float64
		Cause                                            struct {
			Kind scorer.CauseKind
			Type string
		}
		Qualification struct {
			Total       float64
			Rated       int
			Disposition string
		}
		Contributions []struct {
			Rule   string
			Points float64
		}
		Model struct {
			Name    string
			Version int
		}
	}
}

// ReadChange reads the JSON of an announced change.
func ReadChange(text []byte) (*Change, error) {
	var c Change
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("reading a tier change: %w", err)
	}
	return &c, nil
}

// Who is the lead, as it can be shown on a terminal.
func (c *Change) Who() string { return Printable(c.Data.Lead) }

// Reached is whether the lead reached a stage; else it moved from a tier to another.
func (c *Change) Reached() bool { return c.Type == "lead.stage.reached" }

// What says what happened: "warm → hot", or "reached MQL".
func (c *Change) What() string {
	if c.Reached() {
		return "reached " + Printable(c.Data.Stage)
	}
	return Printable(c.Data.From + " → " + c.Data.To)
}

// Route is where the model sends leads of that tier, "" for nowhere.
func (c *Change) Route() string { return Printable(c.Data.Route) }

// Why says what caused it, and what the lead's standing is made of: "demo.requested: demo +50, rated 21 by 5".
func (c *Change) Why() string {
	said := c.cause()
	if made := c.madeOf(); made != "" {
		said += ": " + made
	}
	return Printable(said)
}

func (c *Change) cause() string {
	switch c.Data.Cause.Kind {
	case scorer.ByEvent:
		return c.Data.Cause.Type
	case scorer.ByTime:
		return "time passed"
	case scorer.ByModel:
		return fmt.Sprintf("the new model %s, version %d", c.Data.Model.Name, c.Data.Model.Version)
	case scorer.ByRecovery:
		return "corrected after a recovery"
	case scorer.ByCommand:
		return "a command"
	}
	return string(c.Data.Cause.Kind) // of a newer hotlead
}

func (c *Change) madeOf() string {
	var parts []string
	for _, p := range c.Data.Contributions[:min(len(c.Data.Contributions), reasonsSaid)] {
		parts = append(parts, p.Rule+" "+SignedPoints(p.Points))
	}
	if q := c.Data.Qualification; q.Rated > 0 {
		parts = append(parts, fmt.Sprintf("rated %s by %d", Points(q.Total), q.Rated))
	}
	if d := c.Data.Qualification.Disposition; d != "" {
		parts = append(parts, strings.ReplaceAll(d, "_", " "))
	}
	return strings.Join(parts, ", ")
}

// Points are points with at most one decimal.
func Points(p float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(p, 'f', 1, 64), ".0")
}

// SignedPoints are points that were given or taken: "+30", "-10.2".
func SignedPoints(p float64) string {
	if p > 0 {
		return "+" + Points(p)
	}
	return Points(p)
}

// Printable is a text that somebody else chose, such as a lead's ID, with nothing in it that a terminal would take for
// a command.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
