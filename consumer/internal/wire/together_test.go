package wire_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/hotlead/hotlead/consumer/internal/wire"
)

// aMoment is long enough for a few goroutines to ask within half of it, however busy the machine.
const aMoment = 2 * time.Second

// asked counts the fetches that reach a cluster.
func asked(k *kfake.Cluster) *atomic.Int32 {
	n := new(atomic.Int32)
	var seen sync.Map // kfake asks again for each that waited
	k.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		if _, before := seen.LoadOrStore(r, true); !before {
			n.Add(1)
		}
		return nil, nil, false
	})
	return n
}

// write commits one record to each of these partitions of t.
func write(t testing.TB, p *wire.Producer, value int, partitions ...int) {
	t.Helper()
	for _, partition := range partitions {
		if _, err := p.Commit(limited(t), wire.Transaction{Records: out("t", partition, value, 1)}); err != nil {
			t.Fatal(err)
		}
	}
}

// together lets each of several readers ask for a partition of its own at the same time, and gives what each read.
func together(t testing.TB, readers []*wire.Fetcher, offset int64) []wire.Fetched {
	t.Helper()
	read := make([]wire.Fetched, len(readers))
	var reading sync.WaitGroup
	for i, f := range readers {
		reading.Go(func() {
			fetched, err := f.Together(limited(t), []wire.Position{position("t", i, offset)}, aMoment/2, aMoment, time.Minute)
			if err != nil || len(fetched) != 1 {
				t.Errorf("reader %d: %v, %v", i, fetched, err)
				return
			}
			read[i] = fetched[0]
		})
	}
	reading.Wait()
	return read
}

func readers(t testing.TB, c *wire.Cluster, n int) []*wire.Fetcher {
	t.Helper()
	all := make([]*wire.Fetcher, n)
	for i := range all {
		all[i] = fetcher(t, c)
	}
	return all
}

// Readers that are due at about the same time are one request, and what it brings is good for each until its own next one,
// whatever the others do.
func TestReadersThatKeepUpAskTogether(t *testing.T) {
	t.Parallel()
	k, c := fake(t, 1, kfake.SeedTopics(4, "t"))
	write(t, started(t, c, "id"), 7, 0, 1, 2, 3)
	n, all := asked(k), readers(t, c, 4)
	read := together(t, all, 0)
	if n.Load() != 1 {
		t.Errorf("four readers sent %d requests", n.Load())
	}
	for i := range read {
		if i > 0 {
			all[i-1].Close()
		}
		if len(read[i].Records) != 1 || read[i].Partition.Partition != i || string(read[i].Records[0].Value) != "value-7" {
			t.Errorf("reader %d read %+v", i, read[i])
		}
	}
	kept := read[3].Records[0].Value
	all[3].Close()
	if string(kept) == "value-7" {
		t.Error("the memory was not given back")
	}
}

// A reader for which nothing was there waits for it, and asks no more often than once in a beat; what is wrong with another's
// partition is not its own.
func TestAReaderWaitsForItsOwn(t *testing.T) {
	t.Parallel()
	k, c := fake(t, 1, kfake.SeedTopics(3, "t"))
	p := started(t, dial(t, k.ListenAddrs()[0]), "id")
	write(t, p, 1, 0)
	n, all := asked(k), readers(t, c, 3)
	second := make(chan wire.Fetched, 1)
	go func() {
		fetched, err := all[1].Together(limited(t), []wire.Position{position("t", 1, 0)}, aMoment/2, aMoment, time.Minute)
		if err != nil || len(fetched) != 1 {
			t.Errorf("%v, %v", fetched, err)
			fetched = []wire.Fetched{{}}
		}
		second <- fetched[0]
	}()
	var others sync.WaitGroup
	others.Go(func() {
		fetched, err := all[2].Together(limited(t), []wire.Position{position("t", 2, 99)}, aMoment/2, aMoment, time.Minute)
		if err != nil || len(fetched) != 1 || !errors.Is(fetched[0].Err, wire.ErrOffsetOutOfRange) {
			t.Errorf("beyond the end: %v, %v", fetched, err)
		}
	})
	others.Go(func() {
		if first, err := all[0].Together(limited(t), []wire.Position{position("t", 0, 0)}, aMoment/2, aMoment, time.Minute); err != nil || len(first) != 1 {
			t.Errorf("%v, %v", first, err)
		}
	})
	others.Wait()
	if n.Load() != 1 {
		t.Errorf("three readers sent %d requests", n.Load())
	}
	write(t, p, 2, 1)
	if got := <-second; len(got.Records) != 1 || string(got.Records[0].Value) != "value-2" {
		t.Errorf("read %+v", got)
	}
	if n.Load() != 2 {
		t.Errorf("%d requests, where one more would do", n.Load())
	}
}

