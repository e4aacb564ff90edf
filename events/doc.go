// Package events is the wire: what a Kafka record means as an event, and what hotlead's own records look like.
//
// In come CloudEvents 1.0, structured or binary, which a [Decoder] turns into a [scorer.Event] or refuses with a stable
// reason. Out go tier and stage changes ([AppendChange]), dead letters ([DeadLetter]) and events sent on to the lane of
// their lead ([Forward]). What is written is byte for byte the same for the same input, on every machine and in every
// run: the records of a batch are stored before they are announced, and may be announced again.
//
// The JSON Schemas of all of it and the AsyncAPI document that names them are embedded: [Schemas], [AsyncAPI].
package events
