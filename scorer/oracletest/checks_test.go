//go:build !race

package oracletest

// checksByDefault is how many cases each property is tried with, unless -rapid.checks says otherwise.
const checksByDefault = "1000"
