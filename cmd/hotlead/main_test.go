package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hotlead/hotlead/cmd/internal/dev/servers"
	"github.com/hotlead/hotlead/scorer"
)

// hotlead runs one command line.
func hotlead(t *testing.T, in string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = execute(t.Context(), args, strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const demo = `{"specversion":"1.0","id":"1","source":"web","type":"demo.requested","subject":"a","time":"2026-11-20T10:00:00Z","data":{}}
{"specversion":"1.0","id":"2","source":"crm","type":"lead.profiled","subject":"a","time":"2026-11-20T10:00:01Z","data":{"attributes":{"seniority":"vp","employees":900}}}
`

func TestExitCodesAndWhatIsSaid(t *testing.T) {
	badConfig := write(t, "hotlead.yaml", "kafak: {}\n")
	badModel := write(t, "model.yaml", "name: x\nversions: 1\n")
	saas, _ := scorer.ShippedModel("b2b-saas")
	newerModel := write(t, "newer.yaml", strings.NewReplacer("version: 1", "version: 2", "points: 12, max: 30", "points: 15, max: 30",
		"half_life: 60d", "half_life: 30d").Replace(string(saas)))
	events := write(t, "events.ndjson", demo)
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name     string
		args     []string
		in       string
		code     int
		out, err string // parts
	}{
		{"help", []string{"--help"}, "", 0, "Available Commands:", ""},
		{"nothing", nil, "", 0, "Available Commands:", ""},
		{"help of a command", []string{"run", "--help"}, "", 0, "HOTLEAD_KAFKA_BROKERS", ""},
		{"version", []string{"version"}, "", 0, "built by go1.", ""},
		{"unknown command", []string{"scor"}, "", 2, "", "Did you mean this?\n\tscore"},
		{"unknown command of a group", []string{"model", "chek"}, "", 2, "", `unknown command "chek" for "hotlead model"; did you mean check?`},
		{"a group alone", []string{"topics"}, "", 2, "", "see hotlead topics --help"},
		{"unknown flag", []string{"score", "--bogus"}, "", 2, "", "unknown flag: --bogus (see hotlead score --help)"},
		{"too few arguments", []string{"lead", "show"}, "", 2, "", "(see hotlead lead show --help)"},
		{"too many arguments", []string{"version", "x"}, "", 2, "", "(see hotlead version --help)"},
		{"no instant", []string{"score", "--at", "now"}, "", 2, "", "--at now is no instant; write it as 2026-11-20T10:00:00Z"},
		{"no partitions", []string{"topics", "create", "--partitions", "0"}, "", 2, "", "--partitions is 1 or more"},
		{"no configuration file", []string{"run", "--config", "none.yaml"}, "", 2, "", "none.yaml"},
		{"bad configuration", []string{"topics", "check", "--config", badConfig}, "", 2, "", badConfig + ":1:1: unknown key kafak; did you mean kafka?"},
		{"unknown rebuild", []string{"run", "--rebuild=all"}, "", 2, "", "--rebuild=all is not known; there is --rebuild=from-retained"},
		{"bad model", []string{"score", "--model", badModel}, "", 2, "", badModel + ":2:1: "},
		{"no model", []string{"score", "--model", "bantt"}, "", 2, "", "there is no model bantt, neither a file nor shipped; did you mean bant?"},
		{"model check", []string{"model", "check", "bant", "b2b-saas"}, "", 0, "bant: bant, version 1: no mistakes\nb2b-saas: b2b-saas, version 1: no mistakes\n", ""},
		{"model check of a bad one", []string{"model", "check", badModel, "bant"}, "", 2, "bant: bant, version 1: no mistakes\n", badModel + ":2:1: "},
		{"model check against an older one", []string{"model", "check", newerModel, "--against", "b2b-saas"}, "", 0, "  - rule pricing: +12 points -> +15 points; the score of every lead", ""},
		{"model check against what becomes exact by folding again", []string{"model", "check", "--against", "b2b-saas", newerModel}, "", 0, "fold the history again: hotlead score --model " + newerModel, ""},
		{"model check against itself", []string{"model", "check", "bant", "--against", "bant"}, "", 0, "nothing changes.", ""},
		{"model check against a newer one", []string{"model", "check", "b2b-saas", "--against", newerModel}, "", 2, "rule pricing: +15 points -> +12 points", "b2b-saas has version 1, which is not above 2: "},
		{"model check against a bad one", []string{"model", "check", "bant", "--against", badModel}, "", 2, "bant: bant, version 1: no mistakes\n", badModel + ":2:1: "},
		{"model check of two against one", []string{"model", "check", "bant", "gitlab", "--against", "bant"}, "", 2, "", "--against compares with one FILE, and 2 are given"},
		{"model show", []string{"model", "show", "bant"}, "", 0, "name: bant\n", ""},
		{"model show of none", []string{"model", "show", "zzz"}, "", 2, "", "shipped are b2b-saas, bant"},
		{"model show as a page", []string{"model", "show", "--markdown", "bant"}, "", 0, "# bant, version 1\n", ""},
		{"model show of a bad one as a page", []string{"model", "show", "--markdown", badModel}, "", 2, "", badModel + ":2:1: "},
		{"model list", []string{"model", "list"}, "", 0, "bant      1        hot, warm, cold, disqualified, unqualified\n", ""},
		{"score of a file", []string{"score", "--model", "b2b-saas", events}, "", 0, `"from":"warm","to":"hot"`, ""},
		{"score of standard input", []string{"score", "--model", "b2b-saas"}, demo, 0, `"from":"warm","to":"hot"`, ""},
		{"score of standard input by name", []string{"score", "--model", "b2b-saas", "--leads", "-"}, demo, 0, `{"lead":"a",`, ""},
		{"score until", []string{"score", "--model", "b2b-saas", "--leads", "--at", "2026-11-20T10:00:00Z", events}, "", 0, `"as_of":"2026-11-20T10:00:00Z"`, "left out, being later than 2026-11-20T10:00:00Z: 1\n"},
		{"score until before all events", []string{"score", "--model", "b2b-saas", "--leads", "--at", "1970-01-01T00:00:00Z", events}, "", 0, "", "left out, being later than 1970-01-01T00:00:00Z: 2\n"},
		{"score until the zero time", []string{"score", "--model", "b2b-saas", "--leads", "--at", "0001-01-01T00:00:00Z", events}, "", 0, "", "left out, being later than 1970-01-01T00:00:00Z: 2\n"},
		{"score of an event that is still to come", []string{"score"}, `{"specversion":"1.0","id":"1","source":"s","type":"x","subject":"a","time":"9999-12-31T00:00:00Z"}`, 0, "", "the newest event is of 9999-12-31T00:00:00Z, which is still to come, and time went on until then; say by --at"},
		{"score explained", []string{"score", "--model", "b2b-saas", "--explain", "a", events}, "", 0, "* tier warm → hot, route sales\n", ""},
		{"score explained of nobody", []string{"score", "--model", "b2b-saas", "--explain", "b", events}, "", 1, "", `no event has reached a lead "b"; did you mean "a"?`},
		{"score explained of no ID", []string{"score", "--explain", "", events}, "", 2, "", "--explain needs the ID of a lead"},
		{"score explained to where it can be read", []string{"score", "--explain", "a", events, "none.ndjson"}, "", 1, "demo.requested 1 from web", "open none.ndjson"},
		{"bad lines are counted before what can't be opened", []string{"score", "-", "none.ndjson"}, "{\n", 1, "", "\n1 line could not be scored"},
		{"score explained with leads", []string{"score", "--explain", "b", "--leads", events}, "", 2, "", "[explain leads]"},
		{"score of bad lines", []string{"score", "--model", "b2b-saas"}, "{\n" + demo + "x\n", 1, `"to":"hot"`, "standard input:1: invalid_json: "},
		{"bad lines are counted", []string{"score", "--model", "b2b-saas"}, "{\n" + demo + "x\n", 1, "", "hotlead: 2 lines could not be scored\n"},
		{"score of a file with a byte order mark", []string{"score", "--model", "b2b-saas"}, "\ufeff" + demo, 0, `"from":"warm","to":"hot"`, ""},
		{"score of a directory after a file", []string{"score", "--model", "b2b-saas", events, t.TempDir()}, "", 1, `"from":"warm","to":"hot"`, "is a directory"},
		{"score of no file", []string{"score", "none.ndjson"}, "", 1, "", "opening the events: open none.ndjson"},
		{"topics without Kafka", []string{"topics", "check", "--config", write(t, "c.yaml", "kafka: {brokers: ['127.0.0.1:1']}\n")}, "", 1, "", "asking Kafka for topics"},
		{"dev off loopback", []string{"dev", "--kafka", "0.0.0.0:9092"}, "", 2, "", `loopback only, and "0.0.0.0" is not: write 127.0.0.1:PORT (--kafka)`},
		{"dev on no address", []string{"dev", "--kafka", "9092"}, "", 2, "", "write it as 127.0.0.1:PORT"},
		{"dev on no port", []string{"dev", "--kafka", "127.0.0.1:kafka"}, "", 2, "", `reading the port "kafka"`},
		{"dev on a port that is taken", []string{"dev", "--kafka", taken.Addr().String()}, "", 1, "", "address already in use"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errOut := hotlead(t, c.in, c.args...)
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errOut, c.err) {
				t.Errorf("exit %d\nout: %s\nerr: %s", code, out, errOut)
			}
			if c.err == "" && c.code == 0 && errOut != "" {
				t.Errorf("standard error holds %q", errOut)
			}
		})
	}
}

