package app

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// listed are the leads of a list, page by page.
func listed(t *testing.T, r *Reader, q web.LeadQuery) (ids []string, total int64) {
	t.Helper()
	for n := 0; n < 1000; n++ {
		page, err := r.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Leads) > q.Limit {
			t.Fatalf("%d leads on a page of at most %d", len(page.Leads), q.Limit)
		}
		for _, text := range page.Leads {
			ids = append(ids, decode(t, text).Lead)
		}
		if page.Next == "" {
			return ids, page.Total
		}
		q.Cursor = page.Next
	}
	t.Fatal("the list has no end")
	return nil, 0
}

// manyActed are leads that asked for a demo: 40 that are hot by now, 40 that have cooled to warm since and are still
// indexed as hot, of three accounts.
func manyActed(t *testing.T) *kept {
	t.Helper()
	leads := map[string]time.Duration{}
	for i := range 40 {
		leads[fmt.Sprintf("hot-%02d", i)] = -time.Duration(i) * time.Minute
		leads[fmt.Sprintf("faded-%02d", i)] = -20 * time.Hour
	}
	k := acted(t, leads)
	accounts := []string{"acme", "globex", ""}
	for i := range 40 {
		k.leads[fmt.Sprintf("hot-%02d", i)].Account = accounts[i%3]
	}
	return k
}

func TestALongListComesPageByPage(t *testing.T) {
	k := manyActed(t)
	r := readerAt(t, k, begun)
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprintf("hot-%02d", i))
	}
	for _, limit := range []int{1, 7, 40, 1000} {
		for _, q := range []web.LeadQuery{{Tier: "hot"}, {}, {Route: "sales"}} {
			q.Limit = limit
			got, total := listed(t, r, q)
			slices.Sort(got)
			if !slices.Equal(got, want) || total != 80 {
				t.Errorf("%+v: %d of %d leads: %v", q, len(got), total, got)
			}
		}
	}
	// Within a page the highest rank comes first: who acted last.
	page, err := r.List(t.Context(), web.LeadQuery{Tier: "hot", Limit: 1000})
	if err != nil || decode(t, page.Leads[0]).Lead != "hot-00" || decode(t, page.Leads[39]).Lead != "hot-39" {
		t.Errorf("%s, %v", page.Leads, err)
	}
}

func TestAListByAccount(t *testing.T) {
	r := readerAt(t, manyActed(t), begun)
	got, total := listed(t, r, web.LeadQuery{Account: "acme", Limit: 3})
	if len(got) != 14 || total != -1 {
		t.Errorf("%d of %d leads of acme: %v", len(got), total, got)
	}
	if got, _ := listed(t, r, web.LeadQuery{Account: "nobody", Limit: 3}); len(got) != 0 {
		t.Errorf("of nobody: %v", got)
	}
	if got, total := listed(t, r, web.LeadQuery{Tier: "hot", Route: "nurture", Limit: 3}); len(got) != 0 || total != 0 {
		t.Errorf("of a tier by another's route: %v of %d", got, total)
	}
	if routes := r.Routes(); !slices.Equal(routes, []string{"sales"}) {
		t.Errorf("the routes are %v", routes)
	}
}

func TestACursorThatIsNone(t *testing.T) {
	r := readerAt(t, manyActed(t), begun)
	page, err := r.List(t.Context(), web.LeadQuery{Tier: "hot", Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]web.LeadQuery{
		"no text of ours":           {Tier: "hot", Cursor: "!"},
		"no JSON":                   {Tier: "hot", Cursor: "AAAA"},
		"of another tier":           {Tier: "warm", Cursor: page.Next},
		"of another lane count":     {Tier: "hot", Cursor: cursor{"hot", make([]int64, 2)}.String()},
		"counted from the end":      {Tier: "hot", Cursor: cursor{"hot", []int64{0, -1, 0}}.String()},
		"of a tier that is no more": {Cursor: cursor{"boiling", make([]int64, 3)}.String()},
	} {
		q.Limit = 2
		if _, err := r.List(t.Context(), q); !errors.Is(err, web.ErrNoCursor) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatTheModelWouldRefuseIsRefused(t *testing.T) {
	b2b, err := LoadModel("b2b-saas")
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(&kept{}, nil, b2b)
	for value, want := range map[string]string{
		`{"criterion":"budget","rating":4}`: "",
		`{"criterion":"luck","rating":4}`:   events.ReasonUnknownCriterion,
		`{"criterion":"budget","rating":9}`: events.ReasonRatingOutOfRange,
	} {
		var e scorer.Event
		text := `{"specversion":"1.0","id":"1","source":"s","type":"criterion.rated","subject":"a","time":"2026-11-20T10:00:00Z","data":` + value + `}`
		if _, err := events.NewDecoder(events.DefaultLimits()).Decode(&events.Record{Value: []byte(text)}, &e); err != nil {
			t.Fatal(err)
		}
		switch refusal := r.Refuses(&e); {
		case want == "" && refusal != nil, want != "" && (refusal == nil || refusal.Reason != want):
			t.Errorf("%s: %v", value, refusal)
		}
		// A lane was found under a model without criteria: what only one of the two refuses may still be scored.
		r.other.Store(smallModel(t))
		if refusal := r.Refuses(&e); (refusal == nil) != (want == "") {
			t.Errorf("%s with another model about: %v", value, refusal)
		}
		r.other.Store(nil)
	}
}
