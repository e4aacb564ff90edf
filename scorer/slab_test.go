package scorer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestASlabsPiecesAreTheirOwn(t *testing.T) {
	s := &slab{}
	var texts, wantTexts []string
	var points, wantPoints [][]Points
	for i := range 2000 {
		text := strings.Repeat(strconv.Itoa(i), i%90)
		buffer := []byte(text)
		texts, wantTexts = append(texts, s.clone(string(buffer))), append(wantTexts, text)
		room := s.room(i % 300)
		for range i % 300 {
			room = append(room, Points{Points: float64(i)})
		}
		points, wantPoints = append(points, room), append(wantPoints, slices.Clone(room))
	}
	if !slices.Equal(texts, wantTexts) {
		t.Error("a text was written over")
	}
	for i := range points {
		if !slices.Equal(points[i], wantPoints[i]) {
			t.Fatalf("the points of %d were written over", i)
		}
	}
}

// An event costs a tenth of an allocation at most, also where each is announced and the account is another each time.
func TestEventsAllocateNextToNothing(t *testing.T) {
	f := modelOf(t, `
name: swing
version: 1
engagement:
  groups: {web: {}}
  rules:
    - {id: up, group: web, on: up, points: 10}
    - {id: down, group: web, on: down, points: -10}
tiers:
  - {name: hot, when: score >= 5}
  - {name: cold}
`).Folder()
	const events = 1000
	types, out := []string{"up", "down"}, make([]Change, 0, events)
	var ids [events]string
	for i := range ids {
		ids[i] = fmt.Sprint("event-", i)
	}
	l, e := &Lead{}, &Event{}
	allocations := testing.AllocsPerRun(10, func() {
		l.Clear("lead-42")
		out = out[:0]
		for i := range events {
			*e = Event{Source: "test", ID: ids[i], Type: types[i%2], Time: t0 + Instant(i), Account: ids[i/2]}
			out, _, _ = f.Apply(l, e, out)
		}
	})
	if len(out) != events || allocations > events/10 {
		t.Errorf("%v allocations for %d changes", allocations, len(out))
	}
}
