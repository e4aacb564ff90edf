package state

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"github.com/hotlead/hotlead/scorer"
	"github.com/redis/go-redis/v9"
)

// Load reads leads and calls each once for every ID, in any order, with its index; blob is nil for a lead that is not
// stored. Blobs stay valid and are never written again; those of one bucket share memory, so whoever keeps one for long
// copies it. The ledger must have been read or claimed.
func (l *Lane) Load(ctx context.Context, ids []string, each func(i int, blob []byte)) error {
	if err := l.load(ctx, ids, each); err != nil {
		return fmt.Errorf("load %d leads of lane %d: %w", len(ids), l.p, err)
	}
	return nil
}

func (l *Lane) load(ctx context.Context, ids []string, each func(i int, blob []byte)) error {
	if len(ids) == 0 {
		return nil
	}
	if l.buckets == 0 {
		return errors.New("the ledger was not read yet, so its buckets are not known")
	}
	conn, err := l.open(ctx)
	if err != nil {
		return err
	}
	w := &l.write
	w.begin(ctx)
	defer w.end()
	w.cmds = w.cmds[:0] // reads need no transaction
	order := w.order.byBucket(len(ids), l.buckets, func(i int) string { return ids[i] })
	asked := make([]*redis.RawCmd, 0, l.buckets)
	for b := range l.buckets {
		members := order.of(b)
		if len(members) == 0 {
			asked = append(asked, nil)
			continue
		}
		args := append(w.args(), "hmget", &l.bucketKeys[b])
		for _, i := range members {
			args = append(args, &ids[i])
		}
		cmd := redis.NewRawCmd(ctx, w.keep(args)...)
		asked = append(asked, cmd)
		w.cmds = append(w.cmds, cmd)
	}
	pipe := conn.Pipeline()
	_ = pipe.BatchProcess(ctx, w.cmds...)
	_, _ = pipe.Exec(ctx) // each command's own error says more
	for b, cmd := range asked {
		if cmd == nil {
			continue
		}
		answer, err := cmd.Result()
		if err != nil {
			return err
		}
		if err := eachOf(answer, order.of(b), each); err != nil {
			return err
		}
	}
	return nil
}

// eachOf gives each of members its string of an array in RESP2.
func eachOf(answer []byte, members []int32, each func(i int, blob []byte)) error {
	n, rest, err := cutCount(answer)
	if err != nil {
		return err
	}
	if n != len(members) {
		return errAnswer
	}
	for _, i := range members {
		var blob []byte
		if blob, rest, err = cutBulk(rest); err != nil {
			return err
		}
		each(int(i), blob)
	}
	return nil
}

// errAnswer is an answer that is not what RESP2 sends for an array of strings.
var errAnswer = errors.New("redis' answer can't be read")

// cutCount takes the beginning off an array in RESP2, which says how many elements follow.
func cutCount(answer []byte) (n int, rest []byte, err error) {
	line, rest, ok := cutLine(answer)
	switch {
	case ok && line[0] == '-':
		return 0, nil, errorAnswer(string(line[1:]))
	case !ok || line[0] != '*':
		return 0, nil, errAnswer
	}
	if n, err = strconv.Atoi(string(line[1:])); err != nil || n < 0 {
		return 0, nil, errAnswer
	}
	return n, rest, nil
}

// cutBulk takes a string off the elements of an array in RESP2; nil where it is null.
func cutBulk(b []byte) (bulk, rest []byte, err error) {
	line, rest, ok := cutLine(b)
	if !ok || line[0] != '$' {
		return nil, nil, errAnswer
	}
	n, err := strconv.Atoi(string(line[1:]))
	switch {
	case err == nil && n == -1:
		return nil, rest, nil
	case err != nil || n < 0 || n > len(rest)-2:
		return nil, nil, errAnswer
	}
	return rest[:n:n], rest[n+2:], nil
}

// cutLine takes the first line, which has at least one byte, off b.
func cutLine(b []byte) (line, rest []byte, ok bool) {
	end := bytes.IndexByte(b, '\r')
	if end < 1 || end+2 > len(b) {
		return nil, nil, false
	}
	return b[:end], b[end+2:], true
}

