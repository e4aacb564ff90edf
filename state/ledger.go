package state

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/hotlead/hotlead/scorer"
	"github.com/redis/go-redis/v9"
)

// LedgerFormat is the newest format of ledger and leads that this package reads, and the one that it writes.
const LedgerFormat = 1

// Ledger is what a lane remembers of itself: which batch it decided last, and everything that goes with that batch.
type Ledger struct {
	// Format is the format in which ledger and leads are written, LedgerFormat for a new lane.
	Format int
	// Batch is n, the number of batches decided. Step counts the decisions of a refold, during which n stands still.
	Batch, Step uint64
	// Owner is who may write: the newest owner that claimed the lane.
	Owner Owner
	// Offsets are the next offsets to fold, by "topic/partition".
	Offsets map[string]int64
	// Acknowledged is the newest batch of which Kafka has said that its announcement is committed, as known when batch n
	// was decided; 0 where an older version wrote the ledger, or none was.
	Acknowledged uint64
	// Clock is the lane's clock as of batch n.
	Clock scorer.Instant
	// Outbox is the encoded output of batch n; empty where it has none.
	Outbox []byte
	// OutputOffset is the next offset of the lane's output partition as last known, −1 where it is not known.
	OutputOffset int64
	// Model is the model in force.
	Model ModelInForce
	// Cursor is the next bucket that a walk for a new model version will visit, −1 where none is under way.
	Cursor int
	// Recovery is how far a refold has come, in its owner's own words; empty where none is under way.
	Recovery []byte
	// Buckets is over how many hashes the leads are spread, fixed when the ledger is made: 1 to 65,536.
	Buckets int
	// Lanes is how many lanes there were when the ledger was made. Leads stand in the lane that their ID gives for that
	// many, so it never changes.
	Lanes int
	// Group and Output are the consumer group and the topic of tier changes that the lane belongs to: a second service
	// under the same prefix would announce everything again.
	Group, Output string
	// Counts are the leads in each tier.
	Counts map[string]int64
}

// Leads is how many leads the lane has.
func (l *Ledger) Leads() (n int64) {
	for _, of := range l.Counts {
		n += of
	}
	return n
}

// Owner is a producer ID and epoch of the lane's transactional ID. Of the same producer ID, the higher epoch is newer.
type Owner struct {
	ProducerID int64
	Epoch      int16
}

// ModelInForce is the model that a lane's tiers were decided by.
type ModelInForce struct {
	Name    string
	Version int
	// Text is the model file as it was read.
	Text []byte
	// Since is when it was put in force, by the clock of the worker that did; 0 where nobody knows.
	Since scorer.Instant
}

// The ledger's fields, named so that HGETALL reads like the Ledger. Numbers are decimal.
const (
	fieldFormat       = "format"
	fieldBatch        = "n"
	fieldStep         = "step"
	fieldOwner        = "owner" // "producerID/epoch"
	fieldAcknowledged = "acknowledged"
	fieldClock        = "clock" // milliseconds
	fieldOutbox       = "outbox"
	fieldOutput       = "output"
	fieldModelName    = "model:name"
	fieldModelVersion = "model:version"
	fieldModelText    = "model:text"
	fieldModelSince   = "model:since" // milliseconds
	fieldCursor       = "cursor"
	fieldRecovery     = "recovery"
	fieldBuckets      = "buckets"
	fieldLanes        = "lanes"
	fieldGroup        = "group"
	fieldTopic        = "topic"
	prefixOffset      = "offset:" // + "topic/partition"
	prefixCount       = "count:"  // + tier
)

const mostBuckets = 1 << 16

func (o Owner) String() string {
	return strconv.FormatInt(o.ProducerID, 10) + "/" + strconv.FormatInt(int64(o.Epoch), 10)
}

// newerThan says whether o has taken over from p for certain. Of different producer IDs that can't be told: an ID that
// expired at the broker is followed by any other.
func (o Owner) newerThan(p Owner) bool { return o.ProducerID == p.ProducerID && o.Epoch > p.Epoch }

func parseOwner(s string) (Owner, error) {
	id, epoch, ok := strings.Cut(s, "/")
	if !ok {
		return Owner{}, fmt.Errorf("the owner %q is not producerID/epoch", s)
	}
	producer, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return Owner{}, err
	}
	e, err := strconv.ParseInt(epoch, 10, 16)
	if err != nil {
		return Owner{}, err
	}
	return Owner{ProducerID: producer, Epoch: int16(e)}, nil
}

// ledgerFields are all fields that hold l. Nothing acknowledged, an empty outbox and recovery have none.
func ledgerFields(l *Ledger) map[string]string {
	fields := map[string]string{
		fieldFormat:       strconv.Itoa(l.Format),
		fieldBatch:        strconv.FormatUint(l.Batch, 10),
		fieldStep:         strconv.FormatUint(l.Step, 10),
		fieldOwner:        l.Owner.String(),
		fieldClock:        strconv.FormatInt(int64(l.Clock), 10),
		fieldOutput:       strconv.FormatInt(l.OutputOffset, 10),
		fieldModelName:    l.Model.Name,
		fieldModelVersion: strconv.Itoa(l.Model.Version),
		fieldModelText:    string(l.Model.Text),
		fieldCursor:       strconv.Itoa(l.Cursor),
		fieldBuckets:      strconv.Itoa(l.Buckets),
		fieldLanes:        strconv.Itoa(l.Lanes),
		fieldGroup:        l.Group,
		fieldTopic:        l.Output,
	}
	if l.Model.Since > 0 {
		fields[fieldModelSince] = strconv.FormatInt(int64(l.Model.Since), 10)
	}
	if l.Acknowledged > 0 {
		fields[fieldAcknowledged] = strconv.FormatUint(l.Acknowledged, 10)
	}
	if len(l.Outbox) > 0 {
		fields[fieldOutbox] = string(l.Outbox)
	}
	if len(l.Recovery) > 0 {
		fields[fieldRecovery] = string(l.Recovery)
	}
	for partition, offset := range l.Offsets {
		fields[prefixOffset+partition] = strconv.FormatInt(offset, 10)
	}
	for tier, n := range l.Counts {
		fields[prefixCount+tier] = strconv.FormatInt(n, 10)
	}
	return fields
}

