package web

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/hotlead/hotlead/events"
)

var (
	// ErrNoLead is the error of Leads.Lead where no event ever reached a lead of that ID.
	ErrNoLead = errors.New("no such lead")
	// ErrNoCursor is the error of Leads.List where the text is no cursor of such a list.
	ErrNoCursor = errors.New("not a cursor of this list")
	// ErrNoPosition is the error of Changes.Follow where the text is no position that was ever given out.
	ErrNoPosition = errors.New("not a position in the tier changes")
	// ErrBusy is the error of Changes.Follow where as many as can be are reading old changes already.
	ErrBusy = errors.New("too many are reading old changes just now")
	// ErrBehind is the error of Following.Next where more changes came than are kept ready while nobody asked for them.
	// Following anew from the last position goes on without a gap.
	ErrBehind = errors.New("the reader is too slow for the changes that come")
	// ErrTooLarge is the error of Sender.Send where Kafka takes no event of that size.
	ErrTooLarge = errors.New("an event is larger than its topic takes")
)

// Leads is what the page and the API read of the leads.
type Leads interface {
	// Lead is the JSON of one lead as of an instant; a zero instant means now. The error is ErrNoLead where there is none.
	Lead(ctx context.Context, id string, at time.Time) (json.RawMessage, error)
	// List is a page of leads as of now: tier by tier from the model's top, in each the highest rank first. The error
	// matches ErrNoCursor.
	List(ctx context.Context, q LeadQuery) (LeadPage, error)
	// Tiers are the tiers that List can list, from the model's top; Routes where leads of these tiers are sent.
	Tiers() []string
	Routes() []string
}

// LeadQuery says which leads to list. What is empty does not matter.
type LeadQuery struct {
	Tier, Route, Account string
	// Limit is how many leads the page holds at most.
	Limit int
	// Cursor is LeadPage.Next of the page before, for the same query.
	Cursor string
}

// LeadPage is one page of a list.
type LeadPage struct {
	Leads []json.RawMessage
	// Total is how many leads there are on all pages, -1 where that is not counted: by account.
	Total int64
	// Next is the cursor of the next page, "" where this is the last. A page may hold fewer leads than the limit, even
	// none, and have a next.
	Next string
}

// Readiness says whether the service does its work: nil, or everything that keeps it from it (several by errors.Join).
type Readiness interface {
	Ready(ctx context.Context) error
}

// Change is a tier or stage change that was announced.
type Change struct {
	// Position is where whoever has seen this change goes on following.
	Position string
	// Type is events.TypeTierChanged or events.TypeStageReached.
	Type string
	// Lead is whose change it is. From and To are its tiers, the same where it reached a stage and moved to no other tier;
	// Stage is the one it has reached by then, Route where the model sends leads of the tier To; "" for none.
	Lead, From, To, Stage, Route string
	// At is when it became true.
	At time.Time
	// JSON is the whole CloudEvent.
	JSON json.RawMessage
}

// Hour is how often leads moved within an hour.
type Hour struct {
	Begin time.Time
	Moves []Move
}

// Move is how many leads moved from one tier to another.
type Move struct {
	From, To string
	Count    int
}

// Changes is what the page and the API read of what was announced.
type Changes interface {
	// Of is the JSON of all changes of a lead that are still kept, oldest first, at most the newest 1,000.
	Of(ctx context.Context, lead string) ([]json.RawMessage, error)
	// Recent are the newest n changes of all leads, newest first; fewer where fewer are known since the service started
	// or within a day.
	Recent(n int) []Change
	// Hours are the moves of the last 24 hours by hour, oldest first, the present hour last.
	Hours() []Hour
	// Follow goes on with the wanted changes after a position; "" means with what comes from now on. Close what it returns.
	// The error matches ErrNoPosition or ErrBusy, or says why Kafka can't be asked.
	Follow(ctx context.Context, after string, wanted Wanted) (Following, error)
}

// Wanted says which changes somebody follows: those to a tier, and those with a route. What is empty does not matter.
type Wanted struct {
	Tier, Route string
}

// All is whether no change is left out.
func (w Wanted) All() bool { return w == Wanted{} }

// Wants is whether a change to that tier, with that route, is among them.
func (w Wanted) Wants(to, route string) bool {
	return (w.Tier == "" || w.Tier == to) && (w.Route == "" || w.Route == route)
}

// Following is one reader's way through the changes. It belongs to one goroutine at a time.
type Following interface {
	// Next waits for wanted changes and returns them, at least one, each lead's in its order. The error is ctx's, or
	// ErrBehind.
	Next(ctx context.Context) ([]Change, error)
	// Position is where to go on after all that Next has returned, and after what it saw that was not wanted.
	Position() string
	// Lost is whether changes right after the position that was asked for are not kept any more.
	Lost() bool
	Close()
}

// Event is an event on its way to Kafka.
type Event struct {
	// Lead is whose event it is, Type its type: these choose partition and topic.
	Lead, Type string
	// Value and Headers are the record's.
	Value   []byte
	Headers []events.Header
}

// Sender writes events to Kafka.
type Sender interface {
	// Send returns once every replica in sync has all the events. Where it returns an error, some may be there and some
	// not: sent again, each still counts once. The error matches ErrTooLarge where sending again can't help.
	Send(ctx context.Context, events []Event) error
}
