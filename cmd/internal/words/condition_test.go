package words

import "testing"

// What there are words for is said in words; the rest of a condition stays as it is written.
func TestConditionsInWords(t *testing.T) {
	s, err := newSpeaker(map[string]string{"need": "Need"})
	if err != nil {
		t.Fatal(err)
	}
	for condition, want := range map[string]string{
		`score >= (tier == "hot" ? 60 : 70)`: "the score is at least 70 (60 while the lead is hot)",
		`!(score < 70)`:                      "the score is at least 70",
		`70 < score`:                         "the score is above 70",
		`score > 1 && score < 2 && (fit.score > 3 || fit.score < -1.5)`: "the score is above 1, and the score is below 2, and (the fit is above 3, or the fit is below −1.5)",
		`score > 1 || score < 2 && fit.score > 3`:                       "the score is above 1, or (the score is below 2, and the fit is above 3)",
		`!(score > 1 || fit.score > 3)`:                                 "not (the score is above 1, or the fit is above 3)",
		`engagement.idle > duration("1d12h")`:                           "the time without engagement is above 1 day 12 hours",
		`qualification.ratings.need == 5`:                               "the rating of Need is 5",
		`has(profile.title)`:                                            "the lead's title is known",
		`!has(profile.title)`:                                           "the lead's title is not known",
		`profile["company size"] == "1-10"`:                             "the lead's company size is “1-10”",
		`"a" in [data.x]`:                                               "`\"a\" in [data.x]`",
		`"a" in data.x`:                                                 "the event's x has “a” in it",
		`data.x in [1, data.y]`:                                         "the event's x is 1 or the event's y",
		`data.x in []`:                                                  "`data.x in []`",
		`data.items.exists(i, i > 1)`:                                   "`data.items.exists(i, i > 1)`",
		`data.x.size() > 1 && data.y.matches("a")`:                      "`data.x.size() > 1`, and `data.y.matches(\"a\")`",
		`[1, 2][0] == 1 && {"a": 1}["a"] == 1`:                          "`[1, 2][0] == 1`, and `{\"a\": 1}[\"a\"] == 1`",
		`true`:                                                          "`true`",
		`-data.x > 1`:                                                   "`-data.x > 1`",
		`score >`:                                                       "`score >`",
	} {
		if got := s.condition(condition); got != want {
			t.Errorf("%s\nis said as %s\nwant       %s", condition, got, want)
		}
	}
}
