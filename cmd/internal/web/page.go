package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// pages serves the page's four views and what they are made of. A view's script asks for the same view again and
// exchanges what changed, so that there is one way to draw a lead and one place that escapes it.
func (h *handler) pages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", h.leadsPage)
	// The list by tier, route and account. That is a POST, for an account is a lead's data, which has no place in a URL:
	// URLs end up in logs.
	mux.HandleFunc("POST /{$}", h.leadsPage)
	mux.HandleFunc("GET /leads/{id}", h.leadPage)
	mux.HandleFunc("GET /leads/{id}/changes", h.historyPart)
	mux.HandleFunc("POST /leads/{id}/ratings", h.rate)
	mux.HandleFunc("POST /leads/{id}/disposition", h.dispose)
	mux.HandleFunc("GET /model", h.modelPage)
	mux.HandleFunc("GET /overview", h.overviewPage)
	mux.HandleFunc("GET /assets/{name}", h.asset)
}

// frame is what every view is drawn from.
type frame struct {
	View, Title string
	// Down is whether what the view shows can't be read.
	Down  bool
	Model string
	Body  any
}

// templates are the views by name, each in the layout.
func templates() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(template.FuncMap{
		"ago":    func(t time.Time) template.HTML { return moment("ago", t) },
		"at":     func(t time.Time) template.HTML { return moment("at", t) },
		"code":   code,
		"json":   asJSON,
		"number": number,
		"signed": signed,
		"spaced": spaced,
		"named":  named,
		"path":   func(id string) string { return "/leads/" + escapedID(id) },
	}).ParseFS(assets, "assets/layout.html"))
	all := map[string]*template.Template{}
	for _, view := range []string{"leads", "lead", "history", "model", "overview"} {
		all[view] = template.Must(template.Must(layout.Clone()).ParseFS(assets, "assets/"+view+".html"))
	}
	return all
}

// draw answers with a view. Where err says that it can't be read, the view says so, and its script goes on trying.
func (h *handler) draw(w http.ResponseWriter, r *http.Request, view, title string, body any, err error) {
	status := http.StatusOK
	switch {
	case errors.Is(err, ErrNoLead):
		status = http.StatusNotFound
	case err != nil:
		if r.Context().Err() == nil {
			h.Log.Warn("the page can't be read", "view", view, "error", err)
		}
		status = http.StatusServiceUnavailable
	}
	var text bytes.Buffer
	f := frame{View: view, Title: title, Down: status == http.StatusServiceUnavailable, Model: h.Model, Body: body}
	if err := h.templates[view].Execute(&text, f); err != nil {
		h.Log.Error("the page can't be drawn", "view", view, "error", err)
		writeProblem(w, http.StatusInternalServerError, "")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = text.WriteTo(w) // The client that is gone needs no answer.
}

// moment is an instant for people: in UTC here, and by the page's script in the browser's time zone, as how long ago it
// was or as when it is.
func moment(as string, t time.Time) template.HTML {
	if t.IsZero() {
		return ""
	}
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime=%q data-as=%q>%s</time>`, //nolint:gosec // an instant has nothing to escape
		t.Format("2006-01-02T15:04:05.000Z"), as, t.Format("Mon 2 Jan 15:04 MST")))
}

// code is a sentence in which pieces of a model stand between backquotes.
func code(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		if part = template.HTMLEscapeString(part); i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) //nolint:gosec // its parts are escaped
}

// asJSON is for the data of plots, in an attribute.
func asJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// number is points with at most one decimal.
func number(points float64) string {
	return strings.Replace(strconv.FormatFloat(math.Round(points*10)/10, 'f', -1, 64), "-", "−", 1)
}

// signed is points that were added or taken away.
func signed(points float64) string {
	if points > 0 {
		return "+" + number(points)
	}
	return number(points)
}

// spaced is a name of a model as words.
func spaced(name string) string { return strings.NewReplacer("-", " ", "_", " ").Replace(name) }

// named is a name of a model as a heading.
func named(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return spaced(string(unicode.ToUpper(first)) + name[size:])
}

// escapedID is a lead's ID as one segment of a path.
func escapedID(id string) string {
	var b strings.Builder
	for i := range len(id) {
		if c := id[i]; 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '~' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// asset answers GET /assets/{name}: scripts, styles and the icon.
func (h *handler) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	kind, served := map[string]string{
		".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	}[path.Ext(name)]
	text, err := assets.ReadFile("assets/" + name)
	if err != nil || !served {
		writeProblem(w, http.StatusNotFound, "no such asset")
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(text) // The client that is gone needs no answer.
}
