package consumer

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// cursor is how far the walk over a lane under that version of the model has come: 0 before it begins, −1 when it has
// ended.
func (w *world) cursor(ctx context.Context, lane int, version string) (int, error) {
	fields, err := w.raw.HMGet(ctx, w.ledgerKey(lane), "model:version", "cursor").Result()
	if err != nil || fields[0] != version {
		return 0, err
	}
	return strconv.Atoi(fmt.Sprint(fields[1]))
}

// walked waits until the walk has come to the end of all lanes, under that version of the model.
func (w *world) walked(version string) {
	w.t.Helper()
	w.eventually("the walk to end", func(ctx context.Context) error {
		for lane := range lanesOfTests {
			ledger := w.raw.HGetAll(ctx, w.ledgerKey(lane)).Val()
			if ledger["model:version"] != version || ledger["cursor"] != "-1" {
				return fmt.Errorf("lane %d is under version %s, its cursor at %s", lane, ledger["model:version"], ledger["cursor"])
			}
		}
		return nil
	})
}

// views are two looks at the prices: 40 points, warm under version 1 of the model and hot under version 2.
func views(lead string) []testbed.Event {
	var list []testbed.Event
	for i := range 2 {
		list = append(list, testbed.Event{Lead: lead, Source: "test", ID: fmt.Sprint(lead, " ", i), Type: "page.viewed",
			Time: time.Now().Add(-time.Minute), Data: map[string]any{"path": "/pricing"}})
	}
	return list
}

// TestAWalkThatIsCutGoesOn kills workers in the middle of the walk under a new model: each goes on where the one before
// it was, and every lead is moved once, with cause model, though no event comes of it.
func TestAWalkThatIsCutGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var list []testbed.Event
	for i := range 300 {
		list = append(list, views(fmt.Sprint("quiet-", i))...)
	}
	w.past(list...)
	w.text = testbed.ProofModel(2)
	w.oracle.Retier(2)
	var before [lanesOfTests]int
	cut := 0
	for range 3 {
		w.spawn(strike{Decided, 50, syscall.SIGKILL}).killed()
		for lane := range before {
			at, err := w.cursor(w.limited(), lane, "2")
			if err != nil {
				t.Fatal(err)
			}
			if at >= 0 && at < before[lane] || before[lane] == -1 && at != -1 {
				t.Errorf("the walk over lane %d fell back from bucket %d to %d", lane, before[lane], at)
			}
			if at > before[lane] {
				cut++
			}
			before[lane] = at
		}
	}
	if cut == 0 {
		t.Errorf("no walk was cut: the cursors stand at %v", before)
	}
	w.start()
	w.walked("2")
	changes := w.check(testbed.Strictness{Path: true})
	for lead, list := range changes {
		moved := 0
		for _, c := range list {
			if c.CauseKind == string(scorer.ByModel) && c.From != c.To {
				moved++
			}
		}
		if moved != 1 {
			t.Errorf("%s was moved by the model %d times: %+v", lead, moved, list)
		}
	}
}

// TestALeadIsMovedBeforeTheWalkReachesIt: a lead of which an event comes while the walk under a new model is still far
// from it moves with that event, and the walk does not move it again.
func TestALeadIsMovedBeforeTheWalkReachesIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lead, bucket := w.leadOfTheLastBuckets()
	lane := events.Lane(lead, lanesOfTests)
	w.past(views(lead)...)

	w.text = testbed.ProofModel(2)
	w.oracle.Retier(2)
	begun, touched := make(chan struct{}), make(chan struct{})
	var once sync.Once
	var mu sync.Mutex
	movedAt := -1 // where the cursor stood when the lead was first seen to be hot
	w.start(func(o *Options) {
		o.step = func(number int, at Step) {
			if number != lane || at != Decided {
				return
			}
			once.Do(func() {
				close(begun)
				<-touched
			})
			stored, _, err := o.Store.LeadByID(t.Context(), lane, lead)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && stored.Tier == "hot" && movedAt < 0 {
				if movedAt, err = w.cursor(t.Context(), lane, "2"); err != nil {
					t.Error(err)
				}
			}
		}
	})
	<-begun
	if at, err := w.cursor(w.limited(), lane, "2"); err != nil || at < 0 || at >= bucket/2 {
		t.Errorf("the walk has come to bucket %d by its first batch, %v", at, err)
	}
	w.send(testbed.Event{Lead: lead, Source: "test", ID: "touch", Type: "chat.opened", Time: time.Now(), Data: map[string]any{}})
	close(touched)
	w.walked("2")
	changes := w.check(testbed.Strictness{Path: true})
	mu.Lock()
	defer mu.Unlock()
	if movedAt < 0 || movedAt >= bucket {
		t.Errorf("%s, of bucket %d, moved when the walk was at %d", lead, bucket, movedAt)
	}
	if list := changes[lead]; len(list) < 2 || list[1].CauseKind != string(scorer.ByModel) || list[1].To != "hot" {
		t.Errorf("the changes are %+v", list)
	}
}

// leadOfTheLastBuckets is a lead that lives in one of the last of its lane's 64 buckets, and which: the FNV-1a hash of its
// ID decides.
func (w *world) leadOfTheLastBuckets() (string, int) {
	for i := 0; ; i++ {
		lead := fmt.Sprint("late-", i)
		if bucket := int(scorer.KeyOf(lead) % 64); bucket >= 62 {
			return lead, bucket
		}
	}
}
