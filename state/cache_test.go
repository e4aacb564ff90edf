package state

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func put(c *Leads, id string, blob []byte) { c.Put(c.Hash(id), id, blob) }

func get(c *Leads, id string) ([]byte, bool) { return c.Get(c.Hash(id), id) }

func leadName(i int) string { return fmt.Sprintf("lead-%07d", i) }

// leadNames are n IDs no two of which have one hash: of those only the last would be held.
func leadNames(c *Leads, n int) []string {
	names := make([]string, 0, n)
	held := make(map[uint32]bool, n)
	for i := 0; len(names) < n; i++ {
		if id := leadName(i); !held[c.Hash(id)] {
			held[c.Hash(id)] = true
			names = append(names, id)
		}
	}
	return names
}

func TestLeadsFarPastTheBoundStayWithinIt(t *testing.T) {
	const bound = 4 << 20
	c := NewLeads(bound)
	blob := bytes.Repeat([]byte{7}, 150)
	for i := range 40 * bound / 200 {
		put(c, leadName(i), blob)
		if c.Bytes() > bound {
			t.Fatalf("after %d leads: %d bytes, bound %d", i+1, c.Bytes(), bound)
		}
	}
	if c.Len() < bound/2/(150+40+20) {
		t.Errorf("only %d leads are held in %d bytes", c.Len(), bound)
	}
	if _, ok := get(c, leadName(40*bound/200-1)); !ok {
		t.Error("the newest lead is not held")
	}
	if _, ok := get(c, leadName(0)); ok {
		t.Error("the oldest lead is held")
	}
}

// Leads of all sizes are fetched, those that are not held as well, and all stays as it was.
func TestFetchedLeadsStayAsTheyAre(t *testing.T) {
	c := NewLeads(4 << 20)
	names := leadNames(c, 600)
	var hashes []uint32
	for _, id := range names {
		hashes = append(hashes, c.Hash(id))
	}
	c.Fetch(hashes) // of none
	for i, id := range names[:500] {
		put(c, id, bytes.Repeat([]byte{byte(i)}, i))
	}
	before := c.Bytes()
	c.Fetch(hashes)
	for i, id := range names {
		blob, ok := get(c, id)
		if ok != (i < 500) || ok && !bytes.Equal(blob, bytes.Repeat([]byte{byte(i)}, i)) {
			t.Fatalf("lead %d is held: %v, with %x", i, ok, blob)
		}
	}
	if c.Len() != 500 || c.Bytes() != before {
		t.Errorf("%d leads in %d bytes, before %d", c.Len(), c.Bytes(), before)
	}
}

// The estimate must not flatter: what the runtime counts is held against it.
func TestLeadsBytesAreTheHeaps(t *testing.T) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	c := NewLeads(8 << 20)
	blob := bytes.Repeat([]byte{7}, 100)
	for i := range 200_000 {
		put(c, leadName(i), blob)
	}
	if used := heap() - before; used > c.Bytes()+c.Bytes()/10 {
		t.Errorf("the heap grew by %d bytes, Bytes says %d", used, c.Bytes())
	}
	runtime.KeepAlive(c)
}

func TestLeadsThatAreAskedForStay(t *testing.T) {
	c := NewLeads(1 << 20)
	blob := bytes.Repeat([]byte{7}, 100)
	names := leadNames(c, 101_000)
	staying, passing := names[:1000], names[1000:]
	for _, id := range staying {
		put(c, id, blob)
	}
	for i, id := range passing {
		put(c, id, blob)
		get(c, staying[i%len(staying)])
	}
	for _, id := range staying {
		if _, ok := get(c, id); !ok {
			t.Fatalf("%s was dropped though it was asked for all the time", id)
		}
	}
}

func TestReplacingLeadsThatFitDropsNone(t *testing.T) {
	c := NewLeads(1 << 20)
	const leads = 4000 // about two thirds of the bound
	names := leadNames(c, leads)
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 50 * leads {
		i := n
		if n >= leads {
			i = random.IntN(leads)
		}
		put(c, names[i], bytes.Repeat([]byte{byte(n)}, 100))
	}
	if c.Len() != leads {
		t.Errorf("%d of %d leads are held", c.Len(), leads)
	}
}

