package scorer

import (
	"slices"
	"testing"
)

// What is right by itself is no slip, wherever else a condition is wrong.
func TestWhatIsRightIsNoSlip(t *testing.T) {
	for _, text := range []string{
		`data.x == "a = b and c" && data.y != 'or # “x”'`,
		`data.x == "a \" and" || data.y == r"a\" || !!data.z`,
		"data.x == \"\"\"a \" and = 30d\"\"\"",
		"data.and == 1 && data.or.not > 2 && is.x",
		"data.x % 2 == 0 && data.y %2 > 1e3 && 0x1F < 5u",
		`data.x in ["a", "b"] && (data.x in (data.y)) && [1,200][0] == 1 && max(1,100) > 1`,
		"data.x == 1 // and what follows = no matter",
		"data.x==!data.y&&!data.z||!(data.a<-1)",
		"engagement.idle > duration('30d') && data.x / 2.5 > 1.25",
	} {
		if found := slips(text); len(found) > 0 {
			t.Errorf("%s: %+v", text, found)
		}
	}
	for _, name := range ShippedModels() {
		text, _ := ShippedModel(name)
		m, err := ReadModel(name, text)
		if err != nil {
			t.Fatal(err)
		}
		for _, tier := range m.Describe().Tiers {
			if found := slips(tier.When); len(found) > 0 {
				t.Errorf("%s: %+v", tier.When, found)
			}
		}
	}
}

func TestSlips(t *testing.T) {
	for text, want := range map[string][]string{
		`tier = "hot" and score >= 1`: {"write == to compare", "write &&"},
		`"a" === data.x`:              {"write =="},
		`score =< 5`:                  {"write <="},
		`score =!5`:                   {"write !="},
		`score > 1,000,000`:           {"write the number without a comma between its thousands"},
		`score > 5 points`:            {"write the number alone"},
		`score − 5 > 1;`:              {"write -", "leave it out"},
		`tier == „hot“ or score > 5`:  {`put texts into straight quotes: "a"`, "write ||"},
		`tier == "hot`:                {`close it with "`},
		`tier == """hot"`:             {`close it with """`},
		`tier in ("hot", f("(,"))`:    {`a list stands in square brackets: in ["a", "b"]`},
	} {
		var mends []string
		for _, m := range slips(text) {
			mends = append(mends, m.mend)
		}
		if !slices.Equal(mends, want) {
			t.Errorf("%s: %q, want %q", text, mends, want)
		}
	}
}
