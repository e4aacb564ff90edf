package wire

import (
	"context"
	"time"
)

// Writes is the epoch under which the producer's next transaction is written.
func (p *Producer) Writes() Epoch { return p.epoch }

// EndAgain ends a transaction that was written under an epoch, as if it were not known to have ended, and returns the next
// epoch.
func (p *Producer) EndAgain(ctx context.Context, epoch Epoch) (Epoch, error) {
	again := Producer{cluster: p.cluster, id: p.id, epoch: epoch, ownEpochs: true}
	err := again.end(ctx, true)
	return again.epoch, err
}

// KeepApart lets transactions that begin sooner after another add their partitions by a request of their own.
func (p *Producer) KeepApart(d time.Duration) { p.apart = d }

// SetEpoch makes the producer believe that it has come to an epoch.
func (p *Producer) SetEpoch(epoch int16) { p.epoch.Epoch = epoch }
