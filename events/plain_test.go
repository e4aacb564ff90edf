package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hotlead/hotlead/scorer"
)

// FuzzPlain holds events that are read in rows of plain members against the same events read member by member.
func FuzzPlain(f *testing.F) {
	for _, seed := range jsonSeeds {
		f.Add([]byte(seed))
	}
	for _, data := range qualificationSeeds {
		f.Add([]byte(event("type", `"`+data[0]+`"`, "data", data[1])))
	}
	f.Add(bytes.ReplaceAll(bytes.ReplaceAll([]byte(viewed), []byte(`:`), []byte(`: `)), []byte(`,`), []byte(`, `)))
	for _, data := range []string{
		`{"account_id":"a","account_id":"b"}`, `{"account_id":1,"b":2}`, `{"a":"x","account_id":"é","b":"y"}`, `{"a":1.5,"b":12,"c":0,"d":-1}`,
		`{"a":12e3,"b":"\"","c":"x"}`, `{"a":"x","account_id":"a"}`, `{"a":"x" ,"account_id":"a","b":[1],"c":"y"}`, `{"a":"x",}`, `{"a":"1234567`,
	} {
		f.Add([]byte(event("data", data)))
		f.Add([]byte(event("data", data, "time", `"2026-01-01T00:00:00Z"`)))
		f.Add([]byte(event("data", data) + event("data", data)))
	}
	f.Add([]byte(event("id", `"1","id":"2"`, "source", `null`)))
	f.Add([]byte(event("id", `"1","ids":"2","i":"","subjecT":"","specversio":"1"`, "subject", `"`)))
	f.Fuzz(func(t *testing.T, value []byte) {
		var got, want scorer.Event
		gotRefusal, wantRefusal := refusalOf(t, value, &got), refusalOf(t, walked(value), &want)
		if gotRefusal != wantRefusal {
			t.Fatalf("%q: refused for %q, want %q", value, gotRefusal, wantRefusal)
		}
		if gotRefusal != "" {
			return
		}
		got.Data, want.Data = compact(t, got.Data), compact(t, want.Data)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q: %s", value, diff)
		}
	})
}

// refusalOf decodes value and answers the reason for which it is refused, "" where it is not.
func refusalOf(t *testing.T, value []byte, into *scorer.Event) string {
	t.Helper()
	_, err := NewDecoder(DefaultLimits()).Decode(structuredRecord(string(value)), into)
	if err == nil {
		return ""
	}
	return refusal(t, NewDecoder(DefaultLimits()), structuredRecord(string(value))).Reason
}

// walked is the same JSON text, or one that is broken alike, with a tab behind each colon: no member of it is plain.
func walked(text []byte) []byte {
	var out []byte
	within := false
	for i := 0; i < len(text); i++ {
		out = append(out, text[i])
		switch {
		case text[i] == '"':
			within = !within
		case text[i] == '\\' && within && i+1 < len(text):
			i++
			out = append(out, text[i])
		case text[i] == ':' && !within:
			out = append(out, '\t')
		}
	}
	return out
}

