package wire

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/hotlead/hotlead/events"
)

// A record batch is in its partition whole or not at all, and a partition keeps out what comes under a lower epoch than it has
// seen of a producer (https://cwiki.apache.org/confluence/display/KAFKA/KIP-98, "Producer ID and Epoch"). So records that are
// one batch need no transaction, which costs a broker four times as much and readers twice the wait: its end has to be
// recorded, and marked in the partition, before they see it.
//
// What a transaction has besides is that Init fences it everywhere at once. A partition that nobody has written to under the
// new epoch still takes what an earlier owner has on its way there. Fence sees to that.

// lastWhole is the highest epoch under which Write writes. A coordinator that runs out of epochs hands out another producer
// ID, which keeps nothing out that is on its way under the former one; it does so at 32,767. A transaction before that is
// fenced by the coordinator, as ever.
const lastWhole = math.MaxInt16 - 767

// fenceBytes bounds an answer that is read for the marker of a fence: a few dozen bytes.
const fenceBytes = 64 << 10

// Fence keeps out of a partition whatever earlier owners of the transactional ID still have on its way there without a
// transaction. What stands there afterwards is all that they have written. It is for a producer that has just been Init'ed;
// Write writes to that partition from then on. Whatever hangs undecided there is aborted by it: see Keep.
//
// It begins an empty transaction there and aborts it, under the epoch that Init gave: so the coordinator says if there is a newer
// owner by now, which a fence by Init would not, and would then leave that one unfenced. That it has ended is acknowledged before
// its marker is written, and a coordinator may call it done without: so the marker is looked for, and if it does not come, the
// error matches ErrUnknown.
func (p *Producer) Fence(ctx context.Context, to Partition) (Epoch, error) {
	before, err := p.cluster.Bounds(ctx, []Partition{to})
	if err != nil {
		return Epoch{}, err
	}
	by := p.epoch
	if err := p.touch(ctx, []Partition{to}, ""); err != nil {
		return Epoch{}, err
	}
	err = p.end(ctx, false)
	if err == nil {
		err = p.cluster.retry(ctx, patience, "looking for the mark of the fence", func() error {
			marked, err := p.cluster.marked(ctx, to, before[to].High, by)
			if err == nil && !marked {
				err = to.at(answered(int16(kafka.ConcurrentTransactions)))
			}
			return err
		})
	}
	if err != nil {
		return Epoch{}, fmt.Errorf("fencing what is on its way as %s: %w", p.id, settled(err))
	}
	p.ready, p.ended, p.fenced = true, time.Now(), to
	return p.epoch, nil
}

// marked is whether, from an offset on, a transaction has ended in a partition under an epoch or one after it.
func (c *Cluster) marked(ctx context.Context, in Partition, from int64, by Epoch) (bool, error) {
	bounds, err := c.Bounds(ctx, []Partition{in})
	if err != nil {
		return false, err
	}
	fetcher := c.FetcherOfAll(fenceBytes)
	defer fetcher.Close()
	for at := from; at < bounds[in].High; {
		fetched, err := fetcher.Fetch(ctx, []Position{{Partition: in, Offset: at}}, patience)
		if err != nil {
			return false, in.at(err)
		}
		for i := range fetched {
			f := &fetched[i]
			switch {
			case f.Err != nil:
				return false, f.Err
			case f.Marker.ProducerID == by.ProducerID && f.Marker.Epoch >= by.Epoch:
				return true, nil
			}
			at = f.Next
		}
	}
	return false, nil
}

// Fenced is whether the producer has fenced a partition since it was Init'ed.
func (p *Producer) Fenced(to Partition) bool { return p.fenced == to }

// Whole is whether Write can write the records: they are one batch for the partition that is fenced.
func (p *Producer) Whole(records []events.OutRecord) bool {
	if p.epoch.Epoch > lastWhole || len(records) == 0 {
		return false
	}
	of := make([]*events.OutRecord, len(records))
	for i := range records {
		of[i] = &records[i]
		if (Partition{Topic: of[i].Topic, Partition: of[i].Partition}) != p.fenced {
			return false
		}
	}
	n, _ := fits(of)
	return n == len(of)
}

// Write writes records that are Whole, all of them or none, without a transaction. Readers see them at once. What a broker
// can't do just now is tried again until ctx ends, in the same words, so nothing is written twice. After any error the producer
// must be Init'ed and the partition fenced again: what is on its way may still arrive until then.
//
// The error matches ErrTooLarge (not written), ErrFenced (there is a newer owner) or ErrUnknown (everything else: written or
// not).
func (p *Producer) Write(ctx context.Context, records []events.OutRecord) (Committed, error) {
	if !p.ready || !p.Whole(records) {
		return Committed{}, fmt.Errorf("writing as %s: %w: Init and Fence come first", p.id, ErrUnknown)
	}
	p.ready = false
	batch := p.batches(records, 0)[0]
	if err := p.write(ctx, "", batch); err != nil {
		return Committed{}, fmt.Errorf("writing as %s: %w", p.id, settled(err))
	}
	p.ready = true
	return Committed{Base: map[Partition]int64{p.fenced: batch[0].base}}, nil
}
