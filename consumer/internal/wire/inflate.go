package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// inflateLimit is how large the records of one batch may get when they are decompressed: brokers bound what a batch
// takes on the wire (1 MB by default), not what it becomes.
const inflateLimit = 128 << 20

// The codecs, as the lowest three bits of a batch's attributes.
const (
	plain = iota
	gzipped
	snappied
	lz4ed
	zstded
)

// inflater decompresses the records of batches, each into a buffer of its own. It keeps the codecs' working memory
// between calls, so it belongs to one goroutine at a time.
type inflater struct {
	limit int
	gzip  *gzip.Reader
	lz4   *lz4.Reader
	zstd  *zstd.Decoder
}

func (i *inflater) inflate(codec int, packed []byte) ([]byte, error) {
	switch codec {
	case gzipped:
		return i.gunzip(packed)
	case snappied:
		return i.unsnappy(packed)
	case lz4ed:
		if i.lz4 == nil {
			i.lz4 = lz4.NewReader(nil)
		}
		i.lz4.Reset(bytes.NewReader(packed))
		return i.readAll(i.lz4, len(packed))
	case zstded:
		return i.unzstd(packed)
	}
	return nil, fmt.Errorf("compressed by codec %d, which Kafka does not have", codec)
}

func (i *inflater) close() {
	if i.zstd != nil {
		i.zstd.Close()
	}
}

func (i *inflater) gunzip(packed []byte) ([]byte, error) {
	var err error
	if i.gzip == nil {
		i.gzip, err = gzip.NewReader(bytes.NewReader(packed))
	} else {
		err = i.gzip.Reset(bytes.NewReader(packed))
	}
	if err != nil {
		i.gzip = nil
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return i.readAll(i.gzip, len(packed))
}

func (i *inflater) unzstd(packed []byte) ([]byte, error) {
	if i.zstd == nil {
		var err error
		i.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(i.limit)))
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
	}
	records, err := i.zstd.DecodeAll(packed, nil)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return nil, i.tooLarge()
	}
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return records, nil
}

// readAll reads r to its end, unless that lies past the limit.
func (i *inflater) readAll(r io.Reader, packed int) ([]byte, error) {
	var records bytes.Buffer
	records.Grow(min(4*packed, i.limit) + bytes.MinRead)
	n, err := records.ReadFrom(io.LimitReader(r, int64(i.limit)+1))
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	if n > int64(i.limit) {
		return nil, i.tooLarge()
	}
	return records.Bytes(), nil
}

func (i *inflater) tooLarge() error {
	return fmt.Errorf("larger than %d bytes when decompressed", i.limit)
}

// xerialMagic begins what the Java client writes: not one snappy block but a header of sixteen bytes and a row of
// blocks, each behind its length. https://github.com/xerial/snappy-java#compatibility-notes
var xerialMagic = []byte("\x82SNAPPY\x00")

const xerialHeader = 16

func (i *inflater) unsnappy(packed []byte) ([]byte, error) {
	if !bytes.HasPrefix(packed, xerialMagic) {
		return i.unsnappyBlock(nil, packed)
	}
	if len(packed) < xerialHeader {
		return nil, errors.New("snappy: the header is cut short")
	}
	var records []byte
	for blocks := packed[xerialHeader:]; len(blocks) > 0; {
		if len(blocks) < 4 {
			return nil, errors.New("snappy: a block's length is cut short")
		}
		size := int(be32(blocks))
		if size < 0 || size > len(blocks)-4 {
			return nil, errors.New("snappy: a block is cut short")
		}
		var err error
		if records, err = i.unsnappyBlock(records, blocks[4:4+size]); err != nil {
			return nil, err
		}
		blocks = blocks[4+size:]
	}
	return records, nil
}

// unsnappyBlock appends what the block holds to records.
func (i *inflater) unsnappyBlock(records, block []byte) ([]byte, error) {
	size, err := s2.DecodedLen(block)
	if err != nil {
		return nil, fmt.Errorf("snappy: %w", err)
	}
	if size > i.limit-len(records) {
		return nil, i.tooLarge()
	}
	before := len(records)
	records = append(records, make([]byte, size)...)
	if _, err := s2.Decode(records[before:], block); err != nil {
		return nil, fmt.Errorf("snappy: %w", err)
	}
	return records, nil
}
