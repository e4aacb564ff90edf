package app

import (
	"regexp"
	"slices"
	"strings"
)

// secretWord is what the letters of a line look like in which a secret is named, also one that is misspelt or that
// hotlead does not know.
var secretWord = regexp.MustCompile(`pass|word|pwd|secret|token|credential`)

var (
	fileOfSecret = regexp.MustCompile(`(password|token)_file`)
	notLetters   = regexp.MustCompile(`[^a-z]+`)
	// firstWord is what may be told of an unknown key: where its colon was forgotten, its value comes after.
	firstWord = regexp.MustCompile(`^[\pL\pN._-]*`)
)

// mayTellSecret says whether line number i, from 0, could hold a secret or a part of one: it names one, or it begins
// with no key of ours and a line above names one, whose value it may go on with. Such a line is in no excerpt; the
// mistake is then told by its place alone.
func (f yamlFile) mayTellSecret(i int) bool {
	if namesSecret(f.lines[i]) {
		return true
	}
	first := strings.Trim(f.lines[i], " \t\r{")
	first, _, _ = strings.Cut(first, ":")
	for _, k := range keys() {
		if slices.Contains(strings.Split(k.name, "."), first) {
			return false
		}
	}
	return slices.ContainsFunc(f.lines[:i], namesSecret)
}

// namesSecret says whether a line names a secret, whatever stands between the letters of its name. The name of a file
// that holds one gives nothing away.
func namesSecret(line string) bool {
	line = fileOfSecret.ReplaceAllString(strings.ToLower(line), "")
	if secretWord.MatchString(notLetters.ReplaceAllString(line, "")) {
		return true
	}
	return slices.ContainsFunc(notLetters.Split(line, -1), func(w string) bool { return Nearest(w, []string{"password", "secret", "token"}) != "" })
}
