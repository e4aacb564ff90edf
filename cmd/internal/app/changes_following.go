package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/hotlead/hotlead/cmd/internal/web"
	"github.com/hotlead/hotlead/consumer"
	"github.com/hotlead/hotlead/events"
)

// following is one reader's way through the changes: from Kafka until it has come to what is in the ring, then from the
// ring. It holds no changes of its own, so a slow reader takes no memory.
type following struct {
	c      *Changes
	wanted web.Wanted
	at     consumer.Position // what the reader has seen
	lost   bool
	// next numbers the change of the ring to look at next. Only once the ring is joined.
	next int64
	// reader is that of the old changes; nil once the ring is joined.
	reader *consumer.ChangeReader
}

// join goes over to the ring, if all that is still to come is in it.
func (f *following) join() bool {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if f.c.at == nil || len(f.c.at) != len(f.at) || !f.at.After(f.c.before) {
		return false
	}
	f.next = f.c.first
	return true
}

// Next waits for wanted changes and returns some, at least one.
func (f *following) Next(ctx context.Context) ([]web.Change, error) {
	for {
		if f.reader != nil && f.join() {
			f.leaveKafka()
		}
		if f.reader != nil {
			changes, err := f.old(ctx)
			if err != nil || len(changes) > 0 {
				return changes, err
			}
			continue
		}
		changes, woken, err := f.ready()
		if err != nil || len(changes) > 0 {
			return changes, err
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for tier changes: %w", ctx.Err())
		}
	}
}

// old are changes from Kafka, none where not one of those that came is wanted and whole.
func (f *following) old(ctx context.Context) ([]web.Change, error) {
	changes, err := f.reader.Next(ctx)
	if err != nil {
		return nil, err
	}
	var shown []web.Change
	for i := range changes {
		f.at.Pass(&changes[i])
		if !f.wanted.Wants(changes[i].To, changes[i].Route) {
			continue
		}
		text := slices.Clone(changes[i].JSON)
		if said, err := events.ReadSkimmed(text); err == nil {
			shown = append(shown, shownChange(&said, text, f.at.String()))
		}
	}
	f.at = f.reader.Position()
	return shown, nil
}

// ready are wanted changes of the ring that the reader has not seen; where there are none, woken is closed when more come.
func (f *following) ready() (shown []web.Change, woken <-chan struct{}, err error) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if f.next < f.c.first {
		return nil, nil, web.ErrBehind
	}
	end := f.c.first + int64(f.c.ring.size)
	for ; f.next < end && len(shown) < changesAtOnce; f.next++ {
		kept := f.c.ring.nth(int(f.next - f.c.first))
		if kept.offset < f.at[kept.lane] {
			continue
		}
		f.at[kept.lane] = kept.offset + 1
		if !kept.wanted(f.wanted) || !kept.lend() {
			continue
		}
		if shown == nil {
			shown = make([]web.Change, 0, min(changesAtOnce, end-f.next))
		}
		shown = append(shown, shownChange(kept.said, kept.text, f.at.String()))
	}
	return shown, f.c.nextWake(), nil
}

// Position is where to go on after all that Next has returned.
func (f *following) Position() string { return f.at.String() }

// Lost is whether changes right after the position that was asked for are not kept any more.
func (f *following) Lost() bool { return f.lost }

// Close ends the reading from Kafka. It is called once.
func (f *following) Close() {
	f.c.followers.Add(-1)
	if f.reader != nil {
		f.leaveKafka()
	}
}

func (f *following) leaveKafka() {
	f.reader.Close()
	f.reader = nil
	<-f.c.readers
}
