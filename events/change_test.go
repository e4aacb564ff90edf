package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hotlead/hotlead/scorer"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

// contractChange is the example of the contract.
func contractChange() *scorer.Change {
	return &scorer.Change{
		Kind: scorer.TierChanged, Lead: "lead-42", Account: "acme", Sequence: 3, At: 1795168800000, From: "warm", To: "hot", Up: true, Route: "sales",
		Cause:    scorer.Cause{Kind: scorer.ByEvent, Source: "mautic/eu", ID: "8f3c", Type: "page.viewed"},
		Standing: contractStanding(),
		Previous: 1793607120000,
		Model:    scorer.ModelName{Name: "b2b-saas", Version: 7},
	}
}

func contractStanding() scorer.Standing {
	return scorer.Standing{
		At: 1795168800000, Score: 102.5, Engagement: 72.5, Groups: []scorer.Points{{Name: "web", Points: 40}, {Name: "email", Points: 32.5}},
		Fit: 30, Grade: "B", Total: 21, Rated: 5, Complete: true, Floor: 21, Ceiling: 21,
		Ratings: []scorer.CriterionRating{{Criterion: "need", Value: 5}}, Disposition: "interested",
		Contributions: []scorer.Points{{Name: "pricing-page", Points: 30}, {Name: "demo", Points: 20}},
	}
}

// bareChange has as little as a change can, and an ID that wants care.
func bareChange() *scorer.Change {
	return &scorer.Change{
		Kind: scorer.TierChanged, Lead: `"<script>` + "\u2028é\x7f😀", Sequence: 1, At: 1795168800005, From: "hot", To: "cold",
		Cause: scorer.Cause{Kind: scorer.ByTime, Source: "left", ID: "left", Type: "left"},
		Model: scorer.ModelName{Name: "m", Version: 1},
	}
}

func stageChange() *scorer.Change {
	c := contractChange()
	c.Kind, c.From, c.Stage, c.Sequence, c.Traceparent = scorer.StageReached, "hot", "MQL", 4, trace
	return c
}

func TestChangeGolden(t *testing.T) {
	for name, c := range map[string]*scorer.Change{"change.json": contractChange(), "change-bare.json": bareChange(), "change-stage.json": stageChange()} {
		got := AppendChange([]byte("before"), c)
		golden(t, name, append(got[len("before"):], '\n'))
		if !json.Valid(got[len("before"):]) {
			t.Errorf("%s is not JSON", name)
		}
	}
}

// The example as the contract prints it, without the spaces that it has for the page.
func TestChangeIsAsTheContractShowsIt(t *testing.T) {
	const want = `{"specversion":"1.0","id":"lead-42/3","source":"hotlead/b2b-saas","type":"lead.tier.changed","subject":"lead-42",` +
		`"time":"2026-11-20T10:00:00Z","datacontenttype":"application/json","data":{` +
		`"lead":"lead-42","account":"acme","sequence":3,"from":"warm","to":"hot","direction":"up","route":"sales",` +
		`"cause":{"kind":"event","source":"mautic/eu","id":"8f3c","type":"page.viewed"},` +
		`"engagement":{"score":72.5,"groups":{"web":40,"email":32.5}},` +
		`"fit":{"score":30,"grade":"B"},` +
		`"qualification":{"total":21,"rated":5,"complete":true,"ratings":{"need":5},"disposition":"interested"},` +
		`"score":102.5,` +
		`"contributions":[{"rule":"pricing-page","points":30},{"rule":"demo","points":20}],` +
		`"previous_change":"2026-11-02T08:12:00Z",` +
		`"model":{"name":"b2b-saas","version":7}}}`
	if diff := cmp.Diff(want, string(AppendChange(nil, contractChange()))); diff != "" {
		t.Error(diff)
	}
}

