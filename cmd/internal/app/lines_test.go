package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

func TestLinesAreThoseOfTheInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const longest = 16
		input := rapid.StringOfN(rapid.SampledFrom([]rune("ab\n")), 0, 120, -1).Draw(t, "input")
		var source io.Reader = strings.NewReader(input)
		switch rapid.IntRange(0, 2).Draw(t, "reads") {
		case 1:
			source = iotest.OneByteReader(source)
		case 2:
			source = iotest.DataErrReader(source)
		}
		want := strings.Split(input, "\n")
		if want[len(want)-1] == "" {
			want = want[:len(want)-1]
		}
		l := &lineReader{in: source, buffer: make([]byte, longest)}
		for i, line := range want {
			got, err := l.next(t.Context())
			if len(line) < longest {
				if err != nil || string(got) != line {
					t.Fatalf("line %d is %q, %v; want %q", i+1, got, err, line)
				}
			} else if err != nil && !errors.Is(err, errLineTooLong) || err == nil && string(got) != line {
				// A line of just the buffer's length fits where its end was read in the same go.
				t.Fatalf("line %d of %d bytes: %q, %v", i+1, len(line), got, err)
			} else if len(line) > longest && err == nil {
				t.Fatalf("line %d of %d bytes is not too long", i+1, len(line))
			}
		}
		if got, err := l.next(t.Context()); !errors.Is(err, io.EOF) {
			t.Fatalf("after the last line: %q, %v", got, err)
		}
	})
}

func TestLinesEndWithTheContextAndTheReader(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := &lineReader{in: strings.NewReader("a\n"), buffer: make([]byte, 8)}
	if _, err := l.next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	broken := errors.New("broken")
	l = &lineReader{in: io.MultiReader(bytes.NewReader([]byte("a\nb")), iotest.ErrReader(broken)), buffer: make([]byte, 8)}
	if line, err := l.next(t.Context()); string(line) != "a" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	if line, err := l.next(t.Context()); !errors.Is(err, broken) {
		t.Errorf("half a line: %q, %v", line, err)
	}
}
