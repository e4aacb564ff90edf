package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// inMemory is a change of a lead of lane 0 that is in no topic.
func inMemory(lead string, offset int) []consumer.Change {
	c := changeOf(lead, offset+1)
	value := events.AppendChange(nil, c)
	a, err := events.ReadChange(value)
	if err != nil {
		panic(err)
	}
	return []consumer.Change{{Offset: int64(offset), Announced: a, JSON: value}}
}

func TestTheRingIsBoundedInBytes(t *testing.T) {
	c := NewChanges(nil, slog.New(slog.DiscardHandler))
	c.begin(consumer.Position{0}, consumer.Position{0})
	for i := range 100 {
		change := inMemory("a", i)
		change[0].JSON = append(change[0].JSON, make([]byte, 1<<20)...)
		c.push(change)
	}
	if c.ring.bytes > changesBytes || c.ring.size < 10 || c.before[0] != int64(100-c.ring.size) {
		t.Errorf("%d changes of %d bytes, from %v on", c.ring.size, c.ring.bytes, c.before)
	}
}

func TestChangesThatNobodyAsksForAllocateNothing(t *testing.T) {
	c := inMemoryOnly()
	change := inMemory("a", 0)
	push := func() {
		for range changesKept {
			c.push(change)
			change[0].Offset++
		}
	}
	push()
	push()
	n := math.Inf(1)
	for range 10 { // what other goroutines allocate counts, too, but not in every run
		n = min(n, testing.AllocsPerRun(1, push))
	}
	if n != 0 {
		t.Errorf("%v allocations for %d changes, want none", n, changesKept)
	}
}

// inMemoryOnly are Changes of one lane that are told of what came by push.
func inMemoryOnly() *Changes {
	c := NewChanges(nil, slog.New(slog.DiscardHandler))
	c.begin(consumer.Position{0}, consumer.Position{0})
	return c
}