// parseLedger reads what ledgerFields gave. Its errors: ErrDamaged, ErrNewer.
func parseLedger(fields map[string]string) (*Ledger, error) {
	if err := checkFormat(fields); err != nil {
		return nil, err
	}
	r := fieldReader{fields: fields}
	l := &Ledger{
		Format:       int(r.int(fieldFormat)),
		Batch:        r.uint(fieldBatch),
		Step:         r.uint(fieldStep),
		Owner:        r.owner(),
		Clock:        scorer.Instant(r.int(fieldClock)),
		OutputOffset: r.int(fieldOutput),
		Model:        r.model(),
		Cursor:       int(r.int(fieldCursor)),
		Buckets:      r.buckets(),
		Lanes:        int(r.int(fieldLanes)),
		Group:        fields[fieldGroup],
		Output:       fields[fieldTopic],
		Outbox:       bytesOf(fields[fieldOutbox]),
		Recovery:     bytesOf(fields[fieldRecovery]),
		Offsets:      make(map[string]int64),
		Counts:       make(map[string]int64),
	}
	if _, ok := fields[fieldAcknowledged]; ok {
		l.Acknowledged = r.uint(fieldAcknowledged)
	}
	for name := range fields {
		if partition, ok := strings.CutPrefix(name, prefixOffset); ok {
			l.Offsets[partition] = r.int(name)
		} else if tier, ok := strings.CutPrefix(name, prefixCount); ok {
			l.Counts[tier] = r.int(name)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return l, nil
}

func checkFormat(fields map[string]string) error {
	format, err := strconv.Atoi(fields[fieldFormat])
	if err != nil || format < 1 {
		return fmt.Errorf("%w: its ledger has the format %q, so hotlead did not write it; "+mendDamage, ErrDamaged, fields[fieldFormat])
	}
	if format > LedgerFormat {
		return fmt.Errorf("%w: its ledger has format %d, and this hotlead knows up to %d; run the version that wrote it, or a newer one",
			ErrNewer, format, LedgerFormat)
	}
	return nil
}

const mendDamage = "restore the keys of the lane from a backup, or delete them all and fold again from what Kafka retains"

func bytesOf(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// fieldReader reads numbers out of fields and keeps the first error.
type fieldReader struct {
	fields map[string]string
	err    error
}

func (r *fieldReader) note(name string, err error) {
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%w: the field %q of its ledger: %w; "+mendDamage, ErrDamaged, name, err)
	}
}

func (r *fieldReader) int(name string) int64 {
	v, err := strconv.ParseInt(r.fields[name], 10, 64)
	r.note(name, err)
	return v
}

func (r *fieldReader) uint(name string) uint64 {
	v, err := strconv.ParseUint(r.fields[name], 10, 64)
	r.note(name, err)
	return v
}

func (r *fieldReader) owner() Owner {
	o, err := parseOwner(r.fields[fieldOwner])
	r.note(fieldOwner, err)
	return o
}

func (r *fieldReader) model() ModelInForce {
	m := ModelInForce{
		Name:    r.fields[fieldModelName],
		Version: int(r.int(fieldModelVersion)),
		Text:    bytesOf(r.fields[fieldModelText]),
	}
	if _, ok := r.fields[fieldModelSince]; ok { // else the ledger is of before this was noted
		m.Since = scorer.Instant(r.int(fieldModelSince))
	}
	return m
}

func (r *fieldReader) buckets() int {
	v := r.int(fieldBuckets)
	if v < 1 || v > mostBuckets {
		r.note(fieldBuckets, fmt.Errorf("%d is not from 1 to %d", v, mostBuckets))
		return 1
	}
	return int(v)
}

// Read reads the ledger. Its errors: ErrNoLedger, ErrDamaged, ErrNewer.
func (l *Lane) Read(ctx context.Context) (*Ledger, error) {
	conn, err := l.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the ledger of lane %d: %w", l.p, err)
	}
	fields, err := conn.HGetAll(ctx, l.keys.ledger).Result()
	if err != nil {
		return nil, fmt.Errorf("read the ledger of lane %d: %w", l.p, damagedIfWrongType(err))
	}
	if len(fields) == 0 {
		return nil, fmt.Errorf("read the ledger of lane %d: %w", l.p, ErrNoLedger)
	}
	ledger, err := parseLedger(fields)
	if err != nil {
		return nil, fmt.Errorf("read the ledger of lane %d: %w", l.p, err)
	}
	l.setBuckets(ledger.Buckets)
	return ledger, nil
}

// damagedIfWrongType tells a key of another type, which stays wrong, from what may pass.
func damagedIfWrongType(err error) error {
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return fmt.Errorf("%w: %w; another program writes under the same prefix: give hotlead one of its own", ErrDamaged, err)
	}
	return err
}
