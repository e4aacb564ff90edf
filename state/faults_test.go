package state

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
)

func (b *bench) tamper(args ...any) {
	b.Helper()
	must(b.T, b.server.raw.Do(b.Context(), args...).Err())
}

// nothingOf checks that a decision turned away left no trace of its lead.
func (b *bench) nothingOf(d *Decision) {
	b.Helper()
	l := b.lane()
	if _, err := l.Read(b.Context()); err != nil {
		l.setBuckets(newLedger().Buckets) // the ledger is what was lost
	}
	if got := b.load(l, d.Leads[0].ID)[0]; got == string(d.Leads[0].Blob) {
		b.Errorf("the decision was written: the lead is %q", got)
	}
}

func testOvertakenAfterTheLook(b *bench) {
	l := b.claimed()
	must(b.T, l.Decide(b.Context(), batch(1)))
	b.tamper("hset", b.keys.ledger, "clock", "1")
	d := batch(2)
	b.is(l.Decide(b.Context(), d), ErrOvertaken)
	b.nothingOf(d)
	b.equal(uint64(1), b.read().Batch)
}

func testOvertakenBeforeTheLook(b *bench) {
	l := b.claimed()
	must(b.T, l.Decide(b.Context(), batch(1)))
	// What the next watch sees is written between EXEC and WATCH; nothing but the comparison finds it.
	l.seen.batch = 7
	d := batch(2)
	b.is(l.Decide(b.Context(), d), ErrOvertaken)
	b.nothingOf(d)
}

func testOvertakenByLoss(b *bench) {
	l := b.claimed()
	must(b.T, l.Decide(b.Context(), batch(1)))
	b.server.loseAll(b.T)
	d := batch(2)
	b.is(l.Decide(b.Context(), d), ErrOvertaken)
	b.nothingOf(d)
	_, err := b.lane().Read(b.Context())
	b.is(err, ErrNoLedger)
}

func testOvertakenByRollback(b *bench) {
	l := b.claimed()
	must(b.T, l.Decide(b.Context(), batch(1)))
	must(b.T, l.Decide(b.Context(), batch(2)))
	// As a rearm after a restart on an older file would find it.
	b.tamper("hset", b.keys.ledger, "n", "1")
	b.is(l.Rearm(b.Context()), ErrOvertaken)
	b.is(l.Decide(b.Context(), batch(3)), ErrRefused)
	b.equal(uint64(1), b.read().Batch)
}

func testFenced(b *bench) {
	l := b.claimed()
	must(b.T, l.Decide(b.Context(), batch(1)))
	newer := b.read()
	newer.Owner.Epoch++
	must(b.T, b.lane().Claim(b.Context(), b.read(), newer))
	d := batch(2)
	b.is(l.Decide(b.Context(), d), ErrFenced)
	b.nothingOf(d)
	b.is(l.Claim(b.Context(), b.read(), newLedger()), ErrFenced)
}

func testClaimFailedUnarms(b *bench) {
	l := b.claimed()
	stale := b.read()
	must(b.T, l.Decide(b.Context(), batch(1)))
	b.is(l.Claim(b.Context(), stale, newLedger()), ErrOvertaken)
	b.is(l.Decide(b.Context(), batch(2)), ErrRefused)
	if err := l.Rearm(b.Context()); err == nil {
		b.Error("a lane is armed whose claim failed")
	}
	b.equal(uint64(1), b.read().Batch)
}

func testOtherProducer(b *bench) {
	l := b.claimed()
	other := b.read()
	other.Owner = Owner{ProducerID: 10, Epoch: 9}
	must(b.T, b.lane().Claim(b.Context(), b.read(), other))
	b.is(l.Decide(b.Context(), batch(1)), ErrOvertaken)
}

func testUnclaimed(b *bench) {
	b.claimed()
	l := b.lane()
	b.is(l.Decide(b.Context(), batch(1)), ErrRefused)
	if err := l.Rearm(b.Context()); err == nil {
		b.Error("a lane that was never claimed is armed")
	}
	if err := l.Load(b.Context(), []string{"a"}, func(int, []byte) {}); err == nil {
		b.Error("leads are loaded without knowing the buckets")
	}
}

