package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

const (
	// mostStreams is how many may follow the changes at a time: fewer than there may be connections, so that others are
	// still answered.
	mostStreams = 500
	// stillHere is after how long without a change a stream says that it is still there.
	stillHere = 15 * time.Second
	// writeLimit is how long a client may take to take in what is written to it.
	writeLimit = 10 * time.Second
	// reconnect is after how many milliseconds a client that lost its stream asks again.
	reconnect = 2000
)

// stream is one client's way to follow the changes, by Server-Sent Events.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	text    bytes.Buffer
	// told is when something was last written.
	told time.Time
}

// tierChanges answers GET /v1/tier-changes?tier=hot&route=sales: each change as it is announced, after that of the header
// Last-Event-ID where there is one. The stream ends when the service stops, and when the client is too slow; it then goes
// on from where it was by asking again.
func (h *handler) tierChanges(w http.ResponseWriter, r *http.Request) {
	asked, problem := parameters(r, "tier", "route")
	if problem == "" {
		problem = h.notInModel(asked)
	}
	if problem != "" {
		writeProblem(w, http.StatusBadRequest, problem)
		return
	}
	select {
	case <-h.Stopping:
		unavailable(w, "the service is stopping", 2)
		return
	default:
	}
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		unavailable(w, "as many follow the changes as may", 10)
		return
	}
	ctx, cancel := h.untilStopping(r.Context())
	defer cancel()
	wanted := Wanted{Tier: asked.Get("tier"), Route: asked.Get("route")}
	following, err := h.Changes.Follow(ctx, r.Header.Get("Last-Event-ID"), wanted)
	switch {
	case errors.Is(err, ErrNoPosition):
		writeProblem(w, http.StatusBadRequest, "Last-Event-ID is the id of an event of this stream")
		return
	case errors.Is(err, ErrBusy):
		unavailable(w, "as many read old changes as may", 2)
		return
	case err != nil:
		h.unavailable(w, r, "the tier changes can't be read", err)
		return
	}
	defer following.Close()
	s := &stream{w: w, control: http.NewResponseController(w)}
	if s.begin(following) != nil || r.Method == http.MethodHead {
		return
	}
	for s.next(ctx, following) == nil {
	}
}

// untilStopping is ctx, ending as well when the service is told to stop.
func (h *handler) untilStopping(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-h.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-done
	}
}

// begin writes the head of the answer, where the client stands, and whether it missed something.
func (s *stream) begin(following Following) error {
	header := s.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // or nginx would collect the events
	s.w.WriteHeader(http.StatusOK)
	s.text.WriteString("retry: " + strconv.Itoa(reconnect) + "\n")
	if following.Lost() {
		s.text.WriteString("event: gap\ndata: {\"lost\":true}\n")
	}
	s.place(following.Position())
	return s.flush()
}

// next waits for changes and writes them, or that there are none. The wait counts from what was written last: others may
// move all the time while nothing comes that was asked for.
func (s *stream) next(ctx context.Context, following Following) error {
	waiting, cancel := context.WithDeadline(ctx, s.told.Add(stillHere))
	defer cancel()
	changes, err := following.Next(waiting)
	switch {
	case err == nil:
		for i := range changes {
			s.write(&changes[i])
		}
	case ctx.Err() == nil && waiting.Err() != nil:
		s.stillThere(following.Position())
	default:
		return err
	}
	return s.flush()
}

// write writes a change.
func (s *stream) write(c *Change) {
	s.text.WriteString("event: " + c.Type + "\ndata: ")
	from := s.text.Len()
	s.text.Write(c.JSON)
	// A line's end would be the field's. In JSON it can only be between values.
	for _, end := range []byte("\n\r") {
		for line := s.text.Bytes()[from:]; ; {
			at := bytes.IndexByte(line, end)
			if at < 0 {
				break
			}
			line[at] = ' '
			line = line[at+1:]
		}
	}
	s.text.WriteByte('\n')
	s.place(c.Position)
}

// stillThere says by a comment that the connection stands.
func (s *stream) stillThere(position string) {
	s.text.WriteString(": still here\n")
	s.place(position)
}

// place ends an event, or says without one where the client stands by now: it is from there that it goes on.
func (s *stream) place(position string) { s.text.WriteString("id: " + position + "\n\n") }

// flush sends what is written, to a client that takes it in soon enough: the server's limit is for whole answers, so every
// write gets one of its own.
func (s *stream) flush() error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.text.WriteTo(s.w); err != nil {
		return err
	}
	s.told = time.Now()
	return s.control.Flush()
}
