package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

var errLineTooLong = errors.New("the line is too long")

// lineReader cuts its input into lines in place: a line is a part of the buffer and lasts until next is called again.
type lineReader struct {
	in         io.Reader
	buffer     []byte // a line that doesn't fit is too long
	start, end int    // what has been read and not handed out
	ended      error  // what the last read came to
}

// next is the next line without its end; io.EOF after the last. A line that doesn't fit into the buffer is skipped, and
// the error then matches errLineTooLong. ctx is looked at before every read.
func (l *lineReader) next(ctx context.Context) ([]byte, error) {
	if line, there := l.buffered(); there {
		return line, nil
	}
	var skipped int
	searched := l.end
	for {
		if i := bytes.IndexByte(l.buffer[searched:l.end], '\n'); i >= 0 {
			line := l.buffer[l.start : searched+i]
			l.start = searched + i + 1
			return l.whole(line, skipped)
		}
		if l.ended != nil {
			line := l.buffer[l.start:l.end]
			l.start = l.end
			if len(line)+skipped == 0 || !errors.Is(l.ended, io.EOF) {
				return nil, l.ended
			}
			return l.whole(line, skipped)
		}
		if l.end-l.start == len(l.buffer) {
			skipped += len(l.buffer)
			l.end = l.start
		}
		l.end = copy(l.buffer, l.buffer[l.start:l.end])
		l.start, searched = 0, l.end
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := l.in.Read(l.buffer[l.end:])
		l.end, l.ended = l.end+n, err
	}
}

// buffered is the next line without its end, if it has been read: then the lines before it last on.
func (l *lineReader) buffered() ([]byte, bool) {
	i := bytes.IndexByte(l.buffer[l.start:l.end], '\n')
	if i < 0 {
		return nil, false
	}
	line := l.buffer[l.start : l.start+i]
	l.start += i + 1
	return line, true
}

// whole is the line, unless a part of it had to be skipped.
func (l *lineReader) whole(line []byte, skipped int) ([]byte, error) {
	if skipped > 0 {
		return nil, fmt.Errorf("%w: %d bytes where %d fit", errLineTooLong, skipped+len(line), len(l.buffer))
	}
	return line, nil
}