func testOutOfMemory(b *bench) {
	l := b.claimed()
	must(b.T, l.Decide(b.Context(), batch(1)))
	mend := b.server.runOutOfMemory(b.T)
	d := batch(2)
	b.is(l.Decide(b.Context(), d), ErrRefused)
	b.is(l.Decide(b.Context(), d), ErrRefused) // without Rearm nothing is even tried
	mend()
	b.nothingOf(d)
	b.is(l.Decide(b.Context(), d), ErrRefused)
	must(b.T, l.Rearm(b.Context()))
	must(b.T, l.Decide(b.Context(), d))
	must(b.T, l.Decide(b.Context(), batch(3)))
	b.equal(uint64(3), b.read().Batch)
}

func testRearmOvertaken(b *bench) {
	l := b.claimed()
	mend := b.server.runOutOfMemory(b.T)
	b.is(l.Decide(b.Context(), batch(1)), ErrRefused)
	mend()
	newer := b.read()
	newer.Owner.Epoch++
	must(b.T, b.lane().Claim(b.Context(), b.read(), newer))
	b.is(l.Rearm(b.Context()), ErrFenced)
	b.is(l.Decide(b.Context(), batch(1)), ErrRefused)
	b.equal(uint64(0), b.read().Batch)
}

func testKeyOfAnotherType(b *bench) {
	l := b.claimed()
	b.tamper("set", b.keys.leads(bucketOf("lead-42", 4)), "a string")
	b.is(l.Decide(b.Context(), batch(1)), ErrDamaged)
	b.is(l.Load(b.Context(), []string{"lead-42"}, func(int, []byte) {}), ErrDamaged)
	b.is(b.store.Ping(b.Context()), nil)
}

// go-redis would send a whole pipeline again whose first answer is that Redis is loading.
func TestNothingIsSentTwice(t *testing.T) {
	m := miniredis.RunT(t)
	w := newWire(t, &server{addr: m.Addr()})
	b := &bench{T: t, store: openStore(t, Options{Addrs: []string{w.addr()}})}
	l := b.claimed()
	before := w.heard.Load()
	must(t, l.Decide(t.Context(), batch(1)))
	once := w.heard.Load() - before
	m.SetError("LOADING Redis is loading the dataset in memory")
	b.is(l.Decide(t.Context(), batch(2)), ErrRefused)
	if sent := w.heard.Load() - before - once; sent != once {
		t.Errorf("a batch of %d bytes took %d to be refused", once, sent)
	}
}

func TestLostConnections(t *testing.T) {
	eachServer(t, func(t *testing.T, s *server) {
		for _, c := range []struct {
			name string
			run  func(b *bench, w *wire)
		}{
			{"before EXEC arrived: unknown, and n says that it did not happen", testCutBeforeExec},
			{"after EXEC took effect: unknown, and n says that it did", testCutAfterExec},
			{"between batches: unknown", testCutBetween},
			{"no answer before the deadline: unknown", testDeadline},
			{"a transaction and the next watch go out together", testOneFlight},
			{"while claiming", testCutWhileClaiming},
			{"redis away: every call says so", testAway},
		} {
			t.Run(c.name, func(t *testing.T) {
				w := newWire(t, s)
				c.run(benchAt(t, s, w.addr()), w)
			})
		}
	})
}

// decideInBackground gives what Decide comes to.
func (b *bench) decideInBackground(ctx context.Context, l *Lane, d *Decision) chan error {
	done := make(chan error, 1)
	go func() { done <- l.Decide(ctx, d) }()
	return done
}

func (b *bench) takeOver(l *Lane, wantBatch uint64) {
	b.Helper()
	must(b.T, l.Reset())
	found, err := l.Read(b.Context())
	must(b.T, err)
	b.equal(wantBatch, found.Batch)
	must(b.T, l.Claim(b.Context(), found, found))
	must(b.T, l.Decide(b.Context(), batch(wantBatch+1)))
}

func testCutBeforeExec(b *bench, w *wire) {
	l := b.claimed()
	w.requests.hold()
	before := w.heard.Load()
	done := b.decideInBackground(b.Context(), l, batch(1))
	eventually(b.T, "the request is on its way", func() bool { return w.heard.Load() > before })
	w.cut()
	b.is(<-done, ErrUnknown)
	w.requests.open()
	b.is(l.Decide(b.Context(), batch(1)), ErrRefused)
	b.takeOver(l, 0)
}

