package events

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hotlead/hotlead/scorer"
)

// qualificationSeeds are types and data that are taken.
var qualificationSeeds = [][2]string{
	{typeCriterionRated, `{"criterion":"budget","rating":4,"by":"sdr-7","note":"…"}`},
	{typeCriterionRated, `{"rating":-2.5e0,"criterion":"\u0062udget","by":null,"other":{"criterion":1},"account_id":"acme"}`},
	{typeCriteriaRated, `{"ratings":{"need":5,"budget":4},"by":"…"}`},
	{typeProfiled, `{"attributes":{"title":"C\u0054O","employees":900,"fax":null,"b2b":true,"b2c":false,"note":"a\nb"}}`},
	{typeDispositioned, `{"disposition":"not_interested","reason":"…"}`},
	{typeConverted, `{"outcome":"won","amount":12000.0}`},
	{typeConverted, `{"outcome":"lost","amount":null}`},
}

func TestQualification(t *testing.T) {
	want := []*scorer.Qualification{
		{Ratings: []scorer.CriterionRating{{Criterion: "budget", Value: 4}}},
		{Ratings: []scorer.CriterionRating{{Criterion: "budget", Value: -2.5}}},
		{Ratings: []scorer.CriterionRating{{Criterion: "need", Value: 5}, {Criterion: "budget", Value: 4}}},
		{Attributes: []scorer.Attribute{
			{Name: "title", Value: scorer.Value{Kind: scorer.String, String: "CTO"}},
			{Name: "employees", Value: scorer.Value{Kind: scorer.Number, Number: 900}},
			{Name: "fax"},
			{Name: "b2b", Value: scorer.Value{Kind: scorer.Bool, Number: 1}},
			{Name: "b2c", Value: scorer.Value{Kind: scorer.Bool}},
			{Name: "note", Value: scorer.Value{Kind: scorer.String, String: "a\nb"}},
		}},
		{Disposition: "not_interested"},
		{Conversion: scorer.Conversion{Outcome: "won", Amount: 12000}},
		{Conversion: scorer.Conversion{Outcome: "lost"}},
	}
	for i, c := range qualificationSeeds {
		got, _ := decode(t, structuredRecord(event("type", `"`+c[0]+`"`, "data", c[1])))
		if diff := cmp.Diff(want[i], got.Qualification); diff != "" {
			t.Errorf("%s %s: %s", c[0], c[1], diff)
		}
		if string(got.Data) != c[1] {
			t.Errorf("data is %s, want %s", got.Data, c[1])
		}
	}
	if got, _ := decode(t, structuredRecord(event("type", `"criterion.rated"`, "data", qualificationSeeds[1][1]))); got.Account != "acme" {
		t.Errorf("account %q", got.Account)
	}
}

