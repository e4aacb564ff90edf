package wire

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"pgregory.net/rapid"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// made is a batch to be written by hand: what a broker would hand out.
type made struct {
	base       int64
	lastDelta  int // -1: as many as there are records
	attributes int16
	producer   int64
	maxTime    int64
	values     []string
	pack       func([]byte) []byte // nil: the body as it is
}

func (m made) bytes(t testing.TB) []byte {
	t.Helper()
	var records []*events.OutRecord
	for _, v := range m.values {
		records = append(records, &events.OutRecord{Time: 1000, Value: []byte(v)})
	}
	if len(records) == 0 {
		records = []*events.OutRecord{{Time: 1000}}
	}
	b := encodeBatch(records, batchHeaderSize, transactionalBit, Epoch{ProducerID: m.producer}, 0)
	if len(m.values) == 0 {
		b = b[:batchHeaderSize]
		binary.BigEndian.PutUint32(b[batchCountAt:], 0)
	}
	if m.pack != nil {
		b = append(b[:batchHeaderSize:batchHeaderSize], m.pack(b[batchHeaderSize:])...)
	}
	binary.BigEndian.PutUint64(b, uint64(m.base))
	if m.lastDelta >= 0 {
		binary.BigEndian.PutUint32(b[batchLastDeltaAt:], uint32(m.lastDelta))
	}
	binary.BigEndian.PutUint16(b[batchAttributesAt:], uint16(m.attributes))
	if m.maxTime != 0 {
		binary.BigEndian.PutUint64(b[batchMaxTimeAt:], uint64(m.maxTime))
	}
	return seal(b)
}

// seal makes length and checksum true.
func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b[batchLengthAt:], uint32(len(b)-batchPrefixSize))
	binary.BigEndian.PutUint32(b[batchCRCAt:], crc32.Checksum(b[batchAttributesAt:], castagnoli))
	return b
}

// marker ends a producer's transaction.
func marker(t testing.TB, base, producer int64, kind int16) []byte {
	t.Helper()
	key := binary.BigEndian.AppendUint16(make([]byte, 2), uint16(kind))
	b := encodeBatch([]*events.OutRecord{{Time: 1000, Key: key, Value: make([]byte, 6)}}, batchHeaderSize, transactionalBit, Epoch{ProducerID: producer}, -1)
	binary.BigEndian.PutUint64(b, uint64(base))
	binary.BigEndian.PutUint16(b[batchAttributesAt:], transactionalBit|controlBit)
	return seal(b)
}

const (
	aborts  = 0
	commits = 1
)

func plainBatch(base int64, values ...string) made {
	return made{base: base, lastDelta: -1, producer: noProducer, values: values}
}

func transactional(base, producer int64, values ...string) made {
	return made{base: base, lastDelta: -1, attributes: transactionalBit, producer: producer, values: values}
}

