//go:build !race

package state

const allocatedByRace = 0
