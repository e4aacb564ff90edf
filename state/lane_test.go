package state

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hotlead/hotlead/scorer"
	"github.com/redis/go-redis/v9"
)

// bench is a Store on a server under a prefix of its own.
type bench struct {
	*testing.T
	server *server
	store  *Store
	keys   laneKeys // of lane 3
}

func newBench(t *testing.T, s *server) *bench { return benchAt(t, s, s.addr) }

func benchAt(t *testing.T, s *server, addr string) *bench {
	t.Helper()
	b := &bench{T: t, server: s, store: openStore(t, Options{Addrs: []string{addr}, Prefix: t.Name()})}
	b.keys = keysOf(t.Name(), 3)
	return b
}

func openStore(t testing.TB, o Options) *Store {
	t.Helper()
	store, err := Open(o)
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	return store
}

func (b *bench) lane() *Lane {
	b.Helper()
	l := b.store.Lane(3)
	b.Cleanup(func() { must(b.T, l.Close()) })
	return l
}

// claimed is a lane with a new ledger at batch 0.
func (b *bench) claimed() *Lane {
	b.Helper()
	l := b.lane()
	must(b.T, l.Claim(b.Context(), nil, newLedger()))
	return l
}

func newLedger() *Ledger {
	return &Ledger{
		Format: LedgerFormat, Owner: Owner{ProducerID: 9, Epoch: 1}, OutputOffset: -1, Cursor: -1, Buckets: 4,
		Model:   ModelInForce{Name: "bant", Version: 2, Text: []byte("name: bant\n")},
		Offsets: map[string]int64{"lead.engagement/3": 0}, Clock: noon,
	}
}

func (b *bench) read() *Ledger {
	b.Helper()
	ledger, err := b.lane().Read(b.Context())
	must(b.T, err)
	return ledger
}

func (b *bench) is(err, want error) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Fatalf("got error %v, want %v", err, want)
	}
	for _, other := range []error{ErrNoLedger, ErrOvertaken, ErrFenced, ErrUnknown, ErrRefused, ErrDamaged, ErrNewer} {
		if !errors.Is(want, other) && errors.Is(err, other) {
			b.Errorf("%v is also %q", err, other)
		}
	}
}

func (b *bench) equal(want, got any) {
	b.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Errorf("-want +got:\n%s", diff)
	}
}

// batch is a decision n that writes one lead.
func batch(n uint64) *Decision {
	return &Decision{
		Batch: n, Clock: noon, OutputOffset: -1, Cursor: -1, Offsets: map[string]int64{"lead.engagement/3": int64(n)},
		Leads: []LeadWrite{{ID: "lead-42", Blob: fmt.Appendf(nil, "as of %d", n), Due: scorer.Never, DueWas: scorer.Never, Tier: "cold", TierWas: "cold"}},
	}
}

func (b *bench) load(l *Lane, ids ...string) []string {
	b.Helper()
	got := make([]string, len(ids))
	must(b.T, l.Load(b.Context(), ids, func(i int, blob []byte) {
		if got[i] = string(blob); blob == nil {
			got[i] = "absent"
		}
	}))
	return got
}

func TestLane(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		for _, c := range []struct {
			name string
			run  func(b *bench)
		}{
			{"a lane without a ledger says so", testNoLedger},
			{"a claimed ledger reads as it was written", testLedgerRoundTrip},
			{"a claim writes what differs", testClaimWritesWhatDiffers},
			{"a claim of a new ledger removes leads left without one", testClaimEmptiesTheLane},
			{"a claim of a ledger that moved is turned away", testClaimOvertaken},
			{"a claim by an older epoch is fenced", testClaimFenced},
			{"a ledger of a newer format is left alone", testNewerLedger},
			{"a damaged ledger is refused", testDamagedLedger},
			{"a decision is written whole", testDecideWritesAll},
			{"a decision clears outbox and recovery", testDecideClears},
			{"what was told is kept as asked", testTold},
			{"leads are walked and loaded", testWalkAndLoad},
			{"many leads at once make a table", testManyAtOnce},
			{"timers come due in order", testDue},
			{"a write by somebody else after the look: overtaken", testOvertakenAfterTheLook},
			{"a write by somebody else before the look: overtaken", testOvertakenBeforeTheLook},
			{"all keys lost: overtaken", testOvertakenByLoss},
			{"a ledger rolled back: overtaken", testOvertakenByRollback},
			{"a ledger that nobody writes is checked", testCheck},
			{"a higher epoch: fenced", testFenced},
			{"another producer ID: overtaken", testOtherProducer},
			{"after a claim that failed nothing is decided", testClaimFailedUnarms},
			{"an unclaimed lane decides nothing", testUnclaimed},
			{"out of memory: refused, and once rearmed it works", testOutOfMemory},
			{"rearmed after somebody else wrote: overtaken", testRearmOvertaken},
			{"a key of another type: damaged", testKeyOfAnotherType},
			{"twenty thousand leads at once", testBigBatch},
		} {
			t.Run(c.name, func(t *testing.T) { c.run(newBench(t, s)) })
		}
	})
}