func log(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func at(offset int64) Position {
	return Position{Partition: Partition{Topic: "t", Partition: 3}, Offset: offset}
}

func values(records []events.Record) (values []string) {
	for _, r := range records {
		values = append(values, string(r.Value))
	}
	return values
}

func TestDecodeLeavesOutTheAborted(t *testing.T) {
	data := func(t *testing.T) []byte {
		return log(
			transactional(10, 1, "1a").bytes(t),
			transactional(11, 2, "2a").bytes(t),
			plainBatch(12, "p").bytes(t),
			transactional(13, 1, "1b").bytes(t),
			marker(t, 14, 1, aborts),
			transactional(15, 1, "1c").bytes(t), // the same producer's next transaction
			transactional(16, 2, "2b").bytes(t),
			marker(t, 17, 2, commits),
			marker(t, 18, 1, commits),
			transactional(19, 1, "1d").bytes(t),
			// Not part of a transaction, so no abort touches it: what an idempotent producer writes.
			made{base: 20, lastDelta: -1, producer: 1, values: []string{"i"}}.bytes(t),
			marker(t, 21, 1, aborts),
		)
	}
	for name, c := range map[string]struct {
		from    int64
		aborted []abortedTransaction
		want    []string
	}{
		"two of a producer's three": {10, []abortedTransaction{{1, 19}, {1, 10}}, []string{"2a", "p", "1c", "2b", "i"}},
		"from within one":           {13, []abortedTransaction{{1, 10}, {1, 19}}, []string{"1c", "2b", "i"}},
		"none":                      {10, nil, []string{"1a", "2a", "p", "1b", "1c", "2b", "1d", "i"}},
		"of the other":              {10, []abortedTransaction{{2, 11}}, []string{"1a", "p", "1b", "1c", "1d", "i"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDecoder(inflateLimit)
			next, err := d.decode(at(c.from), data(t), c.aborted)
			if err != nil || next != 22 {
				t.Errorf("next %d, %v; want 22", next, err)
			}
			if got := values(d.records); !slices.Equal(got, c.want) {
				t.Errorf("read %q, want %q", got, c.want)
			}
		})
	}
}

func TestDecodeForgetsWhoWasAborted(t *testing.T) {
	d := newDecoder(inflateLimit)
	// The answer ends before the abort marker does, and the next is another partition's.
	if _, err := d.decode(at(10), transactional(10, 1, "a").bytes(t), []abortedTransaction{{1, 10}}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.decode(at(10), transactional(10, 1, "b").bytes(t), nil); err != nil {
		t.Fatal(err)
	}
	if got := values(d.records); !slices.Equal(got, []string{"b"}) {
		t.Errorf("read %q, want b", got)
	}
}

func TestDecodePositions(t *testing.T) {
	compacted := plainBatch(10, "a")
	compacted.lastDelta = 5
	emptied := plainBatch(16)
	emptied.lastDelta = 3
	emptied.attributes = gzipped // as it was, though there is nothing left to decompress
	full := plainBatch(20, "b", "c", "d").bytes(t)
	for name, c := range map[string]struct {
		data []byte
		from int64
		next int64
		want []string
	}{
		"records gone at a batch's end": {compacted.bytes(t), 10, 16, []string{"a"}},
		"all records gone":              {emptied.bytes(t), 16, 20, nil},
		"only a marker":                 {marker(t, 10, 1, commits), 10, 11, nil},
		"from within a batch":           {full, 21, 23, []string{"c", "d"}},
		"a gap before":                  {full, 5, 23, []string{"b", "c", "d"}},
		"a batch before":                {log(plainBatch(19, "a").bytes(t), full), 20, 23, []string{"b", "c", "d"}},
		"only a batch before":           {full, 25, 25, nil},
		"nothing":                       {nil, 7, 7, nil},
		"cut in the second":             {log(full, plainBatch(23, "e").bytes(t)[:65]), 20, 23, []string{"b", "c", "d"}},
		"cut in the first":              {full[:80], 20, 20, nil},
		"cut in the header":             {full[:14], 20, 20, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDecoder(inflateLimit)
			next, err := d.decode(at(c.from), c.data, nil)
			if err != nil || next != c.next {
				t.Errorf("next %d, %v; want %d", next, err, c.next)
			}
			if got := values(d.records); !slices.Equal(got, c.want) {
				t.Errorf("read %q, want %q", got, c.want)
			}
		})
	}
}

func TestDecodeTimestamps(t *testing.T) {
	created := plainBatch(0, "a")
	appended := plainBatch(1, "b")
	appended.attributes, appended.maxTime = logAppendTimeBit, 5000
	d := newDecoder(inflateLimit)
	if _, err := d.decode(at(0), log(created.bytes(t), appended.bytes(t)), nil); err != nil {
		t.Fatal(err)
	}
	if a, b := d.records[0].Time, d.records[1].Time; a != 1000 || b != 5000 {
		t.Errorf("times %d and %d, want the sender's 1000 and the log's 5000", a, b)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := func() []byte { return plainBatch(10, "a", "b").bytes(t) }
	change := func(at int, to ...byte) []byte {
		b := good()
		copy(b[at:], to)
		return b
	}
	resealed := func(at int, to ...byte) []byte { return seal(change(at, to...)) }
	for name, c := range map[string]struct {
		data []byte
		says string
	}{
		"a flipped bit":                {change(70, 0xff), "checksum"},
		"message format 0":             {change(batchMagicAt, 0), "message format 0"},
		"message format 1":             {change(batchMagicAt, 1), "message format 1"},
		"a batch of no length":         {change(batchLengthAt, 0, 0, 0, 3), "a batch of 3 bytes"},
		"a batch of negative length":   {change(batchLengthAt, 0xff, 0xff, 0xff, 0xff), "a batch of -1 bytes"},
		"a negative last offset":       {resealed(batchLastDeltaAt, 0xff, 0xff, 0xff, 0xff), "last offset delta -1"},
		"a record past the last":       {resealed(batchLastDeltaAt, 0, 0, 0, 0), "a record at 1 behind the batch's first"},
		"records beyond counting":      {resealed(batchCountAt, 0x7f, 0xff, 0xff, 0xff), "2147483647 records in"},
		"a negative count":             {resealed(batchCountAt, 0xff, 0xff, 0xff, 0xff), "-1 records"},
		"more records than there are":  {resealed(batchCountAt, 0, 0, 0, 3), ""},
		"fewer records":                {resealed(batchCountAt, 0, 0, 0, 1), "after the last record"},
		"a record longer than all":     {resealed(batchHeaderSize, 0x7e), "ends before its fields do"},
		"a record of no length":        {resealed(batchHeaderSize, 0), "ends before its fields do"},
		"a record of negative length":  {resealed(batchHeaderSize, 1), "ends before its fields do"},
		"a key longer than its record": {resealed(batchHeaderSize+4, 0x60), "ends before its fields do"},
		"a codec that is none":         {resealed(batchAttributesAt, 0, 5), "codec 5"},
		"no gzip":                      {resealed(batchAttributesAt, 0, gzipped), "gzip"},
		"no snappy":                    {resealed(batchAttributesAt, 0, snappied), "snappy"},
		"no lz4":                       {resealed(batchAttributesAt, 0, lz4ed), "lz4"},
		"no zstd":                      {resealed(batchAttributesAt, 0, zstded), "zstd"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDecoder(inflateLimit)
			next, err := d.decode(at(10), c.data, nil)
			if !errors.Is(err, ErrCorrupt) || Retriable(err) || next != 10 {
				t.Fatalf("next %d, %v; want ErrCorrupt and to stay", next, err)
			}
			if text := err.Error(); !strings.Contains(text, c.says) || !strings.Contains(text, "partition 3 of t: at offset 10") {
				t.Errorf("error %q, want it to say %q and where", text, c.says)
			}
			if len(d.records) != 0 {
				t.Errorf("records %q of a batch that can't be read", values(d.records))
			}

			// Behind a good one it is the next call's concern.
			d.reset()
			next, err = d.decode(at(9), log(plainBatch(9, "before").bytes(t), c.data), nil)
			if err != nil || next != 10 || !slices.Equal(values(d.records), []string{"before"}) {
				t.Errorf("behind a good batch: next %d, %v, %q; want the good one alone", next, err, values(d.records))
			}
		})
	}
}

// codecs pack a batch's body in every way there is.
func codecs() map[string]struct {
	bits int16
	pack func([]byte) []byte
} {
	with := func(open func(w *bytes.Buffer) interface {
		Write([]byte) (int, error)
		Close() error
	}) func([]byte) []byte {
		return func(body []byte) []byte {
			var b bytes.Buffer
			w := open(&b)
			if _, err := w.Write(body); err != nil {
				panic(err)
			}
			if err := w.Close(); err != nil {
				panic(err)
			}
			return b.Bytes()
		}
	}
	type writer = interface {
		Write([]byte) (int, error)
		Close() error
	}
	return map[string]struct {
		bits int16
		pack func([]byte) []byte
	}{
		"gzip":   {gzipped, with(func(b *bytes.Buffer) writer { return gzip.NewWriter(b) })},
		"lz4":    {lz4ed, with(func(b *bytes.Buffer) writer { return lz4.NewWriter(b) })},
		"snappy": {snappied, func(body []byte) []byte { return s2.EncodeSnappy(nil, body) }},
		"xerial": {snappied, func(body []byte) []byte {
			b := append([]byte("\x82SNAPPY\x00"), 0, 0, 0, 1, 0, 0, 0, 1)
			for chunk := range slices.Chunk(body, 32<<10) {
				block := s2.EncodeSnappy(nil, chunk)
				b = append(binary.BigEndian.AppendUint32(b, uint32(len(block))), block...)
			}
			return b
		}},
		"zstd": {zstded, with(func(b *bytes.Buffer) writer {
			w, err := zstd.NewWriter(b, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10))
			if err != nil {
				panic(err)
			}
			return w
		})},
	}
}

