package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// BenchmarkDecode reads an answer of records of 320 bytes, as the events of a lane are.
func BenchmarkDecode(b *testing.B) {
	const batches, perBatch = 16, 200
	var data []byte
	value := bytes.Repeat([]byte("v"), 300)
	for i := range batches {
		var records []*events.OutRecord
		for j := range perBatch {
			records = append(records, &events.OutRecord{Time: scorer.Instant(j), Key: fmt.Appendf(nil, "lead-%07d", j), Value: value})
		}
		batch := encodeBatch(records, batchHeaderSize, transactionalBit, Epoch{ProducerID: 1}, 0)
		binary.BigEndian.PutUint64(batch, uint64(i*perBatch))
		data = append(data, batch...)
	}
	d := newDecoder(inflateLimit)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		d.reset()
		if next, err := d.decode(at(0), data, nil); err != nil || next != batches*perBatch {
			b.Fatal(next, err)
		}
	}
	b.ReportMetric(float64(b.N)*batches*perBatch/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkEncode writes 200 changes of 700 bytes.
func BenchmarkEncode(b *testing.B) {
	value := bytes.Repeat([]byte("v"), 700)
	var records []events.OutRecord
	for i := range 200 {
		records = append(records, events.OutRecord{Topic: "t", Time: 1, Key: fmt.Appendf(nil, "lead-%07d", i), Value: value})
	}
	p := &Producer{sequences: map[Partition]int32{}}
	b.ReportAllocs()
	for b.Loop() {
		p.batches(records, transactionalBit)
	}
}

func TestRecordsCostNoAllocationEach(t *testing.T) {
	var records []*events.OutRecord
	for range 1000 {
		records = append(records, &events.OutRecord{Time: 1000, Key: []byte("k"), Value: []byte("v"),
			Headers: []events.Header{{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_type", Value: []byte("page.viewed")}}})
	}
	data := encodeBatch(records, batchHeaderSize, transactionalBit, Epoch{}, 0)
	d := newDecoder(inflateLimit)
	n := math.Inf(1)
	for range 10 { // what other goroutines allocate counts, too, but not in every run
		n = min(n, testing.AllocsPerRun(1, func() {
			d.reset()
			if _, err := d.decode(Position{}, data, nil); err != nil || len(d.records) != len(records) {
				t.Fatal(err, len(d.records))
			}
		}))
	}
	if n != 0 {
		t.Errorf("%v allocations for %d records, want none", n, len(records))
	}
}
