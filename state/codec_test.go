package state

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hotlead/hotlead/scorer"
	"pgregory.net/rapid"
)

const (
	noon   = scorer.Instant(1_800_000_000_000)
	minute = scorer.Instant(60_000)
	day    = 24 * 60 * minute
)

// goldenLeads are what testdata/lead.v<version>.<name>.hex holds, for ever.
func goldenLeads(version int) map[string]scorer.Lead {
	leads := map[string]scorer.Lead{
		"empty": {Due: scorer.Never},
		"usual": usualLead(),
		"full": {
			Clock: noon, FirstSeen: noon - 400*day, LastSeen: noon - minute, Engaged: noon - 5*minute,
			Tier: "disqualified", Since: noon - 3*day, Stage: "SQL", Sequence: 300, ModelVersion: 70_000,
			Due: noon + 12*day + 7, Account: "ACME Grüße GmbH", AccountAt: noon - 9*day, Reset: noon - 100*day,
			Counters: []scorer.Counter{
				{Rule: 1, Count: 1, Sum: 1, Ref: noon},
				{Rule: 0x89abcdef, Count: math.MaxUint32, Sum: -0.125, Ref: noon - day, Marks: []scorer.Mark{
					{At: noon - 2*day, Weight: 1}, {At: noon - day, Weight: 2.75}, {At: noon, Weight: -3},
				}},
				{Rule: math.MaxUint32, Sum: math.Copysign(0, -1)},
			},
			Ratings: []scorer.Rating{{Criterion: 7, Value: 5, At: noon}, {Criterion: 8, Value: 3.5, At: noon - day}},
			Profile: []scorer.Attribute{
				{Name: "employees", Value: scorer.Value{Kind: scorer.Number, Number: 900}, At: noon - day},
				{Name: "fax", Value: scorer.Value{Kind: scorer.Null}, At: noon},
				{Name: "student", Value: scorer.Value{Kind: scorer.Bool, Number: 1}, At: noon - minute},
				{Name: "title", Value: scorer.Value{Kind: scorer.String, String: "CTO"}, At: noon - 2*day},
			},
			Disposition: "interested", DispositionAt: noon - 4*day,
			Conversion: scorer.Conversion{Outcome: "won", Amount: 12000.5, At: noon - minute},
			Seen:       seen(scorer.Seen{Hash: math.MaxUint64, At: noon - 6*day}, scorer.Seen{Hash: 0, At: noon}),
		},
		"extreme": {
			Clock: math.MinInt64, FirstSeen: math.MaxInt64, LastSeen: math.MinInt64, Engaged: -1, Since: 1,
			Sequence: math.MaxUint64, ModelVersion: -1, Due: math.MinInt64,
			Counters: []scorer.Counter{{Sum: math.Inf(1), Ref: math.MaxInt64}, {Sum: 1 << 60}, {Sum: math.MaxFloat64}},
			Seen:     seen(scorer.Seen{Hash: 1, At: math.MaxInt64}, scorer.Seen{Hash: 2, At: math.MinInt64}),
		},
	}
	for name, l := range leads {
		l.Moved = l.Sequence > 0
		leads[name] = l
	}
	if version > 1 {
		leads["staged"] = scorer.Lead{
			Clock: noon, FirstSeen: noon - day, LastSeen: noon, Engaged: noon, Tier: "cold", Since: noon - day, Stage: "MQL",
			Sequence: 1, ModelVersion: 7, Due: scorer.Never,
		}
	}
	return leads
}

// seen are these events.
func seen(events ...scorer.Seen) (s scorer.SeenEvents) {
	for _, e := range events {
		s.Add(e)
	}
	return s
}