func TestDecodeInflates(t *testing.T) {
	for name, codec := range codecs() {
		t.Run(name, func(t *testing.T) {
			var want []string
			for i := range 2000 {
				want = append(want, fmt.Sprintf("%d %s", i, strings.Repeat("x", 50)))
			}
			first, second := plainBatch(0, want[:1000]...), plainBatch(1000, want[1000:]...)
			for _, m := range []*made{&first, &second} {
				m.attributes, m.pack = codec.bits, codec.pack
			}
			d := newDecoder(inflateLimit)
			defer d.inflater.close()
			next, err := d.decode(at(0), log(first.bytes(t), second.bytes(t)), nil)
			if err != nil || next != 2000 {
				t.Fatalf("next %d, %v; want 2000", next, err)
			}
			if got := values(d.records); !slices.Equal(got, want) {
				t.Errorf("read %d values, not as written", len(got))
			}
		})
	}
}

func TestDecodeDefusesBombs(t *testing.T) {
	const limit = 1 << 20
	for name, codec := range codecs() {
		t.Run(name, func(t *testing.T) {
			bomb := plainBatch(10, strings.Repeat("\x00", 2*limit))
			bomb.attributes, bomb.pack = codec.bits, codec.pack
			d := newDecoder(limit)
			defer d.inflater.close()
			_, err := d.decode(at(10), bomb.bytes(t), nil)
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "larger than 1048576 bytes") {
				t.Errorf("error %v, want that it is larger than the limit", err)
			}

			// Many that are not too large by themselves are taken a few at a time.
			var data []byte
			for i := range int64(10) {
				m := plainBatch(i, strings.Repeat("\x00", limit*2/3))
				m.attributes, m.pack = codec.bits, codec.pack
				data = append(data, m.bytes(t)...)
			}
			next, err := d.decode(at(0), data, nil)
			if err != nil || next != 2 || len(d.records) != 2 {
				t.Errorf("next %d, %v, %d records; want two, and the rest later", next, err, len(d.records))
			}
		})
	}
}

