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

// announcedW1 is a change as the model of W1 makes them.
const announcedW1 = `{"specversion":"1.0","id":"lead-0002165/1","source":"hotlead/w1","type":"lead.tier.changed","subject":"lead-0002165","time":"2026-01-01T13:18:29.500Z","datacontenttype":"application/json","data":{"lead":"lead-0002165","account":"acme-216","sequence":1,"from":"cold","to":"warm","direction":"up","cause":{"kind":"event","source":"mautic/eu","id":"e000095819","type":"form.submitted"},"engagement":{"score":35.4179260379,"groups":{"acts":35.4179260379}},"fit":{"score":0},"qualification":{"total":0,"rated":0,"complete":false,"ratings":{}},"score":35.4179260379,"contributions":[{"rule":"form","points":29.652150934},{"rule":"page","points":5.7657751039}],"model":{"name":"w1","version":1}}}`

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

// BenchmarkReadChange reads a change: all of it, no more than its first part, and one that is not quite as hotlead writes
// them.
func BenchmarkReadChange(b *testing.B) {
	for name, text := range map[string]string{"contract": string(AppendChange(nil, contractChange())), "w1": announcedW1} {
		for _, by := range []struct {
			name string
			text string
			read func([]byte) (Announced, error)
		}{{"whole", text, ReadChange}, {"skim", text, SkimChange}, {"walk", text + " ", ReadChange}} {
			b.Run(name+"/"+by.name, func(b *testing.B) {
				value := []byte(by.text)
				b.SetBytes(int64(len(value)))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := by.read(value); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
