package app

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

const configurationTop = `<!-- Made of cmd/internal/app/keys.go: go generate ./cmd/internal/app writes it anew. -->
# Configuration
` + "`hotlead run --config F`" + ` reads a YAML file, and so does every other command that takes ` + "`--config`" + `. Each key is also an
environment variable, which goes before the file; lists are separated by commas there, and an empty variable counts as not
set. A key that hotlead does not know is a mistake, told with its place and the nearest known one; so is a value that can't
work. The exit code is 2 then.

The least that a service needs, since everything else has a default:

` + "```yaml" + `
kafka: {brokers: [kafka:9092]}
redis: {addrs: [redis:6379]}
model: b2b-saas
` + "```" + `

[config/hotlead.yaml](config/hotlead.yaml) is an example with everything encrypted. Secrets belong into files: a variable
shows in whatever describes a process (` + "`docker inspect`" + `, crash reports).
`

// configurationPage is deploy/configuration.md as the keys want it: a table for each of their sections.
func configurationPage() string {
	var b strings.Builder
	b.WriteString(configurationTop)
	defaults, last := DefaultConfig(), ""
	for _, k := range keys() {
		section, _, _ := strings.Cut(k.name, ".")
		if section != last {
			fmt.Fprintf(&b, "\n## %s\n| key | type | default | variable | what |\n|---|---|---|---|---|\n", section)
			last = section
		}
		standard := k.show(&defaults)
		if standard != "" {
			standard = "`" + standard + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | `%s` | %s |\n", k.name, k.kind, standard, k.variable(), strings.TrimSpace(k.help+". "+k.more))
	}
	return b.String()
}

// Nobody has to remember the page when a key changes.
func TestTheConfigurationPage(t *testing.T) {
	const file = "../../../deploy/configuration.md"
	got := configurationPage()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(deployed(t, "deploy/configuration.md")); got != want {
		t.Errorf("deploy/configuration.md is\n%s\nand has to be\n%s\n(go generate ./cmd/internal/app writes it anew)", want, got)
	}
}

// What a key shows is what it was set to: else the page would tell a default that is not one.
func TestWhatAKeyShows(t *testing.T) {
	for _, k := range keys() {
		for _, text := range []string{"7", "true", "some words"} {
			var c Config
			if err := k.set(&c, []string{text}); err != nil {
				continue
			}
			if got := k.show(&c); got != text && got != "(hidden)" {
				t.Errorf("%s was set to %q and shows %q", k.name, text, got)
			}
			if strings.HasSuffix(k.name, ".password") != (k.show(&c) == "(hidden)") {
				t.Errorf("%s shows %q", k.name, k.show(&c))
			}
		}
	}
}