func TestABlobStaysAsItWas(t *testing.T) {
	c := NewLeads(64 << 10)
	put(c, "a", []byte("first"))
	first, _ := get(c, "a")
	for i := range 100_000 {
		put(c, "a", fmt.Appendf(nil, "later %d", i))
		put(c, leadName(i%100), bytes.Repeat([]byte{byte(i)}, i%300))
	}
	if string(first) != "first" {
		t.Errorf("it became %q", first)
	}
	if got := append(first, "more"...); string(got) != "firstmore" {
		t.Error(string(got))
	}
	if got, _ := get(c, "a"); string(got) != "later 99999" {
		t.Errorf("appending to a blob changed another: %q", got)
	}
}

func TestABlobTooLargeIsNotHeldNorItsPredecessor(t *testing.T) {
	c := NewLeads(64 << 10)
	put(c, "a", []byte("small"))
	put(c, "a", make([]byte, 128<<10))
	if _, ok := get(c, "a"); ok {
		t.Error("a lead is held that was replaced")
	}
	put(c, strings.Repeat("x", 1<<17), nil)
	if c.Len() != 0 {
		t.Errorf("%d leads", c.Len())
	}
}

func TestADroppedLeadDoesNotComeBack(t *testing.T) {
	c := NewLeads(64 << 10)
	put(c, "a", []byte("small"))
	get(c, "a")
	put(c, "a", make([]byte, 128<<10))
	for i := range 1000 {
		put(c, leadName(i), make([]byte, 100))
		if got, ok := get(c, "a"); ok {
			t.Fatalf("after %d others it is %q", i, got)
		}
	}
}

func TestTwoLeadsOfOneHashAreNotConfused(t *testing.T) {
	c := NewLeads(64 << 10)
	put(c, "a", []byte("blob of a"))
	if got, ok := c.Get(c.Hash("a"), "b"); ok {
		t.Errorf("b is %q", got)
	}
}

// What was never there need not be looked for elsewhere, for as long as nothing that was there has gone.
func TestLeadsThatHoldAllKnowWhatIsNowhere(t *testing.T) {
	lacks := func(c *Leads, id string) bool { return c.Lack(c.Hash(id)) }
	for name, lose := range map[string]func(c *Leads){
		"for lack of room": func(c *Leads) {
			for i := range 1000 {
				put(c, leadName(i), make([]byte, 100))
			}
		},
		"for its size": func(c *Leads) { put(c, "a", make([]byte, 128<<10)) },
		"with all":     func(c *Leads) { c.Clear() },
	} {
		t.Run(name, func(t *testing.T) {
			c := NewLeads(64 << 10)
			if put(c, "a", nil); lacks(c, "b") {
				t.Error("nobody said that it holds all")
			}
			c = NewLeads(64 << 10)
			c.HoldAll()
			for range 500 { // what it replaces is no loss
				put(c, "a", make([]byte, 1000))
			}
			if lacks(c, "a") || !lacks(c, "b") {
				t.Errorf("it lacks a: %v, b: %v", lacks(c, "a"), lacks(c, "b"))
			}
			lose(c)
			if lacks(c, "a") || lacks(c, "b") {
				t.Error("it says what is nowhere, and some that it held are elsewhere")
			}
		})
	}
}

func TestNoBoundHoldsNothing(t *testing.T) {
	c := NewLeads(0)
	put(c, "a", []byte("blob"))
	if _, ok := get(c, "a"); ok || c.Bytes() != 0 {
		t.Errorf("held %v, %d bytes", ok, c.Bytes())
	}
}

// The table against a map, with hashes that share their places.
func TestTableFindsWhatItHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var places table
		want := make(map[uint32]uint32)
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			hash := rapid.Uint32Range(0, 40).Draw(t, "hash") * rapid.SampledFrom([]uint32{1, 16, 1 << 30}).Draw(t, "apart")
			switch at := places.find(hash); {
			case (at != nil) != (want[hash] != 0) || at != nil && at.size != want[hash]:
				t.Fatalf("%d is at %v, want size %d", hash, at, want[hash])
			case at == nil:
				want[hash] = rapid.Uint32Range(1, 1000).Draw(t, "size")
				*places.add(hash) = slot{hash: hash, size: want[hash]}
			default:
				places.remove(hash)
				delete(want, hash)
			}
			if places.used != len(want) || crowded(places.used, len(places.slots)) {
				t.Fatalf("%d of %d slots are used, want %d", places.used, len(places.slots), len(want))
			}
		}
		for hash, size := range want {
			if at := places.find(hash); at == nil || at.size != size {
				t.Fatalf("%d is at %v, want size %d", hash, at, size)
			}
		}
	})
}

