package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// completing is what bash does at a tab: it splits the line into words, and calls what the script has registered. The
// package bash-completion brings _get_comp_words_by_ref; where bash alone is installed, this stands for it.
const completing = `
type _get_comp_words_by_ref > /dev/null 2>&1 || _get_comp_words_by_ref() {
  words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
}
compopt() { :; } # bash knows no completion under way
hotlead() { ACT_AS=hotlead "$BINARY" "$@"; }
source <(hotlead completion bash) || exit 1
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9
read -ra COMP_WORDS <<< "$1"
[[ $1 != *" " ]] || COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p hotlead | sed 's/.*-F \([^ ]*\).*/\1/') hotlead "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
for reply in "${COMPREPLY[@]}"; do echo "${reply%% *}"; done
`

func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Log("not tried: there is no bash here")
		return
	}
	for line, want := range map[string]string{
		"hotlead wa":                         "watch",
		"hotlead lead ":                      "history show",
		"hotlead lead history --out":         "--output",
		"hotlead watch --output ":            "json table",
		"hotlead model show b":               "b2b-saas bant",
		"hotlead score --model g":            "gitlab",
		"hotlead model check x --against b2": "b2b-saas",
		"hotlead run --rebuild ":             "from-retained",
		"hotlead lead show ":                 "",
		"hotlead completion ":                "bash fish zsh",
	} {
		cmd := exec.CommandContext(t.Context(), bash, "-c", completing, "bash", line)
		cmd.Env = append(os.Environ(), "BINARY="+os.Args[0])
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got := strings.Join(slices.Sorted(strings.FieldsSeq(string(out))), " "); got != want {
			t.Errorf("%q is completed by %q, want %q", line, got, want)
		}
	}
}

// Each shell that a script can be had for gets one.
func TestEveryShellHasAScript(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		code, out, errOut := hotlead(t, "", "completion", shell)
		if code != exitDone || !strings.Contains(out, shell+" completion") || errOut != "" {
			t.Errorf("%s: exit %d\nout: %.200s\nerr: %s", shell, code, out, errOut)
		}
	}
	if code, _, errOut := hotlead(t, "", "completion", "csh"); code != exitUsage {
		t.Errorf("csh: exit %d, err: %s", code, errOut)
	}
}
