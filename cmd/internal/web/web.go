// Package web serves hotlead over HTTP: the page that shows the leads to call, the API behind it, metrics and health.
// What it reads, and where it sends the events that it takes, are interfaces that it declares itself.
package web

import (
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// Options are what the handler serves.
type Options struct {
	Leads   Leads
	Pages   Pages
	Changes Changes
	Sender  Sender
	// Limits bound what an event may be.
	Limits events.Limits
	// Refuses says why the model would certainly not score an event, nil where it may.
	Refuses   func(*scorer.Event) *scorer.Refusal
	Readiness Readiness
	Metrics   http.Handler
	// Model names the model on the page.
	Model string
	// Token, where not empty, must be shown by whoever asks for anything but metrics and health: as a bearer token, or as
	// the password of basic authentication, which is how a browser asks for it. Where it is empty, everybody may read, and
	// events are taken from this machine alone.
	Token string
	// Stopping is closed when the service is told to stop: whoever follows the changes is let go then.
	Stopping <-chan struct{}
	Log      *slog.Logger
}

//go:embed assets
var assets embed.FS

type handler struct {
	Options
	templates map[string]*template.Template // the pages, by name
	openAPI   []byte
	// streams and posts hold one for each in hand.
	streams, posts chan struct{}
}

// New is the handler of everything that hotlead serves.
func New(o Options) http.Handler {
	h := &handler{
		Options: o, templates: templates(), openAPI: openAPI(),
		streams: make(chan struct{}, mostStreams), posts: make(chan struct{}, postsAtOnce),
	}
	mux := http.NewServeMux()
	h.pages(mux)
	mux.HandleFunc("GET /v1/leads", h.leads)
	mux.HandleFunc("GET /v1/leads/{id}", h.lead)
	mux.HandleFunc("GET /v1/leads/{id}/changes", h.changesOf)
	mux.HandleFunc("GET /v1/tier-changes", h.tierChanges)
	mux.HandleFunc("POST /v1/events", h.postEvents)
	mux.HandleFunc("GET /openapi.json", h.describe)
	mux.Handle("GET /metrics", o.Metrics)
	mux.HandleFunc("GET /livez", h.live)
	mux.HandleFunc("GET /readyz", h.ready)
	return secured(h.guard(sameOrigin(problems(mux))))
}

// NewServer is a server for the handler with limits on what one client can hold up: 5 s for the header, 10 s for the
// whole request, 30 s for the answer, 64 KiB of header.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// secured gives every answer the headers that keep a browser from doing more with it than intended: no script, style or
// connection but our own, no framing, no guessing of types, no lead's ID in a Referer.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
