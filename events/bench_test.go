package events

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/valyala/fastjson"

	"github.com/hotlead/hotlead/scorer"
)

const viewed = `{"specversion":"1.0","id":"e000000001","source":"mautic/eu","type":"page.viewed","subject":"lead-0000001",` +
	`"time":"2026-01-01T00:00:00.500Z","datacontenttype":"application/json","data":{"url":"/docs/7","account_id":"acme-0",` +
	`"campaign":"q4-1","duration_ms":123,"referrer":"https://example.com/1"}}`

// BenchmarkDecode reads the event that makes up most of a stream: by a Decoder, and the same fields of it by two JSON
// libraries.
func BenchmarkDecode(b *testing.B) {
	value := []byte(viewed)
	b.Run("hotlead", func(b *testing.B) {
		r := Record{Topic: "lead.engagement", Time: 1767225601000, Key: []byte("lead-0000001"), Value: value}
		d := NewDecoder(DefaultLimits())
		var ev scorer.Event
		b.ReportAllocs()
		b.SetBytes(int64(len(value)))
		for b.Loop() {
			if _, err := d.Decode(&r, &ev); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("fastjson", func(b *testing.B) {
		var p fastjson.Parser
		b.ReportAllocs()
		b.SetBytes(int64(len(value)))
		for b.Loop() {
			v, err := p.ParseBytes(value)
			if err != nil {
				b.Fatal(err)
			}
			for _, name := range []string{"specversion", "id", "source", "type", "subject", "time", "datacontenttype"} {
				if len(v.GetStringBytes(name)) == 0 {
					b.Fatal(name)
				}
			}
			if len(v.GetStringBytes("data", "account_id")) == 0 {
				b.Fatal("account")
			}
		}
	})
	b.Run("encodingjson", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(value)))
		for b.Loop() {
			var ev struct {
				Specversion, ID, Source, Type, Subject, Datacontenttype string
				Time                                                    time.Time
				Data                                                    struct {
					Account string `json:"account_id"`
				}
			}
			if err := json.Unmarshal(value, &ev); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecodeQualification(b *testing.B) {
	d := NewDecoder(DefaultLimits())
	r := structuredRecord(event("type", `"lead.profiled"`, "data", qualificationSeeds[3][1]))
	var ev scorer.Event
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(r, &ev); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendChange(b *testing.B) {
	c := contractChange()
	text := AppendChange(nil, c)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		text = AppendChange(text[:0], c)
	}
}

func BenchmarkReadChange(b *testing.B) {
	text := AppendChange(nil, contractChange())
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadChange(text); err != nil {
			b.Fatal(err)
		}
	}
}