func TestRefusalsOfQualification(t *testing.T) {
	names := func(n int, value string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"secret-%d":%s`, i, value)
		}
		return "{" + b.String()[1:] + "}"
	}
	long := strings.Repeat("x", 129)
	for _, c := range [][3]string{
		{typeCriterionRated, ``, ReasonInvalidData},
		{typeCriterionRated, `null`, ReasonInvalidData},
		{typeCriterionRated, `[]`, ReasonInvalidData},
		{typeCriterionRated, `{}`, ReasonInvalidData},
		{typeCriterionRated, `{"criterion":"secret"}`, ReasonInvalidData},
		{typeCriterionRated, `{"criterion":"secret","rating":"4"}`, ReasonInvalidData},
		{typeCriterionRated, `{"criterion":"secret","rating":null}`, ReasonInvalidData},
		{typeCriterionRated, `{"criterion":"secret","rating":1e999}`, ReasonRatingOutOfRange},
		{typeCriterionRated, `{"criterion":"","rating":4}`, ReasonInvalidData},
		{typeCriterionRated, `{"criterion":7,"rating":4}`, ReasonInvalidData},
		{typeCriterionRated, `{"criterion":"secret\u0001","rating":4}`, ReasonInvalidData},
		{typeCriterionRated, `{"criterion":"` + long + `","rating":4}`, ReasonInvalidData},
		{typeCriterionRated, `{"criterion":"secret","rating":4,"rating":5}`, ReasonDuplicateAttribute},
		{typeCriterionRated, `{"criterion":"secret","rating":null,"rating":5}`, ReasonDuplicateAttribute},
		{typeCriteriaRated, `{}`, ReasonInvalidData},
		{typeCriteriaRated, `{"ratings":[]}`, ReasonInvalidData},
		{typeCriteriaRated, `{"ratings":{}}`, ReasonInvalidData},
		{typeCriteriaRated, `{"ratings":{"secret":"5"}}`, ReasonInvalidData},
		{typeCriteriaRated, `{"ratings":{"":5}}`, ReasonInvalidData},
		{typeCriteriaRated, `{"ratings":{"secret":-1e999}}`, ReasonRatingOutOfRange},
		{typeCriteriaRated, `{"ratings":{"secret":5,"s\u0065cret":4}}`, ReasonDuplicateAttribute},
		{typeCriteriaRated, `{"ratings":` + names(257, "1") + `}`, ReasonInvalidData},
		{typeProfiled, `{"attributes":null}`, ReasonInvalidData},
		{typeProfiled, `{"attributes":{}}`, ReasonInvalidData},
		{typeProfiled, `{"attributes":{"secret":{}}}`, ReasonInvalidData},
		{typeProfiled, `{"attributes":{"secret":[1]}}`, ReasonInvalidData},
		{typeProfiled, `{"attributes":{"secret":1e999}}`, ReasonInvalidData},
		{typeProfiled, `{"attributes":{"` + long + `":1}}`, ReasonInvalidData},
		{typeProfiled, `{"attributes":{"secret":1,"secret":2}}`, ReasonDuplicateAttribute},
		{typeProfiled, `{"attributes":` + names(257, "null") + `}`, ReasonProfileTooLarge},
		{typeProfiled, `{"attributes":{"secret":"` + strings.Repeat("x", 16<<10) + `"}}`, ReasonProfileTooLarge},
		{typeDispositioned, `{}`, ReasonInvalidData},
		{typeDispositioned, `{"disposition":7}`, ReasonInvalidData},
		{typeDispositioned, `{"disposition":"secret"}`, ReasonUnknownDisposition},
		{typeDispositioned, `{"disposition":""}`, ReasonUnknownDisposition},
		{typeConverted, `{}`, ReasonInvalidData},
		{typeConverted, `{"outcome":"secret"}`, ReasonInvalidData},
		{typeConverted, `{"outcome":"won","amount":"12000"}`, ReasonInvalidData},
		{typeConverted, `{"outcome":"won","amount":1e999}`, ReasonInvalidData},
	} {
		refused := refusal(t, NewDecoder(DefaultLimits()), structuredRecord(event("type", `"`+c[0]+`"`, "data", c[1])))
		switch {
		case refused == nil:
			t.Errorf("%s %.60s was taken, want %s", c[0], c[1], c[2])
		case refused.Reason != c[2]:
			t.Errorf("%s %.60s: %v, want %s", c[0], c[1], refused, c[2])
		case strings.Contains(refused.Detail, "secret"):
			t.Errorf("%s carries data: %s", c[2], refused.Detail)
		}
	}
}

func TestProfileBytes(t *testing.T) {
	// 2+5, 1+8, 1+1: 18 bytes.
	value := event("type", `"lead.profiled"`, "data", `{"attributes":{"ab":"hé\u0041o","n":1,"t":true}}`)
	for limit, want := range map[int]bool{18: true, 17: false} {
		refused := refusal(t, NewDecoder(Limits{ProfileBytes: limit}), structuredRecord(value))
		if (refused == nil) != want || refused != nil && refused.Reason != ReasonProfileTooLarge {
			t.Errorf("limit %d: %v", limit, refused)
		}
	}
	all := make([]string, 256)
	for i := range all {
		all[i] = fmt.Sprintf(`"a%d":null`, i)
	}
	value = event("type", `"lead.profiled"`, "data", `{"attributes":{`+strings.Join(all, ",")+`}}`)
	if refused := refusal(t, NewDecoder(Limits{}), structuredRecord(value)); refused != nil {
		t.Errorf("256 attributes: %v", refused)
	}
}
