package wire

import (
	"context"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// transactionFeature is the feature of a cluster that says how its transactions work, and sinceOwnEpochs the level from
// which on each transaction has an epoch of its own: partitions and group join it by being written to, and its end brings
// the epoch of the next. (Kafka calls it transactions version 2, KIP-890; clusters made by Kafka 4.0 or later have it.)
const (
	transactionFeature = "transaction.version"
	sinceOwnEpochs     = 2
)

// featurePatience is how long the question about features is asked again.
const featurePatience = time.Second

// transactionVersion asks the cluster for the level of transactionFeature that is in force. It is 0 where there is none, or
// where nobody says: the older requests are known to every Kafka, also to one that knows the newer. The error is ctx's.
//
// A level that changes later does no harm: a broker goes by the requests that it gets, and serves both kinds.
func (c *Cluster) transactionVersion(ctx context.Context) (int16, error) {
	var level int16
	err := c.retry(ctx, featurePatience, "asking for the cluster's features", func() error {
		got, err := c.ask(ctx, anyBroker, featuresRequest{})
		if err != nil {
			return err
		}
		level = got.(*features).transaction
		return nil
	})
	if err != nil && ctx.Err() == nil {
		c.log.WarnContext(ctx, "Kafka does not say how its transactions work: they are made in the older way", "error", err)
		return 0, nil
	}
	return level, err
}

// featuresRequest is an ApiVersions request of the version that tells features. kafka-go asks for an older one, on each
// connection.
type featuresRequest struct{}

// features is what is of interest in its answer.
type features struct {
	transaction int16
}

func (featuresRequest) ApiKey() protocol.ApiKey { return protocol.ApiVersions }
func (*features) ApiKey() protocol.ApiKey       { return protocol.ApiVersions }

func (featuresRequest) version() int16 { return 3 }

func (featuresRequest) appendFields(b []byte) []byte {
	b = appendCompact(b, "hotlead")    // the client's software,
	return appendCompact(b, "unknown") // and its version, as brokers call one that they are not told
}

// The tags of what ApiVersions says of features.
const (
	finalizedEpochTag = 1
	finalizedTag      = 2
)

func (featuresRequest) readFields(f *fields) (protocol.Message, error) {
	switch code := f.int16(); {
	case kafka.Error(code) == kafka.UnsupportedVersion:
		return &features{}, nil // a broker from before there were features; what follows is of another version
	case code != 0:
		return nil, answered(code)
	}
	for range f.compactCount() {
		f.int16() // API
		f.int16() // from version
		f.int16() // to version
		f.tags()
	}
	f.int32() // throttle time
	var (
		told  features
		epoch int64 = -1
	)
	f.eachTag(func(tag uint64, value *fields) {
		switch tag {
		case finalizedEpochTag:
			epoch = value.int64()
		case finalizedTag:
			for range value.compactCount() {
				name := value.compact()
				highest := value.int16()
				value.int16() // lowest
				value.tags()
				if string(name) == transactionFeature {
					told.transaction = highest
				}
			}
		}
	})
	if epoch < 0 {
		told = features{} // not known to the broker just now
	}
	return &told, nil
}
