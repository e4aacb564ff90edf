// Package scorer is the domain: what a score means.
//
// Everything here is a pure function of (model, lead, event or instant): no clock, no I/O, no randomness. The same
// inputs give the same lead and the same changes, bit for bit.
package scorer
