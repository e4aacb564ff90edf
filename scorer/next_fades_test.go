package scorer

import (
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
)

// TestUnscheduledLeadsMoveAtTheSameInstants folds months of events with and without a schedule. Without one, a lead's Due is
// foreseen once it is looked at again: it is then about when the lead moves, and never later.
func TestUnscheduledLeadsMoveAtTheSameInstants(t *testing.T) {
	m := modelOf(t, `
name: months
version: 1
engagement:
  max: 100
  groups:
    acts: {decay: {half_life: 7d}}
  rules:
    - {id: page, group: acts, on: page.viewed, points: 9}
    - {id: demo, group: acts, on: demo.requested, points: 40}
    - {id: unsubscribed, group: acts, on: email.unsubscribed, points: -20}
    - {id: opened, on: email.opened, points: 2, decay: {half_life: 30d}}
tiers:
  - {name: hot, when: 'score >= 70'}
  - {name: warm, when: 'score >= 30'}
  - {name: cold}
`)
	const hour = Instant(3_600_000)
	types := []string{"page.viewed", "page.viewed", "page.viewed", "demo.requested", "email.opened", "email.unsubscribed"}
	random := rand.New(rand.NewPCG(1, 2))
	scheduled, unscheduled := m.Folder(), m.Folder().Unscheduled()
	foreseen := 0
	for lead := range 40 {
		a, b := &Lead{}, &Lead{}
		a.Clear("lead")
		b.Clear("lead")
		at := t0
		for i := range 120 {
			at += Instant(random.Int64N(int64(lead+1) * int64(2*hour)))
			e := &Event{Source: "test", ID: strconv.Itoa(i), Type: types[random.IntN(len(types))], Time: at}
			want, _, err := scheduled.Apply(a, e, nil)
			got, _, wrong := unscheduled.Apply(b, e, nil)
			if err != nil || wrong != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("event %d of lead %d brings %+v without a schedule, and with one %+v", i, lead, got, want)
			}
			next, _, moves := scheduled.NextChange(a)
			if moves && b.Due > next {
				t.Fatalf("after event %d of lead %d it is due at %d, but at %d it moves", i, lead, b.Due, next)
			}
			if moves && b.Due > b.Clock {
				foreseen++
			}
		}
	}
	if foreseen < 300 {
		t.Errorf("after %d of 4800 events it was known for how long at least the lead stays", foreseen)
	}
}
