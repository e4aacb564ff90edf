// Package consumer is the way of an event: from Kafka, through the fold and Redis, to an announced change, exactly once.
//
// A Worker is one member of the consumer group. It owns lanes; each lane runs by itself:
//
//	fetch → load → fold → decide → announce
//
// which is the loop of lane.go. What a lane finds when it becomes ours is judged in found.go and acted upon in
// takeover.go; a Redis that lost its newest writes, or all of them, is mended in refold.go and reconcile.go.
package consumer
