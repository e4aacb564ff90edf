package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/events"
	"github.com/hotlead/hotlead/scorer"
)

const (
	// changesAtOnce is how many changes a follower is given at a time.
	changesAtOnce = 100
	// catchingUp bounds how many followers read old changes from Kafka at a time.
	catchingUp = 8
)

// OpenChangeLog prepares to read the tier changes. It does not connect; the caller closes it.
func OpenChangeLog(c Kafka, log *slog.Logger) (*consumer.ChangeLog, error) {
	secured, err := c.TLS.client()
	if err != nil {
		return nil, unusable("kafka.tls", err)
	}
	mechanism, err := c.SASL.client()
	if err != nil {
		return nil, unusable("kafka.sasl", err)
	}
	return consumer.OpenChangeLog(consumer.ChangeLogOptions{
		Brokers: c.Brokers, TLS: secured, SASL: mechanism, ClientID: clientID, Topic: c.Topics.TierChanges, Log: log,
	}), nil
}

// changeLog is what Changes reads.
type changeLog interface {
	Of(ctx context.Context, lead string) ([]json.RawMessage, error)
	At(ctx context.Context, at time.Time) (consumer.Position, error)
	End(ctx context.Context) (consumer.Position, error)
	Held(ctx context.Context, p consumer.Position) (held consumer.Position, lost bool, err error)
	Reader(after consumer.Position) *consumer.ChangeReader
}

var _ changeLog = (*consumer.ChangeLog)(nil)

// Changes knows what was announced lately, for all who follow it in this process. Run keeps it up to date: it reads the
// topic once, however many follow. It is safe for concurrent use.
type Changes struct {
	log    changeLog
	logger *slog.Logger
	now    func() time.Time
	// readers holds one for each follower that reads old changes from Kafka.
	readers chan struct{}
	// followers is how many follow just now. While there are none brokers gather what is announced.
	followers atomic.Int64

	mu   sync.Mutex
	ring changeRing
	// first numbers the oldest in the ring; before is the position in front of it: every change from there on, up to at,
	// is in the ring.
	first      int64
	before, at consumer.Position
	// end is where the topic ended when Run began to read: what comes before it is old.
	end   consumer.Position
	woken chan struct{} // closed when a change comes; nil where nobody waits for one
	moves hourlyMoves
}

var _ web.Changes = (*Changes)(nil)

// NewChanges reads from a log. It knows of nothing before Run.
func NewChanges(log *consumer.ChangeLog, logger *slog.Logger) *Changes {
	return &Changes{
		log: log, logger: logger, now: time.Now, readers: make(chan struct{}, catchingUp),
		ring: newChangeRing(), moves: hourlyMoves{},
	}
}

