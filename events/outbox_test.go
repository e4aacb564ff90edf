package events

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hotlead/hotlead/scorer"
)

func exampleOutbox() []OutRecord {
	return []OutRecord{
		{Topic: "lead.tier-changes", Partition: 2, Time: 1767225600500, Key: []byte("lead-42"), Value: []byte(`{"a":1}`), Headers: headers("content-type", "application/json")},
		{Topic: "lead.dead-letters", Partition: 2147483647, Time: -1, Headers: []Header{{Key: "null"}, {Key: "", Value: []byte{}}}},
		{Topic: "lead.inbox", Key: []byte{}, Value: bytes.Repeat([]byte("x"), 200)},
	}
}

func TestOutboxGolden(t *testing.T) {
	encoded := AppendOutbox([]byte("before"), exampleOutbox())
	golden(t, "outbox-v1.bin", encoded[len("before"):])
	got, err := ReadOutbox(encoded[len("before"):])
	if diff := cmp.Diff(exampleOutbox(), got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestOutboxReadsBack(t *testing.T) {
	nullable := rapid.Custom(func(t *rapid.T) []byte {
		if rapid.Bool().Draw(t, "null") {
			return nil
		}
		return rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes")
	})
	record := rapid.Custom(func(t *rapid.T) OutRecord {
		r := OutRecord{
			Topic:     rapid.String().Draw(t, "topic"),
			Partition: rapid.IntRange(0, 1<<31-1).Draw(t, "partition"),
			Time:      scorer.Instant(rapid.Int64().Draw(t, "time")),
			Key:       nullable.Draw(t, "key"),
			Value:     nullable.Draw(t, "value"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			r.Headers = append(r.Headers, Header{Key: rapid.String().Draw(t, "name"), Value: nullable.Draw(t, "text")})
		}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		recs := rapid.SliceOfN(record, 0, 5).Draw(t, "recs")
		encoded := AppendOutbox(nil, recs)
		if len(encoded) > outboxRoom(recs) {
			t.Fatalf("%d bytes, %d were foreseen", len(encoded), outboxRoom(recs))
		}
		got, err := ReadOutbox(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(recs, got); diff != "" {
			t.Fatal(diff)
		}
		for cut := 1; cut < len(encoded); cut++ {
			if _, err := ReadOutbox(encoded[:cut]); !errors.Is(err, ErrOutbox) {
				t.Fatalf("cut at %d of %d: %v", cut, len(encoded), err)
			}
		}
	})
}

func TestReadOutboxRefuses(t *testing.T) {
	for name, b := range map[string][]byte{
		"another version":          {2, 0},
		"bytes after":              {1, 0, 0},
		"a count too large":        {1, 0xff, 0xff, 0xff, 0xff, 7},
		"a length too large":       {1, 1, 0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0, 0, 0},
		"a partition too high":     {1, 1, 0, 0x80, 0x80, 0x80, 0x80, 8, 0, 0, 0, 0},
		"a number that never ends": append([]byte{1, 1}, bytes.Repeat([]byte{0xff}, 12)...),
	} {
		if recs, err := ReadOutbox(b); !errors.Is(err, ErrOutbox) || recs != nil {
			t.Errorf("%s: %v, %v", name, recs, err)
		}
	}
	if recs, err := ReadOutbox(nil); recs != nil || err != nil {
		t.Errorf("no bytes: %v, %v", recs, err)
	}
}

func FuzzOutbox(f *testing.F) {
	f.Add(AppendOutbox(nil, exampleOutbox()))
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		recs, err := ReadOutbox(b)
		if err != nil {
			return
		}
		again, err := ReadOutbox(AppendOutbox(nil, recs))
		if diff := cmp.Diff(recs, again); err != nil || len(recs) > 0 && diff != "" {
			t.Fatal(err, diff)
		}
	})
}