func compact(t *testing.T, text []byte) []byte {
	t.Helper()
	if text == nil {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What programs write is read in rows, whatever stands between colon or comma and what follows.
func TestPlainMembersAreReadInRows(t *testing.T) {
	spaced := bytes.ReplaceAll(bytes.ReplaceAll([]byte(viewed), []byte(`":`), []byte(`": `)), []byte(`,"`), []byte(`, "`))
	for _, text := range [][]byte{[]byte(viewed), spaced} {
		s := scanner{b: text, depth: 3, before: &before{}}
		s.enter()
		var e envelope
		if !e.plainAttributes(&s) || s.fault != noFault || len(text)-s.i != 1 {
			t.Errorf("of %q all is read but %q", text, text[s.i:])
		}
		if n := bits.OnesCount16(e.set); n != 8 || e.account.raw != "acme-0" {
			t.Errorf("%q: %d attributes and the account %q", text, n, e.account.raw)
		}
	}
}

func TestPlainTextEndsAtEveryPlace(t *testing.T) {
	for length := range 20 {
		for after := range 12 {
			for c := range 256 {
				text := fmt.Appendf(nil, "%.*s%s%.*s", length, "xxxxxxxxxxxxxxxxxxxx", []byte{byte(c)}, after, `""""""""""""`)
				want := -1
				switch {
				case c == '"':
					want = length
				case c >= ' ' && c < 0x7f && c != '\\' && after > 0:
					want = length + 1
				}
				if len(text) < 8 && want >= 0 { // too short for a row
					want = plainText(text, 0)
				}
				if got := plainText(text, 0); got != want {
					t.Fatalf("%q ends at %d, want %d", text, got, want)
				}
			}
		}
	}
}

// What a decoder remembers of the names that the event before had changes nothing.
func TestNamesOfTheEventBeforeChangeNothing(t *testing.T) {
	names := []string{
		"account_id", "account_ix", "accounx_id", "bccount_id", "account_i", "account_id2", "account_id_is_long", "account_id_is_lonk", "a", "",
		"campaign", "campaigns", "campaigm",
	}
	var all [][]byte
	for _, name := range names {
		for _, others := range []string{"", `,"n":1,"account_id":"b"`} {
			all = append(all, fmt.Appendf(nil, `{"specversion":"1.0","id":"1","source":"s","type":"t","subject":"l","time":"2026-01-01T00:00:00Z","data":{%q:"a"%s}}`, name, others))
			all = append(all, fmt.Appendf(nil, `{"data":{%q:"a"%s},"specversion":"1.0","id":"1","source":"s","type":"t","subject":"l","time":"2026-01-01T00:00:00Z"}`, name, others))
		}
	}
	decodedAlike(t, all)
}

// Nor does the minute that it remembers.
func TestTheMinuteOfTheEventBeforeChangesNothing(t *testing.T) {
	var all [][]byte
	for _, at := range []string{
		"2026-01-01T00:00:05.250Z", "2026-01-01T00:00:59.999Z", "2026-01-01T00:01:05.250Z", "2026-01-01T01:00:05.250Z", "2026-01-02T00:00:05.250Z",
		"2026-01-01T00:00:60.250Z", "2026-01-01T00:00:0x.250Z", "2026-01-01T00:00:05.2x0Z", "2026-01-01T00:00:05.25xZ", "2026-01-01T00:00:05.250z",
		"2026-01-01T00:00:05,250Z", "2026-01-01T00:00.05.250Z", "2026-01-01T00:00:05.25Z", "2026-01-01T00:00:05.2500Z", "2026-01-01T00:00:05+00:00",
		"2026-01-01T00:00:05+01:00", "1969-12-31T23:59:30.000Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.001Z",
		"2026-02-29T00:00:05.250Z", "2026-01-01T00:00", strings.Repeat("\x00", 16) + ":05.250Z",
	} {
		for _, more := range []string{"", `,"time":null`, `,"time":"2026-01-01T00:00:07.000Z"`} {
			all = append(all, fmt.Appendf(nil, `{"specversion":"1.0","id":"1","source":"s","type":"t","subject":"l","time":"%s"%s}`, at, more))
		}
	}
	decodedAlike(t, all)
}

// decodedAlike holds what a decoder that has read one text makes of another against what a new one makes of it.
func decodedAlike(t *testing.T, all [][]byte) {
	t.Helper()
	for _, before := range all {
		for _, text := range all {
			used := NewDecoder(DefaultLimits())
			_, _ = used.Decode(&Record{Value: before}, &scorer.Event{}) // refused or not: only what it leaves behind counts
			var got, want scorer.Event
			_, gotErr := used.Decode(&Record{Value: text}, &got)
			_, wantErr := NewDecoder(DefaultLimits()).Decode(&Record{Value: text}, &want)
			if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) || wantErr == nil && !cmp.Equal(got, want) {
				t.Fatalf("after %s, %s is %+v, %v, want %+v, %v", before, text, got, gotErr, want, wantErr)
			}
		}
	}
}
