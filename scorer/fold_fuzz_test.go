package scorer

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
)

// FuzzApply makes events of arbitrary bytes: nothing may panic, hang or break the chain of changes, and the clock never
// runs backwards.
func FuzzApply(f *testing.F) {
	f.Add([]byte("a page.viewed and another"))
	f.Add([]byte{1, 200, 0, 0, 0, 0, 0, 0, 0, 9, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1})
	var models []*Model
	for _, name := range ShippedModels() {
		text, _ := ShippedModel(name)
		m, err := ReadModel(name, text)
		if err != nil {
			f.Fatal(err)
		}
		models = append(models, m)
	}
	types := []string{"page.viewed", "demo.requested", "email.unsubscribed", "survey.answered", "product.used", "", "..."}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		m := models[int(data[0])%len(models)]
		folder, l := m.Folder(), &Lead{}
		l.Clear("lead")
		tier := m.tiers[len(m.tiers)-1].name
		var sequence uint64
		for data = data[1:]; len(data) >= 10 && sequence < 200; data = data[10:] {
			e := eventOf(data, types)
			clock := l.Clock
			out, result, err := folder.Apply(l, e, nil)
			if err != nil {
				continue
			}
			if l.Clock < clock || result.Duplicate && len(out) > 0 {
				t.Fatalf("clock %d, was %d; %+v", l.Clock, clock, result)
			}
			folder.Schedule(l)
			if l.Due <= l.Clock {
				t.Fatalf("due at %d, the clock shows %d", l.Due, l.Clock)
			}
			for _, c := range out {
				sequence++
				if c.Sequence != sequence || c.From != tier || math.IsNaN(c.Standing.Score) {
					t.Fatalf("broken chain: %+v after %s", c, tier)
				}
				tier = c.To
			}
		}
	})
}

// eventOf makes an event of ten bytes.
func eventOf(data []byte, types []string) *Event {
	at := Instant(binary.BigEndian.Uint64(data[1:9]))
	if data[9]&1 == 0 {
		at = t0 + at%1e11
	}
	e := &Event{Source: "fuzz", ID: fmt.Sprint(data[0] & 63), Type: types[int(data[0])%len(types)], Time: at, Data: []byte(`{"value":"high"}`)}
	value := float64(data[9]>>4) - 1
	switch data[9] >> 1 & 7 {
	case 0:
		e.Qualification = &Qualification{Ratings: []CriterionRating{{criteria[int(data[0])%len(criteria)], value}}}
	case 1:
		e.Qualification = &Qualification{Attributes: []Attribute{{Name: "employees", Value: Value{Kind: Kind(data[0] % 4), Number: value * 100}}}}
	case 2:
		e.Qualification = &Qualification{Disposition: []string{"invalid", "interested", "not_interested"}[data[0]%3]}
	}
	return e
}
