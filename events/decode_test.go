package events

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/hotlead/hotlead/scorer"
)

const (
	// arrived is 2026-01-01T00:00:01Z, the timestamp of the records below.
	arrived scorer.Instant = 1767225601000
	trace                  = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

func structuredRecord(value string) *Record {
	return &Record{Topic: "lead.engagement", Partition: 2, Offset: 40, Time: arrived, Key: []byte("the-key"), Value: []byte(value)}
}

func headers(keysAndValues ...string) []Header {
	var all []Header
	for i := 0; i < len(keysAndValues); i += 2 {
		all = append(all, Header{Key: keysAndValues[i], Value: []byte(keysAndValues[i+1])})
	}
	return all
}

func decode(t *testing.T, r *Record) (scorer.Event, Info) {
	t.Helper()
	event := scorer.Event{Lead: "left over", Account: "left over", Traceparent: "left over"}
	info, err := NewDecoder(DefaultLimits()).Decode(r, &event)
	if err != nil {
		t.Fatal(err)
	}
	return event, info
}

func refusal(t *testing.T, d *Decoder, r *Record) *scorer.Refusal {
	t.Helper()
	var event scorer.Event
	_, err := d.Decode(r, &event)
	var refused *scorer.Refusal
	if err != nil && !errors.As(err, &refused) {
		t.Fatalf("the error is a %T", err)
	}
	return refused
}

func TestDecode(t *testing.T) {
	minimal := scorer.Event{Lead: "the-key", Source: "s", ID: "1", Type: "page.viewed", Time: arrived}
	with := func(change func(*scorer.Event)) scorer.Event {
		event := minimal
		change(&event)
		return event
	}
	binaryHeaders := headers("ce_specversion", "1.0", "ce_id", "1", "ce_source", "s", "ce_type", "page.viewed")
	for name, c := range map[string]struct {
		value   string
		headers []Header
		want    scorer.Event
	}{
		"the event of the workload": {
			value: viewed,
			want: scorer.Event{Lead: "lead-0000001", Source: "mautic/eu", ID: "e000000001", Type: "page.viewed", Time: 1767225600500,
				Account: "acme-0", Data: []byte(viewed[strings.Index(viewed, `{"url"`) : len(viewed)-1])},
		},
		"subject and time absent: key and timestamp": {
			value: `{"specversion":"1.0","id":"1","source":"s","type":"page.viewed"}`,
			want:  minimal,
		},
		"null is absent": {
			value: `{"specversion":"1.0","id":"1","source":"s","type":"page.viewed","subject":null,"time":null,"data":null,"data_base64":null,"datacontenttype":null,"traceparent":null}`,
			want:  minimal,
		},
		"the content type says structured": {
			value:   `{"specversion":"1.0","id":"1","source":"s","type":"page.viewed"}`,
			headers: append(headers("Content-Type", "Application/CloudEvents+JSON ; charset=utf-8"), binaryHeaders...),
			want:    minimal,
		},
		"another content type without ce_ headers": {
			value:   `{"specversion":"1.0","id":"1","source":"s","type":"page.viewed"}`,
			headers: headers("content-type", "application/json"),
			want:    minimal,
		},
		"spaces, order and other attributes": {
			value: " \t\r\n{ \"extension\" : { \"id\" : [ 1 , 2 ] } , \"type\" : \"page.viewed\" , \"data\" : { } , \"source\" : \"s\" , \"id\" : \"1\" , \"specversion\" : \"1.0\" } \n",
			want:  with(func(e *scorer.Event) { e.Data = []byte("{ }") }),
		},
		"escapes and scripts": {
			value: `{"specversion":"1\u002e0","i\u0064":"\u00e9\ud83d\ude00","source":"\"s\\","type":"page\/viewed","subject":"<script>é\u2028","time":"2026\u002d01-01T00:00:00Z","data":{"acc\u006funt_id":"ac\"me"}}`,
			want: scorer.Event{Lead: "<script>é\u2028", Source: `"s\`, ID: "é😀", Type: "page/viewed", Time: 1767225600000, Account: `ac"me`,
				Data: []byte(`{"acc\u006funt_id":"ac\"me"}`)},
		},
		"data that is no object": {
			value: `{"specversion":"1.0","id":"1","source":"s","type":"page.viewed","data":[{"account_id":"a"}]}`,
			want:  with(func(e *scorer.Event) { e.Data = []byte(`[{"account_id":"a"}]`) }),
		},
		"only the account of the data itself counts": {
			value: `{"specversion":"1.0","id":"1","source":"s","type":"page.viewed","account_id":"x","data":{"a":{"account_id":"y"},"account_id":null}}`,
			want:  with(func(e *scorer.Event) { e.Data = []byte(`{"a":{"account_id":"y"},"account_id":null}`) }),
		},
		"a trace in the event": {
			value:   `{"specversion":"1.0","id":"1","source":"s","type":"page.viewed","traceparent":"` + trace + `"}`,
			headers: headers("traceparent", strings.Replace(trace, "b7", "c8", 1)),
			want:    with(func(e *scorer.Event) { e.Traceparent = trace }),
		},
		"a trace beside the event": {
			value:   `{"specversion":"1.0","id":"1","source":"s","type":"page.viewed"}`,
			headers: headers("traceparent", trace),
			want:    with(func(e *scorer.Event) { e.Traceparent = trace }),
		},
		"an ill-formed trace": {
			value: `{"specversion":"1.0","id":"1","source":"s","type":"page.viewed","traceparent":"00-1-2-3"}`,
			want:  minimal,
		},
		"a trace that is no string": {
			value: `{"specversion":"1.0","id":"1","source":"s","type":"page.viewed","traceparent":7}`,
			want:  minimal,
		},
		"binary": {
			value: ` {"account_id":"acme","url":"/"} `,
			headers: headers("content-type", "application/vnd.acme+json; charset=utf-8", "ce_specversion", "1.0", "ce_id", "1", "ce_source", "s",
				"ce_type", "page.viewed", "ce_subject", "lead-é", "ce_time", "2026-01-01T00:00:00Z", "ce_traceparent", trace,
				"traceparent", "x", "ce_extension", "x", "ce_datacontenttype", "x", "ce_data", "x", "other", "x"),
			want: scorer.Event{Lead: "lead-é", Source: "s", ID: "1", Type: "page.viewed", Time: 1767225600000, Account: "acme",
				Data: []byte(`{"account_id":"acme","url":"/"}`), Traceparent: trace},
		},
		"binary with a trace beside it": {
			value:   `{}`,
			headers: append(headers("traceparent", trace), binaryHeaders...),
			want:    with(func(e *scorer.Event) { e.Data, e.Traceparent = []byte(`{}`), trace }),
		},
		"binary without data": {
			value:   ``,
			headers: binaryHeaders,
			want:    minimal,
		},
		"an engagement type like a qualification type": {
			value: `{"specversion":"1.0","id":"1","source":"s","type":"lead.profiled.twice"}`,
			want:  with(func(e *scorer.Event) { e.Type = "lead.profiled.twice" }),
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := structuredRecord(c.value)
			r.Headers = c.headers
			got, info := decode(t, r)
			c.want.Identity = scorer.IdentityOf(c.want.Source, c.want.ID)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if info != (Info{}) {
				t.Errorf("info %+v", info)
			}
		})
	}
}

