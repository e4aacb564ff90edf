package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

func TestPagesShowTheLeadsOfAnAccount(t *testing.T) {
	k := acted(t, map[string]time.Duration{"a": 0, "b": time.Minute, "c": time.Hour})
	k.leads["a"].Account, k.leads["b"].Account, k.leads["c"].Account = "Acme Berlin", "other", "acme"
	r := readerAt(t, k, begun.Add(time.Hour))
	for _, c := range []struct {
		sought web.Sought
		want   []string
		total  int64
	}{
		{web.Sought{Tier: "hot", Limit: 10}, []string{"c", "b", "a"}, 3},
		{web.Sought{Tier: "hot", Limit: 1}, []string{"a"}, 3}, // the first of the index
		{web.Sought{Tier: "hot", Account: "ACME", Limit: 10}, []string{"c", "a"}, 2},
		{web.Sought{Tier: "hot", Account: "acme", Limit: 1}, []string{"c"}, 2},
		{web.Sought{Tier: "hot", Route: "nowhere", Limit: 10}, []string{}, 0},
	} {
		leads, total, err := r.Shown(t.Context(), c.sought)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, l := range leads {
			ids = append(ids, l.Lead.ID)
			if l.Next == nil || l.Next.To != "warm" || l.Model.Name != k.model.Name {
				t.Errorf("%s is shown with next change %v by the model %s", l.Lead.ID, l.Next, l.Model.Name)
			}
		}
		if !reflect.DeepEqual(ids, c.want) || total != c.total {
			t.Errorf("%+v: %v of %d", c.sought, ids, total)
		}
	}
}

// pagedKept is a store that tells of each page that is asked for.
type pagedKept struct {
	*kept
	page func(limit int)
}

func (c pagedKept) Page(ctx context.Context, after []int64, tier string, limit int) ([]state.LeadAt, []int64, error) {
	c.page(limit)
	return c.kept.Page(ctx, after, tier, limit)
}

func TestAnAccountIsLookedForAPieceAtATime(t *testing.T) {
	all := map[string]time.Duration{}
	for i := range lookedAtOnce + 200 {
		all[fmt.Sprintf("lead-%04d", i)] = time.Duration(i) * time.Second / 2
	}
	k := acted(t, all)
	for _, l := range k.leads {
		l.Account = "acme"
	}
	pages, largest := 0, 0
	r := readerAt(t, k, begun.Add(time.Hour))
	r.store = pagedKept{k, func(limit int) { pages, largest = pages+1, max(largest, limit) }}
	leads, total, err := r.Shown(t.Context(), web.Sought{Tier: "hot", Account: "acme", Limit: 3})
	if err != nil || total != int64(len(all)) || len(leads) != 3 || pages != 2 || largest != lookedAtOnce {
		t.Fatalf("%d of %d, by %d pages of up to %d, %v", len(leads), total, pages, largest, err)
	}
	for i, l := range leads { // the newest, wherever their lanes' pages had them
		if want := fmt.Sprintf("lead-%04d", len(all)-1-i); l.Lead.ID != want {
			t.Errorf("%s comes where %s should", l.Lead.ID, want)
		}
	}
}

func TestOnlySoManyLookAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := readerAt(t, acted(t, map[string]time.Duration{"a": 0}), begun)
		for name, look := range map[string]func() error{
			"the page": func() error {
				_, _, err := r.Shown(t.Context(), web.Sought{Tier: "hot", Account: "x", Limit: 1})
				return err
			},
			"the API": func() error {
				_, err := r.List(t.Context(), web.LeadQuery{Tier: "hot", Account: "x", Limit: 1})
				return err
			},
		} {
			for range looksAtOnce {
				r.looks <- struct{}{}
			}
			if err := look(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: one too many looks: %v", name, err)
			}
			for range looksAtOnce {
				<-r.looks
			}
			if err := look(); err != nil || len(r.looks) > 0 {
				t.Errorf("%s: %v, and %d still look", name, err, len(r.looks))
			}
		}
	})
}

func TestTheCourseOfALead(t *testing.T) {
	r := readerAt(t, acted(t, map[string]time.Duration{"a": 0}), begun.Add(time.Hour))
	c, err := r.Course(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	first, last := c.Past[0], c.Past[len(c.Past)-1]
	if !first.At.Equal(begun) || !last.At.Equal(begun.Add(time.Hour)) || first.Score <= last.Score || math.Abs(last.Score-c.Standing.Score) > 1e-9 {
		t.Errorf("the past goes from %v to %v, and now it is %v", first, last, c.Standing.Score)
	}
	// What is foretold is what the lead will be.
	turned := false
	for _, s := range c.Forecast {
		then := readerAt(t, acted(t, map[string]time.Duration{"a": 0}), s.At)
		later, err := then.Course(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(later.Standing.Score-s.Score) > 1e-9 {
			t.Errorf("at %v it is %v, and %v was foretold", s.At, later.Standing.Score, s.Score)
		}
		turned = turned || s.At.Equal(c.Next.At)
	}
	if end := c.Forecast[len(c.Forecast)-1].At; !turned || !end.After(c.Next.At) || c.Lead.Clock != scorer.InstantOf(begun.Add(time.Hour)) {
		t.Errorf("the forecast ends at %v, the next change is at %v", end, c.Next.At)
	}
	if _, err := r.Course(t.Context(), "nobody"); !errors.Is(err, web.ErrNoLead) {
		t.Errorf("nobody: %v", err)
	}
}

func TestModelsInForceAndSinceWhen(t *testing.T) {
	k := acted(t, nil)
	k.model.Since = scorer.InstantOf(begun)
	got, err := readerAt(t, k, begun).InForce(t.Context())
	if err != nil || len(got) != 1 || got[0].Lanes != 3 || !got[0].Since.Equal(begun) || got[0].Model.Name != k.model.Name {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLanesAreAsTheMetricsTell(t *testing.T) {
	registry := prometheus.NewRegistry()
	consumer.NewMetrics(registry)
	lanes, err := pages{metrics: registry}.Lanes()
	if err != nil || len(lanes) != 0 {
		t.Errorf("before any is owned: %v, %v", lanes, err)
	}
	registry = prometheus.NewRegistry()
	for name, labels := range map[string][]string{"lag_records": {"topic", "partition"}, "lag_seconds": {"partition"}, "lane_refused": {"partition", "reason"}} {
		gauges := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "hotlead", Name: name}, labels)
		registry.MustRegister(gauges)
		switch name {
		case "lag_records":
			gauges.WithLabelValues("lead.engagement", "1").Set(4)
			gauges.WithLabelValues("lead.inbox", "1").Set(3)
		case "lag_seconds":
			gauges.WithLabelValues("1").Set(1.5)
			gauges.WithLabelValues("0").Set(0)
		case "lane_refused":
			gauges.WithLabelValues("2", "log_cut").Set(1)
			gauges.WithLabelValues("0", "log_cut").Set(0)
		}
	}
	want := []web.Lane{{Number: 0}, {Number: 1, Records: 7, Behind: 1500 * time.Millisecond}, {Number: 2, Refused: "log_cut"}}
	if lanes, err = (pages{metrics: registry}).Lanes(); err != nil || !reflect.DeepEqual(lanes, want) {
		t.Errorf("%+v, %v", lanes, err)
	}
}