// A reader that is alone asks when it has rested, and one that has rested asks at once.
func TestAReaderRests(t *testing.T) {
	t.Parallel()
	_, c := fake(t, 1, kfake.SeedTopics(1, "t"))
	write(t, started(t, c, "id"), 1, 0)
	f := fetcher(t, c)
	for rest, least := range map[time.Duration]time.Duration{300 * time.Millisecond: 290 * time.Millisecond, 0: 0} {
		begin := time.Now()
		fetched, err := f.Together(limited(t), []wire.Position{position("t", 0, 0)}, rest, time.Hour, time.Millisecond)
		if err != nil || len(fetched) != 1 || len(fetched[0].Records) != 1 {
			t.Errorf("after a rest of %v: %v, %v", rest, fetched, err)
		}
		if took := time.Since(begin); took < least || took > least+20*time.Second {
			t.Errorf("after a rest of %v it took %v", rest, took)
		}
	}
}

// Nothing is there, and the wait is over.
func TestReadersWaitNoLongerThanTheyWant(t *testing.T) {
	t.Parallel()
	_, c := fake(t, 1, kfake.SeedTopics(2, "t"))
	var reading sync.WaitGroup
	for i, wait := range []time.Duration{50 * time.Millisecond, 400 * time.Millisecond} {
		f := fetcher(t, c)
		reading.Go(func() {
			begin := time.Now()
			fetched, err := f.Together(limited(t), []wire.Position{position("t", i, 0)}, 10*time.Millisecond, 20*time.Millisecond, wait)
			if took := time.Since(begin); err != nil || len(fetched) != 0 || took < wait || took > wait+20*time.Second {
				t.Errorf("%v, %v after %v, not %v", fetched, err, took, wait)
			}
		})
	}
	reading.Wait()
}

// One reader goes, and the other's poll goes on; with the last of them the request ends.
func TestReadersThatLeave(t *testing.T) {
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	before := goleak.IgnoreCurrent()
	c := wire.Dial(wire.Options{Brokers: k.ListenAddrs(), Reused: spoil})
	p := started(t, c, "id")
	arrived := make(chan struct{})
	var once sync.Once
	k.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		once.Do(func() { close(arrived) })
		return nil, nil, false
	})
	all := []*wire.Fetcher{c.Fetcher(1 << 20), c.Fetcher(1 << 20)}
	ctx, cancel := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		if _, err := all[0].Together(ctx, []wire.Position{position("t", 0, 0)}, aMoment/2, aMoment, time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want the context's", err)
		}
	})
	reading.Go(func() {
		fetched, err := all[1].Together(t.Context(), []wire.Position{position("t", 1, 0)}, aMoment/2, aMoment, time.Hour)
		if err != nil || len(fetched) != 1 || len(fetched[0].Records) != 1 {
			t.Errorf("%v, %v", fetched, err)
		}
		// And now it goes, too.
		brief, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := all[1].Together(brief, []wire.Position{position("t", 1, 2)}, 0, aMoment, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
	})
	<-arrived
	cancel()
	write(t, p, 1, 1)
	reading.Wait()
	for _, f := range all {
		f.Close()
	}
	c.Close()
	goleak.VerifyNone(t, before)
}

// Many readers, side by side with some that fall behind, leave and come back, read all that is written, in order, of memory
// that nobody else writes to meanwhile.
func TestReadersTogetherMissNothing(t *testing.T) {
	t.Parallel()
	const lanes, records = 5, 60
	k, c := fake(t, 2, kfake.SeedTopics(lanes, "t"))
	p := started(t, dial(t, k.ListenAddrs()[0]), "id")
	var reading sync.WaitGroup
	for lane := range lanes {
		reading.Go(func() {
			f := c.Fetcher(1 << 20)
			defer f.Close()
			at, want := position("t", lane, 0), 0
			for turn := 0; want < records; turn++ {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				if turn%7 == lane {
					ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
				}
				ask := func() ([]wire.Fetched, error) {
					return f.Together(ctx, []wire.Position{at}, time.Duration(turn%3)*time.Millisecond, 4*time.Millisecond, 50*time.Millisecond)
				}
				if turn%5 == lane {
					ask = func() ([]wire.Fetched, error) { return f.Fetch(ctx, []wire.Position{at}, 50*time.Millisecond) }
				}
				fetched, err := ask()
				cancel()
				if err != nil && t.Context().Err() != nil {
					return
				}
				for _, got := range fetched {
					if got.Err != nil {
						continue // its leader is looked for
					}
					for _, r := range got.Records {
						if string(r.Value) != fmt.Sprintf("value-%d", want) {
							t.Errorf("reader %d read %q where value-%d comes", lane, r.Value, want)
							return
						}
						want++
					}
					at.Offset = got.Next
				}
			}
		})
	}
	for i := range records {
		write(t, p, i, 0, 1, 2, 3, 4)
	}
	reading.Wait()
}
