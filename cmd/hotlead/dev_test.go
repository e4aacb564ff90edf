package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What dev proposes to try is pasted into a shell as it stands: the lead is there, its history, and who watches sees it.
func TestWhatDevProposesToTryWorksAsItStands(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Logf("not tried, since what it proposes needs curl: %v", err)
		return
	}
	p := start(t, "hotlead", "dev", "--no-traffic", "--listen", "127.0.0.1:0", "--kafka", "127.0.0.1:0")
	p.until(t, "In another terminal")
	var lines []string
	for p.lines.Scan() && !strings.Contains(p.lines.Text(), "Ctrl-C") {
		if line := strings.TrimSpace(p.lines.Text()); line != "" {
			lines = append(lines, line)
		}
	}
	proposed := strings.Join(lines, "\n")
	begin, asked, found := strings.Cut(proposed, "lead show")
	if !found || !strings.Contains(begin, "curl ") {
		t.Fatalf("it proposes\n%s", proposed)
	}
	program := begin[strings.LastIndex(begin, "\n")+1:]
	begin = strings.TrimSuffix(begin, program)
	asked = program + "lead show" + asked
	// The last of them watches until Ctrl-C.
	asked, watching, _ := strings.Cut(asked, "\n"+program+"watch")

	shell := func(script string) (string, error) {
		c := exec.CommandContext(t.Context(), "sh", "-ec", script)
		c.Dir, c.Env = t.TempDir(), append(os.Environ(), actAs+"=hotlead")
		c.WaitDelay = 10 * time.Second
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		err := c.Run()
		return out.String(), err
	}
	if !filepath.IsAbs(strings.Fields(program)[0]) {
		t.Fatalf("the test's binary was called as %s", program)
	}
	if out, err := shell(begin); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p.until(t, "ada ") // its change
	export, _, _ := strings.Cut(begin, "\n")
	out, err := shell(export + "\n" + asked)
	if err != nil || !strings.Contains(out, `"lead": "ada"`) || !strings.Contains(out, `"type":"lead.tier.changed"`) {
		t.Errorf("%v: asked for a lead and its history they say\n%s", err, out)
	}
	watcher := &process{cmd: exec.CommandContext(t.Context(), "sh", "-ec", export+"\nexec "+program+"watch"+watching)}
	watcher.cmd.Env = append(os.Environ(), actAs+"=hotlead")
	pipe, err := watcher.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	watcher.lines = bufio.NewScanner(pipe)
	if err := watcher.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watcher.until(t, `"subject":"ada"`)
	if err := watcher.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := watcher.ends(t); code != exitDone {
		t.Errorf("who watches ends with %d", code)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.until(t, "hotlead has ended")
	if code := p.ends(t); code != exitDone {
		t.Errorf("exit %d: %s", code, p.errOut.String())
	}
}