func TestBatchesRoundTrip(t *testing.T) {
	field := func(name string) *rapid.Generator[[]byte] {
		return rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 200))
	}
	record := rapid.Custom(func(t *rapid.T) events.OutRecord {
		r := events.OutRecord{
			Topic: "t", Partition: 3, Time: scorer.Instant(rapid.Int64Range(0, 1<<45).Draw(t, "time")),
			Key: field("key").Draw(t, "key"), Value: field("value").Draw(t, "value"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			r.Headers = append(r.Headers, events.Header{Key: rapid.String().Draw(t, "name"), Value: field("header").Draw(t, "header")})
		}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		written := rapid.SliceOfN(record, 1, 300).Draw(t, "records")
		p := &Producer{sequences: map[Partition]int32{}, epoch: Epoch{ProducerID: 4, Epoch: 2}}
		rounds := p.batches(written, transactionalBit)
		if len(rounds) != 1 || len(rounds[0]) != 1 {
			t.Fatalf("%d rounds", len(rounds))
		}
		data := rounds[0][0].bytes
		if n := p.sequences[at(0).Partition]; int(n) != len(written) {
			t.Fatalf("the next sequence is %d, want %d", n, len(written))
		}
		d := newDecoder(inflateLimit)
		next, err := d.decode(at(0), data, nil)
		if err != nil || int(next) != len(written) || len(d.records) != len(written) {
			t.Fatalf("next %d, %v, %d records of %d", next, err, len(d.records), len(written))
		}
		for i, r := range d.records {
			same := slices.EqualFunc(r.Headers, written[i].Headers, func(a, b events.Header) bool { return a.Key == b.Key && identical(a.Value, b.Value) })
			if r.Offset != int64(i) || r.Time != written[i].Time || !identical(r.Key, written[i].Key) || !identical(r.Value, written[i].Value) || !same {
				t.Fatalf("record %d: %+v, want %+v", i, r, written[i])
			}
		}
	})
}