func testCutAfterExec(b *bench, w *wire) {
	l := b.claimed()
	w.answers.hold()
	done := b.decideInBackground(b.Context(), l, batch(1))
	eventually(b.T, "the batch is written", func() bool {
		return b.server.raw.HGet(b.Context(), b.keys.ledger, fieldBatch).Val() == "1"
	})
	w.cut()
	b.is(<-done, ErrUnknown)
	w.answers.open()
	b.takeOver(l, 1)
}

func testCutBetween(b *bench, w *wire) {
	l := b.claimed()
	must(b.T, l.Decide(b.Context(), batch(1)))
	w.cut()
	b.is(l.Decide(b.Context(), batch(2)), ErrUnknown)
	if _, err := l.Read(b.Context()); err == nil {
		b.Error("a broken connection was replaced behind the lane's back")
	}
	b.takeOver(l, 1)
}

func testDeadline(b *bench, w *wire) {
	l := b.claimed()
	w.answers.hold()
	ctx, cancel := context.WithTimeout(b.Context(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	b.is(l.Decide(ctx, batch(1)), ErrUnknown)
	if took := time.Since(begun); took > answerTimeout/2 {
		b.Errorf("the deadline of 50 ms was kept after %v", took)
	}
	w.answers.open()
	w.cut()
	must(b.T, l.Reset())
	eventually(b.T, "the batch that nobody waits for is written", func() bool { return b.read().Batch == 1 })
}

func testOneFlight(b *bench, w *wire) {
	l := b.claimed()
	w.answers.hold()
	done := b.decideInBackground(b.Context(), l, batch(1))
	// With no answer let through, whatever is written was sent in one go.
	eventually(b.T, "the batch is written", func() bool {
		return b.server.raw.HGet(b.Context(), b.keys.ledger, fieldBatch).Val() == "1"
	})
	sent := w.heard.Load()
	w.answers.open()
	must(b.T, <-done)
	if again := w.heard.Load(); again != sent {
		b.Errorf("%d more bytes were sent once answers came", again-sent)
	}
	// And the watch stands: a write now turns the next away, though nothing is asked before it is sent.
	b.tamper("hset", b.keys.ledger, "clock", "1")
	b.is(l.Decide(b.Context(), batch(2)), ErrOvertaken)
}

func testCutWhileClaiming(b *bench, w *wire) {
	l := b.lane()
	// A ping opens the line, so that what is held is the claim.
	_, err := l.Read(b.Context())
	b.is(err, ErrNoLedger)
	w.answers.hold()
	done := make(chan error, 1)
	before := w.heard.Load()
	go func() { done <- l.Claim(b.Context(), nil, newLedger()) }()
	eventually(b.T, "the look is on its way", func() bool { return w.heard.Load() > before })
	w.cut()
	if err := <-done; err == nil {
		b.Fatal("claimed without an answer")
	}
	w.answers.open()
	b.is(l.Decide(b.Context(), batch(1)), ErrRefused)
	must(b.T, l.Reset())
	must(b.T, l.Claim(b.Context(), nil, newLedger()))
	must(b.T, l.Decide(b.Context(), batch(1)))
}

func testAway(b *bench, w *wire) {
	l := b.claimed()
	must(b.T, w.listener.Close())
	w.cut()
	must(b.T, l.Reset())
	ctx := b.Context()
	_, readErr := l.Read(ctx)
	dueErr := l.Due(ctx, noon, 1, func(string) {})
	_, nextErr := l.NextDue(ctx)
	_, walkErr := l.Walk(ctx, 0, 0, 1, nil)
	_, _, toldErr := l.Told(ctx, 1)
	_, checkErr := b.store.Check(ctx)
	_, _, leadErr := b.store.LeadByID(ctx, 3, "a")
	_, topErr := b.store.Top(ctx, 4, "hot", 1)
	_, countErr := b.store.Counts(ctx, 4)
	for call, err := range map[string]error{
		"Read": readErr, "Due": dueErr, "NextDue": nextErr, "Walk": walkErr, "Told": toldErr, "Check": checkErr, "LeadByID": leadErr,
		"Top": topErr, "Counts": countErr, "Ping": b.store.Ping(ctx), "Claim": l.Claim(ctx, nil, newLedger()),
		"Load": l.Load(ctx, []string{"a"}, func(int, []byte) {}),
	} {
		if err == nil {
			b.Errorf("%s succeeded", call)
		} else {
			b.is(err, err) // and is none of the errors that say something of the ledger
		}
	}
}
