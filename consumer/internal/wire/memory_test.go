package wire

import (
	"bytes"
	"encoding/binary"
	"testing"
	"unsafe"
)

func same(a, b []byte) bool { return unsafe.SliceData(a) == unsafe.SliceData(b) }

func TestMemoryIsUsedAgain(t *testing.T) {
	const size = 1 << 20
	var m memory
	inHand, ahead := m.take(size), m.take(size)
	if same(inHand, ahead) {
		t.Fatal("two answers at a time are in the same memory")
	}
	for range 5 { // by turns, as a lane fetches that is behind
		m.give([][]byte{inHand})
		next := m.take(size + size/16)
		if !same(next, inHand) {
			t.Fatal("what was given back is not used again")
		}
		inHand, ahead = ahead, next
	}
}

func TestMemoryThatIsNotWorthKeepingGoes(t *testing.T) {
	const size = 8 << 20
	var m memory
	large := m.take(size)
	m.give([][]byte{large})
	if small := m.take(1000); same(small, large) || cap(small) > leastMemory {
		t.Errorf("a small answer takes %d bytes", cap(small))
	}
	if again := m.take(size); !same(again, large) {
		t.Error("a small answer in between is no reason to let go of what a large one was in")
	}
	m.give([][]byte{large})
	m.give(nil) // nothing came meanwhile
	if again := m.take(size); same(again, large) {
		t.Error("what was not asked for is still held")
	}
}

func TestAnAnswerIsReadIntoMemoryThatIsThere(t *testing.T) {
	answer := make([]byte, 1<<20) // no error, no topics
	binary.BigEndian.PutUint32(answer, uint32(len(answer)-4))
	var m memory
	first := m.take(len(answer))
	for range 3 {
		m.give([][]byte{first})
		got, err := m.readFetchAnswer(bytes.NewReader(answer), newestFetch)
		if err != nil {
			t.Fatal(err)
		}
		if !same(got.(*fetchAnswer).bytes, first) {
			t.Fatal("it was read into other memory")
		}
	}
}