func testCheck(b *bench) {
	if err := b.lane().Check(b.Context()); err == nil {
		b.Error("an unclaimed lane has nothing to check")
	}
	l := b.claimed()
	must(b.T, l.Check(b.Context()))
	must(b.T, l.Decide(b.Context(), batch(1)))
	must(b.T, l.Check(b.Context()))
	must(b.T, l.Decide(b.Context(), batch(2))) // under the watch that is there still

	raw := b.server.raw
	for _, c := range []struct {
		name  string
		meets func() error
		want  error
	}{
		{"a newer owner", func() error {
			return raw.HSet(b.Context(), b.keys.ledger, fieldOwner, Owner{ProducerID: 9, Epoch: 2}.String()).Err()
		}, ErrFenced},
		{"an older batch", func() error { return raw.HSet(b.Context(), b.keys.ledger, fieldBatch, 1).Err() }, ErrOvertaken},
		{"nothing", func() error { return raw.Del(b.Context(), b.keys.ledger).Err() }, ErrOvertaken},
		{"another type", func() error { return raw.Set(b.Context(), b.keys.ledger, "a string", 0).Err() }, ErrDamaged},
	} {
		must(b.T, raw.Del(b.Context(), b.keys.ledger).Err())
		l := b.claimed()
		must(b.T, c.meets())
		b.is(l.Check(b.Context()), c.want)
		if err := l.Decide(b.Context(), batch(1)); err == nil {
			b.Errorf("%s: decided all the same", c.name)
		}
	}
}

func testNoLedger(b *bench) {
	_, err := b.lane().Read(b.Context())
	b.is(err, ErrNoLedger)
	if got, err := b.lane().NextDue(b.Context()); err != nil || got != scorer.Never {
		b.Errorf("next due %v, %v", got, err)
	}
}

func testLedgerRoundTrip(b *bench) {
	want := &Ledger{
		Format: LedgerFormat, Batch: 1 << 40, Step: 7, Owner: Owner{ProducerID: 1 << 50, Epoch: 32767},
		Offsets: map[string]int64{"lead.engagement/3": 12, "a:b/3": 1 << 50}, Clock: noon,
		Outbox: []byte{0, 1, 255, '\r', '\n'}, OutputOffset: 17, Cursor: 3, Recovery: []byte("half way"), Buckets: 64, Lanes: 12, Group: "g", Output: "changes",
		Model:  ModelInForce{Name: "b2b-saas", Version: 7, Text: []byte("name: b2b-saas\nversion: 7\n"), Since: 1_700_000_000_000},
		Counts: map[string]int64{"hot": 1, "count:odd": 2},
	}
	must(b.T, b.lane().Claim(b.Context(), nil, want))
	b.equal(want, b.read())
}

func testClaimWritesWhatDiffers(b *bench) {
	first := newLedger()
	first.Outbox, first.Recovery = []byte("out"), []byte("rec")
	first.Offsets["gone/3"] = 4
	must(b.T, b.lane().Claim(b.Context(), nil, first))
	// A field that the claim does not know stays as it is.
	must(b.T, b.server.raw.HSet(b.Context(), b.keys.ledger, "foreign", "1").Err())
	found := b.read()
	want := newLedger()
	want.Owner.Epoch, want.Batch, want.Clock = 2, 5, noon+1
	must(b.T, b.lane().Claim(b.Context(), found, want))
	b.equal(want, b.read())
	if got := b.server.raw.HGet(b.Context(), b.keys.ledger, "foreign").Val(); got != "1" {
		b.Errorf("foreign field: %q", got)
	}
}

