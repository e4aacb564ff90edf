package wire

import "errors"

// The errors that a caller tells apart. They are always wrapped: match them by errors.Is.
var (
	// ErrRetriable: the cluster can't answer now (a leader moves, a broker starts, a connection broke); the same call
	// may succeed later. Retriable asks for it and for its relatives from below.
	ErrRetriable = errors.New("kafka can't answer just now")
	// ErrOffsetOutOfRange: the position is below the log's start or above its end. Bounds says on which side.
	ErrOffsetOutOfRange = errors.New("the position is outside of the log")
	// ErrCorrupt: a record batch can't be read: damaged, in a format before Kafka 0.11, or larger than this package
	// will hold.
	ErrCorrupt = errors.New("the record batch can't be read")
	// ErrFenced: another producer has taken over the transactional ID, or the coordinator has given up the transaction
	// because it timed out: the codes are the same.
	ErrFenced = errors.New("fenced: the transactional ID has a newer owner, or its transaction timed out")
	// ErrGeneration: the group does not know the member or the generation any more.
	ErrGeneration = errors.New("the group has moved on: the member or its generation is not the present one")
	// ErrUnknown: whether the transaction was committed can't be known from here. Init settles it; the committed
	// position tells how.
	ErrUnknown = errors.New("the transaction's outcome is unknown")
	// ErrTooLarge: a broker refused a record or an offset's metadata for its size.
	ErrTooLarge = errors.New("too large for the broker")
	// ErrTopicExists: the topic to create is there already.
	ErrTopicExists = errors.New("the topic exists already")
)

// Retriable says whether another try of the same call may succeed without anybody mending anything.
func Retriable(err error) bool { return errors.Is(err, ErrRetriable) }
