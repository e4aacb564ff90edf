package scorer

import (
	"regexp"
	"strings"
)

// dash is a line that begins with a dash with no space behind it.
var dash = regexp.MustCompile(`^ *-[^- ]`)

// failYAML records what the YAML parser found wrong, in words that say what to mend: its own are about YAML's grammar, and
// most such mistakes are quotes, spaces at the beginning of a line, or a colon.
func (r *reader) failYAML(at place, message string) {
	line := string(r.lines[at.line-1])
	before := string(r.lines[at.line-1][:min(at.column-1, len(r.lines[at.line-1]))])
	first := strings.TrimSpace(before) == "" // of its line
	switch {
	case strings.Contains(message, "tab character") || strings.Contains(message, `character '	'`):
		r.fail(at, "use spaces", "a tab can't stand at the beginning of a line, or before a key or a dash")
	case strings.Contains(message, "map key-value is pre-defined"):
		r.fail(at, `put all of it into single quotes, and texts in it into double ones: 'data.x == "a"'`, "the value ended with the quote before this")
	case strings.HasPrefix(message, "mapping value is not allowed") && strings.Contains(strings.TrimPrefix(line, before), ": "):
		r.fail(at, "put the whole value into quotes", "a colon with a space behind it, and this is a value already")
	case strings.HasPrefix(message, "mapping value is not allowed"):
		r.fail(at, "begin it below the key of this one", "the next line begins further right than this value allows")
	case strings.HasPrefix(message, "value is not allowed") && first && dash.MatchString(line):
		r.fail(at, "write - id: page", "there is no space behind this dash")
	case strings.HasPrefix(message, "value is not allowed") && first:
		r.fail(at, "begin all keys of a mapping, and all dashes of a list, at the same place", "this line does not begin below any line that it could belong to")
	case strings.HasPrefix(message, "value is not allowed"):
		r.fail(at, "put the whole value into quotes", "the value ended before this")
	case strings.HasPrefix(message, "non-map value"):
		r.fail(at, "write key: value, with a space behind the colon, and no dash beside other keys", "a key must stand here")
	case strings.HasPrefix(message, "',' or '}'") || strings.Contains(message, "end token '}'"):
		r.fail(at, "close it with }, or write a comma between its keys", "a { above is open still")
	case strings.HasPrefix(message, "',' or ']'") || strings.HasPrefix(message, "sequence end token"):
		r.fail(at, "close it with ], or write a comma between its items", "a [ above is open still")
	case strings.HasPrefix(message, "could not find end character of double"):
		r.fail(at, `close it with "`, "this text does not end")
	case strings.HasPrefix(message, "could not find end character of single"):
		r.fail(at, "close it with '", "this text does not end")
	case strings.HasSuffix(message, "is a reserved character"):
		r.fail(at, "put the whole value into quotes", "no value begins with such a character")
	default:
		r.fail(at, "", "%s", message)
	}
}