func testClaimEmptiesTheLane(b *bench) {
	l := b.claimed()
	d := batch(1)
	d.Leads[0].Due, d.Leads[0].Tier, d.Leads[0].TierWas, d.Leads[0].Indexed = noon, "hot", "", true
	d.Told = []ToldWrite{{ID: "lead-42", Value: []byte("x")}}
	must(b.T, l.Decide(b.Context(), d))
	must(b.T, b.server.raw.Del(b.Context(), b.keys.ledger).Err())
	again := newLedger()
	again.Counts = map[string]int64{"hot": 0}
	must(b.T, b.lane().Claim(b.Context(), nil, again))
	keys, err := b.server.raw.Keys(b.Context(), "{"+b.Name()+".3}:*").Result()
	must(b.T, err)
	b.equal([]string{b.keys.ledger}, keys)
}

func testClaimOvertaken(b *bench) {
	l := b.claimed()
	found := b.read()
	must(b.T, l.Decide(b.Context(), batch(1)))
	b.is(b.lane().Claim(b.Context(), found, newLedger()), ErrOvertaken)
	b.is(b.lane().Claim(b.Context(), nil, newLedger()), ErrOvertaken)
	must(b.T, b.server.raw.Del(b.Context(), b.keys.ledger).Err())
	b.is(b.lane().Claim(b.Context(), found, newLedger()), ErrOvertaken)
}

func testClaimFenced(b *bench) {
	newer := newLedger()
	newer.Owner.Epoch = 5
	must(b.T, b.lane().Claim(b.Context(), nil, newer))
	b.is(b.lane().Claim(b.Context(), b.read(), newLedger()), ErrFenced)
	b.equal(int16(5), b.read().Owner.Epoch)
}

func testNewerLedger(b *bench) {
	b.claimed()
	must(b.T, b.server.raw.HSet(b.Context(), b.keys.ledger, fieldFormat, LedgerFormat+1).Err())
	_, err := b.lane().Read(b.Context())
	b.is(err, ErrNewer)
}

func testDamagedLedger(b *bench) {
	for field, value := range map[string]string{
		fieldFormat: "x", fieldBatch: "-1", fieldStep: "", fieldOwner: "1", fieldClock: "noon", fieldOutput: "", fieldModelVersion: "v",
		fieldCursor: "x", fieldBuckets: "0", fieldLanes: "x", prefixOffset + "a/1": "x", prefixCount + "hot": "many",
	} {
		must(b.T, b.server.raw.Del(b.Context(), b.keys.ledger).Err())
		b.claimed()
		must(b.T, b.server.raw.HSet(b.Context(), b.keys.ledger, field, value).Err())
		_, err := b.lane().Read(b.Context())
		b.is(err, ErrDamaged)
	}
	must(b.T, b.server.raw.Set(b.Context(), b.keys.ledger, "a string", 0).Err())
	_, err := b.lane().Read(b.Context())
	b.is(err, ErrDamaged)
}

func testDecideWritesAll(b *bench) {
	l := b.claimed()
	d := &Decision{
		Batch: 1, Step: 2, Acknowledged: 7, Offsets: map[string]int64{"lead.inbox/3": 8}, Clock: noon + 1, Outbox: []byte("out"), OutputOffset: 5,
		Cursor: 2, Recovery: []byte("rec"), Model: &ModelInForce{Name: "m", Version: 3, Text: []byte("t"), Since: 1_700_000_000_001},
		Leads: []LeadWrite{
			{ID: "a", Blob: []byte("A"), Due: noon + 9, DueWas: scorer.Never, Tier: "hot", Indexed: true, Rank: 7},
			{ID: "b", Blob: []byte{}, Due: scorer.Never, DueWas: scorer.Never, Tier: "cold"},
		},
	}
	must(b.T, l.Decide(b.Context(), d))
	want := newLedger()
	want.Batch, want.Step, want.Clock, want.Outbox, want.OutputOffset = 1, 2, noon+1, d.Outbox, 5
	want.Acknowledged, want.Cursor, want.Recovery, want.Model = 7, 2, d.Recovery, *d.Model
	want.Offsets["lead.inbox/3"] = 8
	want.Counts = map[string]int64{"hot": 1, "cold": 1}
	b.equal(want, b.read())
	b.equal([]string{"A", "", "absent"}, b.load(l, "a", "b", "c"))
	next, err := l.NextDue(b.Context())
	must(b.T, err)
	b.equal(noon+9, next)
	index, err := b.server.raw.ZRangeWithScores(b.Context(), b.keys.tier("hot"), 0, -1).Result()
	must(b.T, err)
	b.equal([]redis.Z{{Member: "a", Score: 7}}, index)
}

