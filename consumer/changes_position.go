package consumer

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// ErrNoPosition is the error of a text that is no Position.
var ErrNoPosition = errors.New("not a position in the tier changes")

// Position is a place in the tier changes: for each lane the offset of the next change.
type Position []int64

// positionText is the alphabet of a position's text: letters, digits, hyphen and underscore, so that it can stand in a
// header and in a URL as it is.
var positionText = base64.RawURLEncoding.Strict()

// String is the position as a short text that ParsePosition reads: three or four letters a lane.
func (p Position) String() string {
	b := make([]byte, 0, 4*len(p))
	for _, offset := range p {
		b = binary.AppendUvarint(b, uint64(offset))
	}
	return positionText.EncodeToString(b)
}

// ParsePosition reads what String wrote. The error matches ErrNoPosition.
func ParsePosition(text string) (Position, error) {
	b, err := positionText.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil, ErrNoPosition
	}
	var p Position
	for len(b) > 0 {
		offset, n := binary.Uvarint(b)
		if n <= 0 || offset > math.MaxInt64 {
			return nil, ErrNoPosition
		}
		p, b = append(p, int64(offset)), b[n:]
	}
	return p, nil
}

// Clone is a copy of its own.
func (p Position) Clone() Position { return slices.Clone(p) }

// After is whether nothing of what comes at the position or after it comes before q.
func (p Position) After(q Position) bool {
	for lane, offset := range p {
		if offset < q[lane] {
			return false
		}
	}
	return true
}

// Pass moves the position to after a change.
func (p Position) Pass(c *Change) { p[c.Lane] = c.Offset + 1 }

// Passed is whether the position is past a change.
func (p Position) Passed(c *Change) bool { return c.Offset < p[c.Lane] }