func TestChangeRecord(t *testing.T) {
	c := bareChange()
	want := OutRecord{Topic: "out", Partition: 5, Time: c.At, Key: []byte(c.Lead), Value: AppendChange(nil, c),
		Headers: headers("content-type", "application/cloudevents+json; charset=UTF-8")}
	if diff := cmp.Diff(want, new(ChangeRecords).Of("out", 5, c)); diff != "" {
		t.Error(diff)
	}
}

func TestChangeRecordsOfABatch(t *testing.T) {
	large := contractChange() // for which a piece of memory of its own is needed
	large.Account = strings.Repeat("a", recordsChunk)
	changes := []*scorer.Change{bareChange(), contractChange(), large, stageChange(), contractChange()}
	var made ChangeRecords
	for batch := range 3 {
		made.Clear()
		var got []OutRecord
		for _, c := range changes {
			got = append(got, made.Of("out", batch, c))
		}
		size := 0
		for _, r := range got {
			size += len(r.Key) + len(r.Value)
		}
		if made.Len() != size {
			t.Errorf("they take %d bytes, Len says %d", size, made.Len())
		}
		for i, c := range changes { // what came later left it as it was
			if diff := cmp.Diff(new(ChangeRecords).Of("out", batch, c), got[i]); diff != "" {
				t.Error(batch, i, diff)
			}
			// Nor does it reach into the next one. The results are no errors: what counts is where the bytes went.
			_ = append(got[i].Key, "and more"...) // for what it might write behind the key
			_ = append(got[i].Value, "and more"...)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		made.Clear()
		for _, c := range changes {
			made.Of("out", 1, c)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a batch of changes, want none", n)
	}
}

func TestReadChangeReadsWhatWasAnnounced(t *testing.T) {
	name := rapid.StringN(1, 20, -1).Filter(func(s string) bool { return s == strings.ToValidUTF8(s, "") })
	rapid.Check(t, func(t *rapid.T) {
		c := contractChange()
		c.Kind = rapid.SampledFrom([]scorer.ChangeKind{scorer.TierChanged, scorer.StageReached}).Draw(t, "kind")
		c.Lead, c.From, c.To = name.Draw(t, "lead"), name.Draw(t, "from"), name.Draw(t, "to")
		c.Stage = rapid.SampledFrom([]string{"", "MQL", `"`}).Draw(t, "stage")
		if c.Kind == scorer.StageReached && c.Stage == "" {
			c.Stage = "SQL"
		}
		c.Sequence = rapid.Uint64Min(1).Draw(t, "sequence")
		c.At = scorer.Instant(rapid.Int64Range(1, 253402300799999).Draw(t, "at"))
		value := new(ChangeRecords).Of("t", 0, c).Value
		agree(t, value)
		got, err := ReadChange(value)
		got = got.Clone()
		clear(value) // Nothing of the clone may alias it.
		want := Announced{Kind: c.Kind, Lead: c.Lead, Sequence: c.Sequence, From: c.From, To: c.To, Stage: c.Stage, Route: c.Route, At: c.At}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}

func TestReadChangeRefuses(t *testing.T) {
	good := string(AppendChange(nil, contractChange()))
	stage := string(AppendChange(nil, stageChange()))
	for name, value := range map[string]string{
		"null":           "",
		"no JSON":        good[1:],
		"another type":   strings.Replace(good, "lead.tier.changed", "page.viewed", 1),
		"no time":        strings.Replace(good, `"time"`, `"timf"`, 1),
		"no data":        strings.Replace(good, `"data"`, `"datb"`, 1),
		"no lead":        strings.Replace(good, `"lead":`, `"leaf":`, 1),
		"no from":        strings.Replace(good, `"from"`, `"fron"`, 1),
		"no to":          strings.Replace(good, `"to":"hot"`, `"to":""`, 1),
		"no sequence":    strings.Replace(good, `"sequence":3`, `"sequence":0`, 1),
		"half sequence":  strings.Replace(good, `"sequence":3`, `"sequence":3.5`, 1),
		"numeric tier":   strings.Replace(good, `"to":"hot"`, `"to":7`, 1),
		"stage of none":  strings.Replace(stage, `"stage"`, `"stagf"`, 1),
		"data of a kind": `{"type":"lead.tier.changed","time":"2026-11-20T10:00:00Z","data":[]}`,
	} {
		if got, err := ReadChange([]byte(value)); !errors.Is(err, ErrNoChange) || got != (Announced{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// FuzzReadChange holds the reading of what others may write into the topic of tier changes against encoding/json, and that
// of what is as hotlead writes it against the walk.
func FuzzReadChange(f *testing.F) {
	f.Add(AppendChange(nil, contractChange()))
	f.Add(AppendChange(nil, stageChange()))
	f.Fuzz(func(t *testing.T, value []byte) {
		agree(t, value)
		got, err := ReadChange(value)
		if err != nil {
			if !errors.Is(err, ErrNoChange) || got != (Announced{}) {
				t.Fatalf("%+v, %v", got, err)
			}
			return
		}
		var top map[string]any
		if err := json.Unmarshal(value, &top); err != nil {
			t.Fatalf("%q is read as %+v: %v", value, got, err)
		}
		data, _ := top["data"].(map[string]any)
		if got.Lead == "" || got.Sequence == 0 || got.From == "" || got.To == "" || got.Lead != data["lead"] || got.From != data["from"] || got.To != data["to"] {
			t.Fatalf("%q is read as %+v", value, got)
		}
	})
}

func TestLeadGolden(t *testing.T) {
	s := contractStanding()
	l := &scorer.Lead{ID: "lead-42", Account: "acme", Tier: "hot", Since: 1795168800000, Stage: "MQL", Sequence: 3,
		FirstSeen: 1793607120000, LastSeen: 1795168800000}
	m := scorer.ModelName{Name: "b2b-saas", Version: 7}
	golden(t, "lead.json", append(AppendLead(nil, l, &s, &NextChange{At: 1795600000123, To: "warm"}, m), '\n'))
	golden(t, "lead-bare.json", append(AppendLead(nil, &scorer.Lead{ID: "lead-43", Tier: "cold"}, &scorer.Standing{At: 1}, nil, m), '\n'))
}

func TestStringsAreWrittenAsEncodingJSONWritesThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\"\\<>&\b\f\n\r\t\x7f\xe2\x80\xa8\xa9")))).Draw(t, "bytes"))
		if rapid.Bool().Draw(t, "text") {
			s = rapid.String().Draw(t, "s") + "\u2028\u2029"
		}
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendString(nil, s); !bytes.Equal(got, want) {
			t.Fatalf("%q is written %s, want %s", s, got, want)
		}
	})
}

