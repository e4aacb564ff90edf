package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// all is a command with those below it.
func all(c *cobra.Command) []*cobra.Command {
	found := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		found = append(found, all(sub)...)
	}
	return found
}

// The README tells to call what can be called. In its table a group's further commands follow as code of their own.
func TestTheReadmePromisesOnlyCommandsThatAreThere(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, c := range all(newRoot()) {
		paths = append(paths, c.CommandPath())
	}
	promised := 0
	promise := func(path string) {
		promised++
		if !slices.Contains(paths, path) {
			t.Errorf("the README promises %s", path)
		}
	}
	call := regexp.MustCompile("(?:`|cmd/)(hotlead [a-z]+(?: [a-z]+)?)")
	further := regexp.MustCompile(", `(?:(hotlead) )?([a-z]+)")
	for line := range strings.Lines(string(readme)) {
		for _, m := range call.FindAllStringSubmatch(line, -1) {
			promise(m[1])
		}
		cell, inTable := strings.CutPrefix(line, "| `hotlead ")
		if !inTable {
			continue
		}
		group, _, _ := strings.Cut(cell, " ")
		cell, _, _ = strings.Cut(cell, "|")
		for _, m := range further.FindAllStringSubmatch(cell, -1) {
			if m[1] == "" {
				promise("hotlead " + group + " " + m[2])
			}
		}
	}
	if promised < 10 {
		t.Errorf("the README promises %d commands only: is this test still looking in the right place?", promised)
	}
}
