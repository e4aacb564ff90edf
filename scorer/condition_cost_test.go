package scorer

import (
	"fmt"
	"strings"
	"testing"
)

// costlyEvent is an event with that many numbers and a text of 120,000 letters.
func costlyEvent(numbers int) Event {
	return Event{Type: "a", Data: fmt.Appendf(nil, `{"text":%q,"items":[%s1]}`, strings.Repeat("a", 120_000), strings.Repeat("1,", numbers-1))}
}

func costlyModel(when string) string {
	return "name: m\nversion: 1\nengagement:\n  rules:\n    - {id: slow, on: a, points: 1, when: \"" + when + "\"}\n" +
		"    - {id: quick, on: a, points: 10}\ntiers: [{name: cold}]\n"
}

// A condition that would take long is given up and counted as one that can't be evaluated. The others go on.
func TestCostlyConditionsAreGivenUp(t *testing.T) {
	for _, c := range []struct {
		numbers int
		when    string
	}{
		{20_000, "data.items.all(a, data.items.all(b, data.items.all(c, a + b + c >= 0)))"},
		{20_000, "data.items.all(a, data.items.all(b, data.items.exists(c, c == a)))"},
		{30_000, "data.items.all(a, data.items.exists(b, true))"},
		{30_000, "data.items.all(a, data.items[0] == 1)"},
		{1_000, "data.items.all(a, size(data.items) > 0)"},
		{1_000, "data.items.all(a, !(7 in data.items))"},
		{1_000, "data.items.map(a, data.items.map(b, data.items)).size() > 0"},
		{1_000, "data.items.filter(a, data.items == data.items).size() > 0"},
		// Each of these is one operation to CEL, and a long one.
		{100, "data.items.all(a, data.text + data.text != '')"},
		{100, "data.items.all(a, size(data.text) > 0)"},
		{100, "data.items.all(a, data.text.indexOf('b') == -1)"},
		{100, "data.items.all(a, data.text.lowerAscii() != '')"},
		{100, "data.items.all(a, data.text.contains('a'))"},
		{100, "data.items.all(a, !data.text.matches('(a+)+b'))"},
	} {
		s := tell(t, costlyModel(c.when))
		s.apply(0, costlyEvent(c.numbers))
		if missed := s.folder.Unevaluable(); s.result.Unevaluable != 1 || missed["slow"] != 1 || len(missed) != 1 {
			t.Errorf("%s: %d can't be evaluated, by rule %v", c.when, s.result.Unevaluable, missed)
		}
		s.scores(0, 10)
	}
	s := tell(t, costlyModel("data.items.all(a, a == 1)")) // long, but not too long
	s.apply(0, Event{Type: "a", Data: []byte(`{"items":[` + strings.Repeat("1,", 5_000) + `1]}`)})
	s.scores(0, 11)
}

// What an event says is made ready for CEL once, however often a macro asks for it: else each of 2,000 elements would
// cost 2,000 more.
func TestDataIsMadeReadyOnce(t *testing.T) {
	data := []byte(`{"items":[` + strings.Repeat("1,", 2_000) + `1]}`)
	s := tell(t, costlyModel("data.items.all(a, data.items.exists(b, true))"))
	n := 0
	allocations := testing.AllocsPerRun(1, func() {
		n++
		s.apply(0, Event{ID: fmt.Sprint(n), Type: "a", Data: data})
	})
	if allocations > 200_000 {
		t.Errorf("%v allocations", allocations)
	}
	s.scores(0, 22)
}