func TestModelShowPrintsTheFileAsItIs(t *testing.T) {
	for _, name := range scorer.ShippedModels() {
		_, out, _ := hotlead(t, "", "model", "show", name)
		if text, _ := scorer.ShippedModel(name); out != string(text) {
			t.Errorf("%s differs", name)
		}
	}
}

// Every mistake of a model is told once, at its place, with no word before it.
func TestMistakesOfAModelBeginWithTheirPlace(t *testing.T) {
	file := write(t, "model.yaml", "name: x\nversions: 1\n")
	_, _, errOut := hotlead(t, "", "model", "check", file)
	if !strings.HasPrefix(errOut, file+":") || strings.Count(errOut, ":2:1: ") != 1 || !strings.Contains(errOut, "^") {
		t.Errorf("standard error holds\n%s", errOut)
	}
}

func TestTopicsAndLeadsOfAConfiguration(t *testing.T) {
	kafka, err := servers.StartKafka("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	redis, err := servers.StartRedis("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	t.Setenv("HOTLEAD_KAFKA_BROKERS", kafka.Addr())
	config := write(t, "hotlead.yaml", "redis: {addrs: ["+redis.Addr()+"]}\nkafka: {brokers: ['127.0.0.1:1']}\n")
	for _, step := range []struct {
		args     string
		code     int
		out, err string
	}{
		{"topics check", 1, "wrong: lead.engagement is missing; create it with hotlead topics create\n", "the topics won't do yet: 5 wrong"},
		{"lead show lead-42", 1, "", "Kafka has no topic lead.engagement, "},
		{"topics create --partitions 3", 0, "created lead.inbox with 3 partitions\n", ""},
		{"topics create", 0, "all topics were there", ""},
		{"topics check", 0, "the topics are as they should be\n", ""},
		{"lead show lead-42", 1, "", `no event has reached a lead "lead-42"`},
	} {
		code, out, errOut := hotlead(t, "", append(strings.Fields(step.args), "--config", config)...)
		if code != step.code || !strings.Contains(out, step.out) || !strings.Contains(errOut, step.err) {
			t.Errorf("%s: exit %d\nout: %s\nerr: %s", step.args, code, out, errOut)
		}
	}
}

// Several files and standard input are one input; a bad line is told by its own file and number, and the rest goes on.
func TestScoreOfSeveralFiles(t *testing.T) {
	first, rest, _ := strings.Cut(demo, "\n")
	bad := write(t, "bad.ndjson", first+"\n{\n\n")
	late := write(t, "late.ndjson", "{}\n"+rest)
	_, whole, _ := hotlead(t, "", "score", "--model", "b2b-saas", write(t, "whole.ndjson", demo))
	for _, c := range []struct {
		in, want string
		args     []string
	}{
		{"", bad + ":2: invalid_json: ", []string{bad, late}},
		{"{}\n" + rest, "standard input:1: ", []string{bad, "-"}},
		{first, late + ":1: ", []string{"-", late}},
	} {
		args := append([]string{"score", "--model", "b2b-saas"}, c.args...)
		code, out, errOut := hotlead(t, c.in, args...)
		_, again, _ := hotlead(t, c.in, args...)
		if code != exitFailed || out != whole || again != out || !strings.Contains(errOut, c.want) || !strings.Contains(errOut, "could not be scored\n") {
			t.Errorf("%v: exit %d\nout: %s\nerr: %s", c.args, code, out, errOut)
		}
	}
}
