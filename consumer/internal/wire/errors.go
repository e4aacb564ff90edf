package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// The errors that a caller tells apart. They are always wrapped: match them by errors.Is. A broker's code can be had by
// errors.As into a kafka.Error.
var (
	// ErrRetriable: the cluster can't answer now (a leader moves, a broker starts, a connection broke); the same call
	// may succeed later.
	ErrRetriable = errors.New("kafka can't answer just now")
	// ErrOffsetOutOfRange: the position is below the log's start or above its end. Bounds says on which side.
	ErrOffsetOutOfRange = errors.New("the position is outside of the log")
	// ErrCorrupt: a record batch can't be read: damaged, in a format before Kafka 0.11, or larger than this package
	// will hold.
	ErrCorrupt = errors.New("the record batch can't be read")
	// ErrFenced: another producer has taken over the transactional ID, or the coordinator has given up the transaction
	// because it timed out: the codes are the same.
	ErrFenced = errors.New("the transactional ID has a newer owner, or its transaction timed out")
	// ErrGeneration: the group does not know the member or the generation any more.
	ErrGeneration = errors.New("the group has moved on: the member or its generation is not the present one")
	// ErrUnknown: whether the transaction was committed can't be known from here. Init settles it; the committed
	// position then tells how.
	ErrUnknown = errors.New("the transaction's outcome is unknown")
	// ErrAborted: the coordinator wants the transaction aborted; it can't be committed any more.
	ErrAborted = errors.New("the transaction has to be aborted: nothing of it was committed")
	// ErrTooLarge: a broker refused a record or an offset's metadata for its size.
	ErrTooLarge = errors.New("too large for the broker (see max.message.bytes of the topic, offset.metadata.max.bytes of the broker)")
	// ErrTopicExists: the topic to create is there already.
	ErrTopicExists = errors.New("the topic exists already")
)

// Retriable says whether another try of the same call may succeed without anybody mending anything.
func Retriable(err error) bool { return errors.Is(err, ErrRetriable) }

// Codes that kafka-go has no name for.
const (
	unstableOffsetCommit    kafka.Error = 88
	throttlingQuotaExceeded kafka.Error = 89
	transactionAbortable    kafka.Error = 120
)

// answerError is a broker's error code and what it means here (nil: nothing that a caller could tell apart).
type answerError struct {
	code  kafka.Error
	class error
}

func (e *answerError) Error() string {
	if e.class == nil {
		return e.code.Error()
	}
	return e.class.Error() + ": " + e.code.Error()
}

func (e *answerError) Unwrap() []error {
	if e.class == nil {
		return []error{e.code}
	}
	return []error{e.class, e.code}
}

// answered is the error of a broker's code; nil for 0.
func answered(code int16) error {
	if code == 0 {
		return nil
	}
	return &answerError{code: kafka.Error(code), class: classOf(kafka.Error(code))}
}

func classOf(code kafka.Error) error {
	switch code {
	case kafka.OffsetOutOfRange:
		return ErrOffsetOutOfRange
	case kafka.InvalidProducerEpoch, kafka.ProducerFenced:
		return ErrFenced
	case kafka.IllegalGeneration, kafka.UnknownMemberId, kafka.RebalanceInProgress, kafka.FencedInstanceID:
		return ErrGeneration
	case transactionAbortable:
		return ErrAborted
	case kafka.MessageSizeTooLarge, kafka.RecordListTooLarge, kafka.OffsetMetadataTooLarge:
		return ErrTooLarge
	case kafka.TopicAlreadyExists:
		return ErrTopicExists
	case kafka.Unknown, kafka.UnknownTopicOrPartition, kafka.LeaderNotAvailable, kafka.NotLeaderForPartition,
		kafka.RequestTimedOut, kafka.BrokerNotAvailable, kafka.ReplicaNotAvailable, kafka.NetworkException,
		kafka.GroupLoadInProgress, kafka.GroupCoordinatorNotAvailable, kafka.NotCoordinatorForGroup,
		kafka.NotEnoughReplicas, kafka.NotEnoughReplicasAfterAppend, kafka.NotController, kafka.ConcurrentTransactions,
		kafka.KafkaStorageError, kafka.FetchSessionIDNotFound, kafka.InvalidFetchSessionEpoch, kafka.FencedLeaderEpoch,
		kafka.UnknownLeaderEpoch, kafka.OffsetNotAvailable, unstableOffsetCommit, throttlingQuotaExceeded:
		return ErrRetriable
	}
	return nil
}

// coordinatorMoved says whether the error means that another broker may be the coordinator by now.
func coordinatorMoved(err error) bool {
	var broken *brokenError
	return errors.Is(err, kafka.NotCoordinatorForGroup) || errors.Is(err, kafka.GroupCoordinatorNotAvailable) ||
		errors.As(err, &broken)
}

// brokenError is a request without an answer.
type brokenError struct {
	// sent says whether the request may have reached the broker, and so may have taken effect.
	sent  bool
	class error // ErrRetriable or nil
	err   error
}

func (e *brokenError) Error() string { return e.err.Error() }

func (e *brokenError) Unwrap() []error {
	if e.class == nil {
		return []error{e.err}
	}
	return []error{e.class, e.err}
}

// maySettle says whether a request that ended in err may have taken effect on the broker in spite of it.
func maySettle(err error) bool {
	var broken *brokenError
	return errors.As(err, &broken) && broken.sent
}

// classOfBroken tells broken connections, which heal, from refusals, which do not: a wrong password or a certificate
// that nobody signed.
func classOfBroken(err error) error {
	var (
		code        kafka.Error
		certificate *tls.CertificateVerificationError
		network     net.Error
		operation   *net.OpError
		exchange    protocol.Error
	)
	switch {
	case errors.As(err, &code):
		return classOf(code)
	case errors.As(err, &certificate):
		return nil
	case errors.As(err, &network), errors.As(err, &operation), errors.As(err, &exchange),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return ErrRetriable
	}
	return nil
}

// at names the partition that err is about.
func (p Partition) at(err error) error {
	return fmt.Errorf("partition %d of %s: %w", p.Partition, p.Topic, err)
}