// Run reads what was announced in the last 24 hours, and then what comes, until ctx ends. Where Kafka is away it is
// waited for.
func (c *Changes) Run(ctx context.Context) {
	said := false
	for ctx.Err() == nil {
		err := c.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if !said {
			said = true
			c.logger.Warn("tier changes can't be followed for now, for the page and the API; trying on", "error", err)
		}
		timer := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (c *Changes) follow(ctx context.Context) error {
	end, err := c.log.End(ctx)
	if err != nil {
		return fmt.Errorf("looking for the end of the tier changes: %w", err)
	}
	since, err := c.log.At(ctx, c.now().Add(-hoursBack*time.Hour))
	if err != nil {
		return fmt.Errorf("looking for the tier changes of a day: %w", err)
	}
	c.begin(since, end)
	reader := c.log.Reader(since)
	defer reader.Close()
	for {
		if c.followers.Load() == 0 {
			reader.Gather()
		}
		changes, err := reader.Next(ctx)
		if err != nil {
			return err
		}
		c.push(changes)
	}
}

// begin forgets everything, as what is about to come is read from since on. Whoever follows the ring is cut off: its
// first number moves past all that they have seen.
func (c *Changes) begin(since, end consumer.Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
	c.before, c.at, c.end = since.Clone(), since.Clone(), end
	clear(c.moves)
}

// forget empties the ring, and cuts off whoever follows it. c.mu is held.
func (c *Changes) forget() {
	c.first += int64(c.ring.size) + 1
	c.ring = newChangeRing()
	c.wake()
}

// wake tells those who wait. c.mu is held.
func (c *Changes) wake() {
	if c.woken != nil {
		close(c.woken)
		c.woken = nil
	}
}

// nextWake is closed when a change comes. c.mu is held.
func (c *Changes) nextWake() <-chan struct{} {
	if c.woken == nil {
		c.woken = make(chan struct{})
	}
	return c.woken
}

// push takes in what came.
func (c *Changes) push(changes []consumer.Change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := c.moves.counter(c.firstHour())
	for i := range changes {
		c.keep(&changes[i])
		count.count(&changes[i])
	}
	c.wake()
}

// keep puts a change into the ring. c.mu is held.
func (c *Changes) keep(change *consumer.Change) {
	if c.at.Passed(change) { // the topic was made anew
		c.forget()
		c.before = c.at.Clone()
		c.before[change.Lane] = change.Offset
	}
	for c.ring.full(len(change.JSON)) {
		oldest := c.ring.nth(0)
		c.before[oldest.lane] = oldest.offset + 1
		c.ring.drop()
		c.first++
	}
	c.ring.push(change)
	c.at.Pass(change)
}

// firstHour is when the first of the 24 hours began of which moves are counted.
func (c *Changes) firstHour() scorer.Instant {
	return hourOf(scorer.InstantOf(c.now())) - (hoursBack-1)*anHour
}

// Of is the JSON of all changes of a lead that the topic still holds, oldest first, at most the newest 1,000.
func (c *Changes) Of(ctx context.Context, lead string) ([]json.RawMessage, error) {
	return c.log.Of(ctx, lead)
}

// Recent are the newest n changes, newest first.
func (c *Changes) Recent(n int) []web.Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.at.String()
	var shown []web.Change
	for _, kept := range c.ring.newest(n) {
		shown = append(shown, shownChange(kept.said, kept.text, at))
	}
	return shown
}

// Hours are the moves of the last 24 hours by hour, oldest first.
func (c *Changes) Hours() []web.Hour {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.firstHour()
	hours := make([]web.Hour, hoursBack)
	for i := range hours {
		hours[i] = c.moves.of(first + scorer.Instant(i)*anHour)
	}
	return hours
}

// shownChange is a change as web shows it, with the position after it.
func shownChange(said *events.Announced, text json.RawMessage, position string) web.Change {
	typ := events.TypeTierChanged
	if said.Kind == scorer.StageReached {
		typ = events.TypeStageReached
	}
	return web.Change{
		Position: position, Type: typ, Lead: said.Lead, From: said.From, To: said.To, Stage: said.Stage, Route: said.Route,
		At: said.At.Time(), JSON: text,
	}
}

// errNotYet is why nobody can follow the changes before Kafka was asked for them.
var errNotYet = errors.New("the tier changes have not been reached yet")

// Follow goes on with the wanted changes after a position, or with those that come from now on where that is "". What is in
// the ring comes from there, what is older from Kafka.
func (c *Changes) Follow(ctx context.Context, after string, wanted web.Wanted) (web.Following, error) {
	if after == "" {
		return c.followNew(wanted)
	}
	asked, err := consumer.ParsePosition(after)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", web.ErrNoPosition, err)
	}
	from, lost, err := c.log.Held(ctx, asked)
	if errors.Is(err, consumer.ErrNoPosition) {
		return nil, fmt.Errorf("%w: %w", web.ErrNoPosition, err)
	}
	if err != nil {
		return nil, err
	}
	f := &following{c: c, wanted: wanted, at: from, lost: lost}
	if f.join() {
		c.followers.Add(1)
		return f, nil
	}
	select {
	case c.readers <- struct{}{}:
		f.reader = c.log.Reader(from)
		c.followers.Add(1)
		return f, nil
	default:
		return nil, web.ErrBusy
	}
}

func (c *Changes) followNew(wanted web.Wanted) (web.Following, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at == nil {
		return nil, errNotYet
	}
	f := &following{c: c, wanted: wanted, at: c.at.Clone(), next: c.first + int64(c.ring.size)}
	for lane := range f.at {
		f.at[lane] = max(f.at[lane], c.end[lane]) // while a day's changes are being read, they are not new
	}
	c.followers.Add(1)
	return f, nil
}
