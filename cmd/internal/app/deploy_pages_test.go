package app

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	linkTo    = regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)\s]+))?\)`)
	titleLine = regexp.MustCompile(`(?m)^#+ (.+)$`)
	noAnchor  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchors are the places of a page that can be linked to, as GitHub names them.
func anchors(page []byte) map[string]bool {
	found := map[string]bool{}
	for _, title := range titleLine.FindAllSubmatch(page, -1) {
		found[strings.ReplaceAll(noAnchor.ReplaceAllString(strings.ToLower(string(title[1])), ""), " ", "-")] = true
	}
	return found
}

// The pages for those who run hotlead, and who integrate with it, link to what is there.
func TestThePagesLinkToWhatIsThere(t *testing.T) {
	pages, err := filepath.Glob("../../../deploy/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatal(pages, err)
	}
	for _, page := range pages {
		name := "deploy/" + filepath.Base(page)
		for _, link := range linkTo.FindAllStringSubmatch(string(deployed(t, name)), -1) {
			file, place := link[1], link[2]
			if strings.Contains(file, "://") {
				continue
			}
			target := name
			if file != "" {
				target = path.Join("deploy", file)
			}
			if _, err := os.Stat(filepath.Join("../../..", target)); err != nil {
				t.Errorf("%s links to %s: %v", name, file, err)
			} else if place != "" && !anchors(deployed(t, target))[place] {
				t.Errorf("%s links to %s#%s, which has no such section", name, file, place)
			}
		}
	}
}

// Each alert is told of in a line, with the way to its section.
func TestThePageOfOperatingNamesEveryAlert(t *testing.T) {
	page := string(deployed(t, "deploy/operating.md"))
	for _, r := range alertRules(t) {
		if r.Alert != "" && !strings.Contains(page, "| ["+r.Alert+"](runbook.md#"+strings.ToLower(r.Alert)+") | ") {
			t.Errorf("deploy/operating.md has no line of %s", r.Alert)
		}
	}
}