// identical tells nil from empty.
func identical(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func TestSequencesBeginAgainAfterTheLargest(t *testing.T) {
	p := &Producer{sequences: map[Partition]int32{{Topic: "t"}: 1<<31 - 2}}
	rounds := p.batches([]events.OutRecord{{Topic: "t"}, {Topic: "t"}, {Topic: "t"}}, transactionalBit)
	if got := be32(rounds[0][0].bytes[batchSequenceAt:]); got != 1<<31-2 {
		t.Errorf("the batch begins at %d", got)
	}
	if got := p.sequences[Partition{Topic: "t"}]; got != 1 {
		t.Errorf("the next sequence is %d, want 1", got)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(log(transactional(10, 1, "a").bytes(f), marker(f, 11, 1, aborts)), int64(10))
	f.Add(plainBatch(0, "a", "b").bytes(f), int64(1))
	for _, codec := range codecs() {
		m := plainBatch(0, strings.Repeat("lead ", 50))
		m.attributes, m.pack = codec.bits, codec.pack
		f.Add(m.bytes(f), int64(0))
	}
	const limit = 1 << 20
	f.Fuzz(func(t *testing.T, data []byte, from int64) {
		from = max(from, 0)
		// With a checksum that is right, or what is behind it would never be reached.
		for rest := data; len(rest) >= batchHeaderSize; {
			length := int(be32(rest[batchLengthAt:])) + batchPrefixSize
			if length < batchHeaderSize || length > len(rest) {
				break
			}
			rest[batchMagicAt] = batchMagic
			seal(rest[:length])
			rest = rest[length:]
		}
		d := newDecoder(limit)
		defer d.inflater.close()
		next, err := d.decode(at(from), data, []abortedTransaction{{1, 0}})
		if next < from || err != nil && next != from {
			t.Fatalf("from %d to %d, %v", from, next, err)
		}
		for _, r := range d.records {
			if r.Offset < from || r.Offset >= next {
				t.Fatalf("a record at %d, from %d to %d", r.Offset, from, next)
			}
		}
		if d.inflated > 2*limit || len(d.records) > (len(data)+2*limit)/smallestRecord {
			t.Fatalf("%d bytes became %d, and %d records", len(data), d.inflated, len(d.records))
		}
	})
}

func FuzzFetchAnswer(f *testing.F) {
	f.Add(make([]byte, 40), byte(7))
	f.Fuzz(func(t *testing.T, data []byte, version byte) {
		answer, err := parseFetchAnswer(data, oldestFetch+int16(version%8))
		if err == nil && len(answer.partitions) > len(data) {
			t.Fatalf("%d partitions in %d bytes", len(answer.partitions), len(data))
		}
	})
}
