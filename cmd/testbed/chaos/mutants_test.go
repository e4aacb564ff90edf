package chaos_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var mutate = flag.Bool("mutants", false, "build hotlead with one guard after the other taken out, and run the cells that must notice")

// mutant is hotlead with one guard taken out.
type mutant struct {
	guard string
	file  string // from the repository's root
	// old stands in the file exactly once, and new in its place; so does what else has to go for the guard to be gone.
	old, new string
	also     []change
	// cells are those that must notice, one of them at least.
	cells []string
}

// change is one text in another's place.
type change struct{ old, new string }

// in makes the mutant's changes in the text of its file.
func (m *mutant) in(t *testing.T, text string) string {
	t.Helper()
	for _, c := range append([]change{{m.old, m.new}}, m.also...) {
		if n := strings.Count(text, c.old); n != 1 {
			t.Fatalf("%s holds the guard's text %d times, want once: bring the list of mutants up to date\n%s", m.file, n, c.old)
		}
		text = strings.Replace(text, c.old, c.new, 1)
	}
	return text
}

// mutants are the guards that the promise rests on.
func mutants() []mutant {
	return []mutant{
		{
			guard: "WATCH of the ledger", file: "state/decide.go",
			old:   `redis.NewStatusCmd(ctx, "watch", l.keys.ledger)`,
			new:   `redis.NewStatusCmd(ctx, "ping")`,
			cells: []string{"stop/folded-into-quiet"},
		},
		{
			guard: "the watched n is as it was left", file: "state/lane.go",
			old:   "	if seen != want {\n",
			new:   "	if false {\n",
			cells: []string{"redis/out-of-memory-then-flushed"},
		},
		{
			guard: "n is not behind the committed batch", file: "consumer/found.go",
			old:   "	case f.committed != nil && n < f.committed.Batch && !refolding(f.ledger):\n",
			new:   "	case false:\n",
			cells: []string{"redis/old-backup", "redis/stale-replica-promoted"},
		},
		{
			guard: "the epoch: one transactional ID a lane", file: "consumer/worker.go",
			old:   `fmt.Sprintf("%s-lane-%d", w.o.Group, p)`,
			new:   `fmt.Sprintf("%s-lane-%d-%d", w.o.Group, p, time.Now().UnixNano())`,
			cells: []string{"kill/commit-in-flight"},
		},
		{
			guard: "the fence before the read, and the look at what was told", file: "consumer/takeover.go",
			old: `	epoch, err := l.fence(soft)
	if err != nil {
		return fmt.Errorf("fencing the previous owner: %w", err)
	}
	f, err := l.find(soft)
	if err != nil {
		return err
	}
`,
			new: `	f, err := l.find(soft)
	if err != nil {
		return err
	}
	epoch, err := l.fence(soft)
	if err != nil {
		return fmt.Errorf("fencing the previous owner: %w", err)
	}
`,
			also:  []change{{"	if records, err = l.withoutTold(hard, f, records); err != nil {\n", "	if err != nil {\n"}},
			cells: []string{"kill/commit-in-flight", "kill/change-in-flight"},
		},
		{
			guard: "the mark of the fence in the output", file: "consumer/internal/wire/whole.go",
			old: `	if err := p.touch(ctx, []Partition{to}, ""); err != nil {
		return Epoch{}, err
	}
	err = p.end(ctx, false)
	if err == nil {
		err = p.cluster.retry(ctx, patience, "looking for the mark of the fence", func() error {
			marked, err := p.cluster.marked(ctx, to, before[to].High, by)
			if err == nil && !marked {
`,
			new: `	{
		err = p.cluster.retry(ctx, patience, "looking for the mark of the fence", func() error {
			_, err := p.cluster.marked(ctx, to, before[to].High, by)
			if err != nil {
`,
			cells: []string{"kill/change-in-flight"},
		},
		{
			guard: "the outbox", file: "consumer/takeover.go",
			old:   "	case reannounce:\n		return l.announceOutbox(hard, f)\n",
			new:   "	case reannounce:\n		return l.commitBare(hard)\n",
			cells: []string{"kill/decided"},
		},
		{
			guard: "the reconcile", file: "consumer/reconcile.go",
			old:   "		case known == own && l.lead.ModelVersion == l.model.Version:\n",
			new:   "		case true:\n",
			cells: []string{"retention/and-redis-empty"},
		},
		{
			guard: "the filter of aborted records", file: "consumer/internal/wire/batch.go",
			old:   "		d.aborted[aborted[0].producer] = true\n",
			new:   "",
			cells: []string{"quiet"},
		},
		{
			guard: "the filter of duplicates", file: "scorer/fold_apply.go",
			old:   "	if l.hasSeen(identity) {\n",
			new:   "	if false {\n",
			cells: []string{"quiet"},
		},
		{
			guard: "the log begins after the ledger's offset", file: "consumer/found.go",
			old:   "		case next < bounds.Start:\n",
			new:   "		case false:\n",
			cells: []string{"retention/past-the-ledger"},
		},
		{
			guard: "the committed batch is not behind the acknowledged one", file: "consumer/found.go",
			old:   "(f.committed.Batch < f.ledger.Acknowledged || f.hangs)",
			new:   "f.hangs",
			cells: []string{"kafka/acknowledged-and-lost"},
		},
		{
			guard: "what hangs is decided", file: "consumer/takeover.go",
			old:   "	if f.hangs, err = l.hangs(ctx, f.output); err != nil {\n		return f, err\n	}\n",
			new:   "",
			cells: []string{"kafka/left-undecided"},
		},
	}
}

