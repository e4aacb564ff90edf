package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

// sendingTime bounds how long a form waits for Kafka.
const sendingTime = 8 * time.Second

// dispositions are those that an event can give.
var dispositions = [...]string{"interested", "not_interested", "invalid"}

// sent is what a form is answered with once Kafka has its event: the event's time, in milliseconds since 1970. The page
// waits until the lead has it.
type sent struct {
	At int64 `json:"at"`
}

// learned is the data of an event that the page's forms make.
type learned struct {
	Criterion   string   `json:"criterion,omitempty"`
	Rating      *float64 `json:"rating,omitempty"`
	Disposition string   `json:"disposition,omitempty"`
	By          string   `json:"by,omitempty"`
}

// rate answers POST /leads/{id}/ratings: it sends a criterion.rated event.
func (h *handler) rate(w http.ResponseWriter, r *http.Request) {
	h.learn(w, r, "criterion.rated", func(form url.Values) (learned, error) {
		model := h.Pages.Model()
		name := form.Get("criterion")
		if !slices.ContainsFunc(model.Criteria, func(c scorer.CriterionInfo) bool { return c.Name == name }) {
			return learned{}, errors.New("the model has no such criterion")
		}
		rating, err := strconv.ParseFloat(form.Get("rating"), 64)
		if err != nil || !(rating >= model.LowestRating && rating <= model.HighestRating) { // so that NaN is none
			return learned{}, fmt.Errorf("a rating is a number from %s to %s", number(model.LowestRating), number(model.HighestRating))
		}
		return learned{Criterion: name, Rating: &rating}, nil
	})
}

// dispose answers POST /leads/{id}/disposition: it sends a lead.dispositioned event.
func (h *handler) dispose(w http.ResponseWriter, r *http.Request) {
	h.learn(w, r, "lead.dispositioned", func(form url.Values) (learned, error) {
		chosen := form.Get("disposition")
		if !slices.Contains(dispositions[:], chosen) {
			return learned{}, errors.New("there is no such disposition")
		}
		return learned{Disposition: chosen}, nil
	})
}

// learn sends an event of that type with what a form says of a lead, and answers once Kafka has it.
func (h *handler) learn(w http.ResponseWriter, r *http.Request, kind string, read func(url.Values) (learned, error)) {
	if h.onlyWriters(w, r) {
		return
	}
	id := r.PathValue("id")
	// One that is not UTF-8 would be another lead's in JSON.
	if id == "" || len(id) > longestID || !utf8.ValidString(id) {
		writeProblem(w, http.StatusBadRequest, "a lead ID has 1 to 256 bytes of UTF-8")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, longestForm)
	if err := r.ParseForm(); err != nil {
		writeProblem(w, http.StatusBadRequest, "the form can't be read")
		return
	}
	data, err := read(r.PostForm)
	if err != nil {
		writeProblem(w, http.StatusBadRequest, err.Error())
		return
	}
	// Whoever shows a token by basic authentication is free to choose a user name: it says who rated.
	data.By, _, _ = r.BasicAuth()
	at := time.Now().UTC().Truncate(time.Millisecond)
	value, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": rand.Text(), "source": "hotlead/page", "type": kind, "subject": id,
		"time": at.Format(time.RFC3339Nano), "datacontenttype": "application/json", "data": data,
	})
	if err != nil {
		h.Log.Error("an event of the page can't be written as JSON", "type", kind, "error", err)
		writeProblem(w, http.StatusInternalServerError, "")
		return
	}
	// As others send it: what lanes would not take, such as an ID with a line break in it, is not answered as if it counted.
	list, refusals := h.judge([]events.Record{structured(r, value)})
	if len(refusals) > 0 {
		writeRefused(w, refusals)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), sendingTime)
	defer cancel()
	if err := h.Sender.Send(ctx, list); err != nil {
		if r.Context().Err() == nil {
			h.Log.Warn("an event of the page can't be sent", "type", kind, "error", err)
		}
		w.Header().Set("Retry-After", "2")
		writeProblem(w, http.StatusServiceUnavailable, "Kafka does not take it at the moment; try again")
		return
	}
	h.writeJSON(w, r, http.StatusAccepted, sent{at.UnixMilli()})
}