// Whatever is held is the newest that was put, whatever was dropped meanwhile.
func TestLeadsHoldTheNewestOrNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := NewLeads(int64(rapid.IntRange(0, 64<<10).Draw(t, "bound")))
		newest := make(map[string]string)
		for step := range rapid.IntRange(1, 400).Draw(t, "steps") {
			id := leadName(rapid.IntRange(0, 60).Draw(t, "lead"))
			switch rapid.IntRange(0, 20).Draw(t, "what") {
			case 0:
				c.Clear()
				clear(newest)
			case 1, 2, 3, 4, 5:
				if got, ok := get(c, id); ok && string(got) != newest[id] {
					t.Fatalf("%s holds %.20q, put was %.20q", id, got, newest[id])
				}
			default:
				newest[id] = strings.Repeat(fmt.Sprint(step, " "), rapid.IntRange(0, 400).Draw(t, "length"))
				put(c, id, []byte(newest[id]))
			}
			if c.Bytes() > c.max {
				t.Fatalf("%d bytes, bound %d", c.Bytes(), c.max)
			}
		}
		for id, want := range newest {
			if got, ok := get(c, id); ok && string(got) != want {
				t.Fatalf("%s holds %.20q, put was %.20q", id, got, want)
			}
		}
	})
}

func BenchmarkLeadsPut(b *testing.B) {
	for _, c := range []struct {
		name  string
		leads int
	}{{"all fit", 100_000}, {"a third fits", 600_000}} {
		b.Run(c.name, func(b *testing.B) {
			leads := NewLeads(48 << 20)
			ids := make([]string, c.leads)
			for i := range ids {
				ids[i] = leadName(i)
			}
			blob := bytes.Repeat([]byte{7}, 180)
			for i := 0; b.Loop(); i++ {
				put(leads, ids[i%c.leads], blob)
			}
		})
	}
}

func BenchmarkLeadsGet(b *testing.B) {
	const n = 100_000
	leads := NewLeads(48 << 20)
	ids := make([]string, n)
	for i := range ids {
		ids[i] = leadName(i)
		put(leads, ids[i], bytes.Repeat([]byte{7}, 180))
	}
	for i := 0; b.Loop(); i++ {
		get(leads, ids[i%n])
	}
}

// A lead that is lacked was never put, whatever memory has let go of since.
func TestALeadThatIsLackedWasNeverPut(t *testing.T) {
	for bound, knows := range map[int64]bool{0: false, 4 << 10: false, 64 << 10: false, 1 << 20: true} {
		random := rand.New(rand.NewPCG(1, uint64(bound)))
		c, there := NewLeads(bound), map[string]bool{}
		c.HoldAll()
		for range 20_000 {
			id := leadName(random.IntN(4000))
			lacks := c.Lack(c.Hash(id))
			if lacks && there[id] || knows && lacks == there[id] {
				t.Fatalf("with %d bytes: %s was put: %v, and is lacked: %v", bound, id, there[id], lacks)
			}
			if put(c, id, bytes.Repeat([]byte{1}, random.IntN(200))); random.IntN(3) == 0 {
				get(c, id)
			}
			there[id] = true
		}
	}
}

// What fills memory takes nobody's place, and is not newer than what is there.
func TestFillingMemory(t *testing.T) {
	c := NewLeads(64 << 10)
	put(c, leadName(0), []byte("newer"))
	n := 0
	for c.Fill(c.Hash(leadName(n)), leadName(n), bytes.Repeat([]byte{1}, 100)) {
		n++
	}
	if got, _ := get(c, leadName(0)); string(got) != "newer" || c.Len() != n || n < 300 {
		t.Errorf("%q, and %d of %d are held", got, c.Len(), n)
	}
	for i := range n {
		if _, ok := get(c, leadName(i)); !ok {
			t.Fatalf("%d is not held", i)
		}
	}
	for i := range 1000 {
		put(c, leadName(n+i), bytes.Repeat([]byte{1}, 100))
	}
	if c.Fill(c.Hash("x"), "x", nil) {
		t.Error("leads have gone, so filling does not make it whole")
	}
}
