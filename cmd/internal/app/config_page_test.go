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

const configurationEnd = `
## Traces
hotlead has no keys of its own for them: [OpenTelemetry's variables](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/)
switch them on and say all about them. They are off where nothing is said.

| variable | what |
|---|---|
| ` + "`OTEL_EXPORTER_OTLP_ENDPOINT`" + ` | the collector, such as ` + "`http://collector:4318`" + `; traces are on with it |
| ` + "`OTEL_TRACES_EXPORTER`" + ` | ` + "`otlp`" + `: on, to ` + "`http://localhost:4318`" + ` where no other collector is named; ` + "`none`" + `: off |
| ` + "`OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`" + ` | which batches are traced, such as ` + "`traceidratio` and `0.01`" + `; default all |
| ` + "`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`" + ` | as OpenTelemetry has them |

They are sent as OTLP by HTTP (` + "`http/protobuf`" + `). Each batch of a lane is a span, its phases (load, fold, decide, announce)
are spans in it, and it links to the trace contexts (` + "`traceparent`" + `) of its events, 128 at most, first those that caused
changes. A change carries the trace context of the event that caused it. No span tells of a lead. A collector that is away
holds nothing up: spans that it does not take in time are dropped.
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
	return b.String() + configurationEnd
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
