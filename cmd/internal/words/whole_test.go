package words

import (
	"os"
	"reflect"
	"regexp"
	"testing"
)

// eachField calls visit for every single field of v, with its path, after having changed it.
func eachField(v reflect.Value, path string, visit func(path string)) {
	changed := func(to any) {
		was := reflect.ValueOf(v.Interface())
		v.Set(reflect.ValueOf(to).Convert(v.Type()))
		visit(path)
		v.Set(was)
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			eachField(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachField(v.Index(i), path, visit)
		}
	case reflect.String:
		changed("score > 12345.0")
	case reflect.Float64, reflect.Int, reflect.Int64:
		changed(777_000_000)
	case reflect.Bool:
		changed(!v.Bool())
	default:
		panic("what is a " + v.Kind().String() + "?")
	}
}

// Whatever a description has, the page tells it and a comparison finds it: each kind of field at one place at least,
// for not every place needs it (who asks after what an idle rule is on, or the points where there is an expression?).
func TestNothingOfADescriptionIsLeftOut(t *testing.T) {
	text, err := os.ReadFile("testdata/forms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	untouched, model := describe(t, string(text)), describe(t, string(text))
	whole, err := Page(untouched)
	if err != nil {
		t.Fatal(err)
	}
	told, found := map[string]bool{}, map[string]bool{}
	eachField(reflect.ValueOf(&model).Elem(), "", func(path string) {
		page, err := Page(model)
		if err != nil {
			t.Fatal(err)
		}
		difference, err := Compare(untouched, model)
		if err != nil {
			t.Fatal(err)
		}
		told[path] = told[path] || page != whole
		found[path] = found[path] || !difference.Empty()
	})
	// A group's decay is compared where it takes effect, which is in its rules; versions and comments score nothing; what
	// a rule remembers follows from its limit and decay.
	uncompared := regexp.MustCompile(`^\.(Groups\.Decay|Version|Comment|Rules\.Remembered)`)
	for path := range told {
		if !told[path] && path != ".Rules.Remembered" {
			t.Errorf("the page does not tell %s", path)
		}
		if !found[path] && !uncompared.MatchString(path) {
			t.Errorf("a comparison does not find %s", path)
		}
	}
	if len(told) < 40 {
		t.Errorf("a description has %d kinds of fields only: %v", len(told), told)
	}
}
