// Package wire is what a lane needs of Kafka and kafka-go's high-level clients can't do: fetching read committed with
// the aborted left out, transactions that carry consumer offsets, and the questions to ask around them.
//
// Connections, TLS, SASL and the choice of versions are those of a kafka-go Transport. The requests are sent through it
// as messages that bring their own bytes, so they go straight to the broker that has to answer them (no FindCoordinator
// in front of every call) and a fetch answer's batches are read in place, without a copy.
//
// Errors say what was asked of whom and match by errors.Is: ErrFenced, ErrGeneration, ErrUnknown, ErrOffsetOutOfRange,
// ErrCorrupt, ErrTooLarge, ErrAborted, ErrTopicExists, and Retriable for those that another try may mend.
package wire