func TestBinaryEventWithNullValueHasNoData(t *testing.T) {
	r := &Record{Time: arrived, Headers: headers("ce_specversion", "1.0", "ce_id", "1", "ce_source", "s", "ce_type", "t", "ce_subject", "l")}
	if event, _ := decode(t, r); event.Data != nil {
		t.Errorf("data %q", event.Data)
	}
}

// event is a structured event with members more, or others, than the least that one needs.
func event(members ...string) string {
	all := map[string]string{"specversion": `"1.0"`, "id": `"1"`, "source": `"s"`, "type": `"page.viewed"`, "subject": `"secret-lead"`}
	for i := 0; i < len(members); i += 2 {
		all[members[i]] = members[i+1]
	}
	text := "{"
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if value := all[name]; value != "" {
			text += `"` + name + `":` + value + `,`
		}
	}
	return strings.TrimSuffix(text, ",") + "}"
}

func TestEveryRefusal(t *testing.T) {
	long := `"` + strings.Repeat("x", 1025) + `"`
	for _, c := range []struct {
		reason, value string
	}{
		{ReasonTooLarge, event("data", `"`+strings.Repeat("x", 256<<10)+`"`)},
		{ReasonInvalidJSON, ``},
		{ReasonInvalidJSON, `{"specversion":"1.0"`},
		{ReasonInvalidJSON, `[` + viewed + `]`},
		{ReasonInvalidJSON, `"text"`},
		{ReasonInvalidJSON, viewed + viewed},
		{ReasonInvalidJSON, "\xef\xbb\xbf" + viewed},
		{ReasonInvalidJSON, event("data", "{\"secret\":\"\xff\"}")},
		{ReasonTooDeep, event("data", strings.Repeat(`[`, 64)+strings.Repeat(`]`, 64))},
		{ReasonTooDeep, event("other", strings.Repeat(`{"a":`, 64)+`1`+strings.Repeat(`}`, 64))},
		{ReasonDuplicateAttribute, `{"id":"secret",` + viewed[1:]},
		{ReasonDuplicateAttribute, `{"\u0069d":null,` + viewed[1:]},
		{ReasonDuplicateAttribute, `{"data":null,` + viewed[1:]},
		{ReasonDuplicateAttribute, event("data", `{"account_id":"secret","account_id":"secret"}`)},
		{ReasonMissingSpecversion, event("specversion", "")},
		{ReasonMissingSpecversion, `{}`},
		{ReasonUnsupportedSpecversion, event("specversion", `"0.3"`)},
		{ReasonUnsupportedSpecversion, event("specversion", `1.0`)},
		{ReasonUnsupportedContentType, event("datacontenttype", `"text/xml"`)},
		{ReasonUnsupportedContentType, event("datacontenttype", `"json"`)},
		{ReasonUnsupportedContentType, event("datacontenttype", `"application/notjson"`)},
		{ReasonUnsupportedContentType, event("datacontenttype", `7`)},
		{ReasonBinaryData, event("data_base64", `"c2VjcmV0"`)},
		{ReasonMissingID, event("id", ``)},
		{ReasonMissingID, event("id", `null`)},
		{ReasonMissingID, event("id", `""`)},
		{ReasonInvalidID, event("id", `7`)},
		{ReasonInvalidID, event("id", long)},
		{ReasonInvalidID, event("id", `"secret\u0000"`)},
		{ReasonInvalidID, event("id", `"secret\ud800"`)},
		{ReasonMissingSource, event("source", ``)},
		{ReasonInvalidSource, event("source", `{}`)},
		{ReasonInvalidSource, event("source", long)},
		{ReasonInvalidSource, event("source", "\"secret\x7f\"")},
		{ReasonMissingType, event("type", ``)},
		{ReasonInvalidType, event("type", `[]`)},
		{ReasonInvalidType, event("type", "\"secret\u0085\"")},
		{ReasonInvalidSubject, event("subject", `""`)},
		{ReasonInvalidSubject, event("subject", `42`)},
		{ReasonInvalidSubject, event("subject", `"secret\n"`)},
		{ReasonInvalidSubject, event("subject", `"`+strings.Repeat("é", 129)+`"`)},
		{ReasonInvalidSubject, event("subject", `"secret\udc00"`)},
		{ReasonInvalidTime, event("time", `"yesterday"`)},
		{ReasonInvalidTime, event("time", `1767225600`)},
		{ReasonInvalidTime, event("time", `"1969-12-31T23:59:59Z"`)},
		{ReasonInvalidTime, event("time", `"1970-01-01T00:00:00Z"`)},
		{ReasonInvalidTime, event("time", `""`)},
		{ReasonInvalidData, event("data", `{"account_id":42}`)},
		{ReasonInvalidData, event("data", `{"account_id":"secret\u0007"}`)},
		{ReasonInvalidData, event("data", `{"account_id":"`+strings.Repeat("x", 257)+`"}`)},
	} {
		refused := refusal(t, NewDecoder(DefaultLimits()), structuredRecord(c.value))
		switch {
		case refused == nil:
			t.Errorf("%.80s was taken, want %s", c.value, c.reason)
		case refused.Reason != c.reason:
			t.Errorf("%.80s: %v, want %s", c.value, refused, c.reason)
		case strings.Contains(refused.Detail, "secret") || len(refused.Detail) > 120:
			t.Errorf("%s carries data: %s", c.reason, refused.Detail)
		}
	}
}

