package events

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

var jsonSeeds = []string{
	viewed, `{}`, `[]`, `{"a":1}`, `{"a":[1,2,{"b":null}],"c":"\u00e9\n"}`, ` { "a" : [ 1 , 2 ] , "b" : { } } `,
	`{"a":"é\ud83d\ude00\ud800x\udc00\ud800\ud800\udc00"}`, `{"\u0061":"x","a":"y"}`, `{"a":-0.0e+12,"b":1E5,"c":0.5,"d":-1}`,
	`{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":+1}`, `{"a":1e}`, `{"a":-}`, `{"a":tru}`, `{"a":nul`, `{"a":"\x"}`, `{"a":"\u12g4"}`,
	`{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a" 1}`, `{a:1}`, `[1,]`, `[1 2]`, `[`, `{`, `"`, `"a`, `{"a":1}x`, `{"a":1}{}`, ``, ` `,
	"{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"1234567\x7f\u0085\u2028\"}", "\ufeff{}",
	`{"a":true,"b":false,"c":null}`, `{"a":"12345678901234567\"8901234567890"}`, `{"a":"\\","b":"\/\b\f\n\r\t\""}`,
	`{"a":]}`, `[}`, `{"a":[1}`, "{\"a\":\x00}", "{\"a\":1}\x00", "{\"a\":1\x0b}",
}

// FuzzScan holds the scanner against encoding/json: the same texts are valid, except that the scanner asks for UTF-8 and
// bounds the depth, and the members of an object have the same names and texts.
func FuzzScan(f *testing.F) {
	for _, seed := range jsonSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := scanner{b: text, depth: 50}
		s.space()
		s.value()
		s.end()
		if want := json.Valid(text) && utf8.Valid(text); s.fault == depthFault {
			return
		} else if (s.fault == noFault) != want {
			t.Fatalf("%q: fault %d at %d, but encoding/json says %t", text, s.fault, s.at, want)
		}
		var want map[string]json.RawMessage
		if s.fault != noFault || json.Unmarshal(text, &want) != nil || want == nil {
			return
		}
		got := map[string]json.RawMessage{}
		s = scanner{b: text, depth: 50}
		s.space()
		for more := s.enter(); more; more = s.more() {
			name, start := s.name().text(), s.i
			s.value()
			got[name] = text[start:s.i]
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d names, want %d", text, len(got), len(want))
		}
		for name, raw := range want {
			if string(got[name]) != string(raw) {
				t.Fatalf("%q: %q is %q, want %q", text, name, got[name], raw)
			}
			if raw[0] != '"' {
				continue
			}
			var said string
			if err := json.Unmarshal(raw, &said); err != nil {
				t.Fatal(err)
			}
			s := scanner{b: raw}
			if read := s.str().text(); read != said {
				t.Fatalf("%s is read as %q, want %q", raw, read, said)
			}
		}
	})
}

func TestScanFindsEveryByteAtEveryPlace(t *testing.T) {
	for before := range 20 {
		for c := range 256 {
			text := `"` + strings.Repeat("x", before) + string([]byte{byte(c)}) + `xxxxxxxxxxxx"`
			s := scanner{b: []byte(text)}
			s.value()
			s.end()
			want := json.Valid([]byte(text)) && utf8.ValidString(text)
			if (s.fault == noFault) != want {
				t.Errorf("byte %#x after %d: fault %d, want valid %t", c, before, s.fault, want)
			}
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	for depth, want := range map[int]fault{3: noFault, 4: depthFault, 100_000: depthFault} {
		text := strings.Repeat(`[`, depth) + strings.Repeat(`]`, depth)
		s := scanner{b: []byte(text), depth: 3}
		s.value()
		s.end()
		if s.fault != want {
			t.Errorf("depth %d: fault %d, want %d", depth, s.fault, want)
		}
	}
	// What is closed does not count.
	s := scanner{b: []byte(`[[[],[]],[{},{"a":[]}],{}]`), depth: 4}
	s.value()
	s.end()
	if s.fault != noFault {
		t.Error(s.fault)
	}
}

// encoding/json reads half a surrogate pair as U+FFFD, which would give two different names the same text.
func TestHalfASurrogatePairIsNotWhole(t *testing.T) {
	for raw, want := range map[string]bool{
		`a\ud83d\ude00`: true, `\ud83d`: false, `\ude00`: false, `\ud83d\ud83d\ude00`: false, `\ud83d\n`: false, `\ufffd`: true,
	} {
		if _, whole := unescape(raw); whole != want {
			t.Errorf("%s: whole %t, want %t", raw, whole, want)
		}
	}
}
