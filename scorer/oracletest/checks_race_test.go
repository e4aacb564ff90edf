//go:build race

package oracletest

// checksByDefault is less here: nothing in these tests runs side by side, so the race detector only makes them slow.
const checksByDefault = "100"
