package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

var update = flag.Bool("update", false, "write the golden files anew")

func smallModel(t testing.TB) *scorer.Model {
	t.Helper()
	m, err := LoadModel("testdata/fold.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// input is the events of testdata, good and bad.
func input(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/fold.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// folded is what came of folding in: changes, leads and reports.
type folded struct {
	changes, leads, reports string
	refused                 error
}

func foldAll(t *testing.T, until scorer.Instant, in ...io.Reader) folded {
	t.Helper()
	var changes, leads, reports strings.Builder
	f := NewFold(FoldOptions{Model: smallModel(t), Limits: events.DefaultLimits(), Until: until, Changes: &changes, Errors: &reports})
	for _, r := range in {
		if err := f.Read(t.Context(), "in", r); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteLeads(&leads); err != nil {
		t.Fatal(err)
	}
	refused := f.Refused()
	return folded{changes.String(), leads.String(), reports.String(), refused}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func TestAFoldWritesChangesLeadsAndReports(t *testing.T) {
	got := foldAll(t, 0, bytes.NewReader(input(t)))
	golden(t, "changes.ndjson", got.changes)
	golden(t, "leads.ndjson", got.leads)
	golden(t, "reports.txt", got.reports)
	var refused *RefusedError
	if !errors.As(got.refused, &refused) || refused.Lines != 3 {
		t.Errorf("refused: %v", got.refused)
	}
}

func TestAFoldGoesOnToAnInstantAndLeavesLaterEventsOut(t *testing.T) {
	day := func(text string) scorer.Instant {
		t.Helper()
		at, err := parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	early := foldAll(t, day("2026-11-20T12:00:00Z"), bytes.NewReader(input(t)))
	if strings.Contains(early.changes, `"to":"warm","direction":"down"`) || strings.Contains(early.leads, `"lead":"d"`) {
		t.Errorf("at noon the changes are\n%s\nand the leads\n%s", early.changes, early.leads)
	}
	if !strings.Contains(early.reports, "left out, being later than 2026-11-20T12:00:00Z: 1\n") {
		t.Errorf("reports: %s", early.reports)
	}
	late := foldAll(t, day("2026-12-01T00:00:00Z"), bytes.NewReader(input(t)))
	if n := strings.Count(late.changes, `"to":"cold","direction":"down"`); n != 2 {
		t.Errorf("in December %d leads have turned cold:\n%s", n, late.changes)
	}
}

func TestTheLastEventsTimeIsTheNewestWhereverItStands(t *testing.T) {
	lines := bytes.SplitAfter(input(t), []byte("\n"))
	slices.Reverse(lines)
	if got := foldAll(t, 0, bytes.NewReader(bytes.Join(lines, nil))); strings.Count(got.leads, `"as_of":"2026-11-22T10:00:00Z"`) != 4 {
		t.Errorf("the leads are\n%s", got.leads)
	}
}

// How the input is cut into reads, files and compressed parts makes no difference.
func TestAFoldTakesAnyFormOfItsInput(t *testing.T) {
	text := input(t)
	want := foldAll(t, 0, bytes.NewReader(text))
	var zipped, packed bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	zs, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{gz, zs} {
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	crlf := bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
	for name, r := range map[string]io.Reader{
		"gzip": &zipped, "zstd": &packed, "a byte at a time": iotest.OneByteReader(bytes.NewReader(text)),
		"no last line end": bytes.NewReader(bytes.TrimSuffix(text, []byte("\n"))), "CR LF": bytes.NewReader(crlf),
		"byte order mark": io.MultiReader(strings.NewReader("\ufeff"), bytes.NewReader(text)),
	} {
		got := foldAll(t, 0, r)
		if got.changes != want.changes || got.leads != want.leads || got.reports != want.reports && name != "CR LF" {
			t.Errorf("%s gives other output:\n%s\n%s", name, got.changes, got.reports)
		}
	}
	if i := bytes.IndexByte(text, '\n') + 1; i > 0 {
		got := foldAll(t, 0, bytes.NewReader(text[:i]), bytes.NewReader(text[i:]))
		if got.changes != want.changes || got.leads != want.leads {
			t.Errorf("two files give other output:\n%s", got.changes)
		}
	}
}

// TestAFoldDoesNotKnowHowManyLinesAreThere holds lines that are decoded some at a time against the same lines one by one.
func TestAFoldDoesNotKnowHowManyLinesAreThere(t *testing.T) {
	var text []byte
	for i, line := range bytes.SplitAfter(stream(320), []byte("\n")) {
		switch i % 7 {
		case 3:
			text = append(text, "\n"...)
		case 5:
			text = append(text, "{}\n"...)
		}
		text = append(text, line...)
	}
	atOnce := foldAll(t, 0, bytes.NewReader(text))
	oneByOne := foldAll(t, 0, iotest.OneByteReader(bytes.NewReader(text)))
	if !reflect.DeepEqual(oneByOne, atOnce) {
		t.Errorf("one by one\n%+v\nat once\n%+v", oneByOne, atOnce)
	}
	if lines := strings.Count(atOnce.reports, "\n"); lines < 32 || !strings.HasPrefix(atOnce.reports, "in:7: ") {
		t.Errorf("%d reports:\n%.200s", lines, atOnce.reports)
	}
}

func TestAFoldReportsWhatItCanNotRead(t *testing.T) {
	long := strings.Repeat("x", stretchBytes+10) + "\n"
	got := foldAll(t, 0, strings.NewReader(long+string(input(t))))
	if !strings.HasPrefix(got.reports, "in:1: too_large: ") || !strings.Contains(got.reports, "in:5: invalid_json") {
		t.Errorf("reports: %.200s", got.reports)
	}
	f := NewFold(FoldOptions{Model: smallModel(t), Errors: io.Discard})
	truncated := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 1}
	if err := f.Read(t.Context(), "events.gz", bytes.NewReader(truncated)); err == nil || !strings.Contains(err.Error(), "reading events.gz, line 1") {
		t.Errorf("half a gzip: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Read(ctx, "in", bytes.NewReader(input(t))); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// A compressed file may be cut off anywhere: never is what is left of it taken for the whole.
func TestAFoldNoticesACutOffFile(t *testing.T) {
	text := []byte(benchmarkLine(1) + benchmarkLine(2) + benchmarkLine(3))
	var zipped, packed bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	zs, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{gz, zs} {
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, whole := range map[string][]byte{"events.gz": zipped.Bytes(), "events.zst": packed.Bytes()} {
		for n := 1; n <= len(whole); n++ {
			f := NewFold(FoldOptions{Model: smallModel(t), Limits: events.DefaultLimits(), Errors: io.Discard})
			err := errors.Join(f.Read(t.Context(), name, bytes.NewReader(whole[:n])), f.Refused())
			if (err == nil) != (n == len(whole)) {
				t.Errorf("%d of %d bytes of %s: %v", n, len(whole), name, err)
			}
			if n > 4 && n < len(whole) && !strings.Contains(err.Error(), "it is cut off, so compress or copy it again") {
				t.Errorf("%d of %d bytes of %s: %v", n, len(whole), name, err)
			}
		}
	}
}

func TestAFoldWritesWhatItHasReadWhenReadingFails(t *testing.T) {
	broken := errors.New("broken")
	var changes strings.Builder
	f := NewFold(FoldOptions{Model: smallModel(t), Limits: events.DefaultLimits(), Changes: &changes, Errors: io.Discard})
	demo := `{"specversion":"1.0","id":"1","source":"web","type":"demo.requested","subject":"%s","time":"2026-11-20T10:00:00Z","data":{}}` + "\n"
	if err := f.Read(t.Context(), "whole", strings.NewReader(fmt.Sprintf(demo, "a"))); err != nil {
		t.Fatal(err)
	}
	// Another file may fail to open: this one's changes don't wait for it.
	if !strings.Contains(changes.String(), `"lead":"a"`) {
		t.Errorf("after a file the changes are %q", changes.String())
	}
	err := f.Read(t.Context(), "half", io.MultiReader(strings.NewReader(fmt.Sprintf(demo, "b")), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || !strings.Contains(changes.String(), `"lead":"b"`) {
		t.Errorf("%v, and the changes are %q", err, changes.String())
	}
}

// failing is a writer whose disk is full.
type failing struct{}

var errFull = errors.New("the disk is full")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestAFoldSaysWhenItCanNotWrite(t *testing.T) {
	f := NewFold(FoldOptions{Model: smallModel(t), Changes: failing{}, Errors: io.Discard})
	err := f.Read(t.Context(), "in", bytes.NewReader(input(t)))
	if err = errors.Join(err, f.Finish()); !errors.Is(err, errFull) {
		t.Errorf("changes: %v", err)
	}
	if err := f.WriteLeads(failing{}); !errors.Is(err, errFull) {
		t.Errorf("leads: %v", err)
	}
}

// BenchmarkFold is the cost of one event from text to state.
func BenchmarkFold(b *testing.B) {
	model, err := LoadModel("b2b-saas")
	if err != nil {
		b.Fatal(err)
	}
	var text bytes.Buffer
	const lines = 10_000
	for i := range lines {
		text.WriteString(benchmarkLine(i))
	}
	b.SetBytes(int64(text.Len() / lines))
	b.ReportAllocs()
	for done := 0; done < b.N; done += lines {
		// Anew each time: the same events again would be duplicates.
		f := NewFold(FoldOptions{Model: model, Changes: io.Discard, Errors: io.Discard})
		if err := f.Read(b.Context(), "in", bytes.NewReader(text.Bytes())); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkLine(i int) string {
	at := scorer.Instant(1_795_000_000_000 + int64(i)*1000).Time().Format("2006-01-02T15:04:05Z07:00")
	return fmt.Sprintf(`{"specversion":"1.0","id":"e%d","source":"web/eu","type":"page.viewed","subject":"lead-%d","time":"%s","datacontenttype":"application/json","data":{"url":"/blog/%d","account_id":"acme-%d","referrer":"https://example.com/search?q=lead+scoring","agent":"Mozilla/5.0 (X11; Linux x86_64)"}}`+"\n",
		i, i%1000, at, i%50, i%100)
}

func parse(text string) (scorer.Instant, error) {
	at, err := time.Parse(time.RFC3339, text)
	return scorer.InstantOf(at), err
}
