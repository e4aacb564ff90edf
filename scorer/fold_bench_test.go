package scorer

import (
	"strconv"
	"testing"
	"time"
)

// busyModel is the size of a model that people write.
const busyModel = `
name: busy
version: 1
engagement:
  max: 200
  groups:
    web: {max: 60, decay: {half_life: 14d}}
    email: {max: 30, decay: {half_life: 30d}}
  rules:
    - {id: page, group: web, on: page.viewed, points: 1, max: 20}
    - {id: pricing, group: web, on: pricing.viewed, points: 10, max: 30, decay: {half_life: 7d}}
    - {id: opened, group: email, on: email.opened, points: 1}
    - {id: clicked, group: email, on: email.clicked, points: 3}
    - {id: form, on: form.submitted, points: 15, decay: {linear: 90d}}
    - {id: webinar, on: webinar.attended, points: 20, decay: {steps: [{until: 7d, keep: 1}, {until: 30d, keep: 0.5}]}}
    - {id: demo, on: demo.requested, points: 40, decay: {half_life: 30d}}
    - {id: bounced, on: email.bounced, points: -15, decay: {half_life: 3d}}
    - {id: quiet, on: idle, after: 30d, repeat: true, points: -10}
fit:
  rules:
    - {id: executive, when: 'profile.seniority in ["c-level", "vp"]', points: 20}
  grades: {A: 15, B: 10, D: 0}
tiers:
  - {name: disqualified, when: 'qualification.disposition == "invalid"'}
  - {name: hot, when: 'engagement.score >= (tier == "hot" ? 60.0 : 70.0) && fit.grade in ["A", "D"]', route: sales}
  - {name: warm, when: 'engagement.score >= 20'}
  - {name: cold}
stages:
  - {name: MQL, when: 'tier == "hot"'}
`

// busyLead is a lead of the busy model with a counter for each event type.
func busyLead(tb testing.TB, f *Folder) *Lead {
	l := &Lead{}
	l.Clear("lead-42")
	for i, eventType := range []string{"page.viewed", "pricing.viewed", "email.opened", "email.clicked", "form.submitted",
		"webinar.attended", "email.bounced", "page.viewed", "page.viewed"} {
		e := &Event{Source: "bench", ID: strconv.Itoa(i), Type: eventType, Time: t0.Add(time.Duration(i) * 7 * time.Hour)}
		if _, _, err := f.Apply(l, e, nil); err != nil {
			tb.Fatal(err)
		}
	}
	f.Schedule(l)
	return l
}

func BenchmarkApply(b *testing.B) {
	f := modelOf(b, busyModel).Folder()
	for _, leads := range []string{"young", "busy"} {
		b.Run(leads, func(b *testing.B) {
			fresh := &Lead{}
			fresh.Clear("lead-42")
			if leads == "busy" {
				fresh = busyLead(b, f)
			}
			first := max(fresh.Clock, t0)
			l, n := &Lead{}, 0
			e := &Event{Source: "bench", Type: "page.viewed"}
			id := []byte("event-0000000000")
			var out []Change
			b.ReportAllocs()
			for b.Loop() {
				if n%50 == 0 { // a lead that goes on for ever would not be a typical one
					fresh.copyInto(l)
				}
				n++
				id = strconv.AppendInt(id[:6], int64(n), 10)
				e.ID, e.Time = string(id), first+Instant(n%50*60_000)
				out, _, _ = f.Apply(l, e, out[:0])
			}
		})
	}
}

// BenchmarkMatch finds the rules that an event counts for, among nine.
func BenchmarkMatch(b *testing.B) {
	f := modelOf(b, busyModel).Folder()
	l := busyLead(b, f)
	f.take(l)
	e, result := &Event{Source: "bench", ID: "e1", Type: "pricing.viewed", Time: l.Clock}, Result{}
	b.ReportAllocs()
	for b.Loop() {
		if f.match(l, e, &result); len(f.hits) != 1 {
			b.Fatal(f.hits)
		}
	}
}

func BenchmarkNextChange(b *testing.B) {
	f := modelOf(b, busyModel).Folder()
	l := busyLead(b, f)
	if _, _, ok := f.NextChange(l); !ok {
		b.Fatal("nothing is coming")
	}
	b.ReportAllocs()
	for b.Loop() {
		f.NextChange(l)
	}
}

// BenchmarkNextChangeOneRule is the case of scoring.md.
func BenchmarkNextChangeOneRule(b *testing.B) {
	f := modelOf(b, hotFromEight).Folder()
	l := &Lead{}
	l.Clear("lead-42")
	if _, _, err := f.Apply(l, &Event{ID: "a", Type: "page.viewed", Time: t0}, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		f.NextChange(l)
	}
}

func BenchmarkSchedule(b *testing.B) {
	f := modelOf(b, busyModel).Folder()
	l := busyLead(b, f)
	b.Run("keeps", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.Schedule(l)
		}
	})
	b.Run("anew", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l.Due = 0
			f.Schedule(l)
		}
	})
}

func BenchmarkExplain(b *testing.B) {
	f := modelOf(b, busyModel).Folder()
	l := busyLead(b, f)
	b.ReportAllocs()
	for b.Loop() {
		f.Explain(l, l.Clock)
	}
}

// BenchmarkAdvanceThroughAges is the most that one call can be asked for: from 1970 to 9999, with an idle rule that
// fires each month.
func BenchmarkAdvanceThroughAges(b *testing.B) {
	f := modelOf(b, busyModel).Folder()
	young := &Lead{}
	young.Clear("lead-42")
	if _, _, err := f.Apply(young, &Event{ID: "a", Type: "page.viewed", Time: 1}, nil); err != nil {
		b.Fatal(err)
	}
	l := &Lead{}
	for b.Loop() {
		young.copyInto(l)
		f.Advance(l, lastInstant, nil)
	}
}