func TestRefusalsOfRecords(t *testing.T) {
	engagement := headers("ce_specversion", "1.0", "ce_id", "1", "ce_source", "s", "ce_type", "t")
	structured := `{"specversion":"1.0","id":"1","source":"s","type":"t"}`
	for name, c := range map[string]struct {
		r    Record
		want string
	}{
		"null value":                   {Record{Time: arrived, Key: []byte("k")}, ReasonTombstone},
		"null value, said structured":  {Record{Time: arrived, Headers: headers("content-type", structuredType)}, ReasonTombstone},
		"a batch":                      {Record{Time: arrived, Value: []byte(`[]`), Headers: headers("content-type", "application/cloudevents-batch+json")}, ReasonUnsupportedContentType},
		"another format":               {Record{Time: arrived, Value: []byte(`x`), Headers: headers("content-type", "application/cloudevents+avro")}, ReasonUnsupportedContentType},
		"neither subject nor key":      {Record{Time: arrived, Value: []byte(structured)}, ReasonMissingSubject},
		"an empty key":                 {Record{Time: arrived, Key: []byte{}, Value: []byte(structured)}, ReasonMissingSubject},
		"a key that is not UTF-8":      {Record{Time: arrived, Key: []byte("\xff"), Value: []byte(structured)}, ReasonInvalidSubject},
		"a key with control character": {Record{Time: arrived, Key: []byte{0, 0, 0, 7}, Value: []byte(structured)}, ReasonInvalidSubject},
		"a key that is too long":       {Record{Time: arrived, Key: make([]byte, 257), Value: []byte(structured)}, ReasonInvalidSubject},
		"neither time nor timestamp":   {Record{Time: -1, Key: []byte("k"), Value: []byte(structured)}, ReasonInvalidTime},
		"large headers":                {Record{Time: arrived, Headers: []Header{{Key: "x", Value: make([]byte, 256<<10)}}}, ReasonTooLarge},
		"binary, not JSON":             {Record{Time: arrived, Key: []byte("k"), Value: []byte("a=b"), Headers: engagement}, ReasonInvalidJSON},
		"binary, more than JSON":       {Record{Time: arrived, Key: []byte("k"), Value: []byte("{}{}"), Headers: engagement}, ReasonInvalidJSON},
		"binary, another content type": {Record{Time: arrived, Key: []byte("k"), Value: []byte("a"), Headers: append(headers("content-type", "text/plain"), engagement...)}, ReasonInvalidJSON},
		"binary, JSON said to be text": {Record{Time: arrived, Key: []byte("k"), Value: []byte("1"), Headers: append(headers("content-type", "text/plain"), engagement...)}, ReasonUnsupportedContentType},
		"binary, null version":         {Record{Time: arrived, Key: []byte("k"), Headers: []Header{{Key: "ce_specversion"}}}, ReasonMissingSpecversion},
		"binary, a header twice":       {Record{Time: arrived, Key: []byte("k"), Headers: append(headers("ce_id", "2"), engagement...)}, ReasonDuplicateAttribute},
		"binary, a header not UTF-8":   {Record{Time: arrived, Key: []byte("k"), Headers: headers("ce_specversion", "1.0", "ce_id", "\xff")}, ReasonInvalidID},
		"binary, an empty subject":     {Record{Time: arrived, Key: []byte("k"), Headers: append(headers("ce_subject", ""), engagement...)}, ReasonInvalidSubject},
	} {
		refused := refusal(t, NewDecoder(Limits{}), &c.r)
		if refused == nil || refused.Reason != c.want {
			t.Errorf("%s: %v, want %s", name, refused, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	value := event("data", `{"a":[]}`)
	for name, c := range map[string]struct {
		limits Limits
		want   string
	}{
		"as large as may be":  {Limits{EventBytes: len(value) + len("the-key")}, ""},
		"one byte larger":     {Limits{EventBytes: len(value) + len("the-key") - 1}, ReasonTooLarge},
		"as deep as may be":   {Limits{Depth: 3}, ""},
		"deeper by one level": {Limits{Depth: 2}, ReasonTooDeep},
	} {
		reason := ""
		if refused := refusal(t, NewDecoder(c.limits), structuredRecord(value)); refused != nil {
			reason = refused.Reason
		}
		if reason != c.want {
			t.Errorf("%s: %q, want %q", name, reason, c.want)
		}
	}
	for _, subject := range []string{strings.Repeat("x", 256), strings.Repeat("é", 128), strings.Repeat(`\u0041`, 256)} {
		if refused := refusal(t, NewDecoder(Limits{}), structuredRecord(event("subject", `"`+subject+`"`))); refused != nil {
			t.Errorf("a lead ID of 256 bytes: %v", refused)
		}
	}
}

func TestTimeAheadOfTheRecordIsTheRecords(t *testing.T) {
	for text, want := range map[string]struct {
		at   scorer.Instant
		info Info
	}{
		"2026-01-01T00:05:01Z":      {arrived.Add(maxAhead), Info{}},
		"2026-01-01T00:05:01.001Z":  {arrived, Info{FutureTime: true}},
		"9999-12-31T23:59:59Z":      {arrived, Info{FutureTime: true}},
		"2026-01-01T02:00:01+02:00": {arrived, Info{}},
		"1999-01-01T00:00:00Z":      {915148800000, Info{}},
	} {
		got, info := decode(t, structuredRecord(event("time", `"`+text+`"`)))
		if got.Time != want.at || info != want.info {
			t.Errorf("%s: %d, %+v; want %d, %+v", text, got.Time, info, want.at, want.info)
		}
	}
	r := structuredRecord(event("time", `"2026-01-01T00:00:00Z"`))
	r.Time = -1
	if got, info := decode(t, r); got.Time != 1767225600000 || info.FutureTime {
		t.Errorf("without a timestamp: %d, %+v", got.Time, info)
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, " ~": true, "\u00a0": true, "\u2028": true, "\ufffd": true, "\U0010ffff": true, "a\x1f": false, "a\x7f": false,
		"a\u0080": false, "a\u009f": false, "a\xff": false, "a\xed\xa0\x80": false,
	} {
		if printable(text) != want {
			t.Errorf("%q: want %t", text, want)
		}
	}
}

func TestOnlyQualificationOnItsTopic(t *testing.T) {
	d := NewDecoder(Limits{})
	d.QualificationTopic = "q"
	r := structuredRecord(event())
	if refused := refusal(t, d, r); refused != nil {
		t.Errorf("engagement elsewhere: %v", refused)
	}
	r.Topic = "q"
	if refused := refusal(t, d, r); refused == nil || refused.Reason != ReasonUnknownType {
		t.Errorf("engagement: %v", refused)
	}
	r.Value = []byte(event("type", `"lead.converted"`, "data", `{"outcome":"won"}`))
	if refused := refusal(t, d, r); refused != nil {
		t.Errorf("qualification: %v", refused)
	}
}

func TestDecodeCopiesNothing(t *testing.T) {
	d := NewDecoder(DefaultLimits())
	var event scorer.Event
	structured := structuredRecord(viewed)
	binary := structuredRecord(`{"account_id":"acme"}`)
	binary.Headers = headers("content-type", "application/json", "ce_specversion", "1.0", "ce_id", "1", "ce_source", "s", "ce_type", "t",
		"ce_time", "2026-01-01T00:00:00Z", "traceparent", trace)
	for name, r := range map[string]*Record{"structured": structured, "binary": binary} {
		allocated := testing.AllocsPerRun(100, func() {
			if _, err := d.Decode(r, &event); err != nil {
				t.Fatal(err)
			}
		})
		if allocated != 0 {
			t.Errorf("%s: %v allocations", name, allocated)
		}
	}
}

func TestTraceparent(t *testing.T) {
	for text, want := range map[string]bool{
		trace: true,
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00": true,
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01": false,
		"00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01": false,
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": false,
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01": false,
		"00-0af7651916cd43dd8448eb211c80319cxb7ad6b7169203331-01": false,
		"00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01": false,
		trace + "-": false,
		"":          false,
	} {
		if wellFormedTrace(text) != want {
			t.Errorf("%s: want %t", text, want)
		}
	}
}

// FuzzDecode holds structured events against a reading of them by encoding/json.
func FuzzDecode(f *testing.F) {
	for _, seed := range jsonSeeds {
		f.Add([]byte(seed))
	}
	for _, data := range qualificationSeeds {
		f.Add([]byte(event("type", `"`+data[0]+`"`, "data", data[1])))
	}
	f.Add([]byte(event("time", `"2026-01-01T00:00:00Z"`, "traceparent", `"`+trace+`"`)))
	f.Fuzz(func(t *testing.T, value []byte) {
		r := structuredRecord(string(value))
		var got scorer.Event
		if _, err := NewDecoder(DefaultLimits()).Decode(r, &got); err != nil {
			return
		}
		var want struct {
			Attributes map[string]any
			Data       json.RawMessage
		}
		if err := json.Unmarshal(value, &want.Attributes); err != nil {
			t.Fatalf("%q was taken: %v", value, err)
		}
		lead, ok := want.Attributes["subject"].(string)
		if !ok {
			lead = "the-key"
		}
		data, _ := want.Attributes["data"].(map[string]any)
		account, _ := data["account_id"].(string)
		if got.Lead != lead || got.ID != want.Attributes["id"] || got.Source != want.Attributes["source"] ||
			got.Type != want.Attributes["type"] || got.Account != account {
			t.Fatalf("%q is read as %+v", value, got)
		}
		if got.Time <= 0 || got.Time > arrived.Add(maxAhead) {
			t.Fatalf("%q: time %d", value, got.Time)
		}
		if (got.Data == nil) != (want.Attributes["data"] == nil) || got.Data != nil && !json.Valid(got.Data) {
			t.Fatalf("%q: data %q", value, got.Data)
		}
		if IsQualificationType(got.Type) != (got.Qualification != nil) {
			t.Fatalf("%q: qualification %+v", value, got.Qualification)
		}
	})
}

// FuzzDecodeBinary holds what a stranger can put into the headers of a record against what an event may be, and against
// the same event in structured mode.
func FuzzDecodeBinary(f *testing.F) {
	f.Add("1.0", "1", "s", "page.viewed", "lead", "2026-01-01T00:00:00Z", "application/json", "traceparent", trace, []byte(`{"account_id":"acme"}`))
	f.Add("1.0", "1", "s", "lead.profiled", "", "", "application/vnd.acme+json; charset=utf-8", "ce_traceparent", trace, []byte(`{"attributes":{"a":1}}`))
	f.Add("1.0", "1", "s", "t", "lead-é", "2026-01-01T00:00:00.5+01:00", "text/plain", "ce_id", "2", []byte(` {} `))
	f.Add("0.3", "\xff", "\x00", "t", "l", "9999-12-31T23:59:59Z", "application/cloudevents+avro", "Content-Type", "application/cloudevents+json", []byte(``))
	f.Fuzz(func(t *testing.T, version, id, source, kind, subject, at, contentType, extra, extraValue string, value []byte) {
		r := structuredRecord(string(value))
		attributes := []string{"ce_specversion", version, "ce_id", id, "ce_source", source, "ce_type", kind, "ce_subject", subject, "ce_time", at,
			"content-type", contentType, extra, extraValue}
		for i := 0; i < len(attributes); i += 2 {
			if attributes[i+1] != "" {
				r.Headers = append(r.Headers, headers(attributes[i], attributes[i+1])...)
			}
		}
		var got scorer.Event
		_, err := NewDecoder(DefaultLimits()).Decode(r, &got)
		// Whatever it is, it can be buried and sent on, and comes back from there as it was.
		var refusal *scorer.Refusal
		if errors.As(err, &refusal) {
			if letter := DeadLetter(r, refusal); string(letter.Value) != string(value) || len(letter.Headers) != len(r.Headers)+5 {
				t.Fatalf("the dead letter is %+v", letter)
			}
			return
		}
		if err != nil {
			t.Fatalf("the error is %v", err)
		}
		for name, text := range map[string]string{"lead": got.Lead, "id": got.ID, "source": got.Source, "type": got.Type} {
			if text == "" || !utf8.ValidString(text) || len(text) > 1024 || strings.ContainsFunc(text, unicode.IsControl) {
				t.Fatalf("%s is %q", name, text)
			}
		}
		if len(got.Lead) > maxLeadBytes || len(got.Account) > maxAccountBytes || got.Data != nil && !json.Valid(got.Data) {
			t.Fatalf("read as %+v", got)
		}
		if got.Time <= 0 || got.Time > arrived.Add(maxAhead) {
			t.Fatalf("time %d", got.Time)
		}
		var again scorer.Event
		sentOn := Forward(r, got.Lead)
		if _, err := NewDecoder(DefaultLimits()).Decode(&Record{Time: arrived, Key: sentOn.Key, Value: sentOn.Value, Headers: sentOn.Headers}, &again); err != nil {
			t.Fatalf("sent on it is refused: %v", err)
		}
		if diff := cmp.Diff(got, again); diff != "" {
			t.Fatal(diff)
		}
	})
}