// usualLead is a warm lead of an account with four decaying counters and four seen events.
func usualLead() scorer.Lead {
	l := scorer.Lead{
		Clock: noon, FirstSeen: noon - 12*day, LastSeen: noon, Engaged: noon, Tier: "warm", Since: noon - 2*day,
		Sequence: 1, ModelVersion: 7, Due: noon + 3*day, Account: "acme", AccountAt: noon,
	}
	for i := range 4 {
		at := noon - scorer.Instant(3-i)*17*minute
		l.Counters = append(l.Counters, scorer.Counter{Rule: scorer.KeyOf(string(rune('a' + i))), Count: 3, Sum: 1.75 + float64(i)/3, Ref: at})
		l.Seen.Add(scorer.Seen{Hash: 0x9e3779b97f4a7c15 * uint64(i+1), At: at})
	}
	return l
}

func TestEveryGoldenLeadIsReadForEver(t *testing.T) {
	for version := 1; version <= leadVersion; version++ {
		for name, want := range goldenLeads(version) {
			name = fmt.Sprintf("lead.v%d.%s.hex", version, name)
			t.Run(name, func(t *testing.T) {
				text, err := os.ReadFile(filepath.Join("testdata", name))
				if err != nil {
					t.Fatal(err)
				}
				blob, err := hex.DecodeString(strings.TrimSpace(string(text)))
				if err != nil {
					t.Fatal(err)
				}
				var got scorer.Lead
				if err := DecodeLead(blob, &got); err != nil {
					t.Fatal(err)
				}
				diffLeads(t, want, got)
				if again := AppendLead(nil, &want); version == leadVersion && !bytes.Equal(again, blob) {
					t.Errorf("encoded anew it is\n%x, not\n%x", again, blob)
				}
			})
		}
	}
}

func diffLeads(t interface {
	Helper()
	Errorf(format string, args ...any)
}, want, got scorer.Lead) {
	t.Helper()
	bits := cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), bits); diff != "" {
		t.Errorf("decoded lead (-want +got):\n%s", diff)
	}
}

func TestAUsualLeadIsSmall(t *testing.T) {
	lead := usualLead()
	if n := len(AppendLead(nil, &lead)); n > 150 {
		t.Errorf("%d bytes", n)
	}
}

func TestCodingAllocatesNothing(t *testing.T) {
	lead := usualLead()
	blob := AppendLead(nil, &lead)
	var into scorer.Lead
	buf := make([]byte, 0, 1024)
	if err := DecodeLead(blob, &into); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { buf = AppendLead(buf[:0], &lead) }); n != 0 {
		t.Errorf("encoding: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = DecodeLead(blob, &into) }); n != 0 {
		t.Errorf("decoding: %v allocations", n)
	}
}

func TestADecodedLeadAliasesItsBlobAndKeepsItsID(t *testing.T) {
	lead := usualLead()
	blob := AppendLead(nil, &lead)
	into := scorer.Lead{ID: "lead-42"}
	if err := DecodeLead(blob, &into); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(blob, []byte("warm"))
	blob[at] = 'W'
	if into.Tier != "Warm" || into.ID != "lead-42" {
		t.Errorf("tier %q, ID %q", into.Tier, into.ID)
	}
}

func drawInstant(t *rapid.T, label string) scorer.Instant {
	near := rapid.Int64Range(-int64(400*day), int64(400*day))
	return scorer.Instant(rapid.OneOf(
		rapid.Map(near, func(d int64) int64 { return int64(noon) + d }),
		rapid.Int64(), rapid.SampledFrom([]int64{0, int64(scorer.Never), int64(noon)}),
	).Draw(t, label))
}

func drawNumber(t *rapid.T, label string) float64 {
	return rapid.OneOf(
		rapid.Map(rapid.IntRange(-1000, 1000), func(i int) float64 { return float64(i) }),
		rapid.Float64(), rapid.SampledFrom([]float64{math.Copysign(0, -1), math.NaN(), math.Inf(-1), mostWhole, -mostWhole, mostWhole - 1}),
	).Draw(t, label)
}

func drawList[T any](t *rapid.T, label string, one func() T) []T {
	list := make([]T, rapid.IntRange(0, 6).Draw(t, label))
	for i := range list {
		list[i] = one()
	}
	return list
}