// followMemory follows from here on.
func followMemory(t *testing.T, c *Changes) web.Following {
	t.Helper()
	f, err := c.Follow(t.Context(), "", web.Wanted{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestWhatIsShownStays: neither the memory that a change came in nor that of the ring is used again under whoever has it.
func TestWhatIsShownStays(t *testing.T) {
	c := inMemoryOnly()
	push := func(lead string, offset int) {
		change := inMemory(lead, offset)
		c.push(change)
		clear(change[0].JSON)
	}
	f := followMemory(t, c)
	push("followed", 0)
	followed, err := f.Next(t.Context())
	if err != nil || len(followed) != 1 {
		t.Fatal(followed, err)
	}
	push("recent", 1)
	recent := c.Recent(1)
	// Of different sizes, so that what is written where others stood catches up with those that are still kept.
	other := func(offset int) string { return "other" + strings.Repeat("x", offset/150%4*60) }
	for i := range 3 * changesKept {
		push(other(2+i), 2+i)
		oldest := c.ring.nth(0)
		if got, err := events.SkimChange(oldest.text); err != nil || got.Sequence != oldest.sequence {
			t.Fatalf("the oldest, change %d, is kept as %+v, %v", oldest.sequence, got, err)
		}
	}
	for want, shown := range map[string][]web.Change{"followed": followed, "recent": recent} {
		if got, err := events.ReadChange(shown[0].JSON); err != nil || got.Lead != want || shown[0].Lead != want || shown[0].To != "hot" {
			t.Errorf("%s has become %+v, %v", want, shown[0], err)
		}
	}
	// Who asks only now sees what was kept meanwhile in memory that was used before.
	for i, change := range c.Recent(changesKept) {
		if got, err := events.ReadChange(change.JSON); err != nil || got.Lead != other(3*changesKept+1-i) || got.Sequence != uint64(3*changesKept+2-i) {
			t.Fatalf("change %d is kept as %+v, %v", i, got, err)
		}
	}
	if n := len(c.Recent(changesKept)); n != changesKept {
		t.Errorf("%d of %d can be read", n, changesKept)
	}
}

// TestOnlyWantedChangesAreShownAndRead: what others would want is passed, and no more of it is read than tells that.
func TestOnlyWantedChangesAreShownAndRead(t *testing.T) {
	c := inMemoryOnly()
	var all []consumer.Change
	for i, to := range []string{"hot", "warm", "hot", "cold"} {
		change := changeOf(fmt.Sprint(i), 1)
		change.To, change.Route = to, "to-"+to
		value := events.AppendChange(nil, change)
		a, err := events.SkimChange(value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, consumer.Change{Offset: int64(i), Announced: a, JSON: value})
	}
	for wanted, leads := range map[web.Wanted]string{
		{Tier: "warm"}: "1", {Route: "to-hot"}: "0 2", {Tier: "hot", Route: "to-hot"}: "0 2", {Tier: "hot", Route: "to-warm"}: "", {}: "0 1 2 3",
	} {
		c.begin(consumer.Position{0}, consumer.Position{0})
		f, err := c.Follow(t.Context(), "", wanted)
		if err != nil {
			t.Fatal(err)
		}
		c.push(all)
		var seen []string
		shown, woken, err := f.(*following).ready()
		for _, change := range shown {
			seen = append(seen, change.Lead)
		}
		if got := strings.Join(seen, " "); err != nil || woken == nil || got != leads || f.Position() != (consumer.Position{4}).String() {
			t.Errorf("%+v: shown are %q (%v), and it stands at %s; want %q", wanted, got, err, f.Position(), leads)
		}
		for i := range all {
			if read := c.ring.nth(i).asked; read != wanted.Wants(all[i].To, all[i].Route) {
				t.Errorf("%+v: change %d is read: %v", wanted, i, read)
			}
		}
	}
}

func TestAChangeThatIsNotWholeIsPassedOver(t *testing.T) {
	c := inMemoryOnly()
	f := followMemory(t, c)
	cut := inMemory("cut", 0)
	cut[0].JSON = cut[0].JSON[:len(cut[0].JSON)-1]
	c.push(append(cut, inMemory("whole", 1)...))
	shown, err := f.Next(t.Context())
	if err != nil || len(shown) != 1 || shown[0].Lead != "whole" {
		t.Errorf("shown are %+v, %v", shown, err)
	}
	if recent := c.Recent(2); len(recent) != 1 || recent[0].Lead != "whole" {
		t.Errorf("recent are %+v", recent)
	}
	cut[0].Offset = 2
	c.push(cut)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if shown, err := f.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shown are %+v, %v", shown, err)
	}
	if want := (consumer.Position{3}).String(); f.Position() != want {
		t.Errorf("it stands at %s, want %s", f.Position(), want)
	}
}

func TestRecentAreTheNewestByWhenTheyBecameTrue(t *testing.T) {
	c := inMemoryOnly()
	now := scorer.InstantOf(time.Now())
	var all []consumer.Change
	for i := range 300 {
		change := changeOf(fmt.Sprint(i), i+1)
		change.At = now.Add(time.Duration(i*i*7919%101) * time.Second) // many at the same time
		value := events.AppendChange(nil, change)
		a, err := events.ReadChange(value)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, consumer.Change{Offset: int64(i), Announced: a, JSON: value})
	}
	c.push(all)
	slices.SortFunc(all, func(a, b consumer.Change) int {
		return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(b.Sequence, a.Sequence))
	})
	for i, shown := range c.Recent(50) {
		if shown.Lead != all[i].Lead {
			t.Fatalf("%d is %s, want %s", i, shown.Lead, all[i].Lead)
		}
	}
	if n := len(c.Recent(50)); n != 50 {
		t.Errorf("%d of the newest 50", n)
	}
}

func TestMovesAreCountedByTheHour(t *testing.T) {
	c := inMemoryOnly()
	now := time.Date(2026, 11, 20, 10, 30, 0, 0, time.UTC)
	c.now = func() time.Time { return now }
	at := func(hour, minute int, from, to string) consumer.Change {
		return consumer.Change{Announced: events.Announced{From: from, To: to, At: scorer.InstantOf(time.Date(2026, 11, 20, hour, minute, 0, 0, time.UTC))}}
	}
	stage := at(10, 0, "warm", "hot")
	stage.Kind = scorer.StageReached
	c.push([]consumer.Change{
		at(10, 0, "cold", "hot"), at(9, 59, "cold", "hot"), at(10, 29, "cold", "hot"), at(10, 29, "hot", "cold"), stage,
		at(-13, 0, "cold", "hot"), at(-13, -1, "cold", "hot"), // a day ago, and just before
	})
	counted := func() (seen []string) {
		for _, h := range c.Hours() {
			for _, m := range h.Moves {
				seen = append(seen, fmt.Sprintf("%s %s-%s %d", h.Begin.Format("2T15:04"), m.From, m.To, m.Count))
			}
		}
		return seen
	}
	want := []string{"19T11:00 cold-hot 1", "20T09:00 cold-hot 1", "20T10:00 cold-hot 2", "20T10:00 hot-cold 1"}
	if got := counted(); !slices.Equal(got, want) {
		t.Errorf("counted are %q, want %q", got, want)
	}
	now = now.Add(time.Hour)
	c.push([]consumer.Change{at(11, 0, "cold", "hot")})
	want = append(want[1:], "20T11:00 cold-hot 1")
	if got := counted(); !slices.Equal(got, want) || len(c.moves) != 3 {
		t.Errorf("an hour later, %q of %d hours, want %q", got, len(c.moves), want)
	}
}
