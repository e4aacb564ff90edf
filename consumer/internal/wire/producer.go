package wire

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/initproducerid"

	"github.com/hotlead/hotlead/events"
)

// Epoch is what fences: of two producers with one transactional ID, the one with the lower epoch can't write any more.
// A new ProducerID begins at epoch 0 again, and fences all that had the old one.
type Epoch struct {
	ProducerID int64
	Epoch      int16
}

// Transaction is what one Commit makes true all at once, or not at all.
type Transaction struct {
	// Records to write; those of one partition keep their order. None: offsets alone.
	Records []events.OutRecord
	// Group, Generation and Member say in whose name Offsets are committed.
	Group      string
	Generation int
	Member     string
	// Offsets are the group's next positions, at most one per partition.
	Offsets []Position
	// Metadata goes with each of the Offsets: at most 4,096 bytes by a broker's default.
	Metadata string
}

// Committed is what became of a Transaction.
type Committed struct {
	// Base is, for each partition written to, the offset of the transaction's first record there.
	Base map[Partition]int64
}

// Producer writes under one transactional ID, in transactions, one at a time, or without where it can. It belongs to one
// goroutine at a time.
type Producer struct {
	cluster *Cluster
	id      string
	timeout time.Duration

	// epoch is what the next transaction is written under. At first it is what Init returned, which says who owns the
	// transactional ID; with ownEpochs the end of each transaction moves it on, at times to another producer ID, and the
	// owner stays the same.
	epoch Epoch
	// ownEpochs is whether each transaction has an epoch of its own: see transactionVersion. Init decides.
	ownEpochs bool
	// ended is when the last transaction did, and apart how long after that partitions can join the next: see joins.
	ended time.Time
	apart time.Duration
	// ready is false before Init, and after anything went wrong.
	ready bool
	// sequences are the numbers of the next record to each partition: from 0 on in each epoch, across transactions. A
	// broker takes a batch under a number already used for that batch sent again, whatever is in it, and so drops it.
	sequences map[Partition]int32
	// fenced is the partition that Write writes to; none before Fence.
	fenced Partition
}

// Producer makes a producer. Init comes before the first Commit. timeout is how long the coordinator lets a transaction
// stay open before it aborts it; brokers allow 15 minutes by default.
func (c *Cluster) Producer(transactionalID string, timeout time.Duration) *Producer {
	return &Producer{cluster: c, id: transactionalID, timeout: timeout}
}

// Init takes over the transactional ID: it fences whoever had it, settles what they left open and starts at sequence 0.
// It tries again until it succeeds or ctx ends, except where trying can't help (authorization, a timeout above what the
// broker allows).
func (p *Producer) Init(ctx context.Context) (Epoch, error) {
	p.ready, p.fenced = false, Partition{}
	request := &initproducerid.Request{
		TransactionalID: p.id, TransactionTimeoutMs: int32(p.timeout.Milliseconds()),
		// Not the zero values, which would claim to be producer 0.
		ProducerID: noProducer, ProducerEpoch: noProducer,
	}
	err := p.cluster.retry(ctx, untilDone, "taking over the transactional ID "+p.id, func() error {
		got, err := p.cluster.askCoordinator(ctx, p.coordinated(), request)
		if err != nil {
			return err
		}
		answer := got.(*initproducerid.Response)
		if err := p.answered(answer.ErrorCode); err != nil {
			return err
		}
		p.epoch = Epoch{ProducerID: answer.ProducerID, Epoch: answer.ProducerEpoch}
		return nil
	})
	if err != nil {
		return Epoch{}, err
	}
	version, err := p.cluster.transactionVersion(ctx)
	if err != nil {
		return Epoch{}, err
	}
	p.ownEpochs = version >= sinceOwnEpochs
	p.sequences = make(map[Partition]int32)
	p.ready, p.ended = true, time.Now()
	return p.epoch, nil
}

// A coordinator may lose the markers of a transaction, on its way from one broker to the next, and call it decided all
// the same. Whatever marker comes next in a partition then decides what hangs there. So Keep and Discard begin an empty
// transaction in all partitions and the group where something of ours may hang, and end it one way or the other. They are
// for a producer that has just been Init'ed. Nothing is written, so partitions and group have to be added by requests of
// their own.

// Keep commits what hangs, and Inits the producer, which waits until all markers are written: that a transaction has ended
// is acknowledged before.
func (p *Producer) Keep(ctx context.Context, partitions []Partition, group string) (Epoch, error) {
	if err := p.touch(ctx, partitions, group); err != nil {
		return Epoch{}, err
	}
	if err := p.end(ctx, true); err != nil {
		return Epoch{}, fmt.Errorf("committing what hangs of %s: %w", p.id, settled(err))
	}
	return p.Init(ctx)
}

// Discard aborts what hangs, and Inits the producer.
func (p *Producer) Discard(ctx context.Context, partitions []Partition, group string) (Epoch, error) {
	if err := p.touch(ctx, partitions, group); err != nil {
		return Epoch{}, err
	}
	return p.Init(ctx)
}

// touch begins a transaction in partitions and, unless its name is empty, in a group, and writes nothing.
func (p *Producer) touch(ctx context.Context, partitions []Partition, group string) error {
	if !p.ready {
		return fmt.Errorf("beginning as %s: %w: Init comes first", p.id, ErrUnknown)
	}
	p.ready = false
	err := p.addPartitions(ctx, partitions)
	if err == nil && group != "" {
		err = p.addOffsets(ctx, group)
	}
	if err != nil {
		return fmt.Errorf("beginning as %s: %w", p.id, settled(err))
	}
	return nil
}

// coordinated is what the transaction coordinator is looked up by.
func (p *Producer) coordinated() coordinated {
	return coordinated{kind: kafka.CoordinatorKeyTypeTransaction, key: p.id}
}

// answered is the error of the transaction coordinator's code; nil for 0.
func (p *Producer) answered(code int16) error {
	err := answered(code)
	p.cluster.forgetCoordinator(p.coordinated(), err)
	return err
}

// Commit writes and commits one transaction. What a broker can't do just now is tried again until ctx ends, always with
// the same sequence numbers, so nothing is written twice. After any error the producer must be Init'ed again: Commit
// before that fails with ErrUnknown, as a record under a sequence already used would be lost in silence.
//
// The error matches ErrGeneration, ErrTooLarge or ErrAborted (not committed: the next Init aborts it), ErrFenced (a newer
// owner or the coordinator has settled it, or will) or ErrUnknown (everything else: committed or not).
func (p *Producer) Commit(ctx context.Context, t Transaction) (Committed, error) {
	if !p.ready {
		return Committed{}, fmt.Errorf("committing as %s: %w: Init comes first", p.id, ErrUnknown)
	}
	if len(t.Records) == 0 && len(t.Offsets) == 0 {
		return Committed{}, nil
	}
	p.ready = false
	committed, err := p.commit(ctx, t)
	if err != nil {
		return Committed{}, fmt.Errorf("committing as %s: %w", p.id, settled(err))
	}
	p.ready, p.ended = true, time.Now()
	return committed, nil
}

// settled sees to it that the error of a transaction is one of the five.
func settled(err error) error {
	for _, known := range []error{ErrFenced, ErrGeneration, ErrTooLarge, ErrAborted, ErrUnknown} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrUnknown, err)
}