func drawLead(t *rapid.T) scorer.Lead {
	text := rapid.String()
	l := scorer.Lead{
		Clock: drawInstant(t, "clock"), FirstSeen: drawInstant(t, "first"), LastSeen: drawInstant(t, "last"),
		Engaged: drawInstant(t, "engaged"), Tier: text.Draw(t, "tier"), Since: drawInstant(t, "since"),
		Stage: text.Draw(t, "stage"), Moved: rapid.Bool().Draw(t, "moved"), Sequence: rapid.Uint64().Draw(t, "sequence"), ModelVersion: rapid.Int().Draw(t, "version"),
		Due: drawInstant(t, "due"), Account: text.Draw(t, "account"), AccountAt: drawInstant(t, "account at"),
		Reset: drawInstant(t, "reset"), Disposition: text.Draw(t, "disposition"), DispositionAt: drawInstant(t, "disposed"),
		Conversion: scorer.Conversion{Outcome: text.Draw(t, "outcome"), Amount: drawNumber(t, "amount"), At: drawInstant(t, "converted")},
	}
	l.Counters = drawList(t, "counters", func() scorer.Counter {
		return scorer.Counter{
			Rule: scorer.Key(rapid.Uint32().Draw(t, "rule")), Count: rapid.Uint32().Draw(t, "count"),
			Sum: drawNumber(t, "sum"), Ref: drawInstant(t, "ref"),
			Marks: drawList(t, "marks", func() scorer.Mark {
				return scorer.Mark{At: drawInstant(t, "mark"), Weight: drawNumber(t, "weight")}
			}),
		}
	})
	l.Ratings = drawList(t, "ratings", func() scorer.Rating {
		return scorer.Rating{Criterion: scorer.Key(rapid.Uint32().Draw(t, "criterion")), Value: drawNumber(t, "value"), At: drawInstant(t, "rated")}
	})
	l.Profile = drawList(t, "profile", func() scorer.Attribute { return drawAttribute(t) })
	l.Seen = seen(drawList(t, "seen", func() scorer.Seen {
		return scorer.Seen{Hash: rapid.Uint64().Draw(t, "hash"), At: drawInstant(t, "seen")}
	})...)
	return l
}

func drawAttribute(t *rapid.T) scorer.Attribute {
	a := scorer.Attribute{Name: rapid.String().Draw(t, "name"), At: drawInstant(t, "attribute")}
	a.Value.Kind = scorer.Kind(rapid.IntRange(0, int(scorer.String)).Draw(t, "kind"))
	switch a.Value.Kind {
	case scorer.Bool, scorer.Number:
		a.Value.Number = drawNumber(t, "number")
	case scorer.String:
		a.Value.String = rapid.String().Draw(t, "string")
	}
	return a
}

func TestDecodingUndoesEncoding(t *testing.T) {
	// The same lead is decoded into over and over, so that nothing may remain of the one before.
	var into scorer.Lead
	rapid.Check(t, func(t *rapid.T) {
		want := drawLead(t)
		blob := AppendLead([]byte("before"), &want)[len("before"):]
		if err := DecodeLead(blob, &into); err != nil {
			t.Fatal(err)
		}
		diffLeads(t, want, into)
	})
}

func TestEveryShorterOrLongerBlobIsRefused(t *testing.T) {
	lead := goldenLeads(leadVersion)["full"]
	blob := AppendLead(nil, &lead)
	var into scorer.Lead
	for n := range blob {
		if err := DecodeLead(blob[:n:n], &into); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d of %d bytes: %v", n, len(blob), err)
		}
	}
	if err := DecodeLead(append(blob, 0), &into); !errors.Is(err, ErrDamaged) {
		t.Errorf("a byte too many: %v", err)
	}
}

