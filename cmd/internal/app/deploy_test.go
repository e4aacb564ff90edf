package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/hotlead/hotlead/scorer"
)

// deployed is the text of a file that is there for those who run hotlead, by its path from the top of the repository.
func deployed(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../..", file))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unmarshal reads the YAML of a file under deploy.
func unmarshal(t *testing.T, file string, into any) {
	t.Helper()
	if err := yaml.Unmarshal(deployed(t, file), into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// secretsIn makes a file with a secret for each that the text of a configuration names under a directory, and returns the
// text with the files' place.
func secretsIn(t *testing.T, text, directory string) string {
	t.Helper()
	here := t.TempDir()
	for _, file := range regexp.MustCompile(regexp.QuoteMeta(directory)+`/([a-z.]+)`).FindAllStringSubmatch(text, -1) {
		if err := os.WriteFile(filepath.Join(here, file[1]), []byte("secret\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return strings.ReplaceAll(text, directory, here)
}

// The unit's configuration is one that hotlead takes, every secret that it names is handed over by the unit, and no other.
func TestTheConfigurationOfTheUnit(t *testing.T) {
	const credentials = "/run/credentials/hotlead.service"
	text := string(deployed(t, "deploy/config/hotlead.yaml"))
	c, err := load(t, secretsIn(t, text, credentials))
	if err != nil {
		t.Fatal(err)
	}
	if c.Redis.Password.Reveal() != "secret" || c.Kafka.SASL.Password.Reveal() != "secret" || !c.Kafka.TLS.Enabled || !c.Redis.TLS.Enabled {
		t.Errorf("the example is not secured: %+v", c)
	}
	if _, err := LoadModel(c.Model); err != nil {
		t.Error(err)
	}
	var named, handed []string
	for _, m := range regexp.MustCompile(credentials+`/([a-z.]+)`).FindAllStringSubmatch(text, -1) {
		named = append(named, m[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^LoadCredential=([a-z.]+):`).FindAllStringSubmatch(string(deployed(t, "deploy/systemd/hotlead.service")), -1) {
		handed = append(handed, m[1])
	}
	slices.Sort(named)
	slices.Sort(handed)
	if len(named) == 0 || !slices.Equal(named, handed) {
		t.Errorf("the configuration names %v, the unit hands over %v", named, handed)
	}
}

// The services of docker-compose.yml set what hotlead knows, and Redis' start finds the line that it switches the user
// on by.
func TestTheServicesOfCompose(t *testing.T) {
	var compose struct {
		Services map[string]struct {
			Environment map[string]string
			Command     any
		}
	}
	unmarshal(t, "docker-compose.yml", &compose)
	for _, service := range []string{"hotlead", "topics"} {
		var environ []string
		for name, value := range compose.Services[service].Environment {
			if value == "${MODEL:-b2b-saas}" {
				value = "b2b-saas"
			}
			environ = append(environ, name+"="+secretsIn(t, value, "/secrets"))
		}
		c, err := LoadConfig("", environ)
		if err != nil {
			t.Errorf("%s: %v", service, err)
			continue
		}
		if len(environ) == 0 || reflect.DeepEqual(c.Kafka.Brokers, DefaultConfig().Kafka.Brokers) {
			t.Errorf("%s is not told where Kafka is: %v", service, environ)
		}
	}
	start := string(deployed(t, "deploy/compose/redis.sh"))
	const user = "user hotlead off resetpass"
	if !strings.Contains(start, "s/^"+user+"/user hotlead on resetpass >") || !strings.Contains(string(deployed(t, "deploy/redis/users.acl")), "\n"+user+" ") {
		t.Errorf("the start of Redis does not switch on %q of deploy/redis/users.acl", user)
	}
}

// The chart takes every key of the configuration but passwords, and what its sets of values say is a configuration.
func TestTheConfigurationOfTheChart(t *testing.T) {
	const chart = "deploy/helm/hotlead/"
	var schema struct{ Properties struct{ Config property } }
	if err := json.Unmarshal(deployed(t, chart+"values.schema.json"), &schema); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, k := range keys() {
		// A password would be readable in the ConfigMap; the address is the one that the probes ask.
		if !strings.HasSuffix(k.name, ".password") && k.name != "http.listen" {
			want = append(want, k.name)
		}
	}
	got := schema.Properties.Config.names("")
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the schema's config has\n%v\nand hotlead\n%v", got, want)
	}

	sets, err := filepath.Glob("../../../" + chart + "ci/*-values.yaml")
	if err != nil || len(sets) == 0 {
		t.Fatal("no sets of values", err)
	}
	for _, file := range append(sets, "../../../"+chart+"values.yaml") {
		var values struct {
			Config map[string]any
			Model  string
		}
		unmarshal(t, strings.TrimPrefix(file, "../../../"), &values)
		text, err := yaml.Marshal(values.Config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := load(t, secretsIn(t, string(text), "/etc/hotlead/secrets")); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if values.Model == "" {
			continue
		}
		if _, err := scorer.ReadModel(file, []byte(values.Model)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// property is one of a JSON Schema's.
type property struct {
	Properties map[string]property
	// AdditionalProperties is false in a closed object.
	AdditionalProperties *bool
}

// names are the dotted names of all values below a property; one that is open has "…" at its end.
func (p property) names(at string) []string {
	if p.Properties == nil {
		return []string{at}
	}
	var names []string
	if p.AdditionalProperties == nil || *p.AdditionalProperties {
		names = append(names, at+"…")
	}
	for name, below := range p.Properties {
		names = append(names, below.names(strings.TrimPrefix(at+"."+name, "."))...)
	}
	return names
}
