//go:build race

package state

// allocatedByRace: built for the race detector, reading what Redis answers takes an allocation a lead that a plain build
// does without.
const allocatedByRace = 1