func TestHostileBlobsAreRefused(t *testing.T) {
	head := func(parts uint64, rest ...byte) []byte {
		e := encoder{b: []byte{leadVersion}}
		e.uint(parts)
		return append(append(e.b, 0, 0, 0, 0, 0, 0), rest...)
	}
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}
	for name, c := range map[string]struct {
		blob []byte
		want error
	}{
		"no bytes":              {nil, ErrDamaged},
		"version 0":             {[]byte{0}, ErrDamaged},
		"a newer version":       {[]byte{leadVersion + 1, 1, 2}, ErrNewer},
		"an unknown part":       {head(allParts + 1), ErrDamaged},
		"a huge string":         {head(hasStage, huge...), ErrDamaged},
		"a huge list":           {head(hasCounters, huge...), ErrDamaged},
		"a huge list of marks":  {head(hasCounters, append([]byte{1, 0, 0, 0, 0, counterMarks | counterWhole, 0, 0}, huge...)...), ErrDamaged},
		"a count past 32 bits":  {head(hasCounters, append([]byte{1, 0, 0, 0, 0}, 0x82, 0x80, 0x80, 0x80, 0x40, 0, 0)...), ErrDamaged},
		"an unknown kind":       {head(hasProfile, 1, 0, byte(scorer.String)+1, 0), ErrDamaged},
		"a varint past 64 bits": {head(hasSequence, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02), ErrDamaged},
		"a varint without end":  {head(hasSequence, 0x80, 0x80), ErrDamaged},
		"seen nothing":          {head(hasSeen, 1, 0), ErrDamaged},
		"seen too much":         {head(hasSeen, append(huge, 0, 0, 0)...), ErrDamaged},
		"seen without a gap":    {head(hasSeen, append([]byte{2<<1 | 1, 0}, make([]byte, 16)...)...), ErrDamaged},
		"seen with half a gap":  {head(hasSeen, append([]byte{2<<1 | 1, 0}, append(make([]byte, 16), 0x80)...)...), ErrDamaged},
		"seen with a gap more":  {head(hasSeen, append([]byte{2<<1 | 1, 0}, make([]byte, 18)...)...), ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			var into scorer.Lead
			if err := DecodeLead(c.blob, &into); !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
			if cap(into.Counters) > 1<<10 {
				t.Errorf("memory was set aside for %d counters", cap(into.Counters))
			}
		})
	}
}

func FuzzDecodeLead(f *testing.F) {
	for _, lead := range goldenLeads(leadVersion) {
		f.Add(AppendLead(nil, &lead))
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		var lead, again scorer.Lead
		if err := DecodeLead(blob, &lead); err != nil {
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNewer) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		if err := DecodeLead(AppendLead(nil, &lead), &again); err != nil {
			t.Fatalf("what was decoded can't be encoded: %v", err)
		}
		diffLeads(t, lead, again)
	})
}

// benchmarkLeads are a lead as most are, and one that a thousand events came of in a week.
func benchmarkLeads() map[string]scorer.Lead {
	busy := usualLead()
	for i := range 1000 {
		busy.Seen.Add(scorer.Seen{Hash: 0x9e3779b97f4a7c15 * uint64(i+5), At: noon + scorer.Instant(i)*9*minute})
	}
	return map[string]scorer.Lead{"usual": usualLead(), "busy": busy}
}

func BenchmarkAppendLead(b *testing.B) {
	for name, lead := range benchmarkLeads() {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 0, 1<<15)
			b.ReportAllocs()
			for b.Loop() {
				buf = AppendLead(buf[:0], &lead)
			}
			b.ReportMetric(float64(len(buf)), "bytes/lead")
		})
	}
}

func BenchmarkDecodeLead(b *testing.B) {
	for name, lead := range benchmarkLeads() {
		b.Run(name, func(b *testing.B) {
			blob := AppendLead(nil, &lead)
			var into scorer.Lead
			b.ReportAllocs()
			for b.Loop() {
				if err := DecodeLead(blob, &into); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
