package words

import (
	"os"
	"strings"
	"testing"
)

// What a model's author wrote is text on the page, whatever it looks like.
func TestAModelsTextsAreNoMarkup(t *testing.T) {
	for text, want := range map[string]string{
		"plain words, 1.5 and a-b and email_kind": "plain words, 1.5 and a-b and email_kind",
		"<script>alert(1)</script>":               `\<script\>alert(1)\</script\>`,
		"*bold* _slanted_ [a](http://x) ~~no~~":   `\*bold\* \_slanted\_ \[a\](http://x) \~\~no\~\~`,
		"a | b `c` &lt; \\":                       "a \\| b \\`c\\` \\&lt; \\\\",
		"# no heading":                            `\# no heading`,
		"- no list":                               `\- no list`,
		"    1. nor this":                         `1\. nor this`,
		"two\n=== lines":                          "two\n\\=== lines",
	} {
		if got := literal(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
	if got, want := spoken("`data.a*b` is “<b>*x*</b>”"), "`data.a*b` is “\\<b\\>\\*x\\*\\</b\\>”"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAPageOfAHostileModelHoldsNoMarkupOfIts(t *testing.T) {
	const hostile = "<img src=x> **x** | [y](z)"
	text, err := os.ReadFile("testdata/forms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m := describe(t, string(text))
	m.Comment = "# " + hostile
	m.Criteria[0].Label, m.Criteria[0].Questions = hostile, []string{hostile + "\n\n# more"}
	m.Criteria[0].Levels = append(m.Criteria[0].Levels[:0:0], m.Criteria[0].Levels...)
	for i := range m.Criteria[0].Levels {
		m.Criteria[0].Levels[i].Text = hostile
	}
	m.Stages[0].When = `profile.title == "` + hostile + `"`
	page, err := Page(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []string{" <img", "# <", "“<", "**x", " [y](", "\n# more"} {
		if strings.Contains(page, broken) {
			t.Errorf("the page has %q:\n%s", broken, page)
		}
	}
}
