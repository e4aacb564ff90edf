package dev

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/hotlead/hotlead/scorer"
)

const (
	// crowd is how many leads are under way at a time.
	crowd = 18
	// opening is within what time the first of them begin.
	opening = 3 * time.Second
)

// Simulate lets leads of a dozen kinds come, act and go until ctx ends, another crowd each time.
func Simulate(ctx context.Context, model *scorer.Model, send Sender) error {
	s := newSimulation(model, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())))
	begin := time.Now()
	for {
		at, act := s.next()
		if err := sleep(ctx, time.Until(begin.Add(at))); err != nil {
			return err
		}
		if err := send(ctx, act); err != nil {
			return err
		}
	}
}

// sleep waits for d, or until ctx ends, which is the error then.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(max(d, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// simulation is a crowd of leads, each on its way through a story. The same random numbers give the same acts.
type simulation struct {
	random *rand.Rand
	model  *scorer.Model
	under  []*visit
	came   int
}

// visit is one lead's way through its story.
type visit struct {
	lead, account string
	at            time.Duration // when the next act happens, from the simulation's begin
	pace          time.Duration // between two acts, about
	acts          []Act         // those to come
}

func newSimulation(model *scorer.Model, random *rand.Rand) *simulation {
	s := &simulation{random: random, model: model}
	for range crowd {
		s.under = append(s.under, s.arrive(time.Duration(random.Int64N(int64(opening)))))
	}
	return s
}

// next is the next act of anyone, and when it happens. Acts come in the order of time.
func (s *simulation) next() (time.Duration, Act) {
	v := slices.MinFunc(s.under, func(a, b *visit) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.lead, b.lead)) })
	at, act := v.at, v.acts[0]
	v.acts = v.acts[1:]
	v.at += v.pace/2 + time.Duration(s.random.Int64N(int64(v.pace)))
	if len(v.acts) == 0 {
		*v = *s.arrive(v.at)
	}
	return at, act
}

// arrive is a new lead with a story of its own. Those with most to tell come first, so that something turns hot soon.
func (s *simulation) arrive(at time.Duration) *visit {
	p := personas[s.came%len(personas)]
	if s.came >= len(personas) {
		p = pick(s.random, personas)
	}
	first, last, company := pick(s.random, firstNames), pick(s.random, lastNames), pick(s.random, companies)
	s.came++
	v := &visit{
		account: slug(company),
		at:      at,
		pace:    700*time.Millisecond + time.Duration(s.random.Int64N(int64(2500*time.Millisecond))),
	}
	v.lead = fmt.Sprintf("%s.%s@%s", slug(first), slug(last), v.account)
	for _, act := range p.story(s.random) {
		if s.knows(act) {
			act.Lead, act.Data = v.lead, withAccount(act.Data, v.account)
			v.acts = append(v.acts, act)
		}
	}
	if len(v.acts) == 0 {
		v.acts = []Act{{Lead: v.lead, Source: "web", Type: "page.viewed", Data: withAccount(map[string]any{"url": "/"}, v.account)}}
	}
	return v
}

// knows is whether the model can take an act: one that rates what it has no criterion for would be a dead letter.
func (s *simulation) knows(a Act) bool {
	if a.Type != "criterion.rated" {
		return true
	}
	return slices.ContainsFunc(s.model.Criteria(), func(c scorer.CriterionInfo) bool { return c.Name == a.Data["criterion"] })
}

// withAccount adds the lead's account to the data of an act.
func withAccount(data map[string]any, account string) map[string]any {
	with := map[string]any{"account_id": account}
	for k, v := range data {
		with[k] = v
	}
	return with
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

// slug is a name as it stands in an address.
func slug(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), " ", "-")
}