func TestNumbersAreWrittenAsEncodingJSONWritesThem(t *testing.T) {
	check := func(t rapid.TB, f float64) {
		want, err := json.Marshal(f)
		if err != nil || f == 0 {
			return
		}
		if got := appendNumber(nil, f); !bytes.Equal(got, want) {
			t.Fatalf("%g is written %s, want %s", f, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		check(t, rapid.Float64().Draw(t, "f"))
		check(t, math.Float64frombits(rapid.Uint64().Draw(t, "bits")))
		rounded := float64(rapid.Int64Range(-2e15, 2e15).Draw(t, "n")) / math.Pow10(rapid.IntRange(0, 12).Draw(t, "decimals"))
		check(t, rounded)
		check(t, math.Nextafter(rounded, 0))
	})
	for _, f := range []float64{1e-6, 1e-7, 1e-9, 1.5e-10, 1e20, 1e21, 1e22, 0.1, 100, -40, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		check(t, f)
	}
	for f, want := range map[float64]string{0: "0", math.Copysign(0, -1): "0", 40: "40", 32.5: "32.5", math.Inf(1): "null", math.NaN(): "null"} {
		if got := string(appendNumber(nil, f)); got != want {
			t.Errorf("%g is written %s, want %s", f, got, want)
		}
	}
}