// TestMutants holds that every guard is still where the list says. With -mutants it builds hotlead without each of them,
// and holds that the matrix notices.
func TestMutants(t *testing.T) {
	names := map[string]bool{}
	for _, c := range matrix() {
		names[c.name] = true
	}
	for _, m := range mutants() {
		t.Run(m.guard, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("../../..", m.file))
			if err != nil {
				t.Fatal(err)
			}
			mutated := m.in(t, string(text))
			for _, cell := range m.cells {
				if !names[cell] {
					t.Errorf("there is no cell %q", cell)
				}
			}
			if *mutate {
				m.noticed(t, mutated)
			}
		})
	}
}

// noticed builds the mutant and fails the test unless one of its cells fails.
func (m *mutant) noticed(t *testing.T, text string) {
	t.Helper()
	dir := t.TempDir()
	original, err := filepath.Abs(filepath.Join("../../..", m.file))
	if err != nil {
		t.Fatal(err)
	}
	mutated, overlay, file := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "hotlead")
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{original: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{mutated: []byte(text), overlay: replace} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := goBuild(file, "-overlay", overlay); err != nil {
		t.Fatal(err)
	}
	var said []string
	noticed := false
	for _, cell := range m.cells {
		first := m.strike(t, file, cell)
		noticed = noticed || first != ""
		said = append(said, fmt.Sprintf("%s: %s", cell, first))
	}
	t.Logf("without %q\n\t%s", m.guard, strings.Join(said, "\n\t"))
	if !noticed {
		t.Errorf("no cell notices that %q is gone", m.guard)
	}
}

// failure is a line in which a trial says what is wrong.
var failure = regexp.MustCompile(`(?m)^ +\w+_test\.go:\d+: (broken chain|not as the oracle says|\d+ dead letters|waiting for|the dead letter|.* in Redis|.* ended with|.*was announced in lane|.*the fault missed|.*nothing was ever lost).*`)

// gravest are the findings that a user would have to suffer from.
var gravest = regexp.MustCompile(`broken chain|not as the oracle says|\d+ dead letters|in Redis`)

// strike runs a cell against a mutant and returns the first thing that it found wrong; "" nothing. What is no finding of
// the matrix, such as a server that does not start, fails the test.
func (m *mutant) strike(t *testing.T, file, cell string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMatrix$", "-test.v", "-seeds=1", fmt.Sprintf("-seed=%d", *firstSeed),
		"-cells=^"+regexp.QuoteMeta(cell)+"$", "-patience=45s", "-binary="+file)
	out, err := command.CombinedOutput()
	if err == nil {
		return ""
	}
	found := failure.FindAllString(string(out), -1)
	if len(found) == 0 {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Fatalf("%s failed, and not by what it checks:\n%s", cell, strings.Join(slices.Clip(lines[max(0, len(lines)-30):]), "\n"))
	}
	first := slices.IndexFunc(found, gravest.MatchString)
	text := strings.TrimSpace(found[max(first, 0)])
	return text[:min(len(text), 160)]
}
