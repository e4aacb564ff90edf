package words

import (
	"regexp"
	"strings"
)

var (
	// markup is what Markdown may read as more than itself, wherever it stands; a _ within a word is only itself.
	markup = regexp.MustCompile("[\\\\`*<>\\[\\]|&~]|\\b_|_\\b|^_|_$")
	// opening is what makes a heading, a list, a quotation, a rule or code of the line that it begins.
	opening = regexp.MustCompile(`(?m)^([ \t]*)([#+=-]|[0-9]+[.)])`)
	// codeSpan is a piece of code in what the speaker says.
	codeSpan = regexp.MustCompile("`` .*? ``|`[^`]+`")
)

// literal is a model's own text in Markdown, where nothing of it is markup. Its lines stay lines.
func literal(text string) string {
	text = markup.ReplaceAllString(text, `\$0`)
	return opening.ReplaceAllStringFunc(text, func(begin string) string {
		last := len(begin) - 1
		return strings.TrimLeft(begin[:last], " \t") + `\` + begin[last:]
	})
}

// inline is literal on one line: in a heading, a list or a table.
func inline(text string) string { return literal(strings.Join(strings.Fields(text), " ")) }

// spoken is what the speaker says in Markdown: its pieces of code stay code, and what it quotes of a model is only itself.
func spoken(text string) string {
	var b strings.Builder
	for {
		at := codeSpan.FindStringIndex(text)
		if at == nil {
			return b.String() + markup.ReplaceAllString(text, `\$0`)
		}
		b.WriteString(markup.ReplaceAllString(text[:at[0]], `\$0`))
		b.WriteString(text[at[0]:at[1]])
		text = text[at[1]:]
	}
}