func testDecideClears(b *bench) {
	l := b.claimed()
	d := batch(1)
	d.Outbox, d.Recovery = []byte("out"), []byte("rec")
	must(b.T, l.Decide(b.Context(), d))
	must(b.T, l.Decide(b.Context(), batch(2)))
	got := b.read()
	if got.Batch != 2 || len(got.Outbox)+len(got.Recovery) > 0 {
		b.Errorf("%+v", got)
	}
	// So does the first decision after a claim that found them.
	d.Batch = 3
	must(b.T, l.Decide(b.Context(), d))
	other := b.lane()
	must(b.T, other.Claim(b.Context(), b.read(), b.read()))
	must(b.T, other.Decide(b.Context(), batch(4)))
	if got := b.read(); got.Batch != 4 || len(got.Outbox)+len(got.Recovery) > 0 {
		b.Errorf("%+v", got)
	}
}

func testTold(b *bench) {
	l := b.claimed()
	told := func(id, value string) ToldWrite { return ToldWrite{ID: id, Value: []byte(value)} }
	d := batch(1)
	d.ToldFirst = []ToldWrite{told("a", "first a"), told("b", "first b")}
	d.Told = []ToldWrite{told("b", "then b"), told("c", "then c")}
	must(b.T, l.Decide(b.Context(), d))
	d = batch(2)
	d.ToldFirst = []ToldWrite{told("a", "too late"), told("d", "first d")}
	d.ToldDone = []string{"c"}
	must(b.T, l.Decide(b.Context(), d))
	got, more, err := l.Told(b.Context(), 10)
	must(b.T, err)
	b.equal(false, more)
	b.equal(map[string][]byte{"a": []byte("first a"), "b": []byte("then b"), "d": []byte("first d")}, got)

	// Many are worked off a few at a time.
	d = batch(3)
	for i := range 5000 {
		d.Told = append(d.Told, told(leadName(i), "x"))
	}
	must(b.T, l.Decide(b.Context(), d))
	n := uint64(3)
	for done := 0; done < 5003; n++ {
		some, more, err := l.Told(b.Context(), 700)
		must(b.T, err)
		b.equal(done+len(some) < 5003, more)
		if len(some) == 0 || len(some) > 700 {
			b.Fatalf("%d of 700 after %d", len(some), done)
		}
		d = batch(n + 1)
		for id := range some {
			d.ToldDone = append(d.ToldDone, id)
		}
		done += len(some)
		must(b.T, l.Decide(b.Context(), d))
	}
	if rest, _, err := l.Told(b.Context(), 700); err != nil || len(rest) > 0 {
		b.Errorf("%d are left, %v", len(rest), err)
	}
}

