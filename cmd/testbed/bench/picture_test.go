package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPictures(t *testing.T) {
	r := measured()
	r.Machine.Processors, r.Commit = 2, "<abc>"
	pictures, err := r.Pictures()
	if err != nil || len(pictures) != 2 {
		t.Fatalf("%d pictures, %v", len(pictures), err)
	}
	for name, text := range pictures {
		decoder := xml.NewDecoder(strings.NewReader(text))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s is no XML: %v\n%s", name, err, text)
			}
		}
		if dir := os.Getenv("PICTURES"); dir != "" { // to look at them
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, want := range []string{"Flink tuned, heap state", "750,000", `width="380"`, "commit &lt;abc&gt;", `aria-label="Events scored a second, exactly once: hotlead 750,000, Flink`} {
		if !strings.Contains(pictures["throughput.svg"], want) {
			t.Errorf("no %q in %s", want, pictures["throughput.svg"])
		}
	}
	if !strings.Contains(pictures["latency.svg"], "10,000 events a second") || strings.Count(pictures["latency.svg"], "<rect") != 4 {
		t.Errorf("latency: %s", pictures["latency.svg"])
	}
	if pictures, err := new(Report).Pictures(); err != nil || len(pictures) != 0 {
		t.Errorf("of nothing: %v, %v", pictures, err)
	}
}
