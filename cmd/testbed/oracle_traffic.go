package testbed

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// seedVariable names the seed of a run that is to be repeated.
const seedVariable = "HOTLEAD_PROOF_SEED"

// Seed is the seed of a test's random choices: a new one each time, or the one that HOTLEAD_PROOF_SEED says. A test that
// fails says how to run it again.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("testbed: %s is no number: %v", seedVariable, err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("testbed: again with: %s=%d go test -run '^%s$'", seedVariable, seed, t.Name())
		}
	})
	return seed
}

// Traffic makes events for an Oracle's model: engagement and qualification, some late, some sent twice, some that no
// rule names. The same seed makes the same events.
type Traffic struct {
	random *rand.Rand
	leads  int
	number int
	now    time.Time
	sent   []Event // the newest, to send again
}

// NewTraffic makes traffic of so many leads, that begins an hour before now.
func NewTraffic(seed uint64, leads int, now time.Time) *Traffic {
	return &Traffic{random: rand.New(rand.NewPCG(seed, 0)), leads: leads, now: now.Add(-time.Hour).Truncate(time.Millisecond)}
}

// Next is the next event. Every third lead has only qualification events; each of the others has both kinds.
func (g *Traffic) Next() Event {
	if len(g.sent) > 0 && g.random.IntN(20) == 0 {
		return g.sent[g.random.IntN(len(g.sent))] // again
	}
	g.number++
	g.now = g.now.Add(2 * time.Millisecond)
	lead := g.random.IntN(g.leads)
	e := Event{Lead: fmt.Sprintf("lead-%d", lead), Source: "proof/traffic", ID: strconv.Itoa(g.number), Time: g.now}
	if g.random.IntN(10) == 0 {
		e.Time = e.Time.Add(-time.Duration(2*g.random.IntN(500)+1) * time.Millisecond) // late; never the time of another
	}
	if lead%3 == 0 || g.random.IntN(5) == 0 {
		e.Type, e.Data = g.qualification()
	} else if e.Type, e.Data = g.engagement(); e.Type == "email.unsubscribed" {
		e.Time = g.now
	}
	if g.sent = append(g.sent, e); len(g.sent) > 50 {
		g.sent = g.sent[1:]
	}
	return e
}

// QualificationOnly is whether all events of a lead are qualification events, so that they may go to either topic.
func QualificationOnly(lead string) bool {
	var n int
	_, err := fmt.Sscanf(lead, "lead-%d", &n)
	return err == nil && n%3 == 0
}

func (g *Traffic) engagement() (string, map[string]any) {
	switch n := g.random.IntN(100); {
	case n < 40:
		return "page.viewed", map[string]any{"path": []string{"/pricing/eu", "/", "/blog"}[g.random.IntN(3)]}
	case n < 50:
		return "email.opened", map[string]any{}
	case n < 60:
		return "webinar.attended", map[string]any{"minutes": 1 + g.random.IntN(12)}
	case n < 70:
		return "file.downloaded", nil
	case n < 85:
		return "email.bounced", map[string]any{"why": "mailbox \"full\" — später"}
	case n < 92:
		return "email.unsubscribed", nil
	}
	return "chat.opened", map[string]any{"path": "/pricing"} // no rule names it
}

func (g *Traffic) qualification() (string, map[string]any) {
	rating := func() int { return 1 + g.random.IntN(5) }
	switch n := g.random.IntN(100); {
	case n < 25:
		return "criterion.rated", map[string]any{"criterion": []string{"need", "budget"}[g.random.IntN(2)], "rating": rating()}
	case n < 40:
		return "criteria.rated", map[string]any{"ratings": map[string]any{"need": rating(), "budget": rating()}, "by": "sdr-7"}
	case n < 75:
		attributes := map[string]any{"title": []any{"cto", "intern", nil}[g.random.IntN(3)]}
		if g.random.IntN(2) == 0 {
			attributes["employees"] = []any{3, 900, nil}[g.random.IntN(3)]
		}
		return "lead.profiled", map[string]any{"attributes": attributes}
	case n < 95:
		return "lead.dispositioned", map[string]any{"disposition": []string{"invalid", "interested", "not_interested"}[g.random.IntN(3)]}
	}
	return "lead.converted", map[string]any{"outcome": "won", "amount": 12000.5}
}
