// Package chaos_test is the fault matrix: the service as its users run it, processes of `hotlead run` on a real Kafka and
// a real Redis, under traffic of every kind, while something is done to one of the three. After each cell everything
// that can be seen from outside is held against the oracle of package testbed.
//
//	make chaos SEEDS=3 CELLS=redis        # every cell whose name has redis in it, three times
//	make chaos SEEDS=1 SEED=2 CELLS='^kill/decided$'  # one trial again
//
// The binary is built with the tag chaos, which lets it strike at itself at the numbered steps of a batch. Without
// -seeds, as in go test ./..., only the quiet cell runs, once.
package chaos_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hotlead/hotlead/cmd/testbed"
)

var (
	seeds     = flag.Int("seeds", 0, "how many `seeds` each cell runs for; 0: the quiet cell alone, once")
	firstSeed = flag.Uint64("seed", 1, "the first `seed`")
	chosen    = flag.String("cells", "", "run the cells whose names match this `regexp`; soak runs only where it names it")
	given     = flag.String("binary", "", "the `file` of a hotlead built with the tag chaos; without it, it is built")
	patience  = flag.Duration("patience", 2*time.Minute, "how long a trial waits for what must come")
	soakFor   = flag.Duration("soak", 2*time.Minute, "how long the cell soak runs")
)

func TestMain(m *testing.M) { os.Exit(testbed.Run(m)) }

// cell is one kind of fault.
type cell struct {
	name string
	// brief is whether the short form has it: each family of faults has one that does.
	brief bool
	run   func(*trial)
}

// trial is one run of a cell.
type trial struct {
	*testing.T
	seed   uint64
	binary string
}

// matrix is all cells.
func matrix() []cell {
	return slices.Concat(killCells(), stopCells(), kafkaCells(), redisCells(), topicCells())
}

// TestMatrix runs the cells. -short leaves out all but one or two of each family, and sends fewer events.
func TestMatrix(t *testing.T) {
	cells, rounds, err := choose()
	if err != nil {
		t.Fatal(err)
	}
	file := *given
	if file == "" {
		file = filepath.Join(t.TempDir(), "hotlead")
		if err := goBuild(file); err != nil {
			t.Fatal(err)
		}
	}
	results := &table{began: time.Now()}
	t.Cleanup(func() { results.print(t) })
	for _, c := range cells {
		for i := range rounds {
			seed := *firstSeed + uint64(i)
			t.Run(fmt.Sprintf("%s/seed=%d", c.name, seed), func(t *testing.T) {
				t.Parallel()
				began := time.Now()
				t.Cleanup(func() {
					results.add(c.name, seed, !t.Failed(), time.Since(began))
					if t.Failed() {
						t.Logf("again with: make chaos SEEDS=1 SEED=%d CELLS='^%s$'", seed, c.name)
					}
				})
				c.run(&trial{t, seed, file})
			})
		}
	}
}

// choose says which cells to run, and for how many seeds.
func choose() (cells []cell, rounds int, err error) {
	names, err := regexp.Compile(*chosen)
	if err != nil {
		return nil, 0, fmt.Errorf("-cells: %w", err)
	}
	for _, c := range matrix() {
		switch {
		case *seeds == 0:
			if c.name != "quiet" {
				continue
			}
		case !names.MatchString(c.name), c.name == "soak" && *chosen == "", testing.Short() && *chosen == "" && !c.brief:
			continue
		}
		cells = append(cells, c)
	}
	if len(cells) == 0 {
		return nil, 0, fmt.Errorf("-cells: no cell is named like %q", *chosen)
	}
	return cells, max(*seeds, 1), nil
}

// table is what became of each trial.
type table struct {
	began time.Time

	mu   sync.Mutex
	rows []result
}

type result struct {
	cell string
	seed uint64
	held bool
	took time.Duration
}

func (r *table) add(cell string, seed uint64, held bool, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, result{cell, seed, held, took})
}

// print prints a line for each cell, in the order of the matrix.
func (r *table) print(t *testing.T) {
	byCell := map[string][]result{}
	failed := 0
	for _, row := range r.rows {
		byCell[row.cell] = append(byCell[row.cell], row)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "\n%-36s %5s  %-7s %s\n", "cell", "seeds", "result", "seconds of the slowest trial")
	for _, c := range matrix() {
		rows := byCell[c.name]
		if len(rows) == 0 {
			continue
		}
		said, slowest := "held", time.Duration(0)
		var lost []string
		for _, row := range rows {
			slowest = max(slowest, row.took)
			if !row.held {
				said = "FAILED"
				lost = append(lost, fmt.Sprint(row.seed))
				failed++
			}
		}
		fmt.Fprintf(&text, "%-36s %5d  %-7s %6.1f", c.name, len(rows), said, slowest.Seconds())
		if len(lost) > 0 {
			slices.Sort(lost)
			fmt.Fprintf(&text, "  seeds %s", strings.Join(lost, ", "))
		}
		text.WriteByte('\n')
	}
	fmt.Fprintf(&text, "%d trials of %d cells, %d failed, %.0f s\n", len(r.rows), len(byCell), failed, time.Since(r.began).Seconds())
	t.Log(text.String())
}