func testWalkAndLoad(b *bench) {
	l := b.claimed()
	d := batch(1)
	d.Leads = nil
	want := make(map[string]string)
	for i := range 3000 {
		id := leadName(i)
		want[id] = fmt.Sprint("blob of ", i)
		d.Leads = append(d.Leads, LeadWrite{ID: id, Blob: []byte(want[id]), Due: scorer.Never, DueWas: scorer.Never, Tier: "cold"})
	}
	must(b.T, l.Decide(b.Context(), d))
	got := make(map[string]string)
	for bucket := range 4 {
		for cursor := uint64(0); ; {
			next, err := l.Walk(b.Context(), bucket, cursor, 100, func(id string, blob []byte) { got[id] = string(blob) })
			must(b.T, err)
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	b.equal(want, got)
	b.equal([]string{want[leadName(1)], "absent", want[leadName(0)], want[leadName(1)]}, b.load(l, leadName(1), "nobody", leadName(0), leadName(1)))
	b.equal([]string{}, b.load(l))
}

// Redis looks through a list from its beginning for each lead that is added, which a table spares it.
func testManyAtOnce(b *bench) {
	l := b.claimed()
	wrote := int64(0)
	for n := uint64(1); n <= 3; n++ {
		d := batch(n)
		d.Leads = nil
		for i := range 400 {
			d.Leads = append(d.Leads, LeadWrite{ID: leadName(1000*int(n) + i), Blob: []byte("short"), Due: scorer.Never, DueWas: scorer.Never, Tier: "cold"})
		}
		must(b.T, l.Decide(b.Context(), d))
		wrote += 400
		held := int64(0)
		for bucket := range 4 {
			held += b.server.raw.HLen(b.Context(), b.keys.leads(bucket)).Val()
			encoding, err := b.server.raw.ObjectEncoding(b.Context(), b.keys.leads(bucket)).Result()
			if err == nil && encoding != "hashtable" && encoding != "raw" { // miniredis knows the latter alone
				b.Errorf("bucket %d is a %s", bucket, encoding)
			}
		}
		b.equal(wrote, held)
	}
	// What a torn append-only file may leave of it is no lead.
	must(b.T, b.server.raw.HSet(b.Context(), b.keys.leads(0), noLead, long).Err())
	_, err := l.Walk(b.Context(), 0, 0, 1000, func(id string, blob []byte) {
		if string(blob) != "short" {
			b.Errorf("%q is a lead: %q", id, blob)
		}
	})
	must(b.T, err)
}

func testDue(b *bench) {
	l := b.claimed()
	d := batch(1)
	d.Leads = nil
	for i := range 5 {
		d.Leads = append(d.Leads, LeadWrite{ID: fmt.Sprint(i), Due: noon - scorer.Instant(i), DueWas: scorer.Never, Tier: "cold"})
	}
	must(b.T, l.Decide(b.Context(), d))
	due := func(until scorer.Instant, limit int) (ids []string) {
		must(b.T, l.Due(b.Context(), until, limit, func(id string) { ids = append(ids, id) }))
		return ids
	}
	b.equal([]string{"4", "3"}, due(noon-3, 10))
	b.equal([]string{"4", "3"}, due(noon, 2))
	b.equal([]string{"4", "3", "2", "1", "0"}, due(scorer.Never, 10))
	b.equal([]string(nil), due(noon-5, 10))

	d = batch(2)
	d.Leads = []LeadWrite{
		{ID: "4", Due: scorer.Never, DueWas: noon - 4, Tier: "cold", TierWas: "cold"},     // removed
		{ID: "3", Due: noon + 50, DueWas: noon - 3, Tier: "cold", TierWas: "cold"},        // moved
		{ID: "2", Due: noon - 2, DueWas: noon - 2, Tier: "cold", TierWas: "cold"},         // left
		{ID: "9", Due: scorer.Never, DueWas: scorer.Never, Tier: "cold", TierWas: "cold"}, // none
	}
	must(b.T, l.Decide(b.Context(), d))
	b.equal([]string{"2", "1", "0", "3"}, due(scorer.Never, 10))
	next, err := l.NextDue(b.Context())
	must(b.T, err)
	b.equal(noon-2, next)
}

func testBigBatch(b *bench) {
	l := b.claimed()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	const leads = 20_000
	ids := make([]string, leads)
	for n := uint64(1); n <= 3; n++ {
		d := batch(n)
		d.Leads = make([]LeadWrite, leads)
		for i := range d.Leads {
			ids[i] = leadName(i)
			d.Leads[i] = LeadWrite{
				ID: ids[i], Blob: fmt.Appendf(nil, "%d of batch %d %0200d", i, n, i), Due: noon + scorer.Instant(n), DueWas: scorer.Never,
				Tier: "hot", Indexed: true, IndexedWas: n > 1, Rank: float64(i),
			}
			if n > 1 {
				d.Leads[i].TierWas = "hot"
			}
		}
		must(b.T, l.Decide(ctx, d))
		must(b.T, l.Load(ctx, ids, func(i int, blob []byte) {
			if want := fmt.Sprintf("%d of batch %d %0200d", i, n, i); string(blob) != want {
				b.Fatalf("lead %d holds %q", i, blob)
			}
		}))
	}
	b.equal(map[string]int64{"hot": leads}, b.read().Counts)
	if n := b.server.raw.ZCard(ctx, b.keys.timers).Val() + b.server.raw.ZCard(ctx, b.keys.tier("hot")).Val(); n != 2*leads {
		b.Errorf("%d timers and index entries", n)
	}
}
