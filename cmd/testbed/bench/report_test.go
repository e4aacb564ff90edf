//go:build peers

package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
)

// report prints the medians beside hotlead's, and writes every figure down.
func report(t *testing.T, figures map[string][]figure) {
	t.Helper()
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tevents/s\tfrom\tto\thotlead is\tCPU s/million\tof it Kafka\tRedis\tMiB")
	perSecond := func(f figure) float64 { return f.PerSecond }
	own := median(figures["hotlead"], perSecond)
	for _, c := range throughput {
		runs := figures[c.name]
		least, most := runs[0].PerSecond, runs[0].PerSecond
		for _, f := range runs {
			least, most = min(least, f.PerSecond), max(most, f.PerSecond)
		}
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.0f\t%.1fx\t%.2f\t%.2f\t%.2f\t%.0f\n", c.name, median(runs, perSecond), least, most,
			own/median(runs, perSecond),
			median(runs, func(f figure) float64 { return f.All }), median(runs, func(f figure) float64 { return f.Kafka }),
			median(runs, func(f figure) float64 { return f.Redis }), median(runs, func(f figure) float64 { return float64(f.Peak) }))
		if most > 1.5*least {
			fmt.Fprintf(table, "\tnoisy: its runs differ by %.1fx\n", most/least)
		}
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	fmt.Print(text.String())
	if *out == "" {
		return
	}
	all, err := json.MarshalIndent(figures, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(*out, "figures.json"), all, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
