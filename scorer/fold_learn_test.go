package scorer

import (
	"errors"
	"strings"
	"testing"
)

func TestAProfileGrowsToItsBoundAndNoFurther(t *testing.T) {
	s := tell(t, ladder)
	s.folder.ProfileBytes = 40
	profile := func(id, name, value string) error {
		_, _, err := s.folder.Apply(&s.lead, &Event{ID: id, Type: "lead.profiled", Time: t0, Qualification: &Qualification{
			Attributes: []Attribute{{Name: name, Value: Value{Kind: String, String: value}}},
		}}, nil)
		return err
	}
	if err := profile("1", "title", strings.Repeat("x", 30)); err != nil {
		t.Fatal(err)
	}
	var refusal *Refusal
	if err := profile("2", "notes", "123456"); !errors.As(err, &refusal) || refusal.Reason != "profile_too_large" {
		t.Fatalf("one byte more than the bound: %v", err)
	}
	if len(s.lead.Profile) != 1 || s.lead.Seen.Len() != 1 {
		t.Errorf("a refused event changed the lead: %+v", s.lead)
	}
	if err := profile("3", "title", strings.Repeat("y", 35)); err != nil {
		t.Errorf("another value in the place of the old one: %v", err)
	}
}
