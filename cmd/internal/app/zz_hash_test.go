package app

import (
	"crypto/sha256"
	"fmt"
	"os"
	"math/rand"
	"bytes"
	"slices"
	"testing"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
	"github.com/hotlead/hotlead/state"
)

func TestZZHash(t *testing.T) {
	text := stream(150_000)
	lines := bytes.SplitAfter(text, []byte("\n"))
	lines = lines[:len(lines)-1]
	r := rand.New(rand.NewSource(3))
	for i := range lines {
		if r.Intn(20) == 0 {
			j := min(len(lines)-1, i+r.Intn(30000))
			lines[i], lines[j] = lines[j], lines[i]
		}
		if r.Intn(100) == 0 {
			lines[i] = lines[max(0, i-r.Intn(5000))]
		}
		lines[i] = bytes.Replace(lines[i], []byte("lead-000"), []byte("lead-0"), 1)
		if r.Intn(10) == 0 {
			lines[i] = bytes.Replace(lines[i], []byte(`"time":"2026-01-01T`), []byte(fmt.Sprintf(`"time":"2026-%02d-%02dT`, 1+r.Intn(3), 1+r.Intn(28))), 1)
		}
		if r.Intn(30) == 0 {
			a, b := bytes.Index(lines[i], []byte(`"type":"`)), bytes.Index(lines[i], []byte(`","subject`))
			k := r.Intn(4)
			lines[i] = bytes.Join([][]byte{lines[i][:a], []byte([]string{`"type":"criterion.rated`, `"type":"lead.profiled`, `"type":"lead.dispositioned`, `"type":"product.used`}[k]), lines[i][b:]}, nil)
			d := bytes.Index(lines[i], []byte(`"data":`))
			lines[i] = append(slices.Clone(lines[i][:d]), []string{
				fmt.Sprintf(`"data":{"criterion":"%s","rating":%d}}`+"\n", []string{"need", "budget", "authority", "timeframe"}[r.Intn(4)], 1+r.Intn(5)),
				fmt.Sprintf(`"data":{"attributes":{"seniority":"%s","employees":%d}}}`+"\n", []string{"vp", "student", "manager"}[r.Intn(3)], r.Intn(400)),
				fmt.Sprintf(`"data":{"disposition":"%s"}}`+"\n", []string{"invalid", "not_interested", "interested"}[r.Intn(3)]),
				`"data":{"minutes":7}}` + "\n"}[k]...)
		}
	}
	text = bytes.Join(lines, nil)
	models := benchmarkModels(t)
	for _, n := range []string{"bant", "gitlab", "../../../scorer/testdata/models/contract.yaml", "/tmp/speed-mix.yaml"} {
		m, err := LoadModel(n)
		if err != nil {
			t.Fatal(err)
		}
		models = append(models, m)
	}
	for _, m := range models {
		h, hc := sha256.New(), sha256.New()
		f := NewFold(FoldOptions{Model: m, Limits: events.DefaultLimits(), Changes: hc, Errors: bytes.NewBuffer(nil)})
		if err := f.Read(t.Context(), "in", bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, l := range zzLeads(f) {
			h.Write(state.AppendLead([]byte(l.ID), l))
			n++
		}
		if err := f.Finish(); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(os.Stderr, "%s %d %x %x %v\n", m.Name, n, h.Sum(nil)[:8], hc.Sum(nil)[:8], f.folder.Unevaluable())
	}
}

func zzLeads(f *Fold) []*scorer.Lead {
	var all []*scorer.Lead
	for _, l := range f.leads {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *scorer.Lead) int { return bytes.Compare([]byte(a.ID), []byte(b.ID)) })
	return all
}