// errorAnswer is the error that Redis sent in a raw answer, which go-redis leaves as it is.
func errorAnswer(text string) error {
	if strings.HasPrefix(text, "WRONGTYPE") {
		return fmt.Errorf("%w: %s; another program writes under the same prefix: give hotlead one of its own", ErrDamaged, text)
	}
	return fmt.Errorf("redis answered: %s", text)
}

// Due calls each for the leads whose timer is at or before until, earliest first, at most limit. Their IDs stay valid, and
// share memory.
func (l *Lane) Due(ctx context.Context, until scorer.Instant, limit int, each func(id string)) error {
	if err := l.due(ctx, until, limit, each); err != nil {
		return fmt.Errorf("read the due timers of lane %d: %w", l.p, err)
	}
	return nil
}

func (l *Lane) due(ctx context.Context, until scorer.Instant, limit int, each func(id string)) error {
	conn, err := l.open(ctx)
	if err != nil {
		return err
	}
	// Raw, for go-redis gives each ID memory of its own.
	cmd := redis.NewRawCmd(ctx, "zrange", l.keys.timers, "-inf", int64(until), "byscore", "limit", 0, limit)
	_ = conn.Process(ctx, cmd) // its own error says as much
	answer, err := cmd.Result()
	if err != nil {
		return err
	}
	n, rest, err := cutCount(answer)
	if err != nil {
		return err
	}
	for range n {
		var id []byte
		if id, rest, err = cutBulk(rest); err != nil {
			return err
		}
		each(unsafe.String(unsafe.SliceData(id), len(id)))
	}
	return nil
}

// NextDue is the earliest timer, Never where there is none.
func (l *Lane) NextDue(ctx context.Context) (scorer.Instant, error) {
	conn, err := l.open(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the next timer of lane %d: %w", l.p, err)
	}
	first, err := conn.ZRangeWithScores(ctx, l.keys.timers, 0, 0).Result()
	if err != nil {
		return 0, fmt.Errorf("read the next timer of lane %d: %w", l.p, damagedIfWrongType(err))
	}
	if len(first) == 0 {
		return scorer.Never, nil
	}
	return scorer.Instant(first[0].Score), nil
}

// Walk calls each for some leads of a bucket, about count of them, beginning with cursor 0 and going on with next until
// that is 0. A lead that is there all the while comes at least once, possibly more often. The blobs stay valid.
func (l *Lane) Walk(ctx context.Context, bucket int, cursor uint64, count int, each func(id string, blob []byte)) (next uint64, err error) {
	conn, err := l.open(ctx)
	if err != nil {
		return 0, fmt.Errorf("walk bucket %d of lane %d: %w", bucket, l.p, err)
	}
	pairs, next, err := conn.HScan(ctx, l.keys.leads(bucket), cursor, "", int64(count)).Result()
	if err != nil {
		return 0, fmt.Errorf("walk bucket %d of lane %d: %w", bucket, l.p, damagedIfWrongType(err))
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == noLead { // the half of a batch that a torn append-only file left
			continue
		}
		each(pairs[i], unsafe.Slice(unsafe.StringData(pairs[i+1]), len(pairs[i+1])))
	}
	return next, nil
}

// toldAtOnce is how many fields one HSCAN for Told looks at.
const toldAtOnce = 5000

// Told is what was told of up to limit leads, and whether there may be more: with ToldDone written for these, the next call
// gives others.
func (l *Lane) Told(ctx context.Context, limit int) (told map[string][]byte, more bool, err error) {
	conn, err := l.open(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("read what was told of lane %d: %w", l.p, err)
	}
	told = make(map[string][]byte)
	for cursor := uint64(0); ; {
		pairs, next, err := conn.HScan(ctx, l.keys.told, cursor, "", toldAtOnce).Result()
		if err != nil {
			return nil, false, fmt.Errorf("read what was told of lane %d: %w", l.p, damagedIfWrongType(err))
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			if len(told) >= limit {
				return told, true, nil
			}
			told[pairs[i]] = []byte(pairs[i+1])
		}
		if cursor = next; cursor == 0 {
			return told, false, nil
		}
	}
}
