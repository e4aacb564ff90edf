package wire_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed"
	"github.com/hotlead/hotlead/consumer/internal/wire"
	"github.com/hotlead/hotlead/events"
)

// fencing is a producer that has fenced a partition, so that it can Write there.
func fencing(t *testing.T, c *wire.Cluster, id string, to wire.Partition) *wire.Producer {
	t.Helper()
	p := started(t, c, id)
	if _, err := p.Fence(limited(t), to); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWholeBatchesAndTransactionsTakeTurns(t *testing.T) {
	c := dial(t, testbed.Kafka(t).Addr)
	name, group := topic(t, c, 1), testbed.Unique(t, "group")
	to := wire.Partition{Topic: name}
	p := fencing(t, c, testbed.Unique(t, "id"), to)
	var want []string
	for i := range 300 {
		records := out(name, 0, 2*i, 2)
		for _, r := range records {
			want = append(want, string(r.Value))
		}
		var (
			done wire.Committed
			err  error
		)
		switch i % 3 {
		case 0: // right after a transaction there, whose marker may be on its way
			done, err = p.Write(limited(t), records)
			if stable := end(t, c, to); err == nil && stable != done.Base[to]+2 {
				t.Fatalf("batch %d: written from %d on, and readers see up to %d", i, done.Base[to], stable)
			}
		case 1:
			done, err = p.Write(limited(t), records)
		case 2:
			done, err = p.Commit(limited(t), wire.Transaction{Records: records, Group: group, Generation: -1, Offsets: []wire.Position{position(name, 0, int64(i))}})
		}
		if err != nil {
			t.Fatalf("batch %d: %v", i, err)
		}
		// Before it were the fence's marker, two records each, and a marker of each transaction.
		if base, ok := done.Base[to]; !ok || base != int64(1+2*i+i/3) {
			t.Fatalf("batch %d begins at %d (%v), want %d", i, base, ok, 1+2*i+i/3)
		}
	}
	if got := readTo(t, fetcher(t, c), position(name, 0, 0), end(t, c, to)); !slices.Equal(got, want) {
		t.Errorf("read %d records, not the %d in order that were written", len(got), len(want))
	}
}

// What an earlier owner has on its way arrives before the fence, and then it stands there and can be read, or never.
func TestFenceKeepsOutWhatIsOnItsWay(t *testing.T) {
	k := testbed.Kafka(t)
	c, other := dial(t, k.Addr), dial(t, k.Addr)
	name, id := topic(t, c, 1), testbed.Unique(t, "id")
	to := wire.Partition{Topic: name}
	owner := fencing(t, c, id, to)
	if _, err := owner.Write(limited(t), out(name, 0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	heir := started(t, other, id)
	want := []string{string(out(name, 0, 0, 1)[0].Value)}
	if k.Faults() {
		// Init alone does not keep it out.
		if _, err := owner.Write(limited(t), out(name, 0, 1, 1)); err != nil {
			t.Fatalf("before the fence: %v", err)
		}
		want = append(want, string(out(name, 0, 1, 1)[0].Value))
	}
	if _, err := heir.Fence(limited(t), to); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.Write(limited(t), out(name, 0, 2, 1)); !errors.Is(err, wire.ErrFenced) {
		t.Errorf("after the fence: %v, want %v", err, wire.ErrFenced)
	}
	if _, err := owner.Write(limited(t), out(name, 0, 2, 1)); !errors.Is(err, wire.ErrUnknown) {
		t.Errorf("after an error, without Init: %v, want %v", err, wire.ErrUnknown)
	}
	if _, err := heir.Write(limited(t), out(name, 0, 3, 1)); err != nil {
		t.Error(err)
	}
	want = append(want, string(out(name, 0, 3, 1)[0].Value))
	if got := readTo(t, fetcher(t, c), position(name, 0, 0), end(t, c, to)); !slices.Equal(got, want) {
		t.Errorf("there stand %q, want %q", got, want)
	}
}

// Another owner comes while the fence is under way: whoever is the older one is told so, and never that it has fenced the other.
func TestFenceOfAnOwnerThatIsNoneAnyMore(t *testing.T) {
	for _, version := range []int16{1, 2} {
		k, proxy := testbed.KafkaBehindProxy(t)
		if !k.Faults() {
			return
		}
		testbed.SetTransactionVersion(t, k.Addr, version)
		c := dial(t, k.Addr)
		name, id := topic(t, c, 1), testbed.Unique(t, "id")
		to := wire.Partition{Topic: name}
		older, newer := started(t, c, id), dial(t, k.Addr).Producer(id, time.Minute)
		const endTxn = 26
		held := proxy.HoldRequest(func(request []byte) bool { return request[5] == endTxn && bytes.Contains(request, []byte(id)) })
		fenced := make(chan error, 1)
		go func() {
			_, err := older.Fence(limited(t), to)
			fenced <- err
		}()
		<-held.Caught()
		if _, err := newer.Init(limited(t)); err != nil {
			t.Fatal(err)
		}
		if _, err := newer.Fence(limited(t), to); err != nil {
			t.Fatal(err)
		}
		held.Release()
		if err := <-fenced; !errors.Is(err, wire.ErrFenced) {
			t.Errorf("transaction version %d: the older owner's fence: %v, want %v", version, err, wire.ErrFenced)
		}
		if _, err := newer.Write(limited(t), out(name, 0, 0, 1)); err != nil {
			t.Errorf("transaction version %d: the newer owner: %v", version, err)
		}
	}
}

// A coordinator may call a transaction done without having marked it; the fence is the mark.
func TestAFenceWithoutItsMarkIsNone(t *testing.T) {
	k, proxy := testbed.KafkaBehindProxy(t)
	if !k.Faults() {
		return
	}
	c := dial(t, k.Addr)
	name, id := topic(t, c, 1), testbed.Unique(t, "id")
	p := started(t, c, id)
	const addPartitionsToTxn = 24
	proxy.ForgeAddPartitionsToTxn(func(request []byte) bool { return request[5] == addPartitionsToTxn })
	if _, err := p.Fence(limited(t), wire.Partition{Topic: name}); !errors.Is(err, wire.ErrUnknown) {
		t.Fatalf("%v, want %v", err, wire.ErrUnknown)
	}
	if p.Whole(out(name, 0, 0, 1)) {
		t.Error("it would write without a fence")
	}
	proxy.ForgeAddPartitionsToTxn(nil)
	fencing(t, c, id, wire.Partition{Topic: name})
}

// A batch whose answer was lost is sent again, and stands there once.
func TestWriteWithoutAnAnswer(t *testing.T) {
	k, proxy := testbed.KafkaBehindProxy(t)
	c := dial(t, k.Addr)
	name := topic(t, c, 1)
	to := wire.Partition{Topic: name}
	p := fencing(t, c, testbed.Unique(t, "id"), to)
	var want []string
	for i := range 20 {
		proxy.DropRepliesTo(i%3, func(request []byte) bool { return len(request) > 5 && request[4] == 0 && request[5] == 0 })
		records := out(name, 0, i, 1)
		want = append(want, string(records[0].Value))
		done, err := p.Write(limited(t), records)
		if err != nil {
			t.Fatal(err)
		}
		if base := done.Base[to]; base != int64(1+i) {
			t.Errorf("batch %d begins at %d", i, base)
		}
	}
	if got := readTo(t, fetcher(t, c), position(name, 0, 0), end(t, c, to)); !slices.Equal(got, want) {
		t.Errorf("there stand %q, want %q", got, want)
	}
}

func TestWhatIsWhole(t *testing.T) {
	c := dial(t, testbed.Kafka(t).Addr)
	name, id := topic(t, c, 2), testbed.Unique(t, "id")
	p := started(t, c, id)
	if p.Whole(out(name, 0, 0, 1)) {
		t.Error("nothing is fenced yet")
	}
	if _, err := p.Write(limited(t), out(name, 0, 0, 1)); !errors.Is(err, wire.ErrUnknown) {
		t.Errorf("written without a fence: %v", err)
	}
	p = fencing(t, c, id, wire.Partition{Topic: name})
	large := []events.OutRecord{{Topic: name, Value: make([]byte, 500<<10)}, {Topic: name, Value: make([]byte, 500<<10)}}
	for _, c := range []struct {
		what    string
		records []events.OutRecord
		want    bool
	}{
		{"nothing", nil, false},
		{"a record", out(name, 0, 0, 1), true},
		{"a hundred", out(name, 0, 0, 100), true},
		{"another partition", out(name, 1, 0, 1), false},
		{"two partitions", append(out(name, 0, 0, 1), out(name, 1, 0, 1)...), false},
		{"one large record", large[:1], true},
		{"more than a batch", large, false},
	} {
		if got := p.Whole(c.records); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
	for _, epoch := range []int16{0, 32000, 32001, math.MaxInt16} {
		p.SetEpoch(epoch)
		if got, want := p.Whole(out(name, 0, 0, 1)), epoch <= 32000; got != want {
			t.Errorf("epoch %d: %v, want %v: a coordinator that runs out of epochs hands out another producer ID", epoch, got, want)
		}
	}
	if _, err := started(t, c, id).Write(limited(t), out(name, 0, 0, 1)); err == nil {
		t.Error("the fence outlives Init")
	}
}
