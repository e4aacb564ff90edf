package bench

import (
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strings"
)

//go:embed picture.svg.tmpl
var pictureText string

// picture is a chart of horizontal bars. Lengths are in the picture's own units.
type picture struct {
	Title, Note, Words string // Words are the picture for those who don't see it
	Width, Height      int
	Bars               []bar
}

// bar is one bar; one without a Name belongs to the contender above it.
type bar struct {
	Name, Value string
	Top, Length int
	Own         bool // hotlead's
	Faint       bool // a second bar of the same contender
}

const (
	pictureWidth = 760
	longestBar   = 380
	barStep      = 30
	firstBar     = 64
)

// Pictures are the SVG files of the report, by name; none of what was not measured.
func (r *Report) Pictures() (map[string]string, error) {
	all := map[string]string{}
	for name, p := range map[string]*picture{"throughput.svg": r.throughputPicture(), "latency.svg": r.latencyPicture()} {
		if p == nil {
			continue
		}
		text, err := p.draw()
		if err != nil {
			return nil, fmt.Errorf("drawing %s: %w", name, err)
		}
		all[name] = text
	}
	return all, nil
}

// throughputPicture shows the medians of all contenders but the floor, whose bar would dwarf them.
func (r *Report) throughputPicture() *picture {
	p := &picture{Title: "Events scored a second, exactly once", Note: r.note(len(r.of(Hotlead)))}
	longest := 0.0
	for _, name := range []string{Hotlead, FlinkHeap, StreamsMemory, StreamsTuned, Streams} {
		longest = max(longest, medianOr0(r.of(name), rate))
	}
	for _, name := range []string{Hotlead, FlinkHeap, StreamsMemory, StreamsTuned, Streams} {
		if runs := r.of(name); len(runs) > 0 {
			v := median(runs, rate)
			p.add(bar{Name: name, Value: short(v), Own: name == Hotlead}, v/longest)
		}
	}
	return p.done()
}

// latencyPicture shows p50 and p99 on a logarithmic scale: they lie far apart.
func (r *Report) latencyPicture() *picture {
	p := &picture{
		Title: fmt.Sprintf("From event to change at %s events a second, in milliseconds", short(float64(r.Offered))),
		Note:  "p50 and, paler, p99, logarithmic; " + r.note(len(r.latencyOf(Hotlead))),
	}
	const least = .5
	longest := 0.0
	names := []string{Hotlead, StreamsPrompt, FlinkPrompt}
	for _, name := range names {
		longest = max(longest, medianOr0(only(r.latencyOf(name), Latency.keptUp), p99))
	}
	share := func(v float64) float64 { return math.Log(max(v/least, 1)) / math.Log(max(longest/least, 2)) }
	for _, name := range names {
		all := r.latencyOf(name)
		runs := only(all, Latency.keptUp)
		switch {
		case len(runs) == 0 && len(all) > 0:
			p.add(bar{Name: name, Value: fellBehind, Own: name == Hotlead}, 0)
		case len(runs) > 0:
			half, most := median(runs, p50), median(runs, p99)
			p.add(bar{Name: name, Value: short(half), Own: name == Hotlead}, share(half))
			p.add(bar{Value: short(most), Own: name == Hotlead, Faint: true}, share(most))
		}
	}
	return p.done()
}

// note says on what it was measured.
func (r *Report) note(rounds int) string {
	return fmt.Sprintf("median of %d rounds, everything on the same %d processors; commit %s", rounds, r.Machine.Processors, r.Commit)
}

func medianOr0[T any](all []T, of func(T) float64) float64 {
	if len(all) == 0 {
		return 0
	}
	return median(all, of)
}

// add puts a bar below the others, as long as its share of the longest.
func (p *picture) add(b bar, share float64) {
	b.Top, b.Length = firstBar+barStep*len(p.Bars), max(2, int(share*longestBar))
	p.Bars = append(p.Bars, b)
}

// done is the picture with its size, nil where there is nothing on it.
func (p *picture) done() *picture {
	if len(p.Bars) == 0 {
		return nil
	}
	var words []string
	name := ""
	for _, b := range p.Bars {
		if b.Name != "" {
			name = b.Name
		}
		words = append(words, name+" "+b.Value)
	}
	p.Words = p.Title + ": " + strings.Join(words, ", ")
	p.Width, p.Height = pictureWidth, firstBar+barStep*len(p.Bars)+16
	return p
}

func (p *picture) draw() (string, error) {
	t, err := template.New("picture").Funcs(template.FuncMap{"plus": func(a, b int) int { return a + b }}).Parse(pictureText)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, p)
	return b.String(), err
}
