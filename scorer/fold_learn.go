package scorer

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// removedFor is how long the removal of an attribute is remembered, so that an older value that arrives later does not
// bring it back.
const removedFor = Instant(7 * 24 * time.Hour / time.Millisecond)

// refusal is why the model can't score a qualification event, or nil.
func (q *qualification) refusal(asked *Qualification) *Refusal {
	for _, r := range asked.Ratings {
		i, known := q.byKey[KeyOf(r.Criterion)]
		if !known || q.criteria[i].name != r.Criterion {
			return &Refusal{Reason: "unknown_criterion", Detail: "the model has no criterion of that name; it has " + q.names()}
		}
		// Written so that a NaN is out of range.
		if !(r.Value >= q.min && r.Value <= q.max) {
			return &Refusal{
				Reason: "rating_out_of_range",
				Detail: fmt.Sprintf("a rating of %s must be from %g to %g", q.criteria[i].name, q.min, q.max),
			}
		}
	}
	return nil
}

// DefaultProfileBytes is how large a lead's profile may grow where a Folder is not told otherwise.
const DefaultProfileBytes = 16 << 10

// refusal is why a qualification event can't be folded into l, or nil.
func (f *Folder) refusal(l *Lead, asked *Qualification) *Refusal {
	if refusal := f.model.qualification.refusal(asked); refusal != nil || len(asked.Attributes) == 0 {
		return refusal
	}
	size := 0
	for i := range l.Profile {
		size += l.Profile[i].size()
	}
	for i := range asked.Attributes {
		size += asked.Attributes[i].size()
		if at, there := l.attribute(asked.Attributes[i].Name); there {
			size -= l.Profile[at].size()
		}
	}
	if size > f.ProfileBytes {
		return &Refusal{Reason: "profile_too_large", Detail: fmt.Sprintf("with it the lead's profile would be larger than %d bytes", f.ProfileBytes)}
	}
	return nil
}

// size is what an attribute counts towards ProfileBytes: its texts, and 8 bytes for what is no text.
func (a *Attribute) size() int {
	if a.Value.Kind == String {
		return len(a.Name) + len(a.Value.String)
	}
	return len(a.Name) + 8
}

// names are the criteria's names, for people.
func (q *qualification) names() string {
	if len(q.criteria) == 0 {
		return "none"
	}
	names := make([]string, len(q.criteria))
	for i := range q.criteria {
		names[i] = q.criteria[i].name
	}
	return strings.Join(names, ", ")
}

// learn takes over what an event of that time says of l besides engagement. The newest by event time holds, and of two
// of the same time the one that arrived later. Whatever is kept is cloned: the event's strings belong to its buffer.
func (l *Lead) learn(e *Event, at Instant, slab *slab) {
	if e.Account != "" && at >= l.AccountAt {
		l.AccountAt = at
		if l.Account != e.Account {
			l.Account = slab.clone(e.Account)
		}
	}
	q := e.Qualification
	if q == nil {
		return
	}
	for _, r := range q.Ratings {
		l.rate(KeyOf(r.Criterion), r.Value, at)
	}
	if len(q.Attributes) > 0 {
		for _, a := range q.Attributes {
			l.profile(a.Name, a.Value, at)
		}
		l.Profile = slices.DeleteFunc(l.Profile, func(a Attribute) bool {
			return a.Value.Kind == Null && a.At <= l.Clock-removedFor
		})
	}
	if q.Disposition != "" && at >= l.DispositionAt {
		l.Disposition, l.DispositionAt = strings.Clone(q.Disposition), at
	}
	if q.Conversion.Outcome != "" && at >= l.Conversion.At {
		l.Conversion = Conversion{Outcome: strings.Clone(q.Conversion.Outcome), Amount: q.Conversion.Amount, At: at}
	}
}

func (l *Lead) rate(criterion Key, value float64, at Instant) {
	i, there := l.rating(criterion)
	switch {
	case !there:
		l.Ratings = slices.Insert(l.Ratings, i, Rating{Criterion: criterion, Value: value, At: at})
	case at >= l.Ratings[i].At:
		l.Ratings[i].Value, l.Ratings[i].At = value, at
	}
}

func (l *Lead) profile(name string, value Value, at Instant) {
	value.String = strings.Clone(value.String)
	i, there := l.attribute(name)
	switch {
	case !there:
		l.Profile = slices.Insert(l.Profile, i, Attribute{Name: strings.Clone(name), Value: value, At: at})
	case at >= l.Profile[i].At:
		l.Profile[i].Value, l.Profile[i].At = value, at
	}
}
